"""One at a time: who holds a sink's lease writes to it, and nobody else."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mpstock import Change, Listing, Observation, Outcome
from mpstock.ledger.leases import Holder, Taken
from mpstock.owners import gone, register, unregister
from mpstock.testing import VirtualClock
from tests.reconcile.leasing import DEADLINE, LENGTH, Other
from tests.reconcile.shops import Account, Play, make, shows, sink_config, skus, tell_ledger


def test_a_sink_that_another_process_writes_to_is_left_alone_and_said(tmp_path: Path) -> None:
    """Nothing is read or sent; report, plan and status name the process, and the run ends with 1."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    source.set("A", 9)
    other = Other(play)
    assert isinstance(other.takes(), Taken)
    reads, pushes = source.reads, len(account.pushes)
    report = play.sync()
    assert (report.exit_code, source.reads, len(account.pushes)) == (1, reads, pushes)
    assert report.sinks["shop"].error_kind == "leased"
    for part in ("shop", "mpstock sync", "4711", "far-away", "since 2026-01-12 09:0"):
        assert part in report.sinks["shop"].error
    plan = play.plan()
    assert (plan.exit_code, len(plan)) == (1, 0)
    with play.open() as shop:
        assert "process 4711 on far-away" in repr(shop.status())
    other.ends()
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 9}
    with play.open() as shop:
        assert "far-away" not in repr(shop.status())


def _two_sinks(folder: Path) -> tuple[Play, Account, Account]:
    play, _, first = make(folder, {"A": 5, "B": 5, "C": 5})
    second = Account(["A", "B", "C"], clock=play.clock)
    play.sinks["second"] = sink_config("second", second)
    play.sync()
    return play, first, second


def test_the_other_sinks_of_the_shop_are_served(tmp_path: Path) -> None:
    """A lease is of one sink: what nobody else writes to is read, planned and pushed."""
    play, first, second = _two_sinks(tmp_path)
    other = Other(play)
    other.takes()
    tell_ledger(play, A=9)
    report = play.sync()
    assert report.exit_code == 1
    assert (shows(first)["A"], shows(second)["A"]) == (5, 9)
    assert report.sinks["second"].error == ""


def test_what_its_writer_has_not_judged_does_not_become_ready(tmp_path: Path) -> None:
    """A run that may not write to a sink plans for it; of that only falls short of zero may go at once."""
    play, first, second = _two_sinks(tmp_path)
    other = Other(play)
    other.takes()
    play.clock.advance(1)
    tell_ledger(play, A=9, B=3, C=0)
    play.sync()
    assert shows(second) == {"A": 9, "B": 3, "C": 0}
    assert shows(first) == {"A": 5, "B": 5, "C": 5}
    with other.ledger() as ledger:
        rows = ledger.database.query(
            "SELECT wanted, ready FROM marketplace_stocks WHERE marketplace = 'shop' ORDER BY id"
        )
    assert rows == [(9, 0), (3, 1), (0, 0)]
    other.ends()
    play.sync()
    assert shows(first) == {"A": 9, "B": 3, "C": 0}


def test_a_lease_that_has_run_out_is_taken_over(tmp_path: Path) -> None:
    """A holder elsewhere that was never heard of again does not stop the shop for longer than its lease."""
    play, _, account = make(tmp_path, {"A": 5})
    with play.open() as shop:
        shop.build()
    Other(play).takes()
    assert play.sync().exit_code == 1
    play.clock.advance(LENGTH.total_seconds())
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 5}


