"""A look at what is in doubt takes its time, or fails: what the run does meanwhile (semantics §1 and §2)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from mpstock import AsyncShop, Change, Level, Listing, Observation, Outcome, OutcomeStatus, Reading, Report
from mpstock.config import ZeroingGuard
from mpstock.errors import LedgerError, NotSentError, TransientError
from mpstock.inmemory import InMemorySource
from mpstock.ledger import Ledger
from mpstock.ledger.doubts import Doubts
from mpstock.ledger.stocks import contradicts
from mpstock.reconcile.pushing import Pusher
from mpstock.testing import run_virtual
from tests.reconcile.shops import (
    REGISTRY,
    Account,
    Play,
    configuration,
    dies_with,
    make,
    shows,
    sink_config,
    skus,
    tell_ledger,
)  # fmt: skip


class Slow(Account):
    """An account whose looks take `hangs` seconds and are then `broken`, and whose pushes take `long`.

    `at` is what was sent when, `looks` counts the looks; both once it is `active`.
    """

    active = False
    broken = False
    hangs = 0.0
    long = 0.0
    then: Exception | None = None
    """What the first slow push ends with."""
    looks = 0
    at: tuple[tuple[float, list[tuple[str, int]]], ...] = ()

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        if self.active:
            sent = [(change.listing.external_id, change.new) for change in changes]
            self.at = (*self.at, (self.clock.monotonic(), sent))
            long, then = self.long, self.then
            self.long, self.then = 0.0, None
            await asyncio.sleep(long)
            if then is not None:
                raise then
        return await super().push(changes)

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        if self.active and listings is not None:
            self.looks += 1
            await asyncio.sleep(self.hangs)
            if self.broken:
                raise TransientError("503")
        async for page in super().observe(listings):
            yield page

    def when(self, sku: str, quantity: int) -> float:
        """When a number was sent first, in seconds of its clock."""
        return next(moment for moment, sent in self.at if (sku, quantity) in sent)


class Busy(Account):
    """An account that takes minutes for each request, once it is `slow`: what it sells keeps a run going."""

    slow = False

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        await asyncio.sleep(300 if self.slow else 0)
        return await super().push(changes)


def shop_of(folder: Path, levels: dict[str, int], **limits: Any) -> tuple[Play, InMemorySource, Slow]:
    play, source, _ = make(folder, levels, **limits)
    account = Slow(list(levels), clock=play.clock, **limits)
    play.sinks["shop"] = sink_config("shop", account)
    return play, source, account


def lost(
    play: Play, source: InMemorySource, account: Slow, now: dict[str, int], *, applied: bool = False
) -> None:
    """A run dies with these numbers on the wire."""
    dies_with(play, source, account, now, applied=applied)
    account.active = True


def run(play: Play, meanwhile: Callable[[], Awaitable[None]] | None = None, **keys: Any) -> Report:
    """One run on a virtual clock, whose time goes on while a look is under way."""
    config = configuration(play.ledger, play.sources.values(), play.sinks.values(), zeroing=play.zeroing)

    async def main() -> Report:
        async with AsyncShop(config, plugins=REGISTRY, clock=play.clock) as shop:
            told = None if meanwhile is None else asyncio.ensure_future(meanwhile())
            try:
                return await shop.sync(**keys)
            finally:
                if told is not None:
                    told.cancel()
                    await asyncio.gather(told, return_exceptions=True)

    return run_virtual(main, clock=play.clock)


def later(play: Play, seconds: float, **levels: int) -> Callable[[], Awaitable[None]]:
    """Another process is told of other levels, so many seconds into a run."""

    async def tell() -> None:
        await asyncio.sleep(seconds)
        tell_ledger(play, "main", **levels)

    return tell


def test_where_nobody_can_look_only_zeros_are_sent(tmp_path: Path) -> None:
    """The account cannot be read: the zero goes all the same, and the raise waits for a run that can look."""
    play, source, account = shop_of(tmp_path, {"A": 10, "B": 10})
    lost(play, source, account, {"A": 50, "B": 0})
    account.broken = True
    report = run(play)
    assert account.sent == [[("B", 0)]]
    assert "503" in report.sinks["shop"].error
    assert account.looks == 3
    account.broken = False
    play.clock.advance(60)
    assert play.sync().exit_code == 0
    assert (account.sent[1:], shows(account)) == ([[("A", 50)]], {"A": 50, "B": 0})


def test_a_look_that_fails_once_is_taken_again(tmp_path: Path) -> None:
    """A read-back that answers 503 for a moment: the raise goes in this run, which tells of no failure."""
    play, source, account = shop_of(tmp_path, {"A": 10})
    lost(play, source, account, {"A": 50})
    account.broken = True

    async def heal() -> None:
        await asyncio.sleep(6)
        account.broken = False

    report = run(play, heal)
    assert (report.exit_code, account.sent, account.looks) == (0, [[("A", 50)]], 2)


@pytest.mark.parametrize("tells_at", [0, 20])
def test_a_zero_does_not_wait_for_a_look_that_hangs(tmp_path: Path, tells_at: float) -> None:
    """A look that takes ten minutes; there is no more of A, before it or while it is taken."""
    play, source, account = shop_of(tmp_path, {"A": 10, "B": 10})
    lost(play, source, account, {"A": 50})
    account.hangs = 600
    began = play.clock.monotonic()
    run(play, later(play, tells_at, A=0))
    assert account.when("A", 0) - began < tells_at + 12


def test_a_zero_that_is_in_doubt_does_not_wait_for_another_look(tmp_path: Path) -> None:
    """A's look hangs; the answer to B's zero is lost meanwhile: it is sent again seconds later."""
    play, source, account = shop_of(tmp_path, {"A": 10, "B": 10})
    lost(play, source, account, {"A": 50})
    account.hangs = 600
    began = play.clock.monotonic()

    async def tell() -> None:
        await asyncio.sleep(10)
        account.doubt(applied=False)
        tell_ledger(play, B=0)

    run(play, tell)
    assert [sent for moment, sent in account.at if moment - began < 22] == [[("B", 0)], [("B", 0)]]


def test_what_is_in_no_doubt_does_not_wait_for_a_look(tmp_path: Path) -> None:
    """A's look hangs, and another process tells of B."""
    play, source, account = shop_of(tmp_path, {"A": 10, "B": 10})
    lost(play, source, account, {"A": 50})
    account.hangs = 600
    began = play.clock.monotonic()
    run(play, later(play, 30, B=3))
    assert account.when("B", 3) - began < 32


