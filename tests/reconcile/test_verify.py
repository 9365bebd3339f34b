"""What is read back and differs: why, and what is done about it (semantics §1, §2, §8).

The margin within which an order may be in a number or not is a minute, so stories wait some minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mpstock import Drift, DriftKind, Observation
from mpstock.config import VerifySettings
from mpstock.errors import ConfigurationError, TransientError
from mpstock.ledger import Ledger
from tests.reconcile.shops import Killed, shows
from tests.semantics.stories import HOUR, MINUTE, Market, Seller, seller

MINUTES = 5 * MINUTE


def drifts(play: Seller, sink: str = "shop") -> list[Drift]:
    """Return what the ledger knows of differences, the oldest first."""
    ledger = Ledger(f"sqlite:///{play.ledger}")
    rows = ledger.drifts.rows(sink)
    ledger.close()
    return rows[::-1]


def kinds(play: Seller) -> list[tuple[str, int | None, int]]:
    """Return (kind, expected, observed) of all differences, the oldest first."""
    return [(str(row.kind), row.expected, row.observed) for row in drifts(play)]


def verify(play: Seller, *sinks: str) -> Any:
    """One `mpstock verify`; a second later the next command may follow."""
    with play.open() as shop:
        result = shop.verify(sinks or None)
    play.clock.advance(1)
    return result


def subjects(play: Seller) -> list[str]:
    """Return what the alerts so far were about."""
    return [alert.subject for alert in play.told.alerts]


def only_sample(play: Seller, sample: int, **bounds: int) -> None:
    """Let each run read so many listings back."""
    play.verify = VerifySettings(sample=sample, **bounds)


class Watched(Market):
    """An account that keeps which listings were read back, request by request, and what else was asked."""

    def __init__(self, *arguments: Any, **keys: Any) -> None:
        super().__init__(*arguments, **keys)
        self.read: list[list[str]] = []
        self.asked: list[str] = []

    async def observe(self, listings: Any) -> Any:
        self.asked.append("observe")
        self.read.append(["*"] if listings is None else [listing.external_id for listing in listings])
        async for page in super().observe(listings):
            yield page

    async def orders(self, cursor: str | None) -> Any:
        self.asked.append("orders")
        async for page in super().orders(cursor):
            yield page


def watched(folder: Path, levels: Mapping[str, int], **limits: Any) -> tuple[Seller, Any, Watched]:
    """Return a seller whose account keeps what was asked of it."""
    play, erp, _ = seller(folder, levels)
    account = Watched(list(levels), clock=play.clock, **limits)
    account.shown.update(dict.fromkeys(account._listings, 0))
    return Seller(folder, {"erp": erp}, {"shop": account}, clock=play.clock), erp, account


# ---------------------------------------------------------------- why it differs


def test_a_sale_that_is_told_after_the_read_back_is_a_sale(tmp_path: Path) -> None:
    """10 confirmed, 9 read back, the order is told a moment later: nothing is put back, nothing is odd."""
    play, _, market = seller(tmp_path, {"A": 10}, self_decrements="yes")
    market.lowers = True
    play.sync()
    play.wait(MINUTES)

    def buy() -> None:
        market.at_observe = None
        market.buy("A", 1, "main")

    market.at_observe = buy
    market.pushes.clear()
    report = play.sync(full=True)
    assert (shows(market), market.pushes) == ({"A": 9}, [])
    assert report.sinks["shop"].drifts == {"sale": 1}
    assert report.exit_code == 0


def test_a_sale_that_was_told_before_is_no_difference(tmp_path: Path) -> None:
    """The order is read first, and its listing read back lower: that is what was to be expected."""
    play, _, market = seller(tmp_path, {"A": 10}, self_decrements="yes")
    market.lowers = True
    play.sync()
    play.wait(MINUTES)
    market.buy("A", 3, "main")
    play.wait(MINUTES)
    report = play.sync()
    assert (shows(market), report.sinks["shop"].drifted) == ({"A": 7}, 0)


def test_a_sale_does_not_hide_somebody_else_s_number(tmp_path: Path) -> None:
    """An order makes the number doubtful, and 50 is shown: no order makes 50 of 10."""
    play, _, market = seller(tmp_path, {"A": 10}, self_decrements="yes")
    market.lowers = True
    play.sync()
    play.wait(MINUTES)
    market.buy("A", 3, "main")
    market.shown["A", "main"] = 50
    play.wait(MINUTES)
    play.sync()
    assert kinds(play) == [("another_writer", 10, 50)]
    assert shows(market) == {"A": 7}


def test_a_cancel_that_raises_again_is_a_sale_too(tmp_path: Path) -> None:
    """8 shown after an order of 2, its cancel raises to 10: the cancel explains it."""
    play, _, market = seller(tmp_path, {"A": 10}, self_decrements="yes")
    market.lowers = market.raises_on_cancel = True
    play.sync()
    play.wait(MINUTES)
    order = market.buy("A", 2, "main")
    play.wait(MINUTES)
    play.sync()
    play.wait(MINUTES)

    def cancel() -> None:
        market.at_observe = None
        market.cancel(order.key)

    market.at_observe = cancel
    report = play.sync(full=True)
    assert report.sinks["shop"].drifts == {"sale": 1}
    assert shows(market) == {"A": 10}


@pytest.mark.parametrize(("declared", "kind"), [("no", "another_writer"), ("yes", "platform")])
def test_a_fall_without_an_order(tmp_path: Path, declared: str, kind: str) -> None:
    """10 falls to 4 and nobody ordered: the platform's doing only where it lowers numbers at all."""
    play, _, market = seller(tmp_path, {"A": 10}, self_decrements=declared)
    play.sync()
    play.wait(MINUTES)
    market.shown["A", "main"] = 4
    result = verify(play)
    assert kinds(play) == [(kind, 10, 4)]
    assert (result.exit_code, market.written) == (1, [10])
    play.sync()
    assert shows(market) == {"A": 10}


