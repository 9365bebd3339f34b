"""The market counts by the world's truth: what was there when an order was accepted, and what nobody saw."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpstock import ScaledClock
from mpstock.simulation import Buyer, Demand, Market, MarketReport, Oracle, Outlet, serve
from mpstock.testing import VirtualClock, run_virtual
from tests.simulation.market_doubles import Book, Shelf

HOUR = 3600.0


class OneBuyer(Demand):
    """Buyers that a test names itself."""

    def __init__(self, *buyers: Buyer) -> None:
        super().__init__()
        object.__setattr__(self, "given", buyers)

    def buyers(self, skus: Any, outlets: int, chance: random.Random) -> Any:
        return iter(self.given)  # type: ignore[attr-defined]  # set above, past the frozen class


def buyer(at: float, quantity: int = 1, *, sku: str = "MUG", outlet: int = 0, cancelled: float | None = None):
    return Buyer(at, sku, outlet, 0.0, quantity, 1 * HOUR, 2 * HOUR, cancelled)


def world(
    shown: int, there: int, *buyers: Buyer, hours: float = 3.0, outlets: int = 1, **options: Any
) -> tuple[MarketReport, Market, list[Shelf], Book]:
    """Play a market of one product and return what came of it."""
    clock = VirtualClock()
    shelves = [Shelf(clock, ["MUG"]) for _ in range(outlets)]
    for shelf in shelves:
        shelf.set_shown("MUG", "A", shown)
    book = Book(clock)
    market = Market(
        clock,
        {("MUG", "main"): there},
        [Outlet(shelf) for shelf in shelves],
        source=book,
        demand=OneBuyer(*buyers),
        **options,
    )
    run_virtual(lambda: market.advance(hours * HOUR), clock=clock)
    return market.report(), market, shelves, book


def test_what_is_there_is_sold_and_shipped() -> None:
    """An order of what is there is no oversale; it goes through its stages and its units leave."""
    report, market, (shelf,), book = world(5, 5, buyer(60.0, 2))
    assert (report.sold, report.oversold, report.orders, report.failed) == (2, 0, 1, 0)
    assert shelf.orders == {"order-1": ["placed", "assembled", "shipped"]}
    assert market.stock.there == {("MUG", "main"): 3}
    assert market.stock.free("MUG") == 3
    assert book.levels == {("MUG", "main"): 3}


def test_units_beyond_the_stock_are_oversold_when_they_are_ordered() -> None:
    """Three of one are two too many; the seller cannot pack them and has to cancel."""
    report, _, (shelf,), _ = world(3, 1, buyer(60.0, 3))
    assert (report.sold, report.oversold, report.failed, report.cancelled) == (3, 2, 1, 0)
    assert shelf.orders == {"order-1": ["placed", "cancelled"]}


def test_two_marketplaces_sell_the_last_unit_twice() -> None:
    """What is promised on one marketplace is not there for the other, though it is still in the warehouse."""
    report, *_ = world(1, 1, buyer(60.0), buyer(120.0, outlet=1), outlets=2)
    assert (report.sold, report.oversold, report.failed) == (2, 1, 1)


def test_cancel_before_the_second_order_frees_the_unit() -> None:
    """What was promised and cancelled is there again; later cancels count once, and as the buyer's."""
    report, _, (shelf, _), _ = world(1, 1, buyer(60.0, cancelled=30.0), buyer(120.0, outlet=1), outlets=2)
    assert (report.sold, report.oversold, report.cancelled, report.failed) == (2, 0, 1, 0)
    assert shelf.orders == {"order-1": ["placed", "cancelled"]}


def test_cancel_on_the_way_brings_nothing_back() -> None:
    """A parcel that is refused after it was handed over is not in the warehouse."""
    report, market, (shelf,), _ = world(1, 1, buyer(60.0, cancelled=2.5 * HOUR))
    assert shelf.orders == {"order-1": ["placed", "assembled", "shipped", "cancelled"]}
    assert (report.cancelled, market.stock.there) == (0, {("MUG", "main"): 0})


