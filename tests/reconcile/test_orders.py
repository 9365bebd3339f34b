"""What the sinks sell is subtracted everywhere, once, and for as long as nobody has booked it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve

from mpstock import Change, OrderPage, OrderStage
from mpstock.config import Absorption, SinkWarehouse
from mpstock.errors import TransientError
from mpstock.inmemory import InMemorySource
from mpstock.ledger import Ledger
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Account, Play, make, shows, skus

MINUTE = 60.0


def two_sinks(
    folder: Path, levels: dict[str, int], **limits: object
) -> tuple[Play, InMemorySource, Account, Account]:
    """A seller with one source and the sinks `ozon` and `wb`, which both sell everything."""
    clock = VirtualClock()
    source = InMemorySource(levels, clock=clock)
    ozon = Account(list(levels), clock=clock, self_decrements="yes", **limits)  # type: ignore[arg-type]
    wb = Account(list(levels), clock=clock, self_decrements="unknown")
    return Play(folder, {"erp": source}, {"ozon": ozon, "wb": wb}, clock=clock), source, ozon, wb


def test_a_unit_reserved_on_one_sink_leaves_the_other_at_the_next_run(tmp_path: Path) -> None:
    """Ten on hand, three sold on Ozon: WB shows seven, and Ozon, which lowered itself, is not written."""
    play, _, ozon, wb = two_sinks(tmp_path, {"A": 10})
    play.sync()
    ozon.buy("A", 3, "main")
    before = len(ozon.pushes)
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 7}, {"A": 7})
    assert len(ozon.pushes) == before


def test_an_order_ends_when_the_source_was_read_late_enough(tmp_path: Path) -> None:
    """Shipped and booked: its units come off the quantity, and off the holds at the reading after the lag."""
    play, source, ozon, wb = two_sinks(tmp_path, {"A": 10})
    play.sync()
    order = ozon.buy("A", 3, "main")
    play.sync()
    ozon.ship(order.key)
    source.set("A", 7)
    play.sync()
    assert shows(wb) == {"A": 4}, "booked or not, nobody knows yet"
    play.clock.advance(16 * MINUTE)
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 7}, {"A": 7})


class AsksTwice(Account):
    """An account that lists its orders first, and then asks what has become of them: its page is as of then.

    `between` is called between the two.
    """

    between: Callable[[], None] | None = None

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        pages = [page async for page in super().orders(cursor)]
        if self.between is not None:
            self.between()
        for page in pages:
            yield evolve(page, as_of=self.clock.now())


def test_an_order_that_came_while_they_were_read_has_not_ended(tmp_path: Path) -> None:
    """A process asks for the orders and sleeps; another is told of one more, which no answer has: held."""
    clock = VirtualClock()
    source = InMemorySource({"A": 10}, clock=clock)
    account = AsksTwice(["A"], clock=clock)
    play = Play(tmp_path, {"erp": source}, {"shop": account}, clock=clock)
    play.sync()

    def another_is_told() -> None:
        account.between = None
        clock.advance(MINUTE)
        order = account.buy("A", 3, "main")
        ledger = Ledger(f"sqlite:///{play.ledger}")
        with ledger.transaction():
            ledger.orders.begin_reading("shop", lowers=False).ingest([order], clock.now(), clock.now())
        ledger.close()
        clock.advance(MINUTE)

    account.between = another_is_told
    play.sync()
    clock.advance(20 * MINUTE)
    play.sync()
    assert shows(account) == {"A": 7}


@pytest.mark.parametrize(("after", "shown"), [(5, 4), (20, 7)])
def test_a_source_that_books_at_the_order_is_believed_after_its_lag(
    tmp_path: Path, after: int, shown: int
) -> None:
    """The source says 7 because it has booked the order: subtracted again until the lag has passed."""
    play, source, ozon, wb = two_sinks(tmp_path, {"A": 10})
    play.set_source("erp", absorbs={"ozon": Absorption("order", timedelta(minutes=15))})
    play.sync()
    ozon.buy("A", 3, "main")
    source.set("A", 7)
    play.clock.advance(after * MINUTE)
    play.sync()
    assert shows(wb) == {"A": shown}


def test_a_cancel_before_handover_frees_the_units_at_once_and_voids_the_base(tmp_path: Path) -> None:
    """Ozon puts them back by itself, WB is raised; neither is pushed twice."""
    play, _, ozon, wb = two_sinks(tmp_path, {"A": 10})
    ozon.raises_on_cancel = True
    play.sync()
    order = ozon.buy("A", 3, "main")
    play.sync()
    ozon.cancel(order.key)
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 10}, {"A": 10})


def test_an_order_that_vanishes_is_held_until_a_later_reading(tmp_path: Path) -> None:
    """Told no longer, nobody knows how it ended: it may have been handed over just before."""
    play, source, ozon, wb = two_sinks(tmp_path, {"A": 10})
    play.sync()
    order = ozon.buy("A", 1, "main")
    play.sync()
    ozon.forget(order.key)
    source.fail(TransientError("no route to host"))
    play.sync()
    assert shows(wb) == {"A": 9}
    source.set("A", 9)
    play.clock.advance(20 * MINUTE)
    play.sync()
    assert (shows(ozon), shows(wb)) == ({"A": 9}, {"A": 9})


def test_orders_that_cannot_be_read_raise_nothing_for_longer_than_their_age(tmp_path: Path) -> None:
    """WB's orders fail: Ozon follows falls, and raises only while the last reading is young."""
    play, source, ozon, wb = two_sinks(tmp_path, {"A": 10})
    play.sync()
    wb.fail_orders(TransientError("503"), times=3)
    source.set("A", 12)
    play.sync()
    assert shows(ozon) == {"A": 12}
    play.clock.advance(16 * MINUTE)
    source.set("A", 20)
    report = play.sync()
    assert shows(ozon) == {"A": 12}
    assert (report.exit_code, report.sinks["wb"].orders_error) == (3, "503")
    source.set("A", 5)
    play.sync()
    assert shows(ozon) == {"A": 5}
    source.set("A", 8)
    play.sync()
    assert shows(ozon) == {"A": 8}