@pytest.mark.parametrize("declared", ["no", "unknown", "yes"])
def test_a_rise_that_no_order_could_give_back(tmp_path: Path, declared: str) -> None:
    """10 rises to 50 and nothing was on order: somebody wrote it, whatever the platform does by itself."""
    play, _, market = seller(tmp_path, {"A": 10}, self_decrements=declared)
    play.sync()
    play.wait(MINUTES)
    market.shown["A", "main"] = 50
    play.sync(full=True)
    assert kinds(play) == [("another_writer", 10, 50)]
    assert shows(market) == {"A": 10}


def test_a_rise_that_an_order_could_give_back(tmp_path: Path) -> None:
    """2 of 10 are on order and 10 is shown again: a cancel that nobody told of is the platform's doing."""
    play, _, market = seller(tmp_path, {"A": 10}, self_decrements="unknown")
    market.lowers = True
    play.sync()
    play.wait(MINUTES)
    market.buy("A", 2, "main")
    play.wait(MINUTES)
    play.sync()
    play.wait(MINUTES)
    market.shown["A", "main"] = 10
    verify(play)
    assert kinds(play) == [("platform", 8, 10)]
    market.shown["A", "main"] = 8
    play.sync()
    play.wait(MINUTES)
    market.shown["A", "main"] = 11
    verify(play)
    assert kinds(play)[-1] == ("another_writer", 8, 11)


def test_what_cannot_be_told_without_the_orders_is_told_once_they_are_read(tmp_path: Path) -> None:
    """The orders cannot be read: a fall is put down to the platform, and is a sale when they can be."""
    play, _, market = seller(tmp_path, {"A": 10}, self_decrements="unknown")
    market.lowers = True
    play.sync()
    play.wait(MINUTES)
    market.buy("A", 2, "main")
    market.fail_orders(TransientError("maintenance"))
    result = verify(play)
    assert kinds(play) == [("platform", 10, 8)]
    assert (result.exit_code, result.sinks["shop"].orders_error != "") == (3, True)
    play.wait(MINUTES)
    play.sync()
    assert kinds(play) == [("sale", 10, 8)]
    assert shows(market) == {"A": 8}


