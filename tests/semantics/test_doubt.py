"""What may be there already is looked at before it is sent again (semantics §1 and §2)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mpstock import AsyncShop, Change, Listing, Observation, Outcome, OutcomeStatus, Report
from mpstock.errors import TransientError
from mpstock.inmemory import InMemorySource
from mpstock.ledger import Ledger
from mpstock.ledger.batches import Batch, Item
from mpstock.testing import run_virtual
from tests.reconcile.shops import REGISTRY, Account, Play, configuration, make, shows, sink_config

MOVES = pytest.mark.parametrize(("before", "now"), [(10, 50), (10, 4), (10, 0), (0, 7)])
"""A raise, a fall, a zero, a first number."""

RESTS = pytest.mark.parametrize("cooldown", [0.0, 30.0])


def killed(
    folder: Path, before: int, now: int, cooldown: float, *, applied: bool
) -> tuple[Play, InMemorySource, Account]:
    """A run dies with a number on the wire."""
    play, source, account = make(folder, {"A": before}, pair_cooldown=cooldown)
    play.sync()
    play.clock.advance(60)
    source.set("A", now)
    account.kill(applied=applied)
    play.dies()
    account.pushes.clear()
    return play, source, account


@MOVES
@RESTS
@pytest.mark.parametrize("later", [0, 1, 4, 6, 40, 400])
def test_what_has_arrived_is_not_sent_twice(
    tmp_path: Path, before: int, now: int, cooldown: float, later: float
) -> None:
    """Whenever the next run begins, while it rests or after: the account has it, and nothing is sent."""
    play, _, account = killed(tmp_path, before, now, cooldown, applied=True)
    play.clock.advance(later)
    for _ in range(2):
        assert play.sync().exit_code == 0
        play.clock.advance(60)
    assert (account.sent, shows(account)) == ([], {"A": now})


@MOVES
@RESTS
@pytest.mark.parametrize("later", [0, 1, 4, 6, 40, 400])
def test_what_has_not_arrived_is_sent_in_the_next_run(
    tmp_path: Path, before: int, now: int, cooldown: float, later: float
) -> None:
    """It is sent once, and no earlier than the listing may be written."""
    play, _, account = killed(tmp_path, before, now, cooldown, applied=False)
    died = play.clock.monotonic() - 1
    play.clock.advance(later)
    assert play.sync().exit_code == 0
    assert (account.sent, shows(account)) == ([[("A", now)]], {"A": now})
    assert play.clock.monotonic() - died >= cooldown


@RESTS
def test_a_number_that_came_back_is_sent_only_if_the_other_has_arrived(
    tmp_path: Path, cooldown: float
) -> None:
    """50 were on the wire and there are 10 again: nothing is sent where they show, 10 where the 50 do."""
    for applied in (False, True):
        folder = tmp_path / str(applied)
        folder.mkdir()
        play, source, account = killed(folder, 10, 50, cooldown, applied=applied)
        source.set("A", 10)
        assert play.sync().exit_code == 0
        assert (account.sent, shows(account)) == ([[("A", 10)]] if applied else [], {"A": 10})


def test_a_late_answer_sends_nothing_twice(tmp_path: Path) -> None:
    """Another has sent 9 by now; the answer to the 9 of one that had slept comes while that is on its way."""
    play, source, account = make(tmp_path, {"A": 5}, pair_cooldown=1.0)
    play.sync()
    source.set("A", 9)

    def answered_late(changes: Sequence[Change]) -> None:
        account.hook = None
        with contextlib.closing(Ledger(f"sqlite:///{play.ledger}")) as ledger:
            (state,) = ledger.stocks.rows()
            slept = Batch(99, "shop", [Item(state.id, 1, 2, changes[0])])
            ledger.pushes.settle(
                slept, [Outcome(OutcomeStatus.OK)], play.clock.now(), run=1, cooldown=timedelta(), causes={},
                rest=lambda _failures: None,
            )  # fmt: skip

    account.hook = answered_late
    for _ in range(2):
        assert play.sync().exit_code == 0
        play.clock.advance(60)
    assert account.sent[1:] == [[("A", 9)]]


class Blind(Account):
    """An account that cannot be read back for a while; `hangs` are virtual seconds that a look takes."""

    broken = False
    hangs = 0.0
    at: list[datetime]

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        if self.broken:
            self.at = [*getattr(self, "at", ()), self.clock.now()]
        return await super().push(changes)

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        if self.broken and listings is not None:
            await asyncio.sleep(self.hangs)
            raise TransientError("503")
        async for page in super().observe(listings):
            yield page


def blind(folder: Path, now: dict[str, int], hangs: float) -> tuple[Play, Blind, Report]:
    """A run that cannot look at what its forerunner died with: A had 10, B 10."""
    play, source, _ = make(folder, {"A": 10, "B": 10})
    account = Blind(["A", "B"], clock=play.clock)
    play.sinks["shop"] = sink_config("shop", account)
    play.sync()
    play.clock.advance(60)
    for sku, quantity in now.items():
        source.set(sku, quantity)
    account.kill(applied=False)
    play.dies()
    account.pushes.clear()
    account.broken, account.hangs = True, hangs
    config = configuration(play.ledger, play.sources.values(), play.sinks.values(), zeroing=play.zeroing)

    async def main() -> Report:
        async with AsyncShop(config, plugins=REGISTRY, clock=play.clock) as shop:
            return await shop.sync()

    return play, account, run_virtual(main, clock=play.clock)


def test_where_nobody_can_look_only_zeros_are_sent(tmp_path: Path) -> None:
    """The account cannot be read: the zero goes all the same, and the raise waits for a run that can look."""
    play, account, _ = blind(tmp_path, {"A": 50, "B": 0}, 0)
    assert account.sent == [[("B", 0)]]
    account.broken = False
    play.clock.advance(60)
    assert play.sync().exit_code == 0
    assert (account.sent[1:], shows(account)) == ([[("A", 50)]], {"A": 50, "B": 0})


def test_a_zero_does_not_wait_for_a_look_that_hangs(tmp_path: Path) -> None:
    """A look that takes ten minutes: a zero is on the marketplace seconds after its rest is over."""
    _, account, report = blind(tmp_path, {"A": 50, "B": 0}, 600)
    assert account.sent == [[("B", 0)]]
    (moment,) = account.at
    assert moment - report.started_at < timedelta(seconds=12)
