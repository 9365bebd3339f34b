"""Orders: their stages, what a complete reading leaves out, and who cancelled what where."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpstock import Order, OrderPage, OrderStage
from mpstock.errors import TransientError
from mpstock.simulation import Request
from mpstock.testing import run_virtual
from mpstock_yandex.order_cursor import OVERLAP, OrderCursor
from mpstock_yandex.simulator import YandexSimulator
from tests.yandex.cabinet import MAIN, Script, answer, cabinet, everything, play, sink_of, warehouses

S = OrderStage
ORDERS = "/v1/businesses/88001/orders"
GOING = (S.PLACED, S.ASSEMBLED)
STEPS = ["buy", "assemble", "ship", "cancel", "wait", "read"]


class Reader:
    """Reads on and on, as the core does: it keeps the cursor, and what was told of each order."""

    def __init__(self, sink: Any) -> None:
        self.sink = sink
        self.cursor: str | None = None
        self.orders: dict[str, Order] = {}
        self.pages: list[OrderPage] = []

    async def read(self) -> dict[str, OrderStage]:
        """Read once; return the stage of each order that is known."""
        self.pages = await everything(self.sink.orders(self.cursor))
        told = {order.key: order for page in self.pages for order in page.orders}
        if self.pages[-1].complete:
            self.orders = {
                key: one for key, one in self.orders.items() if key in told or one.stage not in GOING
            }
        self.orders |= told
        self.cursor = self.pages[-1].cursor or self.cursor
        return {key: one.stage for key, one in self.orders.items()}


def selling(**other: Any) -> YandexSimulator:
    double = cabinet("A", "B", **other)
    for sku in ("A", "B"):
        double.set_shown(sku, MAIN, 1000)
    return double


def told(double: YandexSimulator, story: Callable[[Reader], Coroutine[Any, Any, None]]) -> None:
    play(double, lambda: story(Reader(sink_of(double))))


def test_an_order_from_the_buyer_to_the_door() -> None:
    """Placed, packed, handed over, delivered: one key, its units, its store, the Market's word."""
    double = selling()

    async def story(reader: Reader) -> None:
        (key,) = double.buy("A", MAIN, 3)
        assert await reader.read() == {key: S.PLACED}
        order = reader.orders[key]
        assert (order.external_id, order.quantity, order.warehouse) == ("A", 3, MAIN)
        assert (order.placed_at, order.note) == (double.clock.now(), "PROCESSING STARTED")
        double.assemble(key)
        assert await reader.read() == {key: S.ASSEMBLED}
        double.ship(key)
        assert await reader.read() == {key: S.SHIPPED}
        await double.clock.sleep(3 * 24 * 3600)
        double.orders.move(key, "DELIVERED", "DELIVERED_USER_RECEIVED")
        assert await reader.read() == {key: S.SHIPPED}
        assert all(page.complete is (page is reader.pages[-1]) for page in reader.pages)

    told(double, story)


@pytest.mark.parametrize(
    ("status", "substatus", "stage"),
    [
        ("UNPAID", "WAITING_USER_INPUT", S.PLACED),
        ("PENDING", "AWAIT_CONFIRMATION", S.PLACED),
        ("PROCESSING", "PACKAGING", S.PLACED),
        ("PROCESSING", "READY_TO_SHIP", S.ASSEMBLED),
        ("PROCESSING", "COURIER_ARRIVED_TO_SENDER", S.ASSEMBLED),
        ("PROCESSING", "SHIPPED", S.SHIPPED),
        ("PROCESSING", "COURIER_RECEIVED", S.SHIPPED),
        ("PICKUP", "PICKUP_SERVICE_RECEIVED", S.SHIPPED),
        ("RETURNED", "", S.SHIPPED),
        ("PARTIALLY_RETURNED", "", S.SHIPPED),
        ("UNKNOWN", "UNKNOWN", S.PLACED),
    ],
)
def test_each_state_has_its_stage(status: str, substatus: str, stage: OrderStage) -> None:
    """A state that nobody knows keeps the units; a parcel that comes back is not in the warehouse."""
    double = selling()

    async def story(reader: Reader) -> None:
        (key,) = double.buy("A", MAIN)
        await reader.read()
        double.orders.move(key, status, substatus)
        assert await reader.read() == {key: stage}

    told(double, story)