def test_an_order_of_an_unknown_article_is_told_with_its_units(tmp_path: Path) -> None:
    """Nobody knows what was ordered: an alert and a count, and the order waits for its product."""
    play, source, account = make(tmp_path, {"A": 10}, sells=["A", "X"], shown={("X", "main"): 5})
    account.buy("X", 2, "main")
    ears = play.listen()
    report = play.sync()
    assert report.sinks["shop"].unknown_orders == 1
    assert [(a.subject, a.data["units"]) for a in ears.alerts] == [("unknown_order:shop:X", 2)]
    source.set("X", 5)
    play.clock.advance(1)
    report = play.sync()
    assert report.sinks["shop"].unknown_orders == 0
    assert shows(account)["X"] == 3


def test_a_total_that_falls_has_partly_ended(tmp_path: Path) -> None:
    """A reserve told as a number: what it fell by is held until the source was read later."""
    play, source, account = make(tmp_path, {"A": 10}, orders="total", self_decrements="yes")
    play.sync()
    first = account.buy("A", 2, "main")
    account.buy("A", 1, "main")
    play.sync()
    assert shows(account) == {"A": 7}
    account.ship(first.key)
    source.set("A", 8)
    play.sync()
    assert shows(account) == {"A": 5}
    play.clock.advance(20 * MINUTE)
    play.sync()
    assert shows(account) == {"A": 7}


def test_an_order_of_a_warehouse_that_is_not_served_takes_from_everywhere(tmp_path: Path) -> None:
    """Another program serves it from the same stock: its order is known all the same."""
    play, _, account = make(tmp_path, {"A": 10}, warehouses=("1", "2"), shown={("A", "2"): 4})
    play.set_sink("shop", warehouses=(SinkWarehouse("1"),))
    account._listings = {key: found for key, found in account._listings.items() if key[1] == "1"}
    account.buy("A", 3, "2")
    play.sync()
    assert shows(account, "1") == {"A": 7}


def test_a_sale_between_a_read_back_and_the_orders_is_not_put_back(tmp_path: Path) -> None:
    """The read-back of 9 is a sale that the orders tell a moment later: 10 is not written again."""
    play, _, account = make(tmp_path, {"A": 10}, self_decrements="unknown", orders="each")
    account.lowers = True
    play.sync()
    seen: list[int] = []
    observe = account.observe

    def sell_first(listings: object) -> object:
        if not seen:
            seen.append(1)
            account.buy("A", 1, "main")
        return observe(listings)  # type: ignore[arg-type]

    account.observe = sell_first  # type: ignore[method-assign, assignment]
    account.buy("A", 1, "main")
    pushes = len(account.pushes)
    play.sync()
    assert shows(account) == {"A": 8}
    assert len(account.pushes) == pushes