def test_what_it_left_on_the_wire_rests_until_its_requests_have_surely_arrived(tmp_path: Path) -> None:
    """The base is void, and neither written nor believed before the lease's end and one deadline more."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5}, pair_cooldown=30.0)
    play.sync()
    play.clock.advance(60)
    other = Other(play)
    other.takes()
    run_out = play.clock.now() + LENGTH
    with other.ledger() as ledger:
        ledger.database.execute(
            "UPDATE marketplace_stocks SET in_flight = 99, sent = 50, attempted_at = '2026-01-12 09:01:02' "
            "WHERE product_id = (SELECT id FROM products WHERE sku = 'A')"
        )
    account.shown["A", "main"] = 50
    source.set("B", 4)
    play.clock.advance(LENGTH.total_seconds())
    with play.open() as shop:
        shop.sync()
    assert shows(account) == {"A": 5, "B": 4}
    with other.ledger() as ledger:
        written = {row.sku: row.confirmed_at for row in ledger.stocks.rows()}
    a, b = written["A"], written["B"]
    assert a is not None
    assert b is not None
    assert b < a
    assert a - run_out >= DEADLINE + timedelta(seconds=30)


def test_a_process_that_has_ended_on_this_machine_is_not_waited_for(tmp_path: Path) -> None:
    """After a kill the next run goes on at once; one that lives is waited for; a number is not a process."""
    play, _, account = make(tmp_path, {"A": 5})
    code = "import mpstock.owners, sys; name = mpstock.owners.register(sys); print(name, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        owner = process.stdout.readline().strip()
        with play.open() as shop:
            shop.build()
        Other(play, owner=owner).takes()
        assert not gone(owner)
        assert play.sync().exit_code == 1
        # The same number, given to another process since.
        place, number, tail = owner.rsplit(":", 2)
        assert gone(f"{place}:{number}:1.{tail.partition('.')[2]}")
        # Elsewhere: another container on this host numbers its processes by itself.
        assert not gone(f"{place}x:{number}:{tail}")
        process.kill()
        if Path("/proc/self/stat").exists():
            # Before its parent has heard of its end its number is still taken.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            assert gone(owner)
            assert process.returncode is None
    assert gone(owner)
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 5}


def test_an_owner_of_this_process_is_gone_when_it_says_so() -> None:
    """A shop that is closed holds nothing, though its process goes on."""

    class Thing:
        pass

    thing = Thing()
    name = register(thing)
    assert not gone(name)
    unregister(name)
    assert gone(name)


class Slow(Account):
    """An account that takes over what it was sent last at `lands_at`, whether its sender lives or not."""

    lands_at: datetime | None = None
    landing: dict[tuple[str, str], int]
    watch: VirtualClock

    def land(self) -> None:
        """Take over what is due."""
        if self.lands_at is not None and self.watch.now() >= self.lands_at:
            self.lands_at = None
            self.shown.update(self.landing)

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        self.land()
        async for page in super().observe(listings):
            yield page

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        self.land()
        return await super().push(changes)


def test_what_a_killed_process_sent_may_show_some_seconds_later(tmp_path: Path) -> None:
    """5 is confirmed; 9 is sent and its process killed; 5 is there again; and only now the account shows 9.

    A run that reads back at once sees 5, has nothing to send, and leaves 9 on sale.
    """
    play, source, _ = make(tmp_path, {"A": 5})
    account = Slow(["A"], clock=play.clock)
    account.watch = play.clock
    play.sinks["shop"] = sink_config("shop", account)
    play.sync()
    source.set("A", 9)
    account.kill(applied=False)
    account.landing = {("A", "main"): 9}
    account.lands_at = play.clock.now() + timedelta(seconds=4)
    play.dies()
    source.set("A", 5)
    play.sync()
    play.clock.advance(10)
    account.land()
    assert account.lands_at is None
    assert shows(account) == {"A": 5}


def _lose(play: Play, account: Account) -> None:
    """Let the next push be answered only after another process has taken the sink over."""

    def hook(_changes: Sequence[Change]) -> None:
        account.hook = None
        play.clock.advance(LENGTH.total_seconds() + 1)
        assert isinstance(Other(play).takes(), Taken)

    account.hook = hook


def test_a_late_answer_confirms_nothing(tmp_path: Path) -> None:
    """Stopped on the wire for longer than its lease: what it then hears is doubt, logged, and read back."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    source.set("A", 9)
    _lose(play, account)
    report = play.sync()
    assert report.exit_code == 1
    assert "has taken over the writing to" in report.sinks["shop"].error
    with Other(play).ledger() as ledger:
        row = ledger.stocks.rows()[0]
        assert (row.base, row.confirmed) == (None, 5)
        ((doubtful, in_flight),) = ledger.database.query("SELECT doubtful, in_flight FROM marketplace_stocks")
        assert (doubtful, in_flight) == (1, None)
        assert {mark[2] for mark in ledger.dirt.page(0, 10)} == {"doubt"}
        line = ledger.log.rows(limit=1)[0]
    assert (line.status, line.error_code, line.new) == ("doubt", "late", 9)
    Other(play).ends()
    source.set("A", 5)
    play.clock.advance(120)
    play.sync()
    assert shows(account) == {"A": 5}