@pytest.mark.parametrize(
    ("reason", "short"), [("USER_NOT_PAID", False), ("SHOP_FAILED", True), ("MISSING_ITEM", True)]
)
def test_a_cancel_for_want_of_stock_is_told_as_sold_without(reason: str, short: bool) -> None:
    """The seller who cannot fulfil an order has oversold; a buyer who does not pay has not."""
    double = selling()

    async def story(reader: Reader) -> None:
        (key,) = double.buy("A", MAIN)
        await reader.read()
        double.cancel(key, reason)
        assert await reader.read() == {key: S.CANCELLED}
        assert reader.orders[key].oversold is short

    told(double, story)


def test_a_reason_that_does_not_say_where_the_order_was_is_known_by_the_last_reading() -> None:
    """`USER_CHANGED_MIND` of an order that was open is free again; of one that had left it is not."""
    double = selling()
    double.orders.shrug = "USER_CHANGED_MIND"

    async def story(reader: Reader) -> None:
        (here,), (gone,) = double.buy("A", MAIN), double.buy("B", MAIN)
        double.ship(gone)
        await double.clock.sleep(3600)
        await reader.read()
        double.cancel(here)
        double.cancel(gone)
        assert await reader.read() == {here: S.CANCELLED, gone: S.SHIPPED}
        # While the overlap tells it again it stays what it was.
        for _ in range(3):
            await double.clock.sleep(60)
            assert (await reader.read())[here] is S.CANCELLED

    told(double, story)


def test_an_order_that_came_and_went_between_two_readings_is_cancelled() -> None:
    """It was never seen open, and is too young to have left before the last reading."""
    double = selling()

    async def story(reader: Reader) -> None:
        await reader.read()
        await double.clock.sleep(60)
        (key,) = double.buy("A", MAIN)
        double.cancel(key, "USER_CHANGED_MIND")
        assert await reader.read() == {key: S.CANCELLED}

    told(double, story)


def test_an_open_order_of_months_is_not_lost() -> None:
    """The Market lists 30 days; an older open order is asked for by its number, and stays."""
    double = selling()

    async def story(reader: Reader) -> None:
        (key,) = double.buy("A", MAIN)
        await reader.read()
        for _ in range(9):
            await double.clock.sleep(10 * 24 * 3600)
            assert await reader.read() == {key: S.PLACED}
            assert reader.pages[-1].complete
        double.ship(key)
        assert await reader.read() == {key: S.SHIPPED}

    told(double, story)


def test_the_first_reading_finds_old_open_orders() -> None:
    """Without a cursor it goes `orders_lookback` back, month by month."""
    double = selling()

    async def story(reader: Reader) -> None:
        (old,) = double.buy("A", MAIN)
        await double.clock.sleep(50 * 24 * 3600)
        (young,) = double.buy("A", MAIN)
        assert await reader.read() == {old: S.PLACED, young: S.PLACED}
        short = Reader(sink_of(double, orders_lookback=timedelta(days=20)))
        assert await short.read() == {young: S.PLACED}

    told(double, story)


@pytest.mark.parametrize("days", [27, 29, 31, 46, 100])
def test_an_order_that_came_while_nobody_read_is_found(days: int) -> None:
    """Read once, then nobody for so many days; the order of the day after the first reading is open still."""
    double = selling()

    async def story(reader: Reader) -> None:
        await reader.read()
        await double.clock.sleep(600)
        (key,) = double.buy("A", MAIN)
        await double.clock.sleep(days * 24 * 3600)
        assert await reader.read() == {key: S.PLACED}

    told(double, story)


def test_an_order_that_the_market_does_not_know_any_more_has_ended() -> None:
    """Neither listed nor found by its number: a complete reading without it says so."""
    double = selling()

    async def story(reader: Reader) -> None:
        (key,) = double.buy("A", MAIN)
        await reader.read()
        double.orders.forget(key)
        assert await reader.read() == {}

    told(double, story)


def test_300_open_orders_come_in_pages() -> None:
    """50 a page, each order once, the last page alone complete; the cursor stays small."""
    double = selling()

    async def story(reader: Reader) -> None:
        keys = [double.buy("A", MAIN)[0] for _ in range(300)]
        await double.clock.sleep(3600)
        assert set(await reader.read()) == set(keys)
        assert [page.complete for page in reader.pages].count(True) == 1
        assert len(reader.cursor or "") < 1500
        before = double.count("POST", ORDERS)
        await reader.read()
        # Six pages of open orders and one of what has changed.
        assert double.count("POST", ORDERS) - before == 7

    told(double, story)


def test_orders_of_a_group_s_other_store_hit_the_configured_one() -> None:
    """The stock is one: whoever sells it, it is taken from the store through which it is written."""
    double = selling(stores=(2101, 2102, 2103))
    double.cabinet.join(50, "Общий", 2101, 2102)
    double.set_shown("B", "2103", 5)

    async def story(reader: Reader) -> None:
        (shared,), (apart,) = double.buy("A", "2102"), double.buy("B", "2103")
        await reader.read()
        assert reader.orders[shared].warehouse == MAIN
        assert reader.orders[apart].warehouse == "2103"

    told(double, story)