def test_a_difference_that_was_seen_as_the_process_died_is_judged_by_the_next_run(tmp_path: Path) -> None:
    """Killed between the read-back and the orders: the difference is there, and gets its kind."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    play.wait(MINUTES)
    market.shown["A", "main"] = 50
    calls = 0

    def die() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            market.at_orders = None
            raise Killed

    market.at_orders = die
    play.dies(full=True)
    assert kinds(play) == []
    play.wait(MINUTE)
    play.sync()
    assert kinds(play) == [("another_writer", 10, 50)]
    assert shows(market) == {"A": 10}


def test_what_was_sent_in_doubt_may_be_either(tmp_path: Path) -> None:
    """A raise to 50 whose answer was lost shows 50 or 10: neither is anybody else's number."""
    for applied in (True, False):
        folder = tmp_path / str(applied)
        folder.mkdir()
        play, erp, market = seller(folder, {"A": 10})
        play.sync()
        play.wait(MINUTES)
        erp.set("A", 50)
        market.doubt(applied=applied, times=9)
        play.sync()
        market.heal()
        play.wait(MINUTES)
        play.sync()
        assert (kinds(play), shows(market)) == ([], {"A": 50})


def test_drift_is_reckoned_anew_and_never_put_back(tmp_path: Path) -> None:
    """Confirmed 10; the ERP has 7 by now and the cabinet says 50: 7 is written, not 10."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.sync()
    play.wait(MINUTES)
    market.shown["A", "main"] = 50
    verify(play)
    erp.set("A", 7)
    play.sync()
    assert market.written == [10, 7]


# ---------------------------------------------------------------- writes that are late, or lost


def test_a_write_that_is_not_visible_yet_stays_confirmed(tmp_path: Path) -> None:
    """The sink needs 30 s and says 60: read back before, the old number says nothing; after, all is well."""
    play, erp, market = seller(tmp_path, {"A": 10}, visible_after=60.0)
    play.sync()
    play.wait(MINUTES)
    market.apply_delay = 30.0
    erp.set("A", 4)
    play.sync()
    assert shows(market) == {"A": 10}
    result = verify(play)
    assert kinds(play) == [("not_yet_visible", 4, 10)]
    assert result.exit_code == 0
    play.sync()
    assert market.written == [10, 4]
    play.wait(MINUTES)
    assert verify(play).sinks["shop"].drifts == {}
    assert shows(market) == {"A": 4}


def test_a_late_sink_may_show_any_number_that_was_ours_a_moment_ago(tmp_path: Path) -> None:
    """10, 8 and 6 within the delay: 10 is read back, and it is neither the last nor the last but one."""
    play, erp, market = seller(tmp_path, {"A": 10}, visible_after=60.0)
    play.sync()
    play.wait(MINUTES)
    market.apply_delay = 30.0
    for quantity in (8, 6):
        erp.set("A", quantity)
        play.sync()
    verify(play)
    assert kinds(play) == [("not_yet_visible", 6, 10)]


def test_somebody_else_s_number_is_seen_within_the_delay_too(tmp_path: Path) -> None:
    """A late sink shows old numbers of ours, and no others."""
    play, erp, market = seller(tmp_path, {"A": 10}, visible_after=60.0)
    play.sync()
    play.wait(MINUTES)
    erp.set("A", 4)
    play.sync()
    market.shown["A", "main"] = 77
    verify(play)
    assert kinds(play) == [("another_writer", 4, 77)]


def test_a_late_number_does_not_make_certain_what_an_order_has_made_doubtful(tmp_path: Path) -> None:
    """4 is written, not visible yet, and one is ordered: the old 10 is not believed, and 3 is written."""
    play, erp, market = seller(tmp_path, {"A": 10}, visible_after=60.0)
    play.sync()
    play.wait(MINUTES)
    market.apply_delay = 30.0
    erp.set("A", 4)
    play.sync()
    market.buy("A", 1, "main")
    play.sync()
    assert market.written == [10, 4, 3]


def test_any_number_may_be_the_old_one_where_nobody_knew_what_was_replaced(tmp_path: Path) -> None:
    """1, ordered, not read back, so 0 is sent blindly; it did not lower itself, and tells the 1 late: 0."""
    play, _, market = seller(tmp_path, {"A": 1}, visible_after=60.0, self_decrements="unknown")
    play.sync()
    play.wait(MINUTES)
    market.apply_delay = 30.0
    market.buy("A", 1, "main")
    market.fail_read(TransientError("maintenance"))
    play.sync(read="orders")
    assert market.written == [1, 0]
    verify(play)
    assert play.sync().pushed == 0
    assert (market.written, kinds(play)) == ([1, 0], [("not_yet_visible", 0, 1)])


def test_a_cancel_before_our_write_makes_no_late_number_new(tmp_path: Path) -> None:
    """1; a cancel puts 2 back, 0 is sent before that is told, then 3 come in: the late 3 are the old ones."""
    play, erp, market = seller(tmp_path, {"A": 3}, visible_after=60.0, self_decrements="unknown")
    market.lowers = market.raises_on_cancel = True
    play.sync()
    order = market.buy("A", 2, "main")
    play.sync()
    play.wait(MINUTES)
    market.apply_delay = 30.0
    market.hook = lambda _changes: market.cancel(order.key)
    erp.set("A", 0)
    play.sync()
    assert market.written == [3, 0]
    market.hook = None
    verify(play)
    erp.set("A", 3)
    play.sync()
    market.catch_up()
    assert (shows(market), market.written) == ({"A": 3}, [3, 0, 3])


def test_a_late_number_does_not_end_the_doubt_about_a_write(tmp_path: Path) -> None:
    """13 is sent, nobody knows whether it has arrived; 10 again: that it shows 10 still proves nothing."""
    play, erp, market = seller(tmp_path, {"A": 10}, visible_after=60.0)
    play.sync()
    play.wait(MINUTES)
    market.apply_delay = 30.0
    erp.set("A", 13)
    market.doubt(applied=True, times=20)
    play.sync()
    market.heal()
    erp.set("A", 10)
    play.sync()
    play.wait(MINUTES)
    market.catch_up()
    assert shows(market) == {"A": 10}


def test_a_number_that_was_sent_in_doubt_and_is_told_ends_the_doubt(tmp_path: Path) -> None:
    """13 is sent in doubt, and a moment later it is told: what is wanted then is not sent again."""
    play, erp, market = seller(tmp_path, {"A": 10}, visible_after=60.0)
    play.sync()
    play.wait(MINUTES)
    erp.set("A", 13)
    market.doubt(applied=True, times=20)
    play.sync()
    market.heal()
    sent = len(market.written)
    assert play.sync().pushed == 0
    assert (len(market.written), shows(market)) == (sent, {"A": 13})


def test_a_lost_write_is_found_and_written_again(tmp_path: Path) -> None:
    """Accepted and never shown: a lost write once the delay has passed, and reckoned anew."""
    play, erp, market = seller(tmp_path, {"A": 10}, visible_after=60.0)
    play.sync()
    play.wait(MINUTES)
    market.ignores_writes = True
    erp.set("A", 4)
    play.sync()
    play.wait(MINUTES)
    market.ignores_writes = False
    report = play.sync(full=True)
    assert report.sinks["shop"].drifts == {"lost_write": 1}
    assert shows(market) == {"A": 4}


def test_a_write_that_was_seen_and_then_undone_is_not_lost(tmp_path: Path) -> None:
    """4 was shown, and then 10 again: somebody put it back."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.sync()
    play.wait(MINUTES)
    erp.set("A", 4)
    play.sync()
    verify(play)
    play.wait(MINUTES)
    market.shown["A", "main"] = 10
    verify(play)
    assert kinds(play) == [("another_writer", 4, 10)]


