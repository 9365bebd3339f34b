"""Traps that a review found: each was a wrong number, a change never sent, or a run without end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mpstock import Change, Level, Listing, Observation, Outcome, OutcomeStatus, Reading
from mpstock.config import SinkWarehouse
from mpstock.errors import LedgerFullError, NotSentError
from mpstock.ledger.runs import Runs
from tests.reconcile.shops import Account, Play, make, shows, sink_config, skus

FIRST = SinkWarehouse("W1", feeds=("main",))
SECOND = SinkWarehouse("W2", feeds=("main",))


def swapped(tmp_path: Path, count: int, **limits: Any) -> tuple[Play, Account]:
    """A shop whose first warehouse shows everything, and whose settings then put the second first."""
    play, _, account = make(tmp_path, dict.fromkeys(skus(count), 10), warehouses=("W1", "W2"), **limits)
    play.set_sink("shop", warehouses=(FIRST, SECOND))
    play.sync()
    account.pushes.clear()
    play.set_sink("shop", warehouses=(SECOND, FIRST))
    return play, account


def promised(account: Account, sku: str) -> int:
    return sum(account.shown.get((sku, code), 0) for code in ("W1", "W2"))


def test_a_raise_waits_while_its_neighbours_fall_is_held(tmp_path: Path) -> None:
    """The guard holds the first warehouse's zeros: the second must not show the same units."""
    play, account = swapped(tmp_path, 60)
    assert play.sync().exit_code == 1
    assert {promised(account, sku) for sku in skus(60)} == {10}


def test_a_raise_waits_while_its_neighbours_fall_is_refused(tmp_path: Path) -> None:
    """A refused fall keeps its units, in this run and in the next."""
    play, account = swapped(tmp_path, 3)
    sku = skus(3)[0]
    account.refuse(sku, "NOPE", warehouse="W1", times=-1)
    for _ in range(2):
        play.sync()
        assert promised(account, sku) == 10
    assert account.shown[skus(3)[1], "W2"] == 10


def test_a_raise_follows_its_neighbours_fall_in_the_same_run(tmp_path: Path) -> None:
    """First the units leave one warehouse, then they are shown in the other."""
    play, account = swapped(tmp_path, 3, by_warehouse=True)
    assert play.sync().exit_code == 0
    order = [(push[0].listing.warehouse, push[0].new) for push in account.pushes]
    assert order == [("W1", 0), ("W2", 10)]


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(days=1), timedelta(days=400)])
def test_a_clock_that_was_ahead_hides_no_fall(tmp_path: Path, ahead: timedelta) -> None:
    """What was written in the future neither outranks the present nor makes a pair rest for ever."""
    play, source, account = make(tmp_path, {"A": 10, "B": 10}, pair_cooldown=30)
    play.clock.advance(ahead.total_seconds())
    play.sync()
    play.clock.advance(-ahead.total_seconds())
    play.clock.advance(60)
    # The account has a clock of its own, which was right all the time.
    account = Account(["A", "B"], shown=dict(account.shown), clock=play.clock, pair_cooldown=30)
    play.sinks["shop"] = sink_config("shop", account)
    source.set("A", 0)
    for _ in range(3):
        play.sync()
        play.clock.advance(60)
    assert shows(account) == {"A": 0, "B": 10}


def test_a_row_with_its_own_time_comes_back(tmp_path: Path) -> None:
    """It was missing once and is zero; it returns with the time that it always had."""
    play, source, account = make(tmp_path, {"A": 10, "B": 10})
    old = datetime(2025, 12, 1, tzinfo=UTC)
    rows = {"A": Level("A", "main", 10, updated_at=old), "B": Level("B", "main", 10, updated_at=old)}

    async def read(cursor: str | None):
        yield Reading(list(rows.values()), play.clock.now(), complete=True, cursor="x")

    source.read = read  # type: ignore[method-assign]
    play.sync()
    kept = rows.pop("A")
    play.clock.advance(60)
    play.sync(full=True)
    assert shows(account)["A"] == 0
    rows["A"] = kept
    play.clock.advance(60)
    play.sync(full=True)
    assert shows(account)["A"] == 10


