"""When a change goes, and which quantity goes with it (semantics §2)."""

from __future__ import annotations

from pathlib import Path

from tests.reconcile.shops import (
    make,
    shows,
    tell_ledger,
)


def test_the_quantity_is_computed_at_the_moment_of_sending(tmp_path: Path) -> None:
    """B sells while A's request is on its way: B's request carries the new number."""
    play, source, account = make(tmp_path, {"A": 10, "B": 10}, batch=1)

    def sold(changes: object) -> None:
        account.hook = None
        play.clock.advance(1)
        source.set("B", 6)
        tell_ledger(play, B=6)

    account.hook = sold
    play.sync()
    assert account.sent == [[("A", 10)], [("B", 6)]]


def test_a_blind_retry_never_puts_a_number_back(tmp_path: Path) -> None:
    """PUT 10 is applied and times out, 3 are sold: the retry carries 7, not 10."""
    play, source, account = make(tmp_path, {"A": 10})

    def sold(changes: object) -> None:
        account.hook = None
        play.clock.advance(1)
        source.set("A", 7)
        tell_ledger(play, A=7)

    account.hook = sold
    account.doubt(applied=True)
    assert play.sync().exit_code == 0
    assert account.sent == [[("A", 10)], [("A", 7)]]


def test_a_level_that_comes_back_while_its_change_waits_sends_nothing(tmp_path: Path) -> None:
    """Quantities do not queue: B rose and fell back before its turn, so there is nothing to send."""
    play, source, account = make(tmp_path, {"A": 10, "B": 10}, batch=1)
    play.sync()
    source.set("A", 11)
    source.set("B", 12)

    def back(changes: object) -> None:
        account.hook = None
        play.clock.advance(1)
        source.set("B", 10)
        tell_ledger(play, B=10)

    account.hook = back
    assert play.sync().exit_code == 0
    assert account.sent[2:] == [[("A", 11)]]


def test_a_pair_rests_over_restarts(tmp_path: Path) -> None:
    """30 s between two writes of a pair, also when each is a command of its own: no write comes early."""
    play, source, account = make(tmp_path, {"A": 10}, pair_cooldown=30.0)
    play.sync()
    for quantity in (9, 8, 7):
        source.set("A", quantity)
        assert play.sync().exit_code == 0
    assert [new for push in account.sent for _, new in push] == [10, 9, 8, 7]
    assert play.clock.monotonic() >= 90
    with play.open() as shop:
        assert {line.status for line in shop.log()} == {"ok"}


def test_a_pair_that_was_in_doubt_rests_as_well(tmp_path: Path) -> None:
    """The cooldown starts with any attempt, also one whose process was killed."""
    play, source, account = make(tmp_path, {"A": 10}, pair_cooldown=30.0)
    play.sync()
    play.clock.advance(60)
    source.set("A", 0)
    account.kill(applied=True)
    play.dies()
    attempted = play.clock.monotonic() - 1
    source.set("A", 5)
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 5}
    assert play.clock.monotonic() - attempted >= 30


def test_a_raise_waits_for_a_resting_pair_where_that_saves_a_request(tmp_path: Path) -> None:
    """A rests for its cooldown and B may go: raises go together, a fall waits for nothing."""
    play, source, account = make(tmp_path, {"A": 10, "B": 10}, pair_cooldown=30.0)
    play.sync(skus=["A"])
    source.set("A", 11)
    assert play.sync().sinks["shop"].requests == 1
    assert account.sent == [[("A", 10)], [("A", 11), ("B", 10)]]
    play.clock.advance(60)
    source.set("A", 12)
    play.sync()
    source.set("A", 13)
    source.set("B", 9)
    play.sync()
    assert account.sent[2:] == [[("A", 12)], [("B", 9)], [("A", 13)]]