def test_a_sink_that_says_yes_and_does_nothing_is_told(tmp_path: Path) -> None:
    """Every write is accepted, none is shown: a critical alert, told by status, and falls are still sent."""
    levels = {"A": 1, "B": 2, "C": 3}
    play, _, market = seller(tmp_path, levels)
    only_sample(play, 100)
    market.ignores_writes = True
    play.sync()
    assert subjects(play) == []
    play.wait(MINUTES)
    report = play.sync()
    assert report.sinks["shop"].drifts == {"lost_write": 3}
    assert subjects(play) == ["lost_writes:shop"]
    assert play.told.alerts[0].severity == "critical"
    assert len(market.written) == 6
    with play.open() as shop:
        status = shop.status()
    assert status.sinks[0].lost_writes == 3
    assert "its writes do not arrive: 3 in a row" in "\n".join(status.lines())
    market.ignores_writes = False
    for _ in range(2):
        play.wait(MINUTES)
        play.sync()
    with play.open() as shop:
        assert shop.status().sinks[0].lost_writes == 0
    assert shows(market) == levels


def test_lost_writes_are_counted_from_run_to_run(tmp_path: Path) -> None:
    """One write a run, each of them lost: the third in a row is told, and one that arrives ends the row."""
    play, erp, market = seller(tmp_path, {"A": 10, "B": 5})
    only_sample(play, 100)
    play.sync()
    market.ignores_writes = True
    erp.set("A", 9)
    for _ in range(4):
        assert subjects(play) == []
        play.wait(MINUTES)
        play.sync()
    assert subjects(play) == ["lost_writes:shop"]


