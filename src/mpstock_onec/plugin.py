"""The entry point: what the plugin offers. Imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock import SourceSpec, hookimpl
from mpstock_onec.settings import OnecSettings

if TYPE_CHECKING:
    from mpstock import Context, Source

__all__ = ["mpstock_sources"]


def _source(settings: OnecSettings, context: Context) -> Source:
    from mpstock_onec.source import OnecSource

    return OnecSource(settings, context)


def _simulator(**options: Any) -> Any:
    from mpstock_onec.simulator import OnecSimulator

    return OnecSimulator(**options)


@hookimpl
def mpstock_sources() -> list[SourceSpec]:
    """The source `onec` (also `1c`): one HTTP service of a 1C infobase."""
    return [
        SourceSpec(
            name="onec",
            summary="1C:Enterprise: stock from an HTTP service of the infobase",
            settings=OnecSettings,
            factory=_source,
            simulator=_simulator,
            aliases=("1c",),
        )
    ]
