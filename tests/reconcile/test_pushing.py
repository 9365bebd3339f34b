"""What goes on the wire, in which order, and what becomes of each answer (semantics §2)."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log2
from pathlib import Path

import pytest

from mpstock import OutcomeStatus
from mpstock.config import SinkWarehouse
from mpstock.errors import InDoubtError, NotSentError
from mpstock.model import Change, Outcome
from tests.reconcile.shops import (
    BUSY,
    DOUBT,
    UNSENT,
    WAIT,
    WHOLE,
    Account,
    make,
    shows,
    sink_config,
    skus,
)


def test_zeros_and_falls_share_a_request(tmp_path: Path) -> None:
    """50 zeros and 50 falls are one request of 100, the zeros first in it."""
    names = skus(1000)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    account.pushes.clear()
    for sku in names[:50]:
        source.set(sku, 2)
    for sku in names[50:100]:
        source.set(sku, 0)
    assert play.sync().sinks["shop"].requests == 1
    assert [new for _, new in account.sent[0]] == [0] * 50 + [2] * 50


def test_zeros_go_before_falls_and_falls_before_raises(tmp_path: Path) -> None:
    """Three lanes in batches of 7: what is sent never goes back to an earlier lane."""
    names = skus(1000)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5), batch=7)
    play.sync()
    account.pushes.clear()
    for number, sku in enumerate(names[:60]):
        source.set(sku, (9, 0, 2)[number % 3])
    play.sync()
    sent = [new for push in account.sent for _, new in push]
    assert sent == [0] * 20 + [2] * 20 + [9] * 20
    assert len(account.sent) == ceil(60 / 7)


@pytest.mark.parametrize("count", [1, 99, 100, 101, 250])
def test_requests_are_the_changes_in_full_batches(tmp_path: Path, count: int) -> None:
    """Requests = ceil(changes / batch), not one more."""
    play, _, account = make(tmp_path, dict.fromkeys(skus(count), 5))
    report = play.sync()
    assert len(account.pushes) == report.sinks["shop"].requests == ceil(count / 100)
    assert sum(map(len, account.pushes)) == report.pushed == count


def test_requests_are_summed_over_the_warehouses(tmp_path: Path) -> None:
    """Where a request serves one warehouse it is Σ ceil(changes of the warehouse / batch)."""
    levels = {(sku, "main"): 5 for sku in skus(130)} | {(sku, "msk"): 7 for sku in skus(45)}
    play, _, account = make(tmp_path, levels, warehouses=("w1", "w2"), batch=50, by_warehouse=True)
    play.set_sink("shop", warehouses=(SinkWarehouse("w1", ("main",)), SinkWarehouse("w2", ("msk",))))
    report = play.sync()
    assert report.sinks["shop"].requests == ceil(130 / 50) + ceil(45 / 50)
    assert all(len({change.listing.warehouse for change in push}) == 1 for push in account.pushes)
    assert (len(shows(account, "w1")), len(shows(account, "w2"))) == (130, 45)


def test_a_failed_item_keeps_its_neighbours_and_is_tried_again(tmp_path: Path) -> None:
    """One item is refused: its neighbours go through, exit 1; the next run sends it and nothing else."""
    play, _, account = make(tmp_path, {"A": 1, "B": 2, "C": 3})
    account.refuse("B", "NOT_FOUND", "товар не найден")
    report = play.sync()
    assert (report.exit_code, report.sinks["shop"].failed, shows(account)) == (1, 1, {"A": 1, "C": 3})
    assert "NOT_FOUND: товар не найден" in report.errors[0]
    with play.open() as shop:
        failed = shop.explain("B").listings[0]
        assert (failed.status, failed.error) == ("error", "NOT_FOUND: товар не найден")
    assert play.sync().exit_code == 0
    assert account.sent[1:] == [[("B", 2)]]


def test_a_refusal_that_stays_costs_one_request_a_run(tmp_path: Path) -> None:
    """A refused item is not sent again within the run."""
    play, _, account = make(tmp_path, {"A": 1, "B": 2})
    account.refuse("B", "ARCHIVED", times=-1)
    for runs in (1, 2, 3):
        assert play.sync().exit_code == 1
        assert len(account.pushes) == runs


def test_the_next_run_waits_for_the_pair_of_a_refused_raise(tmp_path: Path) -> None:
    """Started before the pair's cooldown is over, it sends the raise when it is, and does not leave it."""
    play, _, account = make(tmp_path, {"A": 5, "B": 5}, pair_cooldown=30.0)
    account.refuse("A", "NO_CARD", times=1)
    assert play.sync().exit_code == 1
    before = play.clock.now()
    assert play.sync().exit_code == 0
    assert shows(account)["A"] == 5
    assert 29 <= (play.clock.now() - before).total_seconds() <= 31