@pytest.mark.parametrize("sold_unseen", [0, 2])
def test_a_number_that_the_known_orders_explain_asks_for_no_other_reading_of_them(
    tmp_path: Path, sold_unseen: int
) -> None:
    """Ten less the three that were sold is seven: nothing to look for. Where it is five, there is."""
    play, _, account = make(tmp_path, {"A": 10}, self_decrements="yes", orders="each")
    play.sync()
    account.buy("A", 3, "main")
    orders, observe = account.orders, account.observe
    read: list[str | None] = []

    def counted(cursor: str | None) -> AsyncIterator[OrderPage]:
        read.append(cursor)
        return orders(cursor)

    def sell_first(listings: object) -> object:
        if sold_unseen and len(read) == 1:
            account.buy("A", sold_unseen, "main")
        return observe(listings)  # type: ignore[arg-type]

    account.orders = counted  # type: ignore[method-assign]
    account.observe = sell_first  # type: ignore[method-assign, assignment]
    play.sync(read="orders")
    assert (len(read) > 1) is (sold_unseen > 0)
    assert shows(account) == {"A": 7 - sold_unseen}


def test_what_is_sold_while_a_long_push_is_under_way_falls_elsewhere_in_the_same_run(tmp_path: Path) -> None:
    """The orders are read again while changes wait for their cooldown, and the fall goes out."""
    clock = VirtualClock()
    names = skus(5)
    source = InMemorySource(dict.fromkeys(names, 10), clock=clock)
    slow = Account(names, clock=clock, batch=1, self_decrements="yes")
    other = Account(names, clock=clock, self_decrements="yes")
    play = Play(tmp_path, {"erp": source}, {"slow": slow, "other": other}, clock=clock)
    play.sync()
    for name in names[:4]:
        source.set(name, 5)
    last = names[-1]

    def takes_half_a_minute(changes: Sequence[Change]) -> None:
        clock.advance(31)
        if changes[0].listing.external_id == names[0]:
            other.buy(last, 4, "main")

    slow.hook = takes_half_a_minute
    play.sync()
    assert shows(slow) == {**dict.fromkeys(names, 5), last: 6}


def test_stages_only_go_forward_whatever_is_told_twice_or_late(tmp_path: Path) -> None:
    """Shipped stays shipped: a late telling that it was cancelled frees nothing."""
    play, source, ozon, wb = two_sinks(tmp_path, {"A": 10})
    play.sync()
    order = ozon.buy("A", 3, "main")
    ozon.ship(order.key)
    play.sync()
    changed, revision = ozon._orders[order.key]
    ozon._orders[order.key] = (evolve(changed, stage=OrderStage.CANCELLED), revision + 5)
    ozon._revision += 5
    play.sync()
    assert shows(wb) == {"A": 7}
    source.set("A", 7)
    play.clock.advance(20 * MINUTE)
    play.sync()
    assert shows(wb) == {"A": 7}


def test_status_counts_the_open_orders_and_names_those_of_unknown_articles(tmp_path: Path) -> None:
    """How many are open, of how many units, and what nobody knows."""
    play, _, account = make(tmp_path, {"A": 10}, sells=["A", "X"], shown={("X", "main"): 5})
    play.sync()
    account.buy("A", 3, "main")
    account.buy("X", 2, "main", key="17")
    play.sync()
    with play.open() as shop:
        (sink,) = shop.status().sinks
        text = repr(shop.status())
    assert (sink.orders, sink.order_units, sink.unknown_orders) == (2, 5, 1)
    assert list(sink.first_unknown_orders) == ["order 17: 2 of X, which no source knows"]
    assert "2 open orders of 5 units, 1 of unknown articles" in text


def test_a_number_from_a_clock_that_was_ahead_has_booked_nothing(tmp_path: Path) -> None:
    """Read while the clock was a day ahead, then it is set right: an order of now is in no such number."""
    play, source, ozon, wb = two_sinks(tmp_path, {"A": 10, "B": 1})
    play.set_source("erp", absorbs={"ozon": Absorption("order", timedelta(minutes=15))})
    play.clock.advance(86_400)
    play.sync()
    play.clock.advance(-86_400)
    # Only our clock was wrong, not the accounts'.
    ozon._written.clear()
    wb._written.clear()
    ozon.buy("A", 3, "main")
    source.fail(TransientError("down"))
    play.sync()
    assert shows(wb)["A"] == 7
    source.set("B", 2)
    play.clock.advance(20 * MINUTE)
    source.set("A", 7)
    play.sync()
    assert shows(wb)["A"] == 7


def test_a_zero_gets_through_where_neither_stock_nor_listing_is_known(tmp_path: Path) -> None:
    """The push was lost, the orders are not known any more: 4 may be a raise, 0 is none."""
    play, source, account = make(tmp_path, {"A": 9, "B": 9})
    play.sync()
    source.set("A", 0)
    source.set("B", 4)
    account.doubt(applied=False, times=9)
    account.fail_orders(TransientError("503"), times=9)
    play.sync()
    account.heal()
    account.fail_read(TransientError("503"), times=9)
    play.clock.advance(16 * MINUTE)
    report = play.sync()
    assert report.sinks["shop"].orders_error == "503"
    assert shows(account) == {"A": 0, "B": 9}


