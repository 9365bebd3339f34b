"""What is spoken for is subtracted, until the source has surely booked it (semantics §3)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from mpstock import Hold, Order, OrderStage, Reading
from mpstock.errors import ConfigurationError
from tests.reconcile.shops import shows, sink_config, source_config
from tests.semantics.stories import DAY, HOUR, MINUTE, Erp, Market, Seller, fed, seller, two_markets

# ---------------------------------------------------------------- the order of reading


def test_orders_are_read_before_sources_and_before_anything_is_written(tmp_path: Path) -> None:
    """First the sinks' orders, then the sources, and only then a write."""
    play, erp, market = seller(tmp_path, {"A": 10})
    events: list[str] = []
    market.at_orders = lambda: events.append("orders")
    erp.at_read = lambda: events.append("source")
    market.hook = lambda _: events.append("write")
    play.sync()
    assert events[0] == "orders"
    assert events.index("source") < events.index("write")


def test_an_order_that_vanished_is_kept_until_the_source_was_read_later(tmp_path: Path) -> None:
    """ERP read at t0 says 10; the order is shipped and booked at t1; at t2 no orders are told: truth 9."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.sync()
    order = market.buy("A", 1, "main")
    play.sync()
    assert shows(market) == {"A": 9}
    # The source goes on telling what it knew at t0, however often it is asked.
    t0 = play.clock.now()
    play.wait(HOUR)
    erp.set("A", 10)
    market.forget(order.key)
    for _ in range(3):
        play.wait(HOUR)
        erp.behind = play.clock.now() - t0
        play.sync()
        assert shows(market) == {"A": 9}
    # Now it is asked anew, and has booked it: 9, and never 10 on the way.
    erp.behind = timedelta(0)
    erp.set("A", 9)
    for _ in range(3):
        play.wait(HOUR)
        play.sync()
    assert shows(market) == {"A": 9}
    assert 10 not in market.written[1:]


def test_an_order_that_vanished_while_the_source_was_being_read(tmp_path: Path) -> None:
    """The reading of the ERP began before the order was shipped; the orders are read after that: still 9."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.sync()
    order = market.buy("A", 1, "main")
    play.sync()

    def ship() -> None:
        market.at_observe = None
        market.forget(order.key)
        erp.set("A", 9)

    market.at_observe = ship
    play.sync(full=True)
    assert shows(market) == {"A": 9}
    play.wait(HOUR)
    play.sync()
    assert shows(market) == {"A": 9}
    assert market.written == [10, 9]


# ---------------------------------------------------------------- absorption


def test_three_orders_after_the_source_was_asked_are_subtracted(tmp_path: Path) -> None:
    """ERP as of 11:50 says free 10; 3 orders at 11:55; `absorbs` must still subtract 3."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.absorbs("erp")
    play.sync()
    play.wait(DAY)
    asked = play.clock.now()
    play.wait(5 * MINUTE)
    for _ in range(3):
        market.buy("A", 1, "main")
    play.wait(5 * MINUTE)
    erp.behind = play.clock.now() - asked
    play.sync()
    assert shows(market) == {"A": 7}


def test_the_lag_is_fifteen_minutes_where_nothing_is_said(tmp_path: Path) -> None:
    """Order at 11:55: an ERP that was asked at 12:09:59 may not have it, one of 12:10 has."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.absorbs("erp")
    play.sync()
    market.buy("A", 3, "main")
    ordered = play.clock.now()
    play.wait(HOUR)
    for after, expected in ((0, 7), (15 * MINUTE - 1, 7), (15 * MINUTE, 10)):
        erp.behind = play.clock.now() - ordered - timedelta(seconds=after)
        play.sync()
        assert shows(market) == {"A": expected}


# as-of against (the moment of the stage + lag), in seconds → is the order still subtracted? An order's own
# time counts from `≥`; of another status the as-of must be later.
BESIDE = [
    ("order", -1, True),
    ("order", 0, False),
    ("order", 1, False),
    ("assembly", -1, True),
    ("assembly", 0, True),
    ("assembly", 1, False),
    ("shipment", -1, True),
    ("shipment", 0, True),
    ("shipment", 1, False),
]