@pytest.mark.parametrize(
    ("books_at", "lag", "booked"),
    [
        ("order", 0.0, 60.0),
        ("order", 600.0, 660.0),
        ("assembly", 600.0, 60.0 + HOUR + 600.0),
        ("shipment", 1800.0, 60.0 + 2 * HOUR + 1800.0),
    ],
)
def test_the_warehouse_system_books_late(books_at: Any, lag: float, booked: float) -> None:
    """The system's number falls at its stage and lag, once, and the truth falls when the units leave."""
    *_, book = world(5, 5, buyer(60.0), books_at=books_at, book_lag=lag)
    assert [(at, quantity) for at, _, quantity in book.told] == [(0.0, 5), (pytest.approx(booked), 4)]


def test_a_system_that_reserves_keeps_units_apart_until_they_leave() -> None:
    """With a reserve the quantity stays until shipment; then both fall by the same units."""
    seen: list[tuple[Any, int]] = []

    def reserve(book: Book, sku: str, warehouse: str, units: int) -> None:
        book.reserve(sku, warehouse, units)
        seen.append((book.clock.monotonic(), units))

    *_, book = world(5, 5, buyer(60.0, 2), books_at="order", reserve=reserve)
    assert seen == [(pytest.approx(60.0), 2), (pytest.approx(60.0 + 2 * HOUR), 0)]
    assert [quantity for _, _, quantity in book.told] == [5, 3]


def test_a_booking_is_taken_back_when_the_order_is_cancelled() -> None:
    """Booked at the order and cancelled in the warehouse: the system has the units again, a lag later."""
    *_, book = world(5, 5, buyer(60.0, 2, cancelled=600.0), books_at="order", book_lag=60.0)
    assert [(at, quantity) for at, _, quantity in book.told] == [
        (0.0, 5),
        (pytest.approx(120.0), 3),
        (pytest.approx(720.0), 5),
    ]


def test_an_order_cancelled_before_it_is_booked_is_never_booked() -> None:
    """The lag is longer than the order lived: the system hears nothing of it."""
    *_, book = world(5, 5, buyer(60.0, 2, cancelled=600.0), books_at="order", book_lag=HOUR)
    assert [quantity for _, _, quantity in book.told] == [5]


def test_hidden_units_are_counted_by_the_hour_and_by_the_best_marketplace() -> None:
    """10 free; one shows 4, the other 7: 3 units are hidden, for as long as that lasts."""
    clock = VirtualClock()
    shelves = [Shelf(clock, ["MUG"]), Shelf(clock, ["MUG"])]
    market = Market(
        clock, {("MUG", "main"): 10}, [Outlet(one) for one in shelves], demand=Demand(per_item=0.0)
    )

    async def story() -> None:
        shelves[0].set_shown("MUG", "A", 4)
        shelves[1].set_shown("MUG", "A", 7)
        await market.advance(2 * HOUR)
        shelves[0].set_shown("MUG", "A", 10)
        await market.advance(2 * HOUR)

    run_virtual(story, clock=clock)
    # The first minute began with empty shelves, the third hour's first may have been seen late.
    assert market.report().hidden_unit_hours == pytest.approx(3 * 2, abs=10 / 60 + 3 / 60 + 0.001)


def test_hiding_everything_sells_nothing_and_shows_in_the_report() -> None:
    """A shop that shows 0 oversells nothing; its report says what that costs."""
    report, *_ = world(0, 10, buyer(60.0), buyer(120.0), hours=4.0)
    assert (report.sold, report.oversold, report.missed) == (0, 0, 2)
    assert report.hidden_unit_hours == pytest.approx(40.0)


