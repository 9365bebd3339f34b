"""Orders: what is told of them in each stage, by each way of delivery, and what it costs in requests."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import pytest

from mpstock import OrderStage
from mpstock_wb.simulator import WbSimulator
from mpstock_wb.simulator_orders import CancelledBy
from tests.wb.harness import Vendor, listed, sink
from tests.wb.orders_kit import Reader, asked, played, stages, still_open

KINDS = {"1111": 1, "2222": 2, "3333": 3, "5555": 5, "6666": 6}
each_kind = pytest.mark.parametrize("code", KINDS)


@each_kind
def test_an_order_is_followed_from_the_buyer_to_the_handover(code: str) -> None:
    """Placed, assembled, shipped; told as shipped once, and then no more."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        assert await read() == {}
        [key] = double.buy("CUP", code)
        order = (await read())[key]
        assert (order.external_id, order.quantity, order.warehouse) == (str(double.chrt_id("CUP")), 1, code)
        assert order.placed_at == double.clock.now().replace(microsecond=0)
        assert (order.stage, order.stage_at) == (OrderStage.PLACED, None)
        double.assemble(key)
        assert stages(await read()) == {key: "assembled"}
        double.prepare(key)
        assert stages(await read()) == {key: "assembled"}
        double.ship(key)
        assert stages(await read()) == {key: "shipped"}
        double.receive(key)
        assert await read() == {}

    played(scenario, kinds={code: KINDS[code]})


def test_a_buyer_of_several_units_makes_as_many_orders() -> None:
    """One order (сборочное задание) is one unit: three keys, each for one."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        keys = double.buy("MUG", "1111", 3)
        found = await read()
        assert sorted(found) == sorted(keys)
        assert {order.quantity for order in found.values()} == {1}

    played(scenario)


@each_kind
@pytest.mark.parametrize("by", ["client", "seller", "carrier", "missed_call", "shelf_life", "defect"])
@pytest.mark.parametrize("assembled", [False, True])
def test_a_cancel_before_the_handover_frees_the_unit(code: str, by: CancelledBy, assembled: bool) -> None:
    """Whoever cancels, and by whichever of the two statuses Wildberries tells it; told once."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [key] = double.buy("MUG", code)
        if assembled:
            double.assemble(key)
        await read()
        double.cancel(key, by)
        assert stages(await read()) == {key: "cancelled"}
        assert await read() == {}

    played(scenario, kinds={code: KINDS[code]})


@each_kind
@pytest.mark.parametrize("by", ["client", "carrier", "missed_call", "defect"])
def test_a_cancel_after_the_handover_frees_nothing(code: str, by: CancelledBy) -> None:
    """The parcel is not in the warehouse: once told as shipped an order is told no more."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [key] = double.buy("MUG", code)
        await read()
        double.ship(key)
        assert stages(await read()) == {key: "shipped"}
        double.cancel(key, by)
        assert await read() == {}
        assert await read() == {}

    played(scenario, kinds={code: KINDS[code]})


@each_kind
@pytest.mark.parametrize("by", ["client", "defect"])
def test_a_refused_parcel_is_away_also_when_nobody_saw_it_go(code: str, by: CancelledBy) -> None:
    """Handed over and refused between two readings: the seller's status says that it had been handed over."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [key] = double.buy("MUG", code)
        await read()
        double.ship(key)
        double.cancel(key, by)
        assert stages(await read()) == {key: "shipped"}

    played(scenario, kinds={code: KINDS[code]})


def test_a_buyer_who_refuses_in_the_shop_leaves_the_unit_there() -> None:
    """Click and collect: `reject` is said in the seller's own shop, where the unit still is."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [key] = double.buy("MUG", "5555")
        await read()
        double.assemble(key)
        double.prepare(key)
        assert stages(await read()) == {key: "assembled"}
        double.cancel(key)
        assert double.orders.find(key).supplier_status == "reject"
        assert stages(await read()) == {key: "cancelled"}

    played(scenario, kinds={"5555": 5})


def test_an_order_that_is_taken_to_assembly_at_once_is_not_missed() -> None:
    """It is in no list of new orders: FBS lists it among those created since the last reading."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        await read()
        quick, gone = double.buy("MUG", "1111", 2)
        double.assemble(quick)
        double.ship(gone)
        assert stages(await read()) == {quick: "assembled", gone: "shipped"}
        assert stages(await read()) == {quick: "assembled"}

    played(scenario)


