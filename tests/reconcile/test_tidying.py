"""A run lets go what is too old, once a day, and comes to no harm by it."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from mpstock.config import RetentionSettings
from mpstock.ledger import Ledger
from tests.byhand import by_hand
from tests.reconcile.shops import Play, make


@pytest.fixture
def play(tmp_path: Path) -> Play:
    play, source, _account = make(tmp_path, {"A": 5, "B": 7})
    play.retention = RetentionSettings(log=timedelta(days=2))
    play.sync()
    source.set("A", 6)
    play.sync()
    return play


def recalled(play: Play) -> str | None:
    """When it was looked last."""
    with closing(Ledger(f"sqlite:///{play.ledger}")) as ledger:
        return ledger.runs.recall("tidied at")


def lines(play: Play) -> list[tuple[str, int]]:
    with play.open() as shop:
        return [(line.sku, line.new) for line in shop.log()]


def test_a_run_lets_go_what_is_too_old(play: Play) -> None:
    """Three days later a quiet run leaves the newest batch, and the log can be verified."""
    assert lines(play) == [("A", 6), ("B", 7), ("A", 5)]
    play.clock.advance(3 * 86_400)
    play.sync()
    assert lines(play) == [("A", 6)]
    with play.open() as shop:
        found = shop.verify_log()
        assert (found.holds, found.pruned, found.rows) == (True, 1, 1)
        assert [(a.actor, a.action) for a in shop.actions()] == [("retention", "tidy")]


def test_it_is_looked_for_once_a_day(play: Play) -> None:
    """Runs every hour do not each look through the log."""
    play.clock.advance(86_400)
    looked = set()
    for _ in range(10):
        play.sync()
        play.clock.advance(3_600)
        looked.add(recalled(play))
    assert len(looked) == 1


def test_somebody_can_ask_for_it(play: Play) -> None:
    """`Shop.tidy` looks at once, whenever it was looked last."""
    play.clock.advance(86_400)
    play.sync()
    play.clock.advance(1.5 * 86_400 - 60)
    with play.open() as shop:
        assert shop.tidy().log == 2
        assert not shop.tidy()


@pytest.mark.sqlite("its trigger")
def test_a_ledger_that_cannot_be_tidied_fails_no_run(play: Play) -> None:
    """What was pushed is pushed: the run ends as it would have, and the next one tries again."""
    with by_hand(play.ledger) as hand:
        hand.execute(
            "CREATE TRIGGER broken BEFORE DELETE ON stock_sync_log "
            "BEGIN SELECT RAISE(ABORT, 'somebody else has made a trigger'); END"
        )
    before = recalled(play)
    play.clock.advance(3 * 86_400)
    assert play.sync().exit_code == 0
    assert recalled(play) == before
    assert len(lines(play)) == 3