@pytest.mark.parametrize("lag", [0, 10 * MINUTE, 8 * HOUR], ids=["at once", "10 minutes", "8 hours"])
@pytest.mark.parametrize("books_at", ["order", "assembly", "shipment"])
def test_when_the_source_is_believed(tmp_path: Path, books_at: str, lag: int) -> None:
    """ERP 10 all the while; 3 ordered, assembled and shipped: 7 until the named stage + lag, then 10."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.absorbs("erp", books_at, lag)
    play.sync()
    play.wait(DAY)
    asked = play.clock.now() - timedelta(seconds=HOUR)

    def sync() -> dict[str, int]:
        erp.behind = play.clock.now() - asked
        shop.sync()
        return shows(market)

    with play.open() as shop:
        order = market.buy("A", 3, "main")
        moments = {"order": play.clock.now()}
        assert sync() == {"A": 7}
        for stage, move in (("assembly", market.assemble), ("shipment", market.ship)):
            play.wait(HOUR)
            move(order.key)
            moments[stage] = play.clock.now()
            # The ERP has not been asked since the day before: what came to the order meanwhile is no news.
            assert sync() == {"A": 7}
        for at, beside, subtracted in BESIDE:
            if at != books_at:
                continue
            asked = moments[books_at] + timedelta(seconds=lag + beside)
            play.wait(max((asked - play.clock.now()).total_seconds(), 0))
            assert sync() == {"A": 7 if subtracted else 10}, beside


@pytest.mark.parametrize(("books_at", "stages"), [("assembly", 1), ("shipment", 1), ("shipment", 2)])
def test_a_stage_that_was_not_reached_is_not_booked(tmp_path: Path, books_at: str, stages: int) -> None:
    """Placed alone, or assembled and not shipped: after three days the units are still subtracted."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.absorbs("erp", books_at, 0)
    play.sync()
    order = market.buy("A", 3, "main")
    if stages == 2:
        market.assemble(order.key)
    for _ in range(3):
        play.wait(DAY)
        play.sync()
        assert shows(market) == {"A": 7}


def test_what_was_shipped_was_assembled_before(tmp_path: Path) -> None:
    """Nobody saw it being assembled: it is booked by the shipment + lag at the latest."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.absorbs("erp", "assembly", HOUR)
    play.sync()
    order = market.buy("A", 3, "main")
    market.ship(order.key)
    play.sync()
    assert shows(market) == {"A": 7}
    play.wait(HOUR + 1)
    play.sync()
    assert shows(market) == {"A": 10}


def test_a_row_read_early_in_a_slow_reading_is_no_newer_than_its_page(tmp_path: Path) -> None:
    """Page 1 says 10 at 12:00, 3 are ordered at 12:05, page 2 is asked for at 12:30: the 10 is of 12:00."""
    play, erp, market = seller(tmp_path, {"A": 10, "B": 1}, page=1)
    play.absorbs("erp", "order", 15 * MINUTE)
    play.sync()
    # The pages of one reading are asked for one after another.
    erp_page_times = _paged_in_time(play, erp, market)
    play.sync(full=True)
    assert erp_page_times == [0.0, 30 * MINUTE]
    assert shows(market)["A"] == 7


def _paged_in_time(play: Seller, erp: Erp, market: Market) -> list[float]:
    """Let half an hour pass between two pages, and 3 be ordered in it; returns when each was asked for."""
    began = play.clock.monotonic()
    asked: list[float] = []
    plain = erp.read

    async def read(cursor: str | None) -> AsyncIterator[Reading]:
        async for reading in plain(cursor):
            asked.append(play.clock.monotonic() - began)
            yield evolve(reading, as_of=play.clock.now())
            if len(asked) == 1:
                await play.clock.sleep(5 * MINUTE)
                market.buy("A", 3, "main")
                await play.clock.sleep(25 * MINUTE)

    replaced: Any = read
    erp.read = replaced  # type: ignore[method-assign]  # the double's own way of telling, this once
    return asked


@pytest.mark.parametrize("books_at", ["order", "assembly"])
def test_a_total_reserve_cannot_be_absorbed(tmp_path: Path, books_at: str) -> None:
    """An account that tells only how many are reserved: nobody knows which orders the ERP has booked."""
    play, _, _ = seller(tmp_path, {"A": 10}, orders="total")
    play.absorbs("erp", books_at, 0)
    with pytest.raises(ConfigurationError, match="absorbs"):
        play.open()


@pytest.mark.parametrize("said", [True, False])
def test_a_total_reserve_is_subtracted_as_long_as_it_is_told(tmp_path: Path, said: bool) -> None:
    """3 reserved: 7 for three hours and more, and 10 − 1 when 2 of them have ended and were not booked."""
    play, _, market = seller(tmp_path, {"A": 10}, orders="total")
    if said:
        play.absorbs("erp", "shipment", 0)
    play.sync()
    one, two = market.buy("A", 1, "main"), market.buy("A", 2, "main")
    for _ in range(3):
        play.wait(HOUR)
        play.sync()
        assert shows(market) == {"A": 7}
    market.ship(two.key)
    for _ in range(2):
        play.sync()
        play.wait(HOUR)
    play.sync()
    assert shows(market) == {"A": 9}
    market.ship(one.key)
    for _ in range(2):
        play.sync()
        play.wait(HOUR)
    play.sync()
    assert shows(market) == {"A": 10}


def test_an_order_that_the_source_names_is_not_subtracted_twice(tmp_path: Path) -> None:
    """ERP 10 on hand names the order of 3 in its own reserves: 7, not 4."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.absorbs("erp", "order", 8 * HOUR)
    play.sync()
    order = market.buy("A", 3, "main")
    erp.hold(Hold(order.key, "A", 3, play.clock.now(), "main"))
    play.sync()
    assert shows(market) == {"A": 7}


