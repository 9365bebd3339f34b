"""The entry point: what the plugin offers. Imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock import SourceSpec, hookimpl
from mpstock_files.settings import FilesSettings

if TYPE_CHECKING:
    from mpstock import Context, Source

__all__ = ["mpstock_sources"]


def _source(settings: FilesSettings, context: Context) -> Source:
    from mpstock_files.source import FilesSource

    return FilesSource(settings, context)


def _simulator(**options: Any) -> Any:
    from mpstock_files.simulator import SupplierSimulator

    return SupplierSimulator(**options)


def _tells_reserved(settings: FilesSettings) -> bool:
    return settings.columns.reserved is not None


@hookimpl
def mpstock_sources() -> list[SourceSpec]:
    """The source `files`: a supplier's list."""
    return [
        SourceSpec(
            name="files",
            contract="1.1",
            summary="A supplier's list: CSV, XLSX, XLS, ODS or YML, from a file or an address",
            settings=FilesSettings,
            factory=_source,
            simulator=_simulator,
            tells_reserved=_tells_reserved,
            asks=("path", "url", "user", "password"),
        )
    ]