def test_a_listing_of_six_takes_six_units() -> None:
    """One order of a pack promises all the units that are in it."""
    clock = VirtualClock()
    shelf = Shelf(clock, ["MUG"])
    shelf.set_shown("MUG", "A", 2)
    market = Market(
        clock,
        {("MUG", "main"): 8},
        [Outlet(shelf, packs={"MUG": 6})],
        demand=OneBuyer(buyer(1.0), buyer(2.0)),
    )
    run_virtual(lambda: market.advance(10.0), clock=clock)
    assert (market.report().sold, market.report().oversold) == (12, 4)


def test_a_sink_warehouse_sells_from_the_warehouses_that_feed_it() -> None:
    """What lies in a warehouse that does not feed it is not there for its buyers."""
    clock = VirtualClock()
    shelf = Shelf(clock, ["MUG"])
    shelf.set_shown("MUG", "A", 5)
    stock = {("MUG", "main"): 1, ("MUG", "msk"): 9}
    market = Market(clock, stock, [Outlet(shelf, feeds={"A": ["main"]})], demand=OneBuyer(buyer(1.0, 3)))
    run_virtual(lambda: market.advance(10.0), clock=clock)
    assert market.report().oversold == 2
    assert market.stock.free("MUG", ["msk"]) == 9


def test_the_same_seed_sends_the_same_buyers_whatever_is_shown() -> None:
    """So that two engines, or an engine and the oracle, are measured on the same day."""

    def came(shown: int, seed: int) -> list[tuple[float, str]]:
        clock = VirtualClock()
        shelf = Shelf(clock, ["MUG", "CUP"])
        shelf.set_shown("MUG", "A", shown)
        shelf.set_shown("CUP", "A", shown)
        stock = {("MUG", "main"): 90, ("CUP", "main"): 90}
        market = Market(clock, stock, [Outlet(shelf)], demand=Demand(per_item=1.0), seed=seed)
        run_virtual(lambda: market.advance(48 * HOUR), clock=clock)
        assert shelf.asked > 50
        return [(sale.buyer.at, sale.sku) for sale in market.sales]

    assert came(90, 7) == came(90, 7)
    assert came(90, 7) != came(90, 8)
    assert set(came(10, 7)) < set(came(90, 7))


def test_an_assortment_has_a_third_of_last_units() -> None:
    """Of a third of the articles there are 3 units at most, over all warehouses."""
    skus = [f"SKU-{number}" for number in range(300)]
    stock = Market.assortment(skus, ("main", "msk"))
    units = [sum(stock[sku, warehouse] for warehouse in ("main", "msk")) for sku in skus]
    assert sum(one <= 3 for one in units) == 100
    assert min(stock.values()) >= 0


def day(cls: type[Market], seed: int, *, show: int | None = None, hours: float = 24.0) -> Market:
    """Play one market of 30 articles on two marketplaces, with deliveries."""
    clock = VirtualClock()
    skus = [f"SKU-{number}" for number in range(30)]
    stock = Market.assortment(skus, ("main", "msk"), seed)
    shelves = [Shelf(clock, skus, codes=("A", "B")), Shelf(clock, skus)]
    if show is not None:
        for shelf in shelves:
            for sku, code in shelf.numbers:
                shelf.set_shown(sku, code, show)
    demand = Demand(per_item=0.5, deliveries=1.0, cancel_share=0.2)
    outlets = [Outlet(one) for one in shelves]
    market = cls(clock, stock, outlets, source=Book(clock), demand=demand, seed=seed, sample=600.0)
    run_virtual(lambda: market.advance(hours * HOUR), clock=clock)
    return market


@pytest.mark.parametrize("seed", range(5))
def test_the_oracle_oversells_nothing_and_hides_nothing(seed: int) -> None:
    """Who knows the truth at every moment sells all that is wanted and there, and not one unit more."""
    report = day(Oracle, seed).report()
    assert report.sold > 50
    assert (report.oversold, report.failed, report.missed) == (0, 0, 0)
    assert report.hidden_unit_hours == 0