def test_a_source_absorbs_the_orders_of_the_named_sink_alone(tmp_path: Path) -> None:
    """It books Ozon's orders within 15 minutes, Wildberries' at shipment: 10 − 2 of Wildberries."""
    play, _, ozon, wb = two_markets(tmp_path, {"A": 10})
    play.absorbs("erp", "order", sink="ozon")
    play.sync()
    ozon.buy("A", 3, "main")
    wb.buy("A", 2, "main")
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 5}, {"A": 5})
    play.wait(HOUR)
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 8}, {"A": 8})


# ---------------------------------------------------------------- when the source books


def test_an_order_is_not_believed_booked_too_early(tmp_path: Path) -> None:
    """ERP 10, one order complete at 15:00 and booked at 20:00: 9 all the five hours, and 9 afterwards."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.absorbs("erp", "shipment", 5 * HOUR)
    play.sync()
    order = market.buy("A", 1, "main")
    play.wait(HOUR)
    market.ship(order.key)
    for _ in range(6):
        play.sync()
        assert shows(market) == {"A": 9}
        play.wait(HOUR - 10 * MINUTE)
    erp.set("A", 9)
    play.wait(10 * MINUTE)
    play.sync()
    play.wait(HOUR)
    play.sync()
    assert shows(market) == {"A": 9}
    assert 10 not in market.written[1:]


@pytest.mark.parametrize("books_at", ["order", "shipment"])
def test_what_is_on_its_way_is_not_hidden_for_days(tmp_path: Path, books_at: str) -> None:
    """20 a day and 4 days of delivery: 80 units are on their way, booked long ago, and none is hidden."""
    play, erp, market = seller(tmp_path, {"A": 200})
    play.absorbs("erp", books_at, 15 * MINUTE)
    stock = 200
    play.sync()
    for _ in range(4):
        keys = [market.buy("A", 1, "main").key for _ in range(20)]
        play.sync()
        assert shows(market) == {"A": stock - 20}
        play.wait(2 * HOUR)
        for key in keys:
            market.ship(key)
        stock -= 20
        erp.set("A", stock)
        play.wait(HOUR)
        play.sync()
        assert shows(market) == {"A": stock}
        play.wait(DAY - 3 * HOUR)
    assert stock == 120


def test_a_cancel_before_handover_frees_the_units(tmp_path: Path) -> None:
    """10, 3 ordered: 7; cancelled in the warehouse: 10."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    order = market.buy("A", 3, "main")
    play.sync()
    assert shows(market) == {"A": 7}
    market.assemble(order.key)
    market.cancel(order.key)
    play.sync()
    assert shows(market) == {"A": 10}