def test_a_zero_does_not_wait_for_the_end_of_a_long_reading(tmp_path: Path) -> None:
    """The source takes ten minutes, and a webhook says that there is no more of A, which is in doubt."""
    play, source, account = shop_of(tmp_path, {"A": 10, "B": 10}, pair_cooldown=30)
    lost(play, source, account, {"A": 4})
    reads = source.read

    async def read(cursor: str | None) -> AsyncIterator[Reading]:
        await asyncio.sleep(600)
        async for page in reads(cursor):
            yield page

    source.read = read  # type: ignore[method-assign]
    source.set("A", 0)
    began = play.clock.monotonic()

    async def webhook() -> None:
        await asyncio.sleep(20)
        now = play.clock.now()
        with contextlib.closing(Ledger(f"sqlite:///{play.ledger}")) as ledger, ledger.transaction():
            ledger.levels.begin_read("erp").ingest(Reading([Level("A", "main", 0)], now), now)
            ledger.dirt.mark([1], "webhook", now, soft=True, urgent=True)

    run(play, webhook)
    assert account.when("A", 0) - began < 45


def test_a_run_for_one_product_looks_at_no_other(tmp_path: Path) -> None:
    """Forty are in doubt and go to zero, which a guard would hold: a run for B sends B and nothing else."""
    names = skus(40)
    play, source, account = shop_of(tmp_path, {**dict.fromkeys(names, 10), "B": 10})
    lost(play, source, account, dict.fromkeys(names, 50))
    source.set("B", 9)
    run(play, later(play, 2, **dict.fromkeys(names, 0)), skus=["B"])
    assert account.sent == [[("B", 9)]]


