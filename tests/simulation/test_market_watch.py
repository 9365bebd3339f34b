"""What a watch sees: for how long a listing shows what is not there, and what nobody shows that is."""

from __future__ import annotations

import asyncio

import pytest

from mpstock.simulation import Demand, Market, Oracle, Outlet, Watch
from mpstock.testing import VirtualClock, run_virtual
from tests.simulation.market_doubles import Book, Shelf

QUIET = Demand(per_item=0.0)


def opened(units: int, shown: int, *, clock: VirtualClock, watch: Watch) -> tuple[Market, Shelf, Shelf]:
    """Return a market of one article on two shelves, each showing so much of it."""
    left, right = Shelf(clock, ["A"]), Shelf(clock, ["A"])
    left.set_shown("A", "A", shown)
    right.set_shown("A", "A", shown)
    market = Market(
        clock,
        {("A", "main"): units},
        [Outlet(left), Outlet(right)],
        source=Book(clock),
        demand=QUIET,
        watch=watch,
    )
    return market, left, right


def test_a_zero_takes_from_the_telling_to_its_arrival() -> None:
    """Goods break at 0 s, the books know it at 40 s, the zeros arrive at 50 s and 100 s: 10 s and 60 s."""
    clock, watch = VirtualClock(), Watch()
    market, left, right = opened(2, 2, clock=clock, watch=watch)

    async def day() -> None:
        market.restock("A", "main", -2, book_lag=40.0)
        await market.advance(50.0)
        left.set_shown("A", "A", 0)
        watch.wrote("A")
        await market.advance(50.0)
        right.set_shown("A", "A", 0)
        watch.wrote("A")

    run_virtual(day, clock=clock)
    assert [one.seconds for one in watch.exposures] == pytest.approx([10.0, 60.0])
    assert watch.safety(0).zeros == 1
    assert watch.safety(0).longest == pytest.approx(10.0)


def test_goods_that_come_back_end_an_exposure_that_does_not_count() -> None:
    """What was unsafe for a moment and became true again took no zero."""
    clock, watch = VirtualClock(), Watch()
    market, _, _ = opened(2, 2, clock=clock, watch=watch)

    async def day() -> None:
        market.restock("A", "main", -2)
        await market.advance(30.0)
        market.restock("A", "main", 5)

    run_virtual(day, clock=clock)
    safety = watch.safety(0)
    assert (safety.zeros, safety.overtaken, safety.open) == (0, 1, 0)


def test_a_buffer_makes_a_listing_unsafe_before_the_last_unit_is_gone() -> None:
    """With one unit kept back, one that is left allows none to be shown."""
    clock, watch = VirtualClock(), Watch(lambda free: max(free - 1, 0))
    market, _, _ = opened(2, 1, clock=clock, watch=watch)
    assert not watch.exposures
    run_virtual(lambda: market.advance(1.0), clock=clock)
    market.restock("A", "main", -1)
    assert [one.how for one in watch.exposures] == ["", ""]


def test_what_nobody_shows_is_hidden_for_as_long_as_it_is() -> None:
    """Of 10 units the better shelf shows 6 for half an hour, then all: 2 unit-hours."""
    clock, watch = VirtualClock(), Watch()
    market, left, _ = opened(10, 6, clock=clock, watch=watch)

    async def day() -> None:
        await market.advance(1800.0)
        left.set_shown("A", "A", 10)
        watch.wrote("A")
        await market.advance(1800.0)

    run_virtual(day, clock=clock)
    assert market.report().hidden_unit_hours == pytest.approx(2.0)


def test_the_oracle_is_never_unsafe_and_hides_nothing() -> None:
    """Who knows the truth and reacts at once has no time to safe."""
    clock, watch = VirtualClock(), Watch()
    skus = [f"SKU-{number}" for number in range(20)]
    outlets = [Outlet(Shelf(clock, skus)), Outlet(Shelf(clock, skus))]
    demand = Demand(per_item=0.5, deliveries=2.0)
    market = Oracle(clock, Market.assortment(skus), outlets, demand=demand, watch=watch)
    run_virtual(lambda: market.advance(24 * 3600.0), clock=clock)
    assert market.report().orders > 50
    assert market.report().hidden_unit_hours == 0.0
    assert not [one for one in watch.exposures if one.ended != one.at]


def test_what_is_booked_soon_is_booked_in_time() -> None:
    """Goods that come while the market sleeps until its next buyer are booked when due, not with him."""
    clock, watch = VirtualClock(), Watch()
    market, _, _ = opened(2, 2, clock=clock, watch=watch)

    async def day() -> None:
        sleeps = asyncio.create_task(market.advance(3600.0))
        await clock.sleep(10.0)
        market.restock("A", "main", -2, book_lag=30.0)
        await sleeps

    run_virtual(day, clock=clock)
    assert [one.told for one in watch.exposures] == pytest.approx([40.0, 40.0])


def test_a_zero_that_comes_after_a_raise_says_when_that_was() -> None:
    """So that one can tell what the raise has cost it, where a pair may be written only so often."""
    clock, watch = VirtualClock(), Watch()
    market, left, _ = opened(5, 2, clock=clock, watch=watch)

    async def day() -> None:
        await market.advance(10.0)
        left.set_shown("A", "A", 5)
        watch.wrote("A")
        await market.advance(10.0)
        market.restock("A", "main", -5)

    run_virtual(day, clock=clock)
    raised, never = watch.exposures
    assert raised.raised == pytest.approx(10.0)
    assert never.raised is None
