"""A run that went wrong is taken back: what it replaced returns, and never more than is there now."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from mpstock import Plan, Report
from mpstock.errors import ConfigurationError, TransientError
from tests.reconcile.shops import Killed, Play, make, shows, skus


def plan_back(play: Play, run: int, **keys: object) -> Plan:
    """One `mpstock rollback RUN`."""
    with play.open() as shop:
        plan = shop.rollback(run, **keys)  # type: ignore[arg-type]
    play.clock.advance(1)
    return plan


def roll_back(play: Play, run: int, **keys: object) -> Report:
    """One `mpstock rollback RUN --apply`."""
    return play.apply(plan_back(play, run, **keys))


def reasons(plan: Plan) -> Counter[str]:
    return Counter(skipped.reason for skipped in plan.skipped)


def test_a_night_with_a_wrong_cap_is_taken_back(tmp_path: Path) -> None:
    """Cap 0 took the whole catalogue to zero; the rollback holds against the next run with the same cap."""
    names = skus(40)
    play, _, account = make(tmp_path, dict.fromkeys(names, 5))
    play.sync()
    play.set_sink("shop", buffer={"absolute": 0, "cap": 0})
    night = play.sync(release=["zeroing"])
    assert set(shows(account).values()) == {0}
    plan = plan_back(play, night.run)
    assert {(c.old, c.new, c.cause) for c in plan.changes} == {(0, 5, "manual")}
    assert (len(plan), plan.rollback, len(plan.skipped)) == (40, night.run, 0)
    assert set(shows(account).values()) == {0}
    report = play.apply(plan)
    assert (report.exit_code, set(shows(account).values())) == (0, {5})
    assert play.sync().pushed == 0
    assert set(shows(account).values()) == {5}


def test_a_rollback_ends_by_itself(tmp_path: Path) -> None:
    """After its time the formula decides again, whatever it says by then."""
    play, _, account = make(tmp_path, {"A": 5})
    play.sync()
    play.set_sink("shop", buffer={"absolute": 0, "cap": 1})
    roll_back(play, play.sync().run, lasts=timedelta(hours=2))
    play.clock.advance(7_000)
    play.sync()
    assert shows(account) == {"A": 5}
    play.clock.advance(300)
    play.sync()
    assert shows(account) == {"A": 1}


def test_a_rollback_is_ended_by_hand(tmp_path: Path) -> None:
    """`resume --rollback RUN` takes back all that it keeps; a second time there is nothing to take back."""
    play, _, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    play.set_sink("shop", buffer={"absolute": 0, "cap": 1})
    run = play.sync().run
    roll_back(play, run)
    with play.open() as shop:
        assert {one.origin for one in shop.interventions()} == {f"rollback {run}"}
        assert len(shop.resume(rollback=run)) == 2
        with pytest.raises(ConfigurationError, match=f"no rollback of run {run} is in force"):
            shop.resume(rollback=run)
    play.sync()
    assert shows(account) == {"A": 1, "B": 1}


def test_a_rollback_never_shows_more_than_there_is_now(tmp_path: Path) -> None:
    """5 were shown before; 2 are left by now, then 1: so many come back, and it falls with them."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    play.set_sink("shop", buffer={"absolute": 0, "cap": 0})
    run = play.sync().run
    source.set("A", 2)
    play.sync()
    roll_back(play, run)
    assert shows(account) == {"A": 2}
    source.set("A", 1)
    play.sync()
    assert shows(account) == {"A": 1}


def test_what_was_sold_between_plan_and_apply_does_not_come_back(tmp_path: Path) -> None:
    """The plan says 5, and by the time it is applied the source says 3."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    play.set_sink("shop", buffer={"absolute": 0, "cap": 0})
    plan = plan_back(play, play.sync().run)
    source.set("A", 3)
    play.apply(plan)
    assert shows(account) == {"A": 3}


def test_a_wrong_source_is_to_be_mended_first(tmp_path: Path) -> None:
    """The source said 0 of everything: there is none to promise, the plan says so and restores nothing."""
    play, source, account = make(tmp_path, dict.fromkeys(skus(15), 5))
    play.sync()
    for sku in skus(15):
        source.set(sku, 0)
    run = play.sync().run
    plan = plan_back(play, run)
    assert (len(plan), plan.exit_code, plan.skipped_reasons()[0][1]) == (0, 1, 15)
    assert "mend them, and the next run raises it" in plan.skipped_reasons()[0][0]
    play.apply(plan)
    assert set(shows(account).values()) == {0}
    for sku in skus(15):
        source.set(sku, 5)
    play.sync()
    assert set(shows(account).values()) == {5}


def test_raises_that_went_wrong_are_taken_back_also_from_unknown_stock(tmp_path: Path) -> None:
    """A wrong source raised it to 50 and is down now: to go back to 5 is the safe direction."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    source.set("A", 50)
    source.set("B", 1)
    run = play.sync().run
    source.fail(TransientError("down"))
    play.sync()
    plan = plan_back(play, run)
    assert {(c.sku, c.old, c.new) for c in plan.changes} == {("A", 50, 5)}
    source.fail(TransientError("down"))
    play.apply(plan)
    assert shows(account) == {"A": 5, "B": 1}


