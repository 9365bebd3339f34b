"""The entry point: describes the sink and its double, and imports neither."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock import SinkSpec, hookimpl
from mpstock_yandex.notices import notified
from mpstock_yandex.settings import YandexSettings

if TYPE_CHECKING:
    from mpstock import Context, Sink

__all__ = ["mpstock_sinks"]


def _sink(settings: YandexSettings, context: Context) -> Sink:
    from mpstock_yandex.sink import YandexSink

    return YandexSink(settings, context)


def _simulator(*args: Any, **options: Any) -> Any:
    from mpstock_yandex.simulator import YandexSimulator

    return YandexSimulator(*args, **options)


@hookimpl
def mpstock_sinks() -> list[SinkSpec]:
    """Return the descriptor of the Yandex Market sink."""
    return [
        SinkSpec(
            name="yandex",
            summary="Yandex Market: stocks of the seller's own stores (FBS, Express, DBS)",
            settings=YandexSettings,
            contract="1.1",
            factory=_sink,
            simulator=_simulator,
            mapping_keys=("offer_id", "barcode", "vendor_code"),
            match_by="match_by",
            notified=notified,
        )
    ]