def test_a_read_back_during_a_doubtful_writes_rest_is_no_base(tmp_path: Path) -> None:
    """Killed with 50 on the wire, stock back at 10, which it shows still; then the 50 arrive: 10 is sent."""
    play, source, account = make(tmp_path, {"A": 10, "B": 10}, pair_cooldown=30)
    play.sync()
    play.clock.advance(60)
    source.set("A", 50)
    account.kill(applied=False)
    play.dies()
    source.set("A", 10)
    account.pushes.clear()
    looks = account.observe

    def observe(listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        if listings is not None:
            account.shown["A", "main"] = 50
        return looks(listings)

    account.observe = observe  # type: ignore[method-assign]
    play.sync(full=True)
    assert account.sent == [[("A", 10)]]


def test_a_reading_that_is_undone_leaves_no_warehouse_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full as the first reading ends; the next one in the same process books each row rightly."""
    play, source, account = make(tmp_path, {("A", "main"): 10})
    play.set_sink("shop", warehouses=(SinkWarehouse("main", ("msk",)),))
    real = Runs.move_cursor

    def full(self: Runs, *args: object, **keys: object) -> None:
        raise LedgerFullError("disk full")

    with play.open() as shop:
        monkeypatch.setattr(Runs, "move_cursor", full)
        with pytest.raises(LedgerFullError):
            shop.sync()
        monkeypatch.setattr(Runs, "move_cursor", real)
        source.remove("A", warehouse="main")
        source.set("A", 7, warehouse="msk")
        shop.sync()
    assert shows(account) == {"A": 7}


def test_a_dry_run_releases_nothing(tmp_path: Path) -> None:
    """`--dry-run --full --release zeroing` only looks: the next ordinary run still believes nobody."""
    names = skus(200)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[:100]:
        source.remove(sku)
    play.sync(full=True, dry_run=True, release=["zeroing"])
    assert play.sync(full=True).exit_code == 1
    assert set(shows(account).values()) == {5}


def test_a_released_plan_can_be_applied(tmp_path: Path) -> None:
    """What a person let through in the plan is let through when the plan is applied."""
    play, source, account = make(tmp_path, dict.fromkeys(skus(60), 5))
    play.sync()
    for sku in skus(60):
        source.set(sku, 0)
    plan = play.sync(dry_run=True, release=["zeroing"]).plan
    assert plan is not None
    assert play.apply(plan).pushed == 60
    assert set(shows(account).values()) == {0}


def test_a_raise_of_a_suspicious_reading_is_held_though_it_drifted_too(tmp_path: Path) -> None:
    """Another mark on the product does not make its reading believable."""
    names = skus(100)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    for sku in names[1:80]:
        source.remove(sku)
    source.set(names[0], 500)
    account.shown[names[0], "main"] = 4
    assert play.sync(full=True).exit_code == 1
    assert shows(account)[names[0]] == 4


def test_a_refused_fall_is_tried_again_within_a_minute_or_so(tmp_path: Path) -> None:
    """The sink asks for an hour: a fall that is not sent sells what is not there."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    source.set("A", 0)
    account.refuse("A", "LATER", status=OutcomeStatus.WAIT, retry_after=3600)
    report = play.sync()
    assert (shows(account), report.exit_code) == ({"A": 0}, 0)
    assert report.seconds <= 120


def test_a_warehouse_that_stays_busy_does_not_keep_the_run(tmp_path: Path) -> None:
    """A hundred batches for a warehouse that takes none: minutes, not hours; the next run goes on."""
    play, _, _ = make(tmp_path, dict.fromkeys(skus(200), 5))

    class Busy(Account):
        async def push(self, changes: object) -> list[Outcome]:
            assert isinstance(changes, (list, tuple))
            self.pushes.append(tuple(changes))
            return [Outcome(OutcomeStatus.BUSY, "Processing", "", 5.0)] * len(changes)

    busy = Busy(skus(200), clock=play.clock, batch=2, by_warehouse=True)
    play.sinks["shop"] = sink_config("shop", busy)
    report = play.sync()
    assert report.exit_code == 1
    assert report.seconds <= 240
    assert report.sinks["shop"].pending == 200


def test_a_warehouse_that_asks_for_an_hour_is_left_to_the_next_run(tmp_path: Path) -> None:
    """Nothing is waited for longer than a few minutes."""
    play, _, account = make(tmp_path, dict.fromkeys(skus(6), 5), batch=2, by_warehouse=True)
    account.refuse(skus(6)[0], "BUSY", status=OutcomeStatus.BUSY, retry_after=3600)
    assert play.sync().seconds <= 240


@pytest.mark.parametrize("seconds", [1e11, 1e300])
def test_a_pause_beyond_reason_is_no_accident(tmp_path: Path, seconds: float) -> None:
    """A vendor's broken Retry-After ends in a pending change, not in an exception."""
    play, _, account = make(tmp_path, {"A": 5})
    account.fail_push(NotSentError("429", retry_after=seconds))
    report = play.sync()
    assert (report.exit_code, report.sinks["shop"].pending) == (3, 1)


def test_one_item_that_breaks_the_plugin_does_not_stop_its_neighbours(tmp_path: Path) -> None:
    """The plugin raises for one product: the batch is halved until that one is alone."""
    names = skus(6)
    play, _, account = make(tmp_path, dict.fromkeys(names, 5), batch=4)

    def raises(changes: list[Change]) -> None:
        if any(change.listing.external_id == names[0] for change in changes):
            raise KeyError("size")

    account.hook = raises  # type: ignore[assignment]
    report = play.sync()
    assert report.exit_code == 1
    assert {sku for sku, quantity in shows(account).items() if quantity == 5} == set(names[1:])
    assert any("KeyError" in text for text in report.errors)


def test_a_narrowed_run_is_not_blamed_for_what_it_left(tmp_path: Path) -> None:
    """`sync --sku A` ends well though B waits for another run."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    source.set("A", 4)
    source.set("B", 4)
    play.plan()
    assert play.sync(skus=["A"]).exit_code == 0
    assert shows(account) == {"A": 4, "B": 5}
