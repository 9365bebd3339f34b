"""Orders from Ozon's double through the adapter: stages, pages, races, and whatever may happen in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from attrs import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from mpstock import Clock, Order, OrderPage, OrderStage, SystemClock
from mpstock.errors import AuthenticationError, TransientError, UnexpectedResponseError
from mpstock.simulation import serve
from mpstock.testing import VirtualClock, adapter_context, build_adapter, run_virtual
from mpstock_ozon import plugin
from mpstock_ozon.simulator import OzonSimulator
from tests.ozon.account import MAIN, POSTINGS, SPARE, UNFULFILLED

(SPEC,) = plugin.mpstock_sinks()
SKUS = ["АРТ 1", "B/2", "C"]
GOING = (OrderStage.PLACED, OrderStage.ASSEMBLED)


def shop(**options: Any) -> OzonSimulator:
    stock = {(sku, code): 1000 for sku in SKUS for code in (MAIN, SPARE)}
    return OzonSimulator(SKUS, [MAIN, SPARE], **{"clock": VirtualClock(), "stock": stock, **options})


@frozen
class Behind:
    """The clock of a machine that is set wrong: it goes as another does, and tells an earlier time."""

    clock: Clock
    by: timedelta

    def now(self) -> datetime:
        return self.clock.now() - self.by

    def monotonic(self) -> float:
        return self.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        return self.clock.timeout(seconds)


def sink_on(
    double: OzonSimulator,
    app: Any = None,
    url: str = "http://ozon.local",
    clock: Clock | None = None,
    **given: Any,
) -> Any:
    table = {key: value for key, value in double.settings(url).items() if key != "plugin"}
    context = adapter_context(app or double, name="ozon", clock=clock or double.clock, warehouses=(MAIN,))
    return build_adapter(SPEC, SPEC.settings(**{**table, **given}), context)


class Reader:
    """Reads on and on, as the core does: it keeps the cursor, and what was told of each order."""

    def __init__(self, sink: Any) -> None:
        self.sink = sink
        self.cursor: str | None = None
        self.orders: dict[str, Order] = {}
        self.pages: list[OrderPage] = []

    async def read(self) -> Reader:
        self.pages = [page async for page in _iterate(self.sink.orders(self.cursor))]
        told = {order.key: order for page in self.pages for order in page.orders}
        if self.pages[-1].complete:
            self.orders = {
                key: order for key, order in self.orders.items() if key in told or order.stage not in GOING
            }
        self.orders |= told
        self.cursor = self.pages[-1].cursor or self.cursor
        return self

    def stages(self) -> dict[str, OrderStage]:
        return {key: order.stage for key, order in self.orders.items()}

    def going(self) -> dict[str, int]:
        return {key: order.quantity for key, order in self.orders.items() if order.stage in GOING}


async def _iterate(pages: AsyncIterator[OrderPage]) -> AsyncIterator[OrderPage]:
    async for page in pages:
        yield page


def run(double: OzonSimulator, story: Any) -> Any:
    assert isinstance(double.clock, VirtualClock)
    return run_virtual(story, clock=double.clock)


def test_an_order_from_the_buyer_to_the_door() -> None:
    """Placed, assembled, shipped, delivered, each with the moment that Ozon tells."""
    double = shop()

    async def story() -> None:
        reader = Reader(sink_on(double))
        bought_at = double.clock.now()
        (key,) = double.buy("АРТ 1", MAIN, 3)
        order = (await reader.read()).orders[key]
        assert (order.external_id, order.quantity, order.warehouse) == ("АРТ 1", 3, MAIN)
        assert (order.stage, order.placed_at, order.stage_at) == (OrderStage.PLACED, bought_at, bought_at)
        await double.clock.sleep(600)
        double.assemble(key)
        order = (await reader.read()).orders[key]
        assert (order.stage, order.placed_at, order.stage_at) == (OrderStage.ASSEMBLED, bought_at, None)
        await double.clock.sleep(600)
        shipped_at = double.clock.now()
        double.ship(key)
        order = (await reader.read()).orders[key]
        assert (order.stage, order.stage_at) == (OrderStage.SHIPPED, shipped_at)
        await double.clock.sleep(600)
        double.deliver(key)
        order = (await reader.read()).orders[key]
        assert (order.stage, order.stage_at) == (OrderStage.SHIPPED, shipped_at)
        # Once more by the overlap, and then no more.
        for _ in range(2):
            await double.clock.sleep(3600)
            await reader.read()
        assert [page.orders for page in reader.pages] == [(), ()]
        assert reader.pages[-1].complete

    run(double, story)


@pytest.mark.parametrize("meaning", ["packing", "handover"])
def test_a_cancel_frees_units_only_while_they_are_in_the_warehouse(meaning: Any) -> None:
    """Not packed: free again. Handed over: shipped for good. Packed: free only if Ozon surely says so."""
    double = shop()
    double.postings.after_ship_means = meaning

    async def story() -> dict[str, OrderStage]:
        reader = Reader(sink_on(double))
        (early,), (packed,), (late,) = (double.buy("C", MAIN) for _ in range(3))
        double.assemble(packed)
        double.ship(late)
        await reader.read()
        await double.clock.sleep(60)
        for key in (early, packed, late):
            double.cancel(key)
        stages = (await reader.read()).stages()
        return {"early": stages[early], "packed": stages[packed], "late": stages[late]}

    assert run(double, story) == {
        "early": OrderStage.CANCELLED,
        "packed": OrderStage.SHIPPED if meaning == "packing" else OrderStage.CANCELLED,
        "late": OrderStage.SHIPPED,
    }


def test_two_offers_of_a_posting_are_two_orders_and_an_offer_listed_twice_is_one() -> None:
    """The double's keys are the adapter's keys, also for an article with a slash in it."""
    double = shop()

    async def story() -> None:
        keys = double.buy_together({"B/2": 3, "C": 1}, SPARE)
        posting = double.postings.by_number[keys[0].partition("/")[0]]
        posting.rows = [("B/2", 1), ("C", 1), ("B/2", 2)]
        reader = await Reader(sink_on(double)).read()
        assert {key: order.quantity for key, order in reader.orders.items()} == {keys[0]: 3, keys[1]: 1}
        # Not a configured warehouse, and told all the same.
        assert {order.warehouse for order in reader.orders.values()} == {SPARE}

    run(double, story)


def test_a_status_that_ozon_has_just_invented() -> None:
    """Its units stay taken, and the note says why."""
    double = shop()

    async def story() -> Order:
        (key,) = double.buy("C", MAIN)
        double.postings.set_status(key, "awaiting_robot", "posting_robot")
        return (await Reader(sink_on(double)).read()).orders[key]

    order = run(double, story)
    assert order.stage is OrderStage.PLACED
    assert "awaiting_robot" in order.note


def test_part_of_an_order_that_is_cancelled_or_sent_apart() -> None:
    """A smaller quantity is told; a split is told with its parts, and no unit is lost."""
    double = shop()

    async def story() -> None:
        reader = Reader(sink_on(double))
        (key,) = double.buy("C", MAIN, 5)
        await reader.read()
        double.postings.cancel_units(key, 1)
        assert (await reader.read()).going() == {key: 4}
        part = double.postings.split(key)
        assert (await reader.read()).going() == {key: 2, part: 2}

    run(double, story)


def test_201_postings_over_real_http() -> None:
    """Three pages over loopback, twice for certainty the first time; what is new is then told as a change."""
    double = shop(clock=SystemClock(), limits=False)

    async def story(url: str) -> Reader:
        async with httpx.AsyncHTTPTransport() as way_out:
            reader = await Reader(sink_on(double, way_out, url)).read()
            assert double.count("POST", UNFULFILLED) == 6
            assert reader.pages[-1].complete
            keys.update(double.call(double.buy, "C", MAIN))
            return await reader.read()

    with serve(double) as (url,):
        keys = {double.buy(SKUS[n % 3], MAIN)[0] for n in range(201)}
        reader = asyncio.run(story(url))
    assert set(reader.going()) == keys
    assert len(keys) == 202
    assert double.count("POST", UNFULFILLED, 200) == double.count("POST", UNFULFILLED) == 6
    assert not reader.pages[-1].complete


def test_an_answer_that_is_cut_off_over_real_http_is_no_empty_account() -> None:
    """Half an answer is an error, and the next reading starts where this one did."""
    double = shop(clock=SystemClock(), limits=False)

    async def story(url: str) -> Reader:
        async with httpx.AsyncHTTPTransport() as way_out:
            reader = Reader(sink_on(double, way_out, url))
            with pytest.raises(UnexpectedResponseError, match="not JSON"):
                await reader.read()
            assert reader.cursor is None
            return await reader.read()

    with serve(double) as (url,):
        (key,) = double.buy("C", MAIN)
        double.add_fault(path=POSTINGS, times=1, status=200, body=b'{"postings": [{"posting_nu')
        reader = asyncio.run(story(url))
    assert set(reader.going()) == {key}


def test_a_posting_that_moves_on_between_two_pages_is_told() -> None:
    """Shipped, or its deadline moved to a page that was read: whatever happens under the reading."""
    double = shop()
    double.posting_reading.delivering_is_unfulfilled = False

    async def story() -> None:
        keys = [double.buy("C", MAIN)[0] for _ in range(150)]
        reader = Reader(sink_on(double))
        await reader.read()
        fresh: list[str] = []

        def happens(_: Any) -> bool:
            if double.count("POST", UNFULFILLED) == 5:
                double.ship(keys[120])
                double.cancel(keys[121])
                double.postings.set_deadline(keys[149], double.clock.now())
                fresh.extend(double.buy("C", MAIN))
            return False

        double.add_fault(match=happens, path=UNFULFILLED, status=500)
        await double.clock.sleep(300)
        await reader.read()
        stages = reader.stages()
        assert stages[keys[120]] is OrderStage.SHIPPED
        assert stages[keys[121]] is OrderStage.CANCELLED
        assert set(reader.going()) == {*keys, *fresh} - {keys[120], keys[121]}

    run(double, story)


def test_a_change_that_is_listed_late_is_found_by_the_overlap() -> None:
    """A shipment that Ozon lists ten minutes late is told by a later reading as what it is."""
    double = shop()
    double.posting_reading.delivering_is_unfulfilled = False
    double.posting_reading.list_lag = 600

    async def story() -> None:
        reader = Reader(sink_on(double))
        (key,) = double.buy("C", MAIN)
        await reader.read()
        double.ship(key)
        for _ in range(12):
            await double.clock.sleep(60)
            await reader.read()
        assert reader.stages()[key] is OrderStage.SHIPPED

    run(double, story)


def test_many_open_postings_are_read_every_five_minutes_and_what_is_new_each_time() -> None:
    """Two pages each minute would tell nothing new: the changes do, and each fifth reading has all."""
    double = shop()

    async def story() -> None:
        reader = Reader(sink_on(double))
        keys = {double.buy("C", MAIN)[0] for _ in range(150)}
        await reader.read()
        asked: list[int] = []
        for _ in range(11):
            await double.clock.sleep(60)
            keys.update(double.buy("C", MAIN))
            before = double.count("POST", UNFULFILLED)
            assert set((await reader.read()).going()) == keys
            assert not reader.pages[-1].complete
            asked.append(double.count("POST", UNFULFILLED) - before)
        assert asked == [0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0]
        # What is open now fits one page, which costs no more than to leave it out.
        for key in sorted(keys)[:100]:
            double.ship(key)
            double.deliver(key)
        await double.clock.sleep(300)
        for _ in range(3):
            await double.clock.sleep(60)
            before = double.count("POST", UNFULFILLED)
            assert (await reader.read()).pages[-1].complete
            assert double.count("POST", UNFULFILLED) - before == 1
        assert set(reader.going()) == set(sorted(keys)[100:])

    run(double, story)


def test_changes_that_tell_late_what_is_new_are_relied_on_no_longer(caplog: pytest.LogCaptureFixture) -> None:
    """A new order is told five minutes late once, with a warning; for a day all are read every time then."""
    double = shop()

    async def story() -> None:
        reader = Reader(sink_on(double))
        for _ in range(150):
            double.buy("C", MAIN)
        await reader.read()
        double.posting_reading.list_lag = 120
        late: list[int] = []
        for minute in range(1, 12):
            await double.clock.sleep(30)
            (key,) = double.buy("C", MAIN)
            await double.clock.sleep(31)
            if key not in (await reader.read()).going():
                late.append(minute)
        assert late == [1, 2, 3, 4]
        assert caplog.text.count("has told as new; for a day all open postings are read each time") == 1
        double.posting_reading.list_lag = 0
        await double.clock.sleep(86_400)
        await reader.read()
        before = double.count("POST", UNFULFILLED)
        await double.clock.sleep(60)
        await reader.read()
        assert double.count("POST", UNFULFILLED) == before

    run(double, story)


def test_a_slow_server_and_one_that_refuses_for_a_while_are_waited_for() -> None:
    """A read is tried again after 429, 502 in HTML and a lost connection; the orders are all there."""
    double = shop()

    async def story() -> None:
        (key,) = double.buy("C", MAIN)
        double.add_fault(path=UNFULFILLED, times=1, status=429, body=b'{"code": 8, "message": "limit"}')
        double.add_fault(path=UNFULFILLED, times=1, status=502, body=b"<html>nginx</html>")
        double.add_fault(path=POSTINGS, times=1, drop=True)
        double.add_fault(path=POSTINGS, times=1, delay=20.0)
        reader = await Reader(sink_on(double)).read()
        assert set(reader.going()) == {key}
        assert reader.pages[-1].complete

    run(double, story)


def test_a_server_that_never_answers_is_an_error() -> None:
    """Nothing is complete, and the cursor stays."""
    double = shop()

    async def story() -> None:
        double.add_fault(path=POSTINGS, delay=100_000.0, times=-1)
        reader = Reader(sink_on(double))
        with pytest.raises(TransientError):
            await reader.read()
        assert reader.cursor is None

    run(double, story)


def test_without_the_role_the_reserve_tells_how_much_is_taken() -> None:
    """A key that may read stock alone: postings are refused with the mend, the sums are read."""
    double = shop()
    double.roles = {
        "Product": ["/v1/product/info/warehouse/stocks", "/v2/warehouse/list", "/v2/products/stocks"]
    }

    async def story() -> None:
        with pytest.raises(AuthenticationError, match="'Posting FBS'"):
            await Reader(sink_on(double)).read()
        reader = Reader(sink_on(double, orders="reserved"))
        (first,), (second,) = double.buy("C", MAIN, 2), double.buy("C", MAIN, 1)
        double.buy("B/2", SPARE, 4)
        assert (await reader.read()).going() == {f"reserved/C/{MAIN}": 3, f"reserved/B/2/{SPARE}": 4}
        double.ship(first)
        assert (await reader.read()).going()[f"reserved/C/{MAIN}"] == 1
        double.cancel(second)
        assert set((await reader.read()).going()) == {f"reserved/B/2/{SPARE}"}

    run(double, story)


def test_what_is_observed_falls_when_somebody_buys() -> None:
    """`self_decrements` is declared: the number that is read back is free of what was sold meanwhile."""
    double = shop()

    async def story() -> list[int | None]:
        sink = sink_on(double)
        assert sink.limits.self_decrements == "yes"
        double.set_shown("C", MAIN, 10)
        double.buy("C", MAIN, 3)
        shown = [one async for page in sink.observe(None) for one in page]
        return [one.quantity for one in shown if one.external_id == "C"]

    assert run(double, story) == [7]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("buy"), st.sampled_from(SKUS), st.integers(1, 4)),
        st.tuples(st.just("both"), st.integers(1, 3), st.integers(1, 3)),
        st.tuples(
            st.sampled_from(["assemble", "ship", "cancel", "deliver", "split", "less", "strange"]),
            st.integers(0, 20),
            st.just(0),
        ),
        st.tuples(st.just("wait"), st.sampled_from([1, 60, 3600, 200_000]), st.just(0)),
        st.tuples(st.just("read"), st.just(0), st.just(0)),
    ),
    max_size=25,
)


def act(double: OzonSimulator, what: str, one: Any, many: int) -> None:
    """Let one thing happen; what a cabinet would not offer just now does not."""
    if what == "buy":
        double.buy(one, MAIN, many)
        return
    if what == "both":
        double.buy_together({"B/2": one, "C": many}, SPARE)
        return
    keys = [f"{p.number}/{offer}" for p in double.postings.by_number.values() for offer in p.units]
    if not keys:
        return
    key = keys[one % len(keys)]
    moves = {
        "assemble": double.assemble,
        "ship": double.ship,
        "cancel": double.cancel,
        "deliver": double.deliver,
        "split": double.postings.split,
        "less": lambda key: double.postings.cancel_units(key, 1),
    }
    posting = double.postings.by_number[key.partition("/")[0]]
    if what == "strange":
        if posting.holding:
            double.postings.set_status(key, "not_accepted" if posting.packed else "awaiting_verification")
        return
    try:
        moves[what](key)
    except ValueError:
        return


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, delivering=st.booleans(), under_result=st.booleans())
def test_after_any_story_the_open_orders_told_are_the_open_orders(
    steps: list[tuple[str, Any, int]], delivering: bool, under_result: bool
) -> None:
    """Whatever buyers, seller and Ozon do, in whatever order it is read: the holds are what is in reserve."""
    double = shop()
    double.posting_reading.delivering_is_unfulfilled = delivering
    double.posting_reading.under_result = under_result

    async def story() -> None:
        reader = Reader(sink_on(double))
        for what, one, many in [*steps, ("read", 0, 0)]:
            if what == "wait":
                await double.clock.sleep(one)
            elif what != "read":
                act(double, what, one, many)
            else:
                await reader.read()
                going = {
                    f"{p.number}/{offer}": units
                    for p in double.postings.by_number.values()
                    if p.holding
                    for offer, units in p.units.items()
                }
                assert reader.going() == going
                assert reader.pages[-1].complete

    run(double, story)


@settings(max_examples=25, deadline=None)
@given(steps=STEPS, delivering=st.booleans())
def test_after_any_story_of_a_big_shop_nothing_taken_is_left_out(
    steps: list[tuple[str, Any, int]], delivering: bool
) -> None:
    """Open postings of two pages are not read every time: never is less told than is in reserve."""
    double = shop()
    double.posting_reading.delivering_is_unfulfilled = delivering

    def reserve() -> dict[str, int]:
        return {
            f"{p.number}/{offer}": units
            for p in double.postings.by_number.values()
            if p.holding
            for offer, units in p.units.items()
        }

    async def story() -> None:
        reader = Reader(sink_on(double))
        for _ in range(104):
            double.buy("C", SPARE)
        for what, one, many in steps:
            if what == "wait":
                await double.clock.sleep(one)
            elif what != "read":
                act(double, what, one, many)
            else:
                told = (await reader.read()).going()
                assert told.keys() == reserve().keys()
                assert all(told[key] >= units for key, units in reserve().items())
        await double.clock.sleep(300)
        assert (await reader.read()).going() == reserve()

    run(double, story)


def test_the_first_reading_does_not_dig_up_what_ended_long_ago() -> None:
    """What was delivered last week is not told; what was cancelled yesterday is."""
    double = shop()

    async def story() -> None:
        (old,), (recent,) = double.buy("C", MAIN), double.buy("C", MAIN)
        double.ship(old)
        double.deliver(old)
        await double.clock.sleep(timedelta(days=7).total_seconds())
        double.cancel(recent)
        await double.clock.sleep(timedelta(days=1).total_seconds())
        assert (await Reader(sink_on(double)).read()).stages() == {recent: OrderStage.CANCELLED}

    run(double, story)


@pytest.mark.parametrize("by", [timedelta(), timedelta(minutes=16), timedelta(hours=12)])
def test_a_cancel_is_told_as_one_also_where_our_clock_is_behind(by: timedelta) -> None:
    """What Ozon dates later than our now has happened: not told, it would count as handed over."""
    double = shop()

    async def story() -> None:
        reader = Reader(sink_on(double, clock=Behind(double.clock, by)))
        (cancelled,), (kept,) = double.buy("C", MAIN), double.buy("C", MAIN)
        assert (await reader.read()).going().keys() == {cancelled, kept}
        await double.clock.sleep(60)
        double.cancel(cancelled)
        await reader.read()
        assert reader.pages[-1].complete
        assert reader.stages() == {cancelled: OrderStage.CANCELLED, kept: OrderStage.PLACED}

    run(double, story)