def test_a_cancel_after_handover_raises_nothing_until_the_source_says_so(tmp_path: Path) -> None:
    """10, 3 shipped and booked: 7; the buyer cancels on the way: 7, until the ERP has the parcel back."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.sync()
    order = market.buy("A", 3, "main")
    play.sync()
    market.ship(order.key)
    market.cancel(order.key)
    play.sync()
    assert shows(market) == {"A": 7}
    play.wait(HOUR)
    erp.set("A", 7)
    play.sync()
    play.wait(HOUR)
    play.sync()
    assert shows(market) == {"A": 7}
    erp.set("A", 10)
    play.sync()
    assert shows(market) == {"A": 10}


def test_a_parcel_cancelled_on_its_way_before_it_was_ever_told_as_shipped(tmp_path: Path) -> None:
    """Ordered, shipped and cancelled between two runs: the units are out of the warehouse."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.absorbs("erp", "shipment", HOUR)
    play.sync()
    order = market.buy("A", 3, "main")
    market.ship(order.key)
    market.cancel(order.key)
    assert market._orders[order.key][0].stage is OrderStage.SHIPPED
    play.sync()
    assert shows(market) == {"A": 7}


def test_less_of_an_order_than_was_told_before_has_ended(tmp_path: Path) -> None:
    """3 are told, then 1: nobody says how 2 have ended, so they count until the ERP was read later."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    order = market.buy("A", 3, "main")
    play.sync()
    market._revision += 1
    market._orders[order.key] = (evolve(order, quantity=1), market._revision)
    play.sync()
    assert shows(market) == {"A": 7}
    play.wait(HOUR)
    play.sync()
    assert shows(market) == {"A": 9}


def test_an_older_state_that_is_told_again_changes_nothing(tmp_path: Path) -> None:
    """Shipped, and told as placed once more by a late page: it stays shipped, and its 3 are not hidden."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.sync()
    order = market.buy("A", 3, "main")
    market.ship(order.key)
    play.sync()
    market._revision += 1
    market._orders[order.key] = (order, market._revision)
    erp.set("A", 7)
    play.wait(HOUR)
    play.sync()
    assert shows(market) == {"A": 7}


