"""The entry point: what the plugin offers. Imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock import SourceSpec, hookimpl
from mpstock_moysklad.notices import notified
from mpstock_moysklad.settings import MoyskladSettings

if TYPE_CHECKING:
    from mpstock import Context, Source

__all__ = ["mpstock_sources"]


def _source(settings: MoyskladSettings, context: Context) -> Source:
    from mpstock_moysklad.source import MoyskladSource

    return MoyskladSource(settings, context)


def _simulator(**options: Any) -> Any:
    from mpstock_moysklad.simulator import MoyskladSimulator

    return MoyskladSimulator(**options)


def _not_free(settings: MoyskladSettings) -> bool:
    # Also without `reserve`: stock on hand is not free of what is promised, whether the rows tell it or not.
    return settings.stock_type == "stock"


@hookimpl
def mpstock_sources() -> list[SourceSpec]:
    """The source `moysklad`: the short stock report of one МойСклад account."""
    return [
        SourceSpec(
            name="moysklad",
            contract="1.1",
            summary="МойСклад: stock from the short report of the JSON API 1.2",
            settings=MoyskladSettings,
            factory=_source,
            simulator=_simulator,
            quantity="free",
            tells_reserved=_not_free,
            # Whether `changedSince` reacts to a reserve alone is not documented.
            incremental="advisory",
            asks=("token",),
            notified=notified,
        )
    ]