@pytest.mark.parametrize("seed", range(5))
def test_who_never_updates_oversells(seed: int) -> None:
    """The market finds out a shop whose numbers stand still, and one that shows nothing."""
    blind = day(Market, seed, show=50).report()
    assert blind.oversold > 0
    assert blind.failed > 0
    dark = day(Market, seed, show=0).report()
    assert (dark.sold, dark.oversold) == (0, 0)
    assert dark.hidden_unit_hours > 24 * 100


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_units_are_never_lost(seed: int) -> None:
    """What was there and what came is there, or was shipped; nothing promised is left when all has ended."""
    market = day(Market, seed, show=5, hours=12.0)
    shipped = sum(sale.units for sale in market.sales if sale.state == "shipped")
    open_units = sum(sale.units for sale in market.sales if sale.state in ("placed", "assembled"))
    start = sum(Market.assortment(market.stock.skus, ("main", "msk"), seed).values())
    came = sum(market.stock.there.values()) + shipped - start
    assert came >= 0
    assert sum(market.stock.promised.values()) == open_units
    packed = sum(sale.units for sale in market.sales if sale.state == "assembled")
    assert sum(market.stock.aside.values()) == packed
    assert market.report().sold == sum(sale.units for sale in market.sales)
    assert 0 <= market.report().oversold <= market.report().sold


def test_goods_that_come_in_are_booked_later_than_they_are_there() -> None:
    """A delivery can be sold at once; the warehouse system hears of it by its lag."""
    clock = VirtualClock()
    book = Book(clock)
    market = Market(
        clock,
        {("MUG", "main"): 0},
        [Outlet(Shelf(clock, ["MUG"]))],
        source=book,
        demand=Demand(per_item=0.0),
        book_lag=600.0,
    )

    async def story() -> None:
        market.restock("MUG", "main", 7)
        assert market.stock.free("MUG") == 7
        await market.advance(HOUR)

    run_virtual(story, clock=clock)
    assert [(at, quantity) for at, _, quantity in book.told] == [(0.0, 0), (pytest.approx(600.0), 7)]
    with pytest.raises(ValueError, match="CUP"):
        market.restock("CUP", "main", 1)


def test_it_drives_doubles_that_are_served() -> None:
    """Beside real HTTP it runs in a thread of its own, in the clock's time, and stops when told."""
    clock = ScaledClock(36_000)
    shelf = Shelf(clock, ["MUG"])
    shelf.set_shown("MUG", "A", 1_000_000)
    market = Market(clock, {("MUG", "main"): 1_000_000}, [Outlet(shelf)], demand=Demand(per_item=100.0))
    with serve(shelf), market.running():
        while market.report().orders < 20:
            asyncio.run(clock.sleep(60.0))
    orders = market.report().orders
    asyncio.run(clock.sleep(1800.0))
    assert market.report().orders == orders


def test_what_goes_wrong_in_its_thread_is_raised() -> None:
    """A double that cannot sell stops the market, and who runs it is told."""

    class Broken(Shelf):
        def buy(self, sku: str, warehouse_code: str, quantity: int = 1) -> list[str]:
            raise NotImplementedError("no buyers here")

    clock = ScaledClock(36_000)
    market = Market(
        clock, {("MUG", "main"): 1}, [Outlet(Broken(clock, ["MUG"]))], demand=OneBuyer(buyer(1.0))
    )
    with pytest.raises(NotImplementedError, match="no buyers"), market.running():
        asyncio.run(clock.sleep(3600.0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"per_item": -1.0},
        {"quantities": {}},
        {"quantities": {0: 1.0}},
        {"cancel_share": 1.5},
        {"deliveries": -1},
    ],
)
def test_a_demand_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """Wrong figures are found where they are written."""
    with pytest.raises(ValueError, match=r"not|never"):
        Demand(**wrong)