# ---------------------------------------------------------------- somebody else


def edit(play: Seller, market: Market, *skus: str, quantity: int = 99) -> Any:
    """Let somebody write these in the cabinet, and let a run find and mend it."""
    for sku in skus:
        market.shown[sku, "main"] = quantity
    return play.sync(full=True)


def test_another_writer_is_told_once_with_what_to_do(tmp_path: Path) -> None:
    """Three listings show numbers that are not ours: one critical alert with the first of them."""
    levels = dict.fromkeys("ABCD", 10)
    play, _, market = seller(tmp_path, levels)
    play.sync()
    play.wait(MINUTES)
    edit(play, market, "A", "B", "C")
    assert subjects(play) == ["another_writer:shop"]
    alert = play.told.alerts[0]
    assert (alert.severity, alert.sink, alert.data["listings"]) == ("critical", "shop", 3)
    assert "showed 99, not 10" in alert.message
    assert "1C" in alert.mend
    assert shows(market) == levels
    play.sync()
    assert subjects(play) == ["another_writer:shop"]


def test_one_edit_in_the_cabinet_is_no_writer(tmp_path: Path) -> None:
    """Two listings, once: mended and counted, no alert."""
    play, _, market = seller(tmp_path, dict.fromkeys("ABCD", 10))
    play.sync()
    play.wait(MINUTES)
    assert edit(play, market, "A", "B").sinks["shop"].drifts == {"another_writer": 2}
    assert subjects(play) == []


@pytest.mark.parametrize(("pause", "told"), [(MINUTES, ["another_writer:shop"]), (2 * HOUR, [])])
def test_the_same_listing_twice_within_an_hour_is(tmp_path: Path, pause: int, told: list[str]) -> None:
    """Mended and overwritten again: somebody writes there by himself. After hours it may be chance."""
    play, _, market = seller(tmp_path, dict.fromkeys("ABCD", 10))
    play.sync()
    play.wait(MINUTES)
    edit(play, market, "A")
    play.wait(pause)
    edit(play, market, "A")
    assert subjects(play) == told


def test_how_many_listings_are_too_many_is_a_setting(tmp_path: Path) -> None:
    """`another_writer = 1`: the first number that is not ours is told."""
    play, _, market = seller(tmp_path, {"A": 10})
    only_sample(play, 0, another_writer=1)
    play.sync()
    play.wait(MINUTES)
    edit(play, market, "A")
    assert subjects(play) == ["another_writer:shop"]


