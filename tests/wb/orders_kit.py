"""What the tests of orders share: the sink over Wildberries' double, and a reading as plain data."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from attrs import fields_dict

from mpstock import Order, OrderPage, OrderStage, Secret
from mpstock.testing import VirtualClock, adapter_context, build_adapter, run_virtual
from mpstock_wb.plugin import mpstock_sinks
from mpstock_wb.settings import WbSettings
from mpstock_wb.simulator import WbSimulator
from mpstock_wb.sink import WbSink

URL = "http://double"
OPEN = (OrderStage.PLACED, OrderStage.ASSEMBLED)

Scenario = Callable[[WbSimulator, "Reader"], Coroutine[Any, Any, None]]


class Reader:
    """Reads a sink's orders as the core does: from the cursor that the last good reading left."""

    def __init__(self, sink: WbSink) -> None:
        self.sink = sink
        self.cursor: str | None = None
        self.pages: list[OrderPage] = []

    async def __call__(self) -> dict[str, Order]:
        """Read once; return the orders by key."""
        pages = [page async for page in self.sink.orders(self.cursor)]
        self.pages = pages
        self.cursor = pages[-1].cursor
        assert self.cursor, "a reading that ended well leaves a cursor"
        orders = [order for page in pages for order in page.orders]
        assert len({order.key for order in orders}) == len(orders), "an order is told twice"
        return {order.key: order for order in orders}

    @property
    def complete(self) -> bool:
        return self.pages[-1].complete


def stages(orders: Mapping[str, Order]) -> dict[str, str]:
    """Return the stages as words, by key."""
    return {key: order.stage.value for key, order in orders.items()}


def still_open(orders: Mapping[str, Order]) -> set[str]:
    """Return the keys of the orders that are told as placed or assembled."""
    return {key for key, order in orders.items() if order.stage in OPEN}


def sink_of(double: WbSimulator, warehouses: Sequence[str], **more: Any) -> WbSink:
    """Return the sink that the double's own settings build, limits declared."""
    told = double.settings(URL)
    given = {key: value for key, value in told.items() if key in fields_dict(WbSettings)}
    settings = WbSettings(**{**given, "token": Secret(given["token"]), **more})
    context = adapter_context(double, name="wb", warehouses=warehouses)
    built: WbSink = build_adapter(mpstock_sinks()[0], settings, context)
    return built


def played(
    scenario: Scenario,
    skus: Sequence[str] = ("MUG", "CUP"),
    kinds: Mapping[str, int] | None = None,
    *,
    configured: Sequence[str] | None = None,
    stock: int = 100,
    **settings: Any,
) -> WbSimulator:
    """Play a scenario on virtual time. `kinds` are the warehouses and their types (default: one of FBS).

    Every sku shows `stock` in every warehouse. `configured` are the warehouses that mpstock serves (all).
    """
    places = kinds or {"1111": 1}
    made: list[WbSimulator] = []

    async def play() -> None:
        double = WbSimulator(skus, (), clock=VirtualClock())
        made.append(double)
        for code, kind in places.items():
            double.add_warehouse(int(code), delivery_type=kind)
            for sku in skus:
                double.set_shown(sku, code, stock)
        sink = sink_of(double, list(places) if configured is None else configured, **settings)
        await scenario(double, Reader(sink))

    run_virtual(play)
    return made[0]


def asked(double: WbSimulator) -> list[str]:
    """Return what was asked for, in order, as `METHOD path`."""
    return [f"{one.method} {one.path}" for one in double.requests]