def test_what_a_later_run_has_changed_is_left_to_it(tmp_path: Path) -> None:
    """B was sold out since, by run 3: the plan names that run and leaves B alone."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5, "C": 5})
    play.sync()
    play.set_sink("shop", buffer={"absolute": 0, "cap": 2})
    run = play.sync().run
    source.set("B", 0)
    later = play.sync().run
    account.sell_no_longer("C", "main")
    play.sync(full=True)
    plan = plan_back(play, run)
    assert [c.sku for c in plan.changes] == ["A"]
    assert {s.sku: s.reason for s in plan.skipped} == {
        "B": f"run {later} has changed it since",
        "C": "it is not offered any more, or is another product's by now",
    }


def test_what_failed_in_that_run_is_not_taken_back(tmp_path: Path) -> None:
    """A was refused and still shows what it did: there is nothing to put back."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    source.set("A", 2)
    source.set("B", 2)
    account.refuse("A", "X", "not now")
    run = play.sync().run
    source.set("A", 5)
    source.set("B", 5)
    assert [c.sku for c in plan_back(play, run).changes] == []
    play.sync(dry_run=True)
    assert [c.sku for c in plan_back(play, run).changes] == ["B"]


def test_what_a_killed_run_may_have_sent_is_taken_back(tmp_path: Path) -> None:
    """The process died with a wrong 1 on the wire, which landed."""
    play, _, account = make(tmp_path, {"A": 5})
    play.sync()
    play.set_sink("shop", buffer={"absolute": 0, "cap": 1})
    account.kill(applied=True)
    play.dies()
    play.clock.advance(120)
    play.sync(dry_run=True)
    assert shows(account) == {"A": 1}
    roll_back(play, 2)
    assert shows(account) == {"A": 5}


def test_a_rollback_can_be_taken_back(tmp_path: Path) -> None:
    """1 → rolled back to 5 → that run rolled back to 1 → and once more to 5."""
    play, _, account = make(tmp_path, {"A": 5})
    play.sync()
    play.set_sink("shop", buffer={"absolute": 0, "cap": 1})
    run = play.sync().run
    for number in (5, 1, 5):
        run = roll_back(play, run).run
        assert shows(account) == {"A": number}
        assert play.sync().pushed == 0


def test_a_rollback_is_kept_in_a_file_and_goes_on_after_a_kill(tmp_path: Path) -> None:
    """Killed in its second request and applied again: everything is back, nothing is sent twice."""
    names = skus(6)
    play, _, account = make(tmp_path, dict.fromkeys(names, 5), batch=2)
    play.sync()
    play.set_sink("shop", buffer={"absolute": 0, "cap": 1})
    run = play.sync().run
    plan = Plan.load(plan_back(play, run).save(tmp_path / "p.json"))
    assert (plan.rollback, plan.lasts) == (run, timedelta(hours=24))
    account.hook = lambda _changes: account.kill(applied=True)
    with pytest.raises(Killed), play.open() as shop:
        shop.apply(plan)
    account.hook = None
    play.clock.advance(120)
    account.pushes.clear()
    play.apply(plan)
    assert set(shows(account).values()) == {5}
    assert sum(len(push) for push in account.pushes) <= 4


def test_a_dry_run_of_a_rollback_pins_nothing(tmp_path: Path) -> None:
    """It shows what would come back; the next run knows nothing of it."""
    play, _, account = make(tmp_path, {"A": 5})
    play.sync()
    play.set_sink("shop", buffer={"absolute": 0, "cap": 1})
    plan = plan_back(play, play.sync().run)
    report = play.apply(plan, dry_run=True)
    assert report.plan is not None
    assert [(c.old, c.new) for c in report.plan.changes] == [(1, 5)]
    assert play.sync().pushed == 0
    assert shows(account) == {"A": 1}


def test_there_must_be_such_a_run(tmp_path: Path) -> None:
    """A number that no run has is an error that says where to look; no time at all is one too."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    with pytest.raises(ConfigurationError, match="no run 99; mpstock log"):
        plan_back(play, 99)
    with pytest.raises(ConfigurationError, match="some time"):
        plan_back(play, 1, lasts=timedelta())


def test_who_rolled_back_is_in_the_log(tmp_path: Path) -> None:
    """The pins, the run and the log say who and why."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    play.set_sink("shop", buffer={"absolute": 0, "cap": 1})
    plan = plan_back(play, play.sync().run)
    with play.open() as shop:
        shop.apply(plan, actor="anna", reason="wrong cap")
        assert [(line.actor, line.reason, line.cause) for line in shop.log(limit=1)] == [
            ("anna", "wrong cap", "manual")
        ]
        assert [(one.actor, one.reason) for one in shop.interventions()] == [("anna", "wrong cap")]