@pytest.mark.parametrize("warehouse", ["another", None])
def test_an_order_from_a_sink_warehouse_that_is_not_served_counts_too(
    tmp_path: Path, warehouse: str | None
) -> None:
    """2 are ordered from a warehouse that is not configured, or not told: of the 10 there are 8 left."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    market._revision += 1
    order = Order("o1", "A", 2, play.clock.now(), warehouse)
    market._orders[order.key] = (order, market._revision)
    play.sync()
    assert shows(market) == {"A": 8}


# ---------------------------------------------------------------- packs, kits, strangers


def test_one_order_of_a_pack_of_six_holds_six(tmp_path: Path) -> None:
    """20 in the ERP: 3 packs of 6; one is sold: 14, which is 2 packs; the single bottle shows 14."""
    play, _, ozon, wb = two_markets(tmp_path, {"A": 20})
    play.write_products("sku,ozon.pack\nA,6\n")
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 3}, {"A": 20})
    ozon.buy("A", 1, "main")
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 2}, {"A": 14})


def test_a_kit_that_no_source_lists_is_served_by_the_first_run(tmp_path: Path) -> None:
    """K = A + 2 B with A 10 and B 11: the very first run shows 5 of it."""
    play, _, market = seller(tmp_path, {"A": 10, "B": 11}, sells=["K"])
    play.write_products("sku,components\nK,A:1 B:2\n")
    play.sync()
    assert shows(market) == {"K": 5}


def test_a_kit_holds_each_of_its_components(tmp_path: Path) -> None:
    """K = A + 2 B with A 10 and B 11: 5 kits; one is sold on Ozon: A 9, B 9 on Wildberries, 4 kits."""
    play, _, ozon, wb = two_markets(tmp_path, {"A": 10, "B": 11}, ozon_sells=["K"])
    play.write_products("sku,components\nK,A:1 B:2\n")
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"K": 5}, {"A": 10, "B": 11})
    ozon.buy("K", 1, "main")
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"K": 4}, {"A": 9, "B": 9})


def test_a_component_that_is_sold_takes_from_the_kit(tmp_path: Path) -> None:
    """K = A + 2 B with A 10 and B 11: 3 B are sold on Wildberries, 8 are left: 4 kits."""
    play, _, ozon, wb = two_markets(tmp_path, {"A": 10, "B": 11}, ozon_sells=["K"])
    play.write_products("sku,components\nK,A:1 B:2\n")
    play.sync()
    wb.buy("B", 3, "main")
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"K": 4}, {"A": 10, "B": 8})


def test_a_kit_of_kits_holds_what_it_is_made_of(tmp_path: Path) -> None:
    """L = 2 K, K = A + 2 B: one L holds 2 A and 4 B; A 10, B 11 make 2 L, and after one is sold 1 more."""
    play, _, ozon, wb = two_markets(tmp_path, {"A": 10, "B": 11}, ozon_sells=["L"])
    play.write_products("sku,components\nK,A:1 B:2\nL,K:2\n")
    play.sync()
    assert shows(ozon) == {"L": 2}
    ozon.buy("L", 1, "main")
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"L": 1}, {"A": 8, "B": 7})


def test_a_pack_of_kits_holds_so_many_of_each(tmp_path: Path) -> None:
    """K = A + 2 B, sold by threes on Ozon: one order holds 3 A and 6 B."""
    play, _, ozon, wb = two_markets(tmp_path, {"A": 10, "B": 14}, ozon_sells=["K"])
    play.write_products("sku,components,ozon.pack\nK,A:1 B:2,3\n")
    play.sync()
    assert shows(ozon) == {"K": 2}
    ozon.buy("K", 1, "main")
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"K": 1}, {"A": 7, "B": 8})


def test_an_order_of_an_unknown_article_is_an_alert_with_its_units(tmp_path: Path) -> None:
    """5 of an article that nobody knows are on order: told with their units, never dropped."""
    play, erp, market = seller(tmp_path, {"A": 10}, sells=["A", "X"], shown={("X", "main"): 9})
    market.buy("X", 2, "main")
    market.buy("X", 3, "main")
    report = play.sync()
    assert report.sinks["shop"].unknown_orders == 2
    (alert,) = [alert for alert in play.told.alerts if "X" in alert.subject]
    assert alert.data["units"] == 5
    assert "5" in alert.message
    # It becomes known: what was ordered before counts at once.
    erp.set("X", 9)
    play.sync()
    assert shows(market) == {"A": 10, "X": 4}


# ---------------------------------------------------------------- which warehouse it hits


def _three_listings(folder: Path, **keys: Any) -> tuple[Seller, Erp, Market, Market]:
    """`one` is fed by main and msk and sells; `two` shows each of them by itself."""
    levels: dict[tuple[str, str], int | None] = {("A", "main"): 10, ("A", "msk"): 5}
    play, erp, one = seller(folder, levels)
    two = Market(["A"], warehouses=("w1", "w2"), clock=play.clock, account="two")
    play.set_sink("shop", warehouses=(fed("main", "main", "msk", **keys),))
    play.sinks["two"] = sink_config("two", two, warehouses=(fed("w1", "main"), fed("w2", "msk")))
    play.sync()
    assert (one.shown["A", "main"], two.shown["A", "w1"], two.shown["A", "w2"]) == (15, 10, 5)
    return play, erp, one, two


def test_without_a_pick_order_every_pool_that_feeds_the_listing_loses_it(tmp_path: Path) -> None:
    """main 10, msk 5, 3 sold of a listing that both feed: 12 in all, and 7 and 2 by themselves."""
    play, _, one, two = _three_listings(tmp_path)
    one.buy("A", 3, "main")
    play.sync()
    assert (one.shown["A", "main"], two.shown["A", "w1"], two.shown["A", "w2"]) == (12, 7, 2)


def test_with_a_pick_order_the_first_of_it_loses_the_units(tmp_path: Path) -> None:
    """The same with pick_order = [main, msk]: 12 in all, 7 in main, and msk keeps its 5."""
    play, _, one, two = _three_listings(tmp_path, pick_order=("main", "msk"))
    one.buy("A", 3, "main")
    play.sync()
    assert (one.shown["A", "main"], two.shown["A", "w1"], two.shown["A", "w2"]) == (12, 7, 5)


def test_an_order_of_a_listing_that_one_warehouse_feeds_hits_that_one(tmp_path: Path) -> None:
    """3 are sold of the listing that msk alone feeds: 12 in all, main keeps its 10."""
    play, _, one, two = _three_listings(tmp_path)
    two.buy("A", 3, "w2")
    play.sync()
    assert (one.shown["A", "main"], two.shown["A", "w1"], two.shown["A", "w2"]) == (12, 10, 2)


def test_what_was_picked_from_one_source_and_booked_there_is_not_taken_from_the_next(tmp_path: Path) -> None:
    """pick_order = [main, sup]; the 3 in main are ordered and booked: 0 and 5, the supplier lost none."""
    play, erp, market = seller(tmp_path, {("A", "main"): 3})
    supplier = Erp({("A", "sup"): 5}, clock=play.clock)
    play.sources["supplier"] = source_config("supplier", supplier)
    play.absorbs("erp", "order", 15 * MINUTE)
    play.set_sink("shop", warehouses=(fed("main", "main", "sup", pick_order=("main", "sup")),))
    play.sync()
    assert shows(market) == {"A": 8}
    market.buy("A", 3, "main")
    play.sync()
    assert shows(market) == {"A": 5}
    play.wait(HOUR)
    erp.set("A", 0)
    play.sync()
    assert shows(market) == {"A": 5}


# ---------------------------------------------------------------- carts


def _with_carts(folder: Path, **keys: Any) -> tuple[Seller, Erp, Market]:
    play, _, market = seller(folder, {"A": 10})
    carts = Erp(clock=play.clock)
    play.sources["carts"] = source_config("carts", carts, **keys)
    play.sync()
    return play, carts, market


def _cart(play: Seller, key: str, units: int, minutes: int = 60) -> Hold:
    now = play.clock.now()
    return Hold(key, "A", units, now, "main", now + timedelta(minutes=minutes))


def test_carts_are_kept_back_and_their_end_raises_again(tmp_path: Path) -> None:
    """10, a cart of 3 for an hour: 7, and 10 when the hour is over and nothing else has happened."""
    play, carts, market = _with_carts(tmp_path)
    carts.hold(_cart(play, "c1", 3))
    play.sync()
    assert shows(market) == {"A": 7}
    play.wait(HOUR - 10)
    play.sync()
    assert shows(market) == {"A": 7}
    play.wait(20)
    play.sync()
    assert shows(market) == {"A": 10}


def test_carts_together_take_no_more_than_their_cap(tmp_path: Path) -> None:
    """Bots fill five carts of 3: with a cap of 4 they take 4 of the 10."""
    play, carts, market = _with_carts(tmp_path, max_per_sku=4)
    for number in range(5):
        carts.hold(_cart(play, f"c{number}", 3))
    play.sync()
    assert shows(market) == {"A": 6}


def test_a_cart_that_has_ended_makes_no_room_for_bots(tmp_path: Path) -> None:
    """Cap 3: a cart of 3 ends and was left behind; the next cart of 2 counts: 8, not 10."""
    play, carts, market = _with_carts(tmp_path, max_per_sku=3)
    carts.hold(_cart(play, "c1", 3, minutes=10_000))
    play.sync()
    assert shows(market) == {"A": 7}
    carts.release("c1")
    play.sync()
    play.wait(HOUR)
    play.sync()
    assert shows(market) == {"A": 10}
    carts.hold(_cart(play, "c2", 2))
    play.sync()
    assert shows(market) == {"A": 8}


def test_a_cart_that_expired_counts_towards_no_cap(tmp_path: Path) -> None:
    """Cap 3: a cart of 3 expires, a cart of 2 is opened: 8."""
    play, carts, market = _with_carts(tmp_path, max_per_sku=3)
    carts.hold(_cart(play, "c1", 3, minutes=10))
    play.sync()
    play.wait(HOUR)
    carts.hold(_cart(play, "c2", 2))
    play.sync()
    assert shows(market) == {"A": 8}


def test_the_cap_does_not_bound_orders(tmp_path: Path) -> None:
    """A cap of 4 on carts: carts of 9 and an order of 5 leave 10 − 4 − 5 = 1."""
    play, carts, market = _with_carts(tmp_path, max_per_sku=4)
    for number in range(3):
        carts.hold(_cart(play, f"c{number}", 3))
    market.buy("A", 5, "main")
    play.sync()
    assert shows(market) == {"A": 1}


# ---------------------------------------------------------------- carts that the shop itself tells


def test_a_cart_is_kept_back_until_it_is_released(tmp_path: Path) -> None:
    """10, the shop's own site opens a cart of 4: 6; the cart is left: 10."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    with play.open() as shop:
        assert shop.hold("c1", "A", 4)
    play.sync()
    assert shows(market) == {"A": 6}
    with play.open() as shop:
        assert shop.release("c1")
        assert not shop.release("c1")
    play.sync()
    assert shows(market) == {"A": 10}