@pytest.mark.parametrize("code", ["2222", "3333", "5555"])
def test_what_the_other_kinds_do_not_list_is_told_when_it_ends(code: str) -> None:
    """DBS, DBW and click and collect list an order while it is new and when it is over: nothing between."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        await read()
        [key] = double.buy("MUG", code)
        double.assemble(key)
        assert await read() == {}
        assert not read.complete
        double.ship(key)
        double.receive(key)
        assert stages(await read()) == {key: "shipped"}
        assert await read() == {}

    played(scenario, kinds={code: KINDS[code]})


@pytest.mark.parametrize("code", ["2222", "3333", "5555"])
def test_an_end_that_comes_days_after_the_order_is_found(code: str) -> None:
    """Ended orders are listed by their creation: once an hour the list is read from far back."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        await read()
        shipped, cancelled = double.buy("MUG", code, 2)
        double.assemble(shipped)
        double.assemble(cancelled)
        await double.clock.sleep(5 * 86_400)
        assert await read() == {}
        double.ship(shipped)
        double.receive(shipped)
        double.cancel(cancelled, "seller")
        found: dict[str, str] = {}
        for _ in range(61):
            await double.clock.sleep(60)
            told = stages(await read())
            assert not set(told) & set(found)
            found |= told
        assert found == {shipped: "shipped", cancelled: "cancelled"}

    played(scenario, kinds={code: KINDS[code]})


@pytest.mark.parametrize("code", ["2222", "3333", "5555"])
def test_a_cancel_is_told_also_where_the_cursor_was_lost(code: str) -> None:
    """An earlier cursor may have told it as open; what was handed over days ago has long been booked."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        cancelled, shipped, waiting = double.buy("MUG", code, 3)
        await read()
        double.cancel(cancelled)
        double.ship(shipped)
        double.receive(shipped)
        await double.clock.sleep(3 * 86_400)
        read.cursor = None
        assert stages(await read()) == {cancelled: "cancelled", waiting: "placed"}

    played(scenario, kinds={code: KINDS[code]})


@pytest.mark.parametrize("last_next", ["zero", "last"])
def test_an_order_that_is_listed_late_is_found(last_next: Literal["zero", "last"]) -> None:
    """Each list reaches back behind the last one, so that a list that lags behind loses nothing."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        double.order_methods.last_next = last_next
        double.orders.appears_after = 1800
        await read()
        [key] = double.buy("MUG", "1111")
        double.assemble(key)
        for _ in range(29):
            await double.clock.sleep(60)
            assert await read() == {}
        await double.clock.sleep(120)
        assert stages(await read()) == {key: "assembled"}

    played(scenario)


@pytest.mark.parametrize("code", ["2222", "3333"])
def test_a_parcel_that_comes_back_after_days_is_not_told_again(code: str) -> None:
    """Wildberries may list what has ended by its end: an order that was told as shipped stays shipped."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        double.orders.period = "ended"
        [key] = double.buy("MUG", code)
        await read()
        double.ship(key)
        assert stages(await read()) == {key: "shipped"}
        await double.clock.sleep(20 * 86_400)
        await read()
        double.cancel(key, "missed_call")
        await double.clock.sleep(60)
        assert await read() == {}

    played(scenario, kinds={code: KINDS[code]})


def test_the_orders_of_another_account_are_not_asked_for() -> None:
    """A cursor names its account: with another token the reading starts anew."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [key] = double.buy("MUG", "1111")
        await read()
        assert read.cursor is not None
        read.cursor = read.cursor.replace("wb:100500", "wb:4242")
        double.archive(key)
        assert await read() == {}

    played(scenario)


