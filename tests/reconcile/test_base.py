"""What the base of a difference is: what the marketplace shows now, not what was sent last (semantics §1)."""

from __future__ import annotations

from pathlib import Path

from mpstock import Observation
from mpstock.errors import TransientError
from mpstock.ledger import Ledger
from tests.reconcile.shops import make, shows


def test_a_doubt_voids_the_base(tmp_path: Path) -> None:
    """Confirmed 10, 50 applied but its answer lost with the process, stock back at 10: 10 shows."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    assert shows(account) == {"A": 10}
    source.set("A", 50)
    account.kill(applied=True)
    play.dies()
    assert shows(account) == {"A": 50}
    source.set("A", 10)
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 10}


def test_an_intent_that_never_arrived_is_sent_again(tmp_path: Path) -> None:
    """Killed before the request left: the next run sends what is wanted then."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    source.set("A", 3)
    account.kill(applied=False)
    play.dies()
    assert shows(account) == {"A": 10}
    assert play.sync().exit_code == 0
    assert shows(account) == {"A": 3}


def test_a_doubt_is_read_back_and_not_sent_twice(tmp_path: Path) -> None:
    """What was applied although its answer was lost is found by reading back: no second write."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    source.set("A", 50)
    account.kill(applied=True)
    play.dies()
    # Nobody believes what an account shows right after a kill: what was sent may be on its way.
    play.clock.advance(66)
    before = len(account.pushes)
    assert play.sync().exit_code == 0
    assert (shows(account), len(account.pushes)) == ({"A": 50}, before)


def test_the_first_run_reads_once_and_pushes_only_what_differs(tmp_path: Path) -> None:
    """An account that shows stock already gets the one number that differs."""
    play, _, account = make(
        tmp_path,
        {"A": 5, "B": 7, "C": 9},
        shown={("A", "main"): 5, ("B", "main"): 7, ("C", "main"): 1},
    )
    report = play.sync()
    assert account.sent == [[("C", 9)]]
    assert report.sinks["shop"].observed == 3


def test_a_second_sync_writes_nothing(tmp_path: Path) -> None:
    """Nothing has moved, so nothing is sent, and nothing is read back."""
    play, _, account = make(tmp_path, {"A": 5, "B": 0, "C": 9})
    play.sync()
    before = len(account.pushes)
    report = play.sync()
    assert (len(account.pushes), report.pushed, report.sinks["shop"].observed) == (before, 0, 0)
    assert report.exit_code == 0


def test_a_hundred_changes_push_exactly_these(tmp_path: Path) -> None:
    """Of 500 products 100 move: one request, with these and no other."""
    levels = {f"P{n:03}": 5 for n in range(500)}
    play, source, account = make(tmp_path, levels)
    play.sync()
    account.pushes.clear()
    moved = [f"P{n:03}" for n in range(0, 500, 5)]
    for sku in moved:
        source.set(sku, 6)
    play.sync()
    assert len(account.sent) == 1
    assert sorted(account.sent[0]) == [(sku, 6) for sku in moved]


def test_a_lowered_number_is_found_by_a_full_sync(tmp_path: Path) -> None:
    """Someone lowers a number in the cabinet: only `full` reads everything back, and mends it."""
    play, _, account = make(tmp_path, {"A": 10, "B": 10})
    play.sync()
    account.shown["A", "main"] = 4
    assert play.sync().pushed == 0
    report = play.sync(full=True)
    assert (report.sinks["shop"].drifted, report.pushed) == (1, 1)
    assert shows(account) == {"A": 10, "B": 10}


def test_an_account_that_hides_what_it_has_shows_zero(tmp_path: Path) -> None:
    """A reading of the whole account that leaves a listing out says that it shows nothing."""
    play, _, account = make(tmp_path, {"A": 10, "B": 10})
    play.sync()
    del account.shown["A", "main"]
    play.sync(full=True)
    assert shows(account) == {"A": 10, "B": 10}


def test_cap_and_refill(tmp_path: Path) -> None:
    """Cap 100 of 500: the account sells out to 0 by itself, and is filled up to 100 again."""
    play, _, account = make(tmp_path, {"A": 500}, self_decrements="yes")
    play.set_sink("shop", buffer={"policy": "all", "cap": 100})
    play.sync()
    account.buy("A", 100, "main")
    assert shows(account) == {"A": 0}
    play.sync(full=True)
    assert shows(account) == {"A": 100}


def test_an_older_observation_never_overwrites_a_newer_write(tmp_path: Path) -> None:
    """What was read back before a write says nothing of what the listing shows after it."""
    play, source, account = make(tmp_path, {"A": 10})
    play.sync()
    ledger = Ledger(f"sqlite:///{play.ledger}")
    early = ledger.observations.begin_observing("shop", play.clock.now())
    play.clock.advance(1)
    source.set("A", 4)
    play.sync()
    with ledger.transaction():
        early.ingest([Observation("A", "main", 10)], play.clock.now())
    ledger.close()
    assert play.sync().pushed == 0
    assert shows(account) == {"A": 4}


def test_an_observation_that_says_nothing_leaves_the_base_alone(tmp_path: Path) -> None:
    """A sink that cannot read back is served all the same: what is known to differ is sent."""
    play, source, account = make(tmp_path, {"A": 10, "B": 10})
    play.sync()
    source.set("A", 4)
    account.fail_read(TransientError("maintenance"), times=2)
    report = play.sync(full=True)
    assert report.exit_code == 3
    assert shows(account) == {"A": 4, "B": 10}


def test_a_listing_that_is_not_known_waits_where_the_account_cannot_be_read(tmp_path: Path) -> None:
    """At the first run nothing is pushed to an account that does not say what it shows."""
    play, _, account = make(tmp_path, {"A": 10}, shown={("A", "main"): 10}, observe_whole=False)

    async def observe(listings: object) -> object:
        raise TransientError("maintenance")
        yield

    account.observe = observe  # type: ignore[method-assign,assignment]
    report = play.sync()
    assert (account.pushes, report.exit_code) == ([], 3)
    del account.observe
    assert play.sync().exit_code == 0
    assert account.pushes == []