def test_the_expiry_of_a_cart_makes_dirty_when_it_passes(tmp_path: Path) -> None:
    """A cart of 4 for ten minutes: 6 at 9:59, 10 at 10:00, by time alone."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    opened = play.clock.now()
    with play.open() as shop:
        shop.hold("c1", "A", 4, expires_in=timedelta(minutes=10))
    for seconds, expected in ((10 * MINUTE - 1, 6), (10 * MINUTE, 10)):
        play.wait((opened + timedelta(seconds=seconds) - play.clock.now()).total_seconds())
        play.sync()
        assert shows(market) == {"A": expected}


def test_only_what_is_free_can_be_held(tmp_path: Path) -> None:
    """10, of which 3 are ordered: a cart of 8 is refused, one of 7 is not, and then not even one of 1."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    market.buy("A", 3, "main")
    play.sync()
    with play.open() as shop:
        assert not shop.hold("c1", "A", 8, only_if_available=True)
        assert shop.hold("c2", "A", 7, only_if_available=True)
        assert not shop.hold("c3", "A", 1, only_if_available=True)
        assert shop.hold("c4", "A", 1)
    play.sync()
    assert shows(market) == {"A": 0}


def test_looking_and_holding_are_one_step(tmp_path: Path) -> None:
    """10 free, 40 carts of 1 from 4 threads, each with a shop of its own: exactly 10 of them are held."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()

    def customers(number: int) -> int:
        with play.open() as shop:
            return sum(shop.hold(f"c{number}-{n}", "A", 1, only_if_available=True) for n in range(10))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(customers, range(4))) == 10
    play.sync()
    assert shows(market) == {"A": 0}


def test_a_cart_of_a_kit_holds_each_of_its_components(tmp_path: Path) -> None:
    """K = A + 2 B with A 10 and B 11: a cart of 2 K leaves A 8 and B 7; 4 more are not there."""
    play, _, market = seller(tmp_path, {"A": 10, "B": 11})
    play.write_products("sku,components\nK,A:1 B:2\n")
    play.sync()
    with play.open() as shop:
        assert shop.hold("c1", "K", 2, only_if_available=True)
        assert not shop.hold("c2", "K", 4, only_if_available=True)
    play.sync()
    assert shows(market) == {"A": 8, "B": 7}


def test_an_order_of_the_own_shop_takes_over_its_cart(tmp_path: Path) -> None:
    """7 of 10 are in a cart, and become an order of 7: they are counted once, also while looking."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    with play.open() as shop:
        assert shop.hold("c1", "A", 7, only_if_available=True)
        assert shop.hold("o1", "A", 7, only_if_available=True, expires_in=None, replaces="c1")
    play.sync()
    assert shows(market) == {"A": 3}
    play.wait(DAY)
    play.sync()
    assert shows(market) == {"A": 3}