def test_wait_is_sent_again_when_the_sink_says(tmp_path: Path) -> None:
    """`WAIT` is no failure: the item goes again after its time, in the same run."""
    play, _, account = make(tmp_path, {"A": 1, "B": 2})
    account.refuse("B", "TOO_MANY_REQUESTS", status=WAIT, retry_after=30.0)
    started = play.clock.now()
    report = play.sync()
    assert (report.exit_code, shows(account)) == (0, {"A": 1, "B": 2})
    assert account.sent[1:] == [[("B", 2)]]
    assert (play.clock.now() - started).total_seconds() >= 30


def test_wait_for_longer_than_a_run_has_patience_is_left_to_another(tmp_path: Path) -> None:
    """An hour is not waited for: the change stays pending, and is not sent before its time."""
    play, _, account = make(tmp_path, {"A": 1})
    account.refuse("A", "NOT_MODERATED", status=WAIT, retry_after=3600.0)
    report = play.sync()
    assert (report.exit_code, report.sinks["shop"].pending, len(account.pushes)) == (1, 1, 1)
    play.sync()
    assert len(account.pushes) == 1
    play.clock.advance(3600)
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 1}


def test_busy_pauses_its_warehouse_and_no_other(tmp_path: Path) -> None:
    """One warehouse takes nothing for 5 s; the other is served meanwhile."""
    levels = {("A", "main"): 1}
    play, _, account = make(tmp_path, levels, warehouses=("w1", "w2"), by_warehouse=True)
    play.set_sink("shop", warehouses=(SinkWarehouse("w1", ("main",)), SinkWarehouse("w2", ("main",))))
    account.shown["A", "w2"] = 1
    account.refuse("A", "StoreIsProcessing", warehouse="w1", status=BUSY, retry_after=5.0)
    report = play.sync()
    assert report.exit_code == 0
    order = [push[0].listing.warehouse for push in account.pushes]
    assert order == ["w2", "w1", "w1"] or order == ["w1", "w2", "w1"]
    assert account.shown == {("A", "w1"): 1, ("A", "w2"): 0}


def test_unsent_is_computed_anew_and_sent_again(tmp_path: Path) -> None:
    """An item that a neighbour spoiled goes again in the same run."""
    play, _, account = make(tmp_path, {"A": 1, "B": 2})
    account.refuse("A", "", status=UNSENT)
    assert play.sync().exit_code == 0
    assert account.sent == [[("A", 1), ("B", 2)], [("A", 1)]]


