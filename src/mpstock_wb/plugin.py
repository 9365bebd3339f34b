"""The entry point: describes the sink and its double, and imports neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock import SinkSpec, hookimpl
from mpstock_wb.settings import WbSettings

if TYPE_CHECKING:
    from mpstock import Context, Sink

__all__ = ["mpstock_sinks"]


def _sink(settings: WbSettings, context: Context) -> Sink:
    from mpstock_wb.sink import WbSink

    return WbSink(settings, context)


def _simulator(**options: Any) -> Any:
    from mpstock_wb.simulator import WbSimulator

    return WbSimulator(**options)


@hookimpl
def mpstock_sinks() -> list[SinkSpec]:
    """Return the descriptor of the Wildberries sink."""
    return [
        SinkSpec(
            name="wb",
            contract="1.1",
            summary="Wildberries: stocks of the seller's own warehouses",
            settings=WbSettings,
            factory=_sink,
            simulator=_simulator,
            mapping_keys=("chrt_id", "barcode", "vendor_code"),
            match_by="match_by",
        )
    ]