def test_test_orders_and_those_of_the_market_s_warehouse_are_not_ours() -> None:
    """Neither takes a unit of the seller's warehouse."""
    double = selling()
    double.cabinet.add_store(2109, placement="FBY")

    async def story(reader: Reader) -> None:
        double.orders.place(2101, "A", 1, fake=True)
        double.orders.place(2109, "A", 1)
        assert await reader.read() == {}

    told(double, story)


def test_orders_can_be_left_unread() -> None:
    """`orders = false` asks for nothing and tells nothing."""
    double = selling()
    sink = sink_of(double, orders=False)
    double.buy("A", MAIN)
    assert play(double, lambda: everything(sink.orders(None))) == []
    assert sink.limits.orders == "none"


def test_an_order_that_cannot_be_read_ends_nothing() -> None:
    """One row is broken: the others are told, and no order is taken for ended because of it."""
    good = {
        "orderId": 7, "campaignId": 2101, "programType": "FBS", "status": "PROCESSING",
        "creationDate": "2026-01-12T11:00:00+03:00", "fake": False,
        "items": [{"id": 1, "offerId": "A", "count": 2}],
    }  # fmt: skip
    for broken in (
        {**good, "orderId": 8, "items": [{"id": 1, "offerId": "A"}]},
        {**good, "orderId": 8, "creationDate": "yesterday"},
        {**good, "orderId": 8, "campaignId": None},
        {"status": "PROCESSING"},
        "order 8",
    ):
        page, nothing = answer({"orders": [good, broken], "paging": {}}), answer({"orders": []})
        script = Script(warehouses(), page, nothing, nothing, nothing)
        pages = run_virtual(lambda: everything(script.sink().orders(None)), clock=script.clock)  # noqa: B023
        assert [one.key for one in pages[0].orders] == ["7-1"]
        assert not any(one.complete for one in pages)


def _of_changes(request: Request) -> bool:
    return b"updateDateFrom" in request.body


def test_a_reading_that_fails_half_way_keeps_the_old_cursor() -> None:
    """Nothing is complete and no cursor is told: the next reading begins where this one did."""
    double = selling()
    double.buy("A", MAIN)
    double.add_fault(
        path=ORDERS, status=500, times=-1, match=lambda request: b"updateDateFrom" in request.body
    )
    pages: list[OrderPage] = []

    async def story() -> None:
        async for page in sink_of(double).orders(None):
            pages.append(page)

    with pytest.raises(TransientError):
        play(double, story)
    assert not any(page.complete or page.cursor for page in pages)


# ---------------------------------------------------------------------- cursor


@given(st.frozensets(st.integers(1, 2**53), max_size=50), st.frozensets(st.integers(1, 2**53), max_size=5))
def test_a_cursor_is_read_as_it_was_written(numbers: frozenset[int], freed: frozenset[int]) -> None:
    """Numbers of any distance survive; a time to come counts as now."""
    now = cabinet().clock.now()
    cursor = OrderCursor(now, numbers, freed)
    assert OrderCursor.read(cursor.text(), now) == cursor
    assert OrderCursor.read(cursor.text(), now - OVERLAP).read_at == now - OVERLAP


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.sampled_from(["buy", "assemble", "ship", "cancel", "wait", "read"]), max_size=30), st.data()
)
def test_whatever_happens_the_open_orders_are_known(steps: list[str], data: st.DataObject) -> None:
    """After any day, a reading tells exactly the orders whose units are in the warehouse."""
    double = selling()
    double.orders.shrug = data.draw(st.sampled_from(["", "USER_CHANGED_MIND"]))

    async def story(reader: Reader) -> None:
        for step in steps:
            keys = [order.key for order in double.orders if order.status == "PROCESSING"]
            if step == "buy":
                double.buy("A", MAIN)
            elif step == "wait":
                await double.clock.sleep(data.draw(st.sampled_from([1.0, 600.0, 4e6])))
            elif step == "read":
                await reader.read()
            elif keys:
                getattr(double, step)(data.draw(st.sampled_from(keys)))
        stages = await reader.read()
        going = {key for key, stage in stages.items() if stage in GOING}
        first_of_old = {
            order.key
            for order in double.orders
            if order.key not in stages and double.clock.now() - order.created_at > timedelta(days=58)
        }
        assert going == {one.key for one in double.orders if one.status == "PROCESSING"} - first_of_old

    told(double, story)