def test_status_tells_of_another_writer_until_a_whole_verify_finds_none(tmp_path: Path) -> None:
    """Told by status from the alert on; a sample does not end it, a whole verification does."""
    play, _, market = seller(tmp_path, dict.fromkeys("ABCD", 10))
    only_sample(play, 2)
    play.sync()
    play.wait(MINUTES)
    edit(play, market, "A", "B", "C")

    def told() -> bool:
        with play.open() as shop:
            status = shop.status()
        assert status.sinks[0].drifts == {"another_writer": 3}
        assert len(status.sinks[0].first_drifts) == 3
        return "somebody else writes there" in "\n".join(status.lines())

    play.wait(MINUTES)
    play.sync()
    assert told()
    market.fail_read(TransientError("maintenance"))
    verify(play)
    assert told()
    verify(play)
    assert not told()


# ---------------------------------------------------------------- the sample


def test_a_sample_finds_what_was_changed_without_a_full_sync(tmp_path: Path) -> None:
    """Somebody raises a number: an ordinary run finds and mends it."""
    play, _, market = seller(tmp_path, {"A": 10, "B": 10})
    only_sample(play, 200)
    play.sync()
    play.wait(MINUTES)
    market.shown["A", "main"] = 50
    report = play.sync()
    assert report.sinks["shop"].drifts == {"another_writer": 1}
    assert shows(market) == {"A": 10, "B": 10}


def test_everything_is_seen_in_its_turn(tmp_path: Path) -> None:
    """20 listings, 4 a run, of which one was always written a moment ago: each is read back in 10 runs."""
    levels = {f"P{n:02}": 10 for n in range(20)}
    play, erp, market = watched(tmp_path, levels)
    only_sample(play, 4)
    play.sync()
    market.read.clear()
    for turn in range(10):
        erp.set("P00", 11 + turn)
        play.wait(MINUTES)
        play.sync()
    assert all(len(request) <= 4 for request in market.read)
    assert {sku for request in market.read for sku in request} == set(levels)


def test_what_was_written_last_and_what_drifted_comes_first(tmp_path: Path) -> None:
    """Of 100 listings 8 are read back: those written last and the one that drifted are among them."""
    levels = {f"P{n:02}": 10 for n in range(100)}
    play, erp, market = watched(tmp_path, levels)
    play.sync()
    verify(play)
    play.wait(MINUTES)
    market.shown["P77", "main"] = 50
    verify(play)
    play.sync()
    verify(play)
    for sku in ("P55", "P66"):
        erp.set(sku, 3)
    only_sample(play, 8)
    play.sync()
    market.read.clear()
    play.wait(MINUTES)
    play.sync()
    assert {"P55", "P66", "P77"} <= set(market.read[0])
    assert len(market.read[0]) == 8


def test_a_sample_costs_one_request_and_no_second_reading_of_orders(tmp_path: Path) -> None:
    """All shows what was known: one read-back, and the orders are read once as in any run."""
    play, _, market = watched(tmp_path, dict.fromkeys("ABC", 10))
    only_sample(play, 200)
    play.sync()
    play.wait(MINUTES)
    market.asked.clear()
    play.sync()
    assert market.asked == ["orders", "observe"]


def test_a_sample_that_differs_has_the_orders_read_again_before_anything_is_planned(tmp_path: Path) -> None:
    """Something differs: the orders are read once more, after it."""
    play, _, market = watched(tmp_path, dict.fromkeys("ABC", 10))
    only_sample(play, 200)
    play.sync()
    play.wait(MINUTES)
    market.shown["A", "main"] = 5
    market.asked.clear()
    play.sync()
    assert market.asked[:3] == ["orders", "observe", "orders"]


def test_what_is_read_back_anyway_counts_in_the_sample(tmp_path: Path) -> None:
    """An order makes one listing doubtful: it and the sample share one request of the sample's size."""
    play, _, market = watched(tmp_path, dict.fromkeys("ABCDEF", 10), self_decrements="yes")
    market.lowers = True
    only_sample(play, 3)
    play.sync()
    play.wait(MINUTES)
    market.buy("E", 1, "main")
    market.read.clear()
    play.sync()
    assert [len(request) for request in market.read] == [3]
    assert "E" in market.read[0]