def test_a_look_that_ends_while_all_is_paused_is_waited_for_without_haste(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account wants a minute of peace, and a look has just ended: nobody spins until it is over."""
    play, source, account = shop_of(tmp_path, {"A": 10, "B": 10})
    lost(play, source, account, {"A": 50})
    source.set("B", 9)
    account.hangs, account.long, account.then = 4, 6, NotSentError("429", retry_after=60)
    turns = 0
    rest = Pusher._rest

    async def counted(self: Pusher, seconds: float | None, tasks: set[asyncio.Task[None]]) -> None:
        nonlocal turns
        turns += 1
        assert turns < 500
        await rest(self, seconds, tasks)

    monkeypatch.setattr(Pusher, "_rest", counted)
    assert run(play).exit_code == 0
    assert shows(account) == {"A": 50, "B": 9}


@pytest.mark.parametrize("fails", ["push", "look"])
def test_another_sink_that_is_busy_makes_nothing_go_on_for_ever(tmp_path: Path, fails: str) -> None:
    """The run goes on for minutes, and this sink's turn comes each second: four pushes, few looks in all."""
    play, source, account = shop_of(tmp_path, {"A": 10, "B": 10})
    other = Busy(["B"], clock=play.clock)
    play.sinks["other"] = sink_config("other", other)
    lost(play, source, account, {"A": 50})
    source.set("B", 20)
    other.slow = True
    if fails == "push":
        account.refuse("A", "500", status=OutcomeStatus.DOUBT, times=-1)
    account.broken = fails == "look"
    run(play)
    assert play.clock.monotonic() > 300
    assert sum(("A", 50) in sent for _, sent in account.at) <= 4
    assert account.looks <= 4


def test_a_part_of_a_refused_batch_that_ends_in_doubt_is_sent_again(tmp_path: Path) -> None:
    """A and B were refused together and sent apart; the answer to A alone is lost."""
    play, source, account = shop_of(tmp_path, {"A": 10, "B": 10})
    play.sync()
    play.clock.advance(60)
    source.set("A", 0)
    source.set("B", 0)
    account.active = True
    account.fail_push(RuntimeError("boom"))
    account.doubt(applied=False)
    run(play)
    assert shows(account) == {"A": 0, "B": 0}


def test_what_was_sold_while_it_was_looked_at_is_looked_at_again(tmp_path: Path) -> None:
    """The 4 of A that were in doubt have arrived, and are sold during the look: zero, in this very run."""
    play, source, account = shop_of(tmp_path, {"A": 10, "B": 10}, pair_cooldown=10, self_decrements="unknown")
    lost(play, source, account, {"A": 4}, applied=True)
    account.hangs = 3

    async def sell() -> None:
        await asyncio.sleep(9)
        account.buy("A", 4, "main")

    run(play, sell)
    assert shows(account)["A"] == 0


def test_a_lost_answer_is_not_believed_before_it_can_have_arrived(tmp_path: Path) -> None:
    """No cooldown; the number shows two seconds after its answer was lost: it is not sent a second time."""
    play, source, account = shop_of(tmp_path, {"A": 10})
    play.sync()
    play.clock.advance(60)
    source.set("A", 50)
    account.active, account.apply_delay = True, 2.0
    account.doubt(applied=True)
    run(play)
    assert (len(account.at), shows(account)) == (1, {"A": 50})


def test_what_a_guard_no_longer_holds_is_looked_at_first(tmp_path: Path) -> None:
    """Released zeros had arrived when their run died; held again and released again, none is sent."""
    names = skus(40)
    play, source, account = shop_of(tmp_path, dict.fromkeys(names, 10), pair_cooldown=30)
    play.zeroing = ZeroingGuard()
    play.sync()
    play.clock.advance(60)
    for name in names:
        source.set(name, 0)
    account.kill(applied=True)
    play.dies(release=["zeroing"])
    account.active = True
    run(play)
    with contextlib.closing(Ledger(f"sqlite:///{play.ledger}")) as ledger:
        ledger.slices.lift("shop")
        assert not ledger.database.scalar(f"SELECT count(*) FROM marketplace_stocks WHERE {contradicts()}")
    run(play, release=["zeroing"])
    assert (account.at, set(shows(account).values())) == ((), {0})


def test_a_ledger_that_fails_during_a_look_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full as it is recorded that a look could not tell."""
    play, source, account = shop_of(tmp_path, {"A": 10}, visible_after=60)
    lost(play, source, account, {"A": 50})

    def full(_doubts: Doubts, _states: Sequence[int]) -> None:
        raise LedgerError("disk full")

    monkeypatch.setattr(Doubts, "let_go", full)
    with pytest.raises(LedgerError, match="disk full"):
        run(play)