def test_after_a_long_pause_everything_in_between_is_told() -> None:
    """A reading goes on from its cursor: 40 days are two lists, for one may cover 30 at most."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [old] = double.buy("MUG", "1111")
        await read()
        await double.clock.sleep(20 * 86_400)
        [middle] = double.buy("MUG", "1111")
        double.ship(middle)
        await double.clock.sleep(20 * 86_400)
        [fresh] = double.buy("CUP", "1111")
        before = double.count("GET", "/api/v3/orders", 200)
        assert stages(await read()) == {old: "placed", middle: "shipped", fresh: "placed"}
        # The list of new orders, and two spans of the other.
        assert double.count("GET", "/api/v3/orders", 200) - before == 3

    played(scenario)


def test_the_first_reading_looks_back_and_tells_only_what_matters() -> None:
    """Open orders of the last days; of those that have ended, today's: older ones have long been booked."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [ancient] = double.buy("MUG", "1111")
        double.assemble(ancient)
        await double.clock.sleep(3 * 86_400)
        waiting, booked = double.buy("MUG", "1111", 2)
        double.assemble(waiting)
        double.ship(booked)
        await double.clock.sleep(2 * 86_400)
        [today] = double.buy("CUP", "1111")
        double.ship(today)
        assert stages(await read()) == {waiting: "assembled", today: "shipped"}

    played(scenario, orders_lookback=timedelta(days=4))


def test_an_order_of_a_warehouse_that_is_not_configured_is_told() -> None:
    """It may be served from the same stock; its warehouse says where it came in."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [key] = double.buy("MUG", "7777")
        assert (await read())[key].warehouse == "7777"

    played(scenario, kinds={"1111": 1, "7777": 1}, configured=["1111"])


def test_only_what_the_configured_warehouses_have_is_asked_for() -> None:
    """A shop of FBS makes no request for DBS, DBW or click and collect; kinds are asked for once an hour."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        for _ in range(3):
            await read()
            assert read.complete
        assert asked(double).count("GET /api/v3/warehouses") == 1
        await double.clock.sleep(3600)
        await read()
        assert asked(double).count("GET /api/v3/warehouses") == 2
        assert {line for line in asked(double) if "orders" in line} == {
            "GET /api/v3/orders/new",
            "GET /api/v3/orders",
        }

    played(scenario, kinds={"1111": 1, "2222": 2, "5555": 5}, configured=["1111"])


def test_a_warehouse_that_leaves_the_settings_keeps_its_open_orders() -> None:
    """They are asked for until they end, and its new ones no more."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        from tests.wb.orders_kit import sink_of

        mine, theirs = double.buy("MUG", "1111") + double.buy("MUG", "2222")
        assert still_open(await read()) == {mine, theirs}
        read.sink = sink_of(double, ["1111"])
        double.buy("MUG", "2222")
        assert still_open(await read()) == {mine, theirs}
        assert not read.complete
        double.ship(theirs)
        assert stages(await read()) == {mine: "placed", theirs: "shipped"}
        assert stages(await read()) == {mine: "placed"}
        assert read.complete

    played(scenario, kinds={"1111": 1, "2222": 2})


def test_the_note_tells_what_a_person_wants_to_know() -> None:
    """Wildberries' own two words, B2B, express, and an order that came at a stock of zero."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        plain = double.buy_unseen("MUG", "1111")
        company = double.buy_unseen("MUG", "1111", b2b=True, zero=True)
        quick = double.buy_unseen("MUG", "6666", b2b=True)
        for _ in range(2):
            found = await read()
            assert found[plain.key].note == "FBS: new / waiting"
            assert found[company.key].note == "FBS: new / waiting (B2B, ordered at a stock of 0)"
            assert found[quick.key].note == "DBS: new / waiting (B2B, express)"
            # Wildberries' own word for it: it may be cancelled without a fine.
            assert [found[one.key].oversold for one in (plain, company, quick)] == [False, True, False]

    played(scenario, kinds={"1111": 1, "6666": 6})


def test_the_settings_switch_orders_off() -> None:
    """Nothing is asked and nothing is told."""
    vendor = Vendor()
    assert listed(sink(vendor, orders=False).orders(None)) == []
    assert vendor.requests == []


def test_a_reading_of_nothing_still_says_that_it_was() -> None:
    """One empty page with the cursor and the time of the request."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        now = double.clock.now()
        assert await read() == {}
        assert len(read.pages) == 1
        assert read.complete
        assert read.pages[0].as_of == now

    played(scenario)