def test_two_accounts_of_one_marketplace_share_one_pool(tmp_path: Path) -> None:
    """What one account sells leaves the other, and a third that sells something else."""
    clock = VirtualClock()
    source = InMemorySource({"A": 10, "B": 4}, clock=clock)
    first, second = (Account(["A"], clock=clock, account=f"ozon:{n}", self_decrements="yes") for n in (1, 2))
    third = Account(["A", "B"], clock=clock, self_decrements="unknown")
    play = Play(tmp_path, {"erp": source}, {"one": first, "two": second, "wb": third}, clock=clock)
    play.sync()
    first.buy("A", 2, "main")
    second.buy("A", 3, "main")
    play.sync()
    assert (shows(first), shows(second), shows(third)) == ({"A": 5}, {"A": 5}, {"A": 5, "B": 4})


def test_an_order_that_ends_voids_the_base_however_it_has_ended(tmp_path: Path) -> None:
    """Packed, then cancelled: the account puts it back, and tells it as handed over. The 5 is found out."""
    play, source, account = make(tmp_path, {"A": 5}, self_decrements="yes")
    play.sync()
    order = account.buy("A", 2, "main")
    account.assemble(order.key)
    play.sync()
    assert shows(account) == {"A": 3}
    account.ship(order.key)
    account.shown["A", "main"] += 2
    play.sync()
    assert shows(account) == {"A": 3}
    source.set("A", 3)
    play.clock.advance(20 * MINUTE)
    play.sync()
    assert shows(account) == {"A": 3}


def test_an_open_order_never_takes_less_than_when_it_came(tmp_path: Path) -> None:
    """The pack was 12 and is 6, the kit is no kit any more: what was sold then is still on its way."""
    clock = VirtualClock()
    source = InMemorySource({"TEA": 120, "A": 10, "B": 10}, clock=clock)
    account = Account(["TEA", "KIT"], clock=clock, self_decrements="yes")
    parts = Account(["A", "B"], clock=clock)
    play = Play(tmp_path, {"erp": source}, {"shop": account, "parts": parts}, clock=clock)
    play.products = tmp_path / "products.csv"
    play.products.write_text("sku,pack,components\nTEA,12,\nKIT,,A:2 B:1\n", encoding="utf-8")
    play.sync()
    account.buy("TEA", 1, "main")
    account.buy("KIT", 1, "main")
    play.sync()
    play.products.write_text("sku,pack\nTEA,6\n", encoding="utf-8")
    play.sync()
    assert shows(account)["TEA"] == 18
    assert shows(parts) == {"A": 8, "B": 9}
    with play.open() as shop:
        sink = shop.status().sinks[0]
    assert (sink.unattended, sink.first_unattended[0].split(",")[0]) == (1, "KIT on main shows 4")


def test_an_open_order_stays_with_the_warehouses_that_fed_it_when_it_came(tmp_path: Path) -> None:
    """Sold from main, then the listing is fed by msk: the units are still missing in main."""
    clock = VirtualClock()
    source = InMemorySource({("A", "main"): 10, ("A", "msk"): 10}, clock=clock)
    one, two = (Account(["A"], clock=clock, self_decrements="yes") for _ in range(2))
    play = Play(tmp_path, {"erp": source}, {"one": one, "two": two}, clock=clock)

    def feed(first: str, second: str) -> None:
        for name, own in (("one", first), ("two", second)):
            play.set_sink(name, warehouses=(SinkWarehouse("main", feeds=(own,)),))

    feed("main", "msk")
    play.sync()
    one.buy("A", 3, "main")
    play.sync()
    play.sync()
    feed("msk", "main")
    play.sync()
    assert (shows(one), shows(two)) == ({"A": 10}, {"A": 7})


def test_a_warehouse_that_left_the_settings_and_still_sells_is_named(tmp_path: Path) -> None:
    """Nobody lowers it any more: status says so."""
    play, _, _ = make(tmp_path, {"A": 10}, warehouses=("1", "2"))
    play.set_sink("shop", warehouses=(SinkWarehouse("1"), SinkWarehouse("2")), buffer={"cap": 4})
    play.sync()
    play.set_sink("shop", warehouses=(SinkWarehouse("1"),))
    with play.open() as shop:
        (sink,) = shop.status().sinks
    assert sink.unattended == 1
    assert sink.first_unattended[0].startswith("A on 2 shows ")