def test_no_sample_reads_nothing_back(tmp_path: Path) -> None:
    """`sample = 0`: only what is not known is read."""
    play, _, market = watched(tmp_path, dict.fromkeys("ABC", 10))
    only_sample(play, 0)
    play.sync()
    market.read.clear()
    play.sync()
    assert market.read == []


def test_a_sink_that_is_read_by_warehouse_gets_a_request_for_each(tmp_path: Path) -> None:
    """The sample's listings of two warehouses are two requests there."""
    play, _, market = watched(
        tmp_path, dict.fromkeys("ABC", 10), warehouses=("one", "two"), by_warehouse=True, observe_whole=False
    )
    only_sample(play, 200)
    play.sync()
    play.wait(MINUTES)
    market.read.clear()
    play.sync()
    assert [sorted(request) for request in market.read] == [["A", "B", "C"]] * 2


# ---------------------------------------------------------------- verify


def test_verify_reads_everything_then_the_orders_and_sends_nothing(tmp_path: Path) -> None:
    """Everything is observed first; what differs is marked and left to the next run."""
    play, _, market = watched(tmp_path, dict.fromkeys("ABC", 10))
    play.sync()
    play.wait(MINUTES)
    market.shown["B", "main"] = 3
    before = list(market.written)
    market.asked.clear()
    result = verify(play)
    assert market.asked[:2] == ["observe", "orders"]
    assert market.written == before
    assert (result.exit_code, result.unexplained, result.sinks["shop"].observed) == (1, 1, 3)
    first = result.sinks["shop"].first[0]
    assert (first.sku, first.kind, first.expected, first.observed) == ("B", DriftKind.ANOTHER_WRITER, 10, 3)
    assert "B on main showed 3, not 10" in repr(result)
    assert "<td>B</td>" in result._repr_html_()
    assert result.as_dict()["sinks"]["shop"]["drifts"] == {"another_writer": 1}


def test_verify_of_a_shop_that_is_in_step_ends_well(tmp_path: Path) -> None:
    """Nothing differs: 0, and it says so."""
    play, _, _ = seller(tmp_path, {"A": 10})
    play.sync()
    result = verify(play)
    assert result.exit_code == 0
    assert "all show what was known" in repr(result)


def test_verify_of_one_sink_asks_no_other(tmp_path: Path) -> None:
    """`--sink` narrows it; a sink that is not there is an error that names the nearest."""
    play, _, market = watched(tmp_path, {"A": 10})
    play.sync()
    market.asked.clear()
    assert list(verify(play, "shop").sinks) == ["shop"]
    with pytest.raises(ConfigurationError, match="shop"):
        verify(play, "shp")


def test_verify_of_a_sink_that_does_not_answer(tmp_path: Path) -> None:
    """It could not be read: 3, with the reason, and nothing is concluded from it."""
    play, _, market = seller(tmp_path, {"A": 10})
    play.sync()
    market.fail_read(TransientError("no route to host"))
    result = verify(play)
    assert (result.exit_code, result.sinks["shop"].drifts) == (3, {})
    assert "no route to host" in repr(result)
    play.sync()
    assert market.written == [10]


def test_a_reading_older_than_another_does_not_take_its_place(tmp_path: Path) -> None:
    """Two readings cross: the answer to the older request comes last, and says nothing."""
    play, _, _ = seller(tmp_path, {"A": 10})
    play.sync()
    play.wait(MINUTES)
    ledger = Ledger(f"sqlite:///{play.ledger}")
    asked = play.clock.now()
    early = ledger.observations.begin_observing("shop", asked)
    play.wait(1)
    verify(play)
    with ledger.transaction():
        early.ingest([Observation("A", "main", 3)], play.clock.now())
    ledger.close()
    assert play.sync().pushed == 0
    assert kinds(play) == []
