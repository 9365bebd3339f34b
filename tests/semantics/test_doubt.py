"""What may be there already is looked at before it is sent again (semantics §1 and §2)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from mpstock import Change, Outcome, OutcomeStatus
from mpstock.inmemory import InMemorySource
from mpstock.ledger import Ledger
from mpstock.ledger.batches import Batch, Item
from tests.reconcile.shops import Account, Play, dies_with, make, shows

MOVES = pytest.mark.parametrize(("before", "now"), [(10, 50), (10, 4), (10, 0), (0, 7)])
"""A raise, a fall, a zero, a first number."""

RESTS = pytest.mark.parametrize("cooldown", [0.0, 30.0])


def killed(
    folder: Path, before: int, now: int, cooldown: float, *, applied: bool
) -> tuple[Play, InMemorySource, Account]:
    """A run dies with a number on the wire."""
    play, source, account = make(folder, {"A": before}, pair_cooldown=cooldown)
    dies_with(play, source, account, {"A": now}, applied=applied)
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


def test_a_run_for_some_products_leaves_what_is_in_doubt_of_others(tmp_path: Path) -> None:
    """A and B are in doubt; a run for B sends B alone, and a run for all the other."""
    play, source, account = make(tmp_path, {"A": 10, "B": 10})
    dies_with(play, source, account, {"A": 50, "B": 50}, applied=False)
    play.sync(skus=["B"])
    assert account.sent == [[("B", 50)]]
    play.sync()
    assert account.sent[1:] == [[("A", 50)]]


def test_a_plan_that_is_applied_sends_of_what_is_in_doubt_its_own(tmp_path: Path) -> None:
    """Planned while A and B were in doubt, for B alone: A stays for a run that has judged it."""
    play, source, account = make(tmp_path, {"A": 10, "B": 10})
    dies_with(play, source, account, {"A": 50, "B": 50}, applied=False)
    play.apply(play.plan(skus=["B"]))
    assert account.sent == [[("B", 50)]]