@pytest.mark.parametrize("dated", [False, True])
def test_what_was_booked_stays_booked_when_the_quantity_becomes_unknown(tmp_path: Path, dated: bool) -> None:
    """2, one is sold and booked: 1. That this 1 is not known any more does not subtract the order again."""
    play, erp, market = seller(tmp_path, {"A": 2})
    play.sync()
    order = market.buy("A", 1, "main")
    market.ship(order.key)
    erp.set("A", 1, updated_at=play.clock.now() if dated else None)
    play.sync()
    assert shows(market) == {"A": 0}
    play.wait(HOUR)
    # It tells of the row no more, for it has not moved: that confirms it.
    play.sync()
    assert shows(market) == {"A": 1}
    erp.set("A", None)
    report = play.sync()
    assert (report.pushed, shows(market)) == (0, {"A": 1})


def test_what_was_not_yet_booked_when_the_quantity_became_unknown_is_subtracted(tmp_path: Path) -> None:
    """2, one is sold, and before a reading could confirm what is left it is unknown: at most 1."""
    play, erp, market = seller(tmp_path, {"A": 2})
    play.sync()
    play.wait(HOUR)
    play.sync()
    market.ship(market.buy("A", 1, "main").key)
    play.wait(HOUR)
    erp.set("A", None)
    play.sync()
    assert shows(market) == {"A": 1}
