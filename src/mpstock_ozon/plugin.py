"""The entry point: what the plugin offers. Imports nothing heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock import SinkSpec, hookimpl
from mpstock_ozon.notices import notified
from mpstock_ozon.settings import OzonSettings

if TYPE_CHECKING:
    from mpstock import Context, Sink

__all__ = ["mpstock_sinks"]


def _sink(settings: OzonSettings, context: Context) -> Sink:
    from mpstock_ozon.sink import OzonSink

    return OzonSink(settings, context)


def _simulator(*args: Any, **options: Any) -> Any:
    from mpstock_ozon.simulator import OzonSimulator

    return OzonSimulator(*args, **options)


@hookimpl
def mpstock_sinks() -> list[SinkSpec]:
    """The sink `ozon`: one Ozon seller account."""
    return [
        SinkSpec(
            name="ozon",
            contract="1.1",
            summary="Ozon: stock of one seller account's own warehouses (FBS, rFBS)",
            settings=OzonSettings,
            factory=_sink,
            simulator=_simulator,
            mapping_keys=("offer_id", "product_id"),
            notified=notified,
        )
    ]