@pytest.mark.parametrize("applied", [True, False])
def test_doubt_is_looked_at_before_it_is_sent_again(tmp_path: Path, applied: bool) -> None:
    """A timeout, applied or not: nobody knows what the listing shows, and it is sent again if it must be."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    source.set("A", 4)
    account.doubt(applied=applied)
    report = play.sync()
    assert (report.exit_code, shows(account)) == (0, {"A": 4})
    assert account.sent[1:] == [[("A", 4)]] * (1 if applied else 2)
    with play.open() as shop:
        told = [(line.old, line.new, line.status) for line in shop.log(limit=3 - applied)]
    again = [] if applied else [(10, 4, "ok")]
    assert told == [*again, (10, 4, "doubt"), (0, 10, "ok")]


def test_doubt_of_one_item_leaves_the_others_confirmed(tmp_path: Path) -> None:
    """The rest of a refused batch is in doubt: only it goes again."""
    play, _, account = make(tmp_path, {"A": 1, "B": 2, "C": 3})
    account.refuse("B", "", status=DOUBT)
    assert play.sync().exit_code == 0
    assert account.sent == [[("A", 1), ("B", 2), ("C", 3)], [("B", 2)]]


class Picky(Account):
    """Refuses a request as a whole, without a name, when one of its items is bad."""

    bad: frozenset[str] = frozenset()

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        if self.bad & {change.listing.external_id for change in changes}:
            self.pushes.append(tuple(changes))
            return [Outcome(WHOLE, "409", "conflict")] * len(changes)
        return await super().push(changes)


@pytest.mark.parametrize("place", [0, 37, 63])
def test_whole_is_bisected_to_the_culprit(tmp_path: Path, place: int) -> None:
    """One bad item among 64: it alone fails, all others show; no more than 2·log₂ n + 1 requests."""
    names = skus(64)
    play, _, _ = make(tmp_path, dict.fromkeys(names, 5))
    account = Picky(names, clock=play.clock)
    account.bad = frozenset({names[place]})
    play.sinks["shop"] = sink_config("shop", account)
    report = play.sync()
    assert (report.exit_code, report.sinks["shop"].failed, report.pushed) == (1, 1, 63)
    assert set(shows(account)) == set(names) - account.bad
    assert len(account.pushes) <= 2 * log2(64) + 1


def test_a_sink_that_is_down_keeps_its_changes(tmp_path: Path) -> None:
    """Nothing could be sent: exit 3, the changes are pending, the next run sends them."""
    play, source, account = make(tmp_path, {"A": 10, "B": 5})
    play.sync()
    source.set("A", 0)
    source.set("B", 6)
    account.fail_push(NotSentError("connection refused"), times=10)
    report = play.sync()
    assert (report.exit_code, report.sinks["shop"].pending, report.pushed) == (3, 2, 0)
    assert shows(account) == {"A": 10, "B": 5}
    assert len(account.pushes) - 1 <= 4
    account.heal()
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 0, "B": 6}


def test_one_sink_down_leaves_the_other_alone(tmp_path: Path) -> None:
    """The other account gets its numbers in the same run."""
    play, _, account = make(tmp_path, {"A": 10})
    other = Account(["A"], clock=play.clock)
    play.sinks["other"] = sink_config("other", other)
    account.fail_push(InDoubtError("504 Gateway Timeout"), times=10)
    report = play.sync()
    assert report.exit_code == 3
    assert (shows(account), shows(other)) == ({}, {"A": 10})


def test_a_plugin_that_answers_for_too_few_is_a_defect_and_a_doubt(tmp_path: Path) -> None:
    """One outcome for two changes: nothing is taken as confirmed, and the plugin is named."""
    play, _, account = make(tmp_path, {"A": 1, "B": 2})
    whole = account.push

    async def short(changes: list[Change]) -> list[Outcome]:
        return list(await whole(changes))[:1]

    account.push = short  # type: ignore[method-assign,assignment]
    report = play.sync()
    assert "1 outcomes for 2 changes" in report.sinks["shop"].error
    assert report.exit_code == 3
    with play.open() as shop:
        assert {row.base for row in shop.explain("A").listings} == {None}


def test_listings_of_a_warehouse_that_is_not_configured_are_refused(tmp_path: Path) -> None:
    """A sink that yields foreign warehouses breaks its contract: named, exit 2, nothing is pushed."""
    play, _, account = make(tmp_path, {"A": 1}, warehouses=("w1", "w2"))
    play.set_sink("shop", warehouses=(SinkWarehouse("w1"),))
    report = play.sync()
    assert (report.exit_code, account.pushes) == (2, [])
    assert "w2" in report.sinks["shop"].error


def test_a_stop_finishes_the_batch_in_flight_and_records_it(tmp_path: Path) -> None:
    """Ctrl-C in the middle: what is on the wire is recorded, the rest is pending, exit 130."""
    names = skus(50)
    play, _, account = make(tmp_path, dict.fromkeys(names, 5), batch=5)
    shop = play.open()
    account.hook = lambda changes: shop._shop.interrupt()
    report = shop.sync()
    shop.close()
    assert (report.exit_code, report.status) == (130, "interrupted")
    sent = sum(map(len, account.pushes))
    assert 0 < sent < 50
    assert report.pushed == sent == len(shows(account))
    account.hook = None
    assert play.sync().exit_code == 0
    assert shows(account) == dict.fromkeys(names, 5)
    assert sum(map(len, account.pushes)) == 50


def test_the_quantity_is_held_to_the_range_of_the_sink(tmp_path: Path) -> None:
    """More than the sink takes is sent as its largest number."""
    play, _, account = make(tmp_path, {"A": 5_000_000}, maximum=999_999)
    play.sync()
    assert shows(account) == {"A": 999_999}


def test_only_some_products(tmp_path: Path) -> None:
    """`skus` narrows the run; the rest is pending and goes with the next one."""
    play, _, account = make(tmp_path, {"A": 1, "B": 2, "C": 3})
    play.sync(skus=["B"])
    assert account.sent == [[("B", 2)]]
    play.sync()
    assert account.sent[1:] == [[("A", 1), ("C", 3)]]


def test_the_log_of_a_listing_is_a_chain(tmp_path: Path) -> None:
    """Each line's old quantity is the one that the line before it left, with the cause of each."""
    play, source, _ = make(tmp_path, {"A": 1})
    for quantity in (1, 5, 0, 7):
        source.set("A", quantity)
        play.sync()
    with play.open() as shop:
        lines = list(reversed(shop.log(sku="A")))
    assert [(line.old, line.new) for line in lines] == [(0, 1), (1, 5), (5, 0), (0, 7)]
    assert {line.cause for line in lines} == {"erp"}
    assert {line.status for line in lines} == {OutcomeStatus.OK.value}