def test_a_late_answer_voids_what_the_successor_has_on_the_wire(tmp_path: Path) -> None:
    """The successor is sending when the old answer comes: nobody knows which of the two was last."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    source.set("A", 9)

    def hook(_changes: Sequence[Change]) -> None:
        account.hook = None
        play.clock.advance(LENGTH.total_seconds() + 1)
        other = Other(play)
        other.takes()
        with other.ledger() as ledger:
            ledger.database.execute("UPDATE marketplace_stocks SET in_flight = 99, sent = 7, doubtful = 0")

    account.hook = hook
    play.sync()
    with Other(play).ledger() as ledger:
        ((in_flight, base, doubtful),) = ledger.database.query(
            "SELECT in_flight, base, doubtful FROM marketplace_stocks"
        )
    assert (in_flight, base, doubtful) == (99, None, 1)


def test_nothing_more_is_sent_after_the_lease_was_lost(tmp_path: Path) -> None:
    """Of many batches only the one on the wire goes out; what waits is left as the successor has it."""
    names = skus(40)
    play, source, account = make(tmp_path, dict.fromkeys(names, 5), batch=10)
    play.sync()
    account.pushes.clear()
    for name in names:
        source.set(name, 9)

    def hook(_changes: Sequence[Change]) -> None:
        account.hook = None
        play.clock.advance(LENGTH.total_seconds() + 1)
        other = Other(play)
        other.takes()
        with other.ledger() as ledger:
            ledger.stocks.reopen(play.clock.now())

    account.hook = hook
    report = play.sync()
    assert len(account.pushes) == 1
    assert report.sinks["shop"].error_kind == "leased"
    with Other(play).ledger() as ledger:
        ready = ledger.database.one("SELECT sum(ready), sum(doubtful), count(lane) FROM marketplace_stocks")
    assert ready == (30, 10, 40)


def test_a_long_push_renews_its_lease(tmp_path: Path) -> None:
    """A run of an hour holds its lease to the end: nobody takes it in between."""
    names = skus(40)
    play, _, account = make(tmp_path, dict.fromkeys(names, 5), batch=10)

    def hook(_changes: Sequence[Change]) -> None:
        assert isinstance(Other(play).takes(), Holder)
        play.clock.advance(LENGTH.total_seconds() - DEADLINE.total_seconds() + 1)

    account.hook = hook
    assert play.sync().exit_code == 0
    assert len(account.pushes) == 4


def test_a_lease_that_ran_out_while_nobody_wanted_it_is_renewed(tmp_path: Path) -> None:
    """The machine slept, or the clock was set forward by a day: nobody has taken over, so the run goes on."""
    play, _, account = make(tmp_path, dict.fromkeys(skus(20), 5), batch=10)

    def hook(_changes: Sequence[Change]) -> None:
        account.hook = None
        play.clock.advance(86_400)

    account.hook = hook
    assert play.sync().exit_code == 0
    assert set(shows(account).values()) == {5}


@pytest.mark.parametrize("back", [600.0, 86_400.0 * 400])
def test_a_clock_that_is_set_back_makes_no_lease_immortal(tmp_path: Path, back: float) -> None:
    """A lease of a day to come ends within its own length, by the clock of whoever waits for it."""
    play, _, account = make(tmp_path, {"A": 5})
    with play.open() as shop:
        shop.build()
    Other(play).takes()
    play.clock.advance(-back)
    assert play.sync().exit_code == 1
    play.clock.advance(LENGTH.total_seconds())
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 5}


def test_a_clock_that_is_set_back_under_a_holder_does_not_let_it_send_for_longer(tmp_path: Path) -> None:
    """What is left of a lease is reckoned by the clock that never goes back as well."""
    play, _, _ = make(tmp_path, {"A": 5})
    with play.open() as shop:
        engine = shop._call(shop._shop._assembly.start())

        async def hold() -> tuple[bool, bool, float]:
            async with engine.leases.held():
                lease = engine.leases.mine["shop"]
                fresh = lease.covers()
                lease.expires_at += LENGTH * 100
                lease.renewed -= LENGTH.total_seconds() - DEADLINE.total_seconds()
                return fresh, lease.covers(), lease.left

        fresh, later, left = shop._call(hold())
    assert (fresh, later) == (True, False)
    assert left == pytest.approx(DEADLINE.total_seconds(), abs=1)


def test_two_shops_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    """A program that opens the same ledger twice is told, too."""
    play, _, _ = make(tmp_path, {"A": 5})
    with play.open() as first, play.open() as second:
        engine = first._call(first._shop._assembly.start())

        async def hold() -> int:
            async with engine.leases.held():
                report = await asyncio.to_thread(second.sync)
                return report.exit_code

        assert first._call(hold()) == 1
        assert second.sync().exit_code == 0


def test_a_write_test_needs_the_lease(tmp_path: Path) -> None:
    """`check --write-test` writes: it does not beside a run of another process."""
    play, _, _ = make(tmp_path, {"A": 5})

    class Testable(Account):
        tested = 0

        async def write_test(self, listing, quantity):
            Testable.tested += 1
            return
            yield

    testable = Testable(["A"], clock=play.clock)
    play.sinks["shop"] = sink_config("shop", testable)
    play.sync()
    other = Other(play)
    other.takes()
    with play.open() as shop:
        (found,) = [part for part in shop.check(write_test="A") if part.subject == "sinks.shop"]
        assert "4711" in next(f.message for f in found.findings if f.level == "error")
        assert Testable.tested == 0
        other.ends()
        shop.check(write_test="A")
    assert Testable.tested == 1
