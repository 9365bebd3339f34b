"""The entry point: what the plugin offers. Imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock import SourceSpec, hookimpl
from mpstock_odoo.settings import OdooSettings

if TYPE_CHECKING:
    from mpstock import Context, Source

__all__ = ["mpstock_sources"]


def _source(settings: OdooSettings, context: Context) -> Source:
    from mpstock_odoo.source import OdooSource

    return OdooSource(settings, context)


def _simulator(**options: Any) -> Any:
    from mpstock_odoo.simulator import OdooSimulator

    return OdooSimulator(**options)


def _tells_reserved(settings: OdooSettings) -> bool:
    # What is on hand must not pass for free, whether its reserve is told or not.
    return settings.field == "qty_available"


@hookimpl
def mpstock_sources() -> list[SourceSpec]:
    """The source `odoo`: the warehouses of one Odoo database."""
    return [
        SourceSpec(
            name="odoo",
            contract="1.1",
            summary="Odoo: stock of its warehouses, over JSON-2 or JSON-RPC",
            settings=OdooSettings,
            factory=_source,
            simulator=_simulator,
            quantity="free",
            tells_reserved=_tells_reserved,
            # Odoo has no time of change for a quantity: what was deleted or merged leaves none at all.
            incremental="advisory",
            asks=("database", "user"),
        )
    ]
