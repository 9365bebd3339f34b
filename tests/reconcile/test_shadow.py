"""Shadow mode: everything is read and planned, nothing leaves; and what is kept of it adds up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from attrs import evolve

from mpstock import Change
from mpstock.asked import Asked
from mpstock.config import SharingSettings
from mpstock.errors import ConfigurationError
from mpstock.inmemory import InMemorySource
from mpstock.ledger import Ledger
from tests.reconcile.shops import Account, Play, make, shows, sink_config, skus

HOUR = 3600


def in_shadow(
    folder: Path, levels: dict[str, int], *, shown: dict[str, int] | None = None
) -> tuple[Play, InMemorySource, Account]:
    """A seller whose sink `shop` another integration writes to."""
    there = {(sku, "main"): quantity for sku, quantity in (shown or {}).items()}
    play, source, account = make(folder, levels, shown=there)
    play.set_sink("shop", shadow=True)
    return play, source, account


def beside(play: Play, names: Sequence[str]) -> Account:
    """One more sink, which is live."""
    other = Account(names, clock=play.clock, account="other")
    play.sinks["other"] = sink_config("other", other)
    return other


# ---------------------------------------------------------------- nothing leaves


def test_nothing_is_sent_whatever_is_asked(tmp_path: Path) -> None:
    """Runs of every kind, a plan that is applied, a zero by hand, a released guard."""
    play, source, account = in_shadow(tmp_path, {"A": 5, "B": 7}, shown={"A": 9})
    assert play.sync().exit_code == 0
    play.sync(full=True)
    source.set("A", 1)
    plan = play.plan()
    assert [(change.sku, change.old, change.new) for change in plan.changes] == [("A", 9, 1), ("B", 0, 7)]
    report = play.apply(plan)
    assert "2 of 2 changes are of sinks in shadow mode and are not sent" in report.notes
    with play.open() as shop:
        shop.zero(skus=["B"])
        for read in ("orders", "nothing", "everything"):
            shop.sync(read=read, retry=True)
        shop.sync(release=["zeroing", "takeover", "raising"])
    assert account.pushes == []
    assert shows(account) == {"A": 9}


def test_a_run_says_what_it_would_have_sent_and_ends_well(tmp_path: Path) -> None:
    """What a guard would hold, and what waits for nobody, is no reason for a timer to alarm."""
    names = skus(50)
    play, _, account = in_shadow(tmp_path, dict.fromkeys(names, 0), shown=dict.fromkeys(names, 4))
    ears = play.listen()
    report = play.sync()
    assert (report.exit_code, report.sinks["shop"].mode) == (0, "shadow")
    assert (report.sinks["shop"].held, report.sinks["shop"].pending) == (50, 0)
    assert ears.alerts == []
    assert account.pushes == []


def test_what_is_wrong_there_alarms_nobody_here(tmp_path: Path) -> None:
    """Held zeros, and zeros shown for hours where there is stock: for those who write there, until we do."""
    names = skus(50)
    levels = dict.fromkeys(names, 0) | {"A": 5}
    play, _, _ = in_shadow(tmp_path, levels, shown=dict.fromkeys(names, 4))
    play.sync()
    with play.open() as shop:
        assert shop.alerts() == []
        play.clock.advance(3 * HOUR)
        assert shop.alerts() == []
    play.set_sink("shop", shadow=False)
    with play.open() as shop:
        assert {one.trouble.subject.split(":")[0] for one in shop.alerts()} == {"takeover", "shows_zero"}


def test_what_is_shown_is_read_back_each_time_and_is_nobody_s_drift(tmp_path: Path) -> None:
    """Others write there: a plan begins from what they wrote last, and no alert calls it another writer."""
    names = skus(20)
    play, _, account = in_shadow(tmp_path, dict.fromkeys(names, 5), shown=dict.fromkeys(names, 5))
    ears = play.listen()
    play.sync()
    for round_ in range(3):
        for sku in names:
            account.shown[sku, "main"] = 6 + round_
        report = play.sync()
        assert report.sinks["shop"].drifted == 0
    plan = play.plan()
    assert {(change.old, change.new) for change in plan.changes} == {(8, 5)}
    with play.open() as shop:
        (status,) = shop.status().sinks
        assert shop.verify().exit_code == 0
    assert (status.mode, status.drifts, status.another_writer_since) == ("shadow", {}, None)
    assert ears.alerts == []


def test_the_other_sinks_are_served_and_keep_back_what_is_sold_there(tmp_path: Path) -> None:
    """Orders of the sink in shadow mode are subtracted where we do write."""
    play, _, account = in_shadow(tmp_path, {"A": 5}, shown={"A": 5})
    other = beside(play, ["A"])
    play.sync()
    assert shows(other) == {"A": 5}
    account.buy("A", 2, "main")
    report = play.sync(read="orders")
    assert (report.exit_code, shows(other)) == (0, {"A": 3})
    assert account.pushes == []


def test_where_no_unit_may_be_shown_twice_what_others_show_there_counts(tmp_path: Path) -> None:
    """Exclusive: the live sink gets no unit that the shadowed one, served first, still shows."""
    play, _, account = in_shadow(tmp_path, {"A": 5}, shown={"A": 5})
    other = beside(play, ["A"])
    play.set_sink("shop", priority=1)
    play.set_sink("other", priority=2)
    play.sharing = SharingSettings("exclusive")
    play.sync()
    assert (shows(account), shows(other), other.pushes) == ({"A": 5}, {}, [])


# ---------------------------------------------------------------- taking over


def test_a_takeover_is_looked_at_decided_and_then_carried_out(tmp_path: Path) -> None:
    """The plan first; then a person decides, with a name and a reason; the next run sends."""
    play, _, account = in_shadow(tmp_path, {"A": 5, "B": 7}, shown={"A": 9, "B": 7})
    beside(play, ["A", "B"])
    play.sync()
    with play.open() as shop:
        plan = shop.plan_takeover("shop")
        assert [(change.sink, change.sku, change.new) for change in plan.changes] == [("shop", "A", 5)]
        decision = shop.take_over("shop", actor="olga", reason="a week without a difference")
        assert (decision.mode, decision.actor) == ("live", "olga")
    assert account.pushes == []
    # Whoever wrote there before wrote once more before it was switched off.
    account.shown["B", "main"] = 99
    report = play.sync()
    assert report.sinks["shop"].mode == "live"
    assert shows(account) == {"A": 5, "B": 7}
    with play.open() as shop:
        (action,) = [one for one in shop.actions() if one.action == "takeover"]
    assert (action.actor, action.reason, dict(action.scope)) == (
        "olga", "a week without a difference", {"sink": "shop", "mode": "live"},
    )  # fmt: skip


def test_the_guard_stands_at_the_first_real_push(tmp_path: Path) -> None:
    """Mass zeros of the first live run are held by `takeover`, as on any account that shows stock already."""
    names = skus(50)
    play, _, account = in_shadow(tmp_path, dict.fromkeys(names, 0), shown=dict.fromkeys(names, 4))
    with play.open() as shop:
        assert {held.guard for held in shop.plan_takeover("shop").held} == {"takeover"}
        shop.take_over("shop")
    assert play.sync().sinks["shop"].held == 50
    assert account.pushes == []
    play.sync(release=["takeover"])
    assert set(shows(account).values()) == {0}


def test_who_gives_back_is_obeyed_at_once(tmp_path: Path) -> None:
    """In the middle of a run, from another process: the request on its way is the last."""
    names = skus(30)
    play, _, account = make(tmp_path, dict.fromkeys(names, 5), batch=10)

    def give_back(_: Sequence[Change]) -> None:
        account.hook = None
        ledger = Ledger(f"sqlite:///{play.ledger}")
        with ledger.transaction():
            ledger.shadows.decide("shop", "shadow", Asked("olga", "stop"), play.clock.now())
        ledger.close()

    account.hook = give_back
    play.sync()
    assert len(account.pushes) <= 2  # one was composed while the first was on its way
    sent = len(account.pushes)
    report = play.sync(full=True)
    assert len(account.pushes) == sent
    assert report.sinks["shop"].mode == "shadow"


def test_what_was_decided_goes_before_the_settings_both_ways(tmp_path: Path) -> None:
    """Taken over and given back, from settings that say the one or the other."""
    play, _, account = in_shadow(tmp_path, {"A": 5})
    with play.open() as shop:
        shop.take_over("shop")
        with pytest.raises(ConfigurationError, match="live already"):
            shop.take_over("shop")
        shop.give_back("shop", actor="ivan")
        with pytest.raises(ConfigurationError, match="in shadow mode already: ivan has decided it"):
            shop.give_back("shop")
        with pytest.raises(ConfigurationError, match="did you mean shop"):
            shop.take_over("shopp")
    play.set_sink("shop", shadow=False)
    play.sync()
    assert account.pushes == []
    with play.open() as shop:
        shop.take_over("shop")
    play.sync()
    assert shows(account) == {"A": 5}


# ---------------------------------------------------------------- the record


def test_units_and_hours_out_of_step_add_up(tmp_path: Path) -> None:
    """Three too many for an hour, right for an hour, five too few for two: by hand."""
    play, source, account = in_shadow(tmp_path, {"A": 5}, shown={"A": 8})
    play.sync()
    play.clock.advance(HOUR - 1)
    account.shown["A", "main"] = 5
    play.sync()
    play.clock.advance(HOUR - 1)
    source.set("A", 10)
    play.sync()
    play.clock.advance(2 * HOUR - 1)
    account.shown["A", "main"] = 10
    play.sync()
    with play.open() as shop:
        (found,) = shop.shadow_report().sinks
    assert (found.watched_hours, found.looks) == (4.0, 4)
    assert (found.over_unit_hours, found.hidden_unit_hours, found.in_step) == (3.0, 10.0, 0.25)
    assert (found.listings, found.same, found.higher, found.lower) == (1, 1, 0, 0)
    assert [(one.sku, one.over_unit_hours, one.hidden_unit_hours) for one in found.worst] == [
        ("A", 3.0, 10.0)
    ]


def test_what_happens_while_nobody_looks_is_not_counted(tmp_path: Path) -> None:
    """A night without a look is no night out of step: a new watch begins."""
    play, _, account = in_shadow(tmp_path, {"A": 5}, shown={"A": 8})
    play.sync()
    play.clock.advance(HOUR - 1)
    play.sync()
    play.clock.advance(8 * HOUR)
    play.sync()
    play.clock.advance(HOUR - 1)
    account.shown["A", "main"] = 5
    play.sync()
    with play.open() as shop:
        (found,) = shop.shadow_report("shop").sinks
        (recent,) = shop.shadow_report("shop", lasts=timedelta(minutes=30)).sinks
    assert (found.watched_hours, found.over_unit_hours) == (2.0, 6.0)
    assert recent.watched_hours == pytest.approx(0.5, abs=0.001)
    assert recent.over_unit_hours == pytest.approx(1.5, abs=0.01)


def test_how_long_they_take_after_a_sale_elsewhere_is_measured(tmp_path: Path) -> None:
    """Sold on the other sink at once told: we would have followed in 60 s, they did after an hour."""
    play, _, account = in_shadow(tmp_path, {"A": 5, "B": 5}, shown={"A": 5, "B": 5})
    other = beside(play, ["A", "B"])
    play.sync()
    other.buy("A", 2, "main")
    other.buy("B", 1, "main")
    play.clock.advance(60)
    play.sync()
    play.clock.advance(HOUR - 61)
    account.shown["A", "main"] = 3
    play.sync()
    with play.open() as shop:
        (found,) = shop.shadow_report("shop").sinks
    assert (found.ours_after_sale.count, found.ours_after_sale.longest) == (2, 60.0)
    assert (found.after_sale.count, found.after_sale.open, found.after_sale.longest) == (2, 1, float(HOUR))


def test_an_order_that_was_cancelled_and_that_we_would_not_have_let_come_about_is_named(
    tmp_path: Path,
) -> None:
    """We would have shown one, two were bought and cancelled; one that was kept we would have missed."""
    play, _, account = in_shadow(tmp_path, {"A": 1, "B": 0, "C": 9}, shown={"A": 4, "B": 2, "C": 9})
    play.sync()
    play.clock.advance(60)
    oversold = account.buy("A", 2, "main", key="no-stock")
    account.buy("B", 1, "main", key="kept")
    account.buy("C", 1, "main", key="changed-mind")
    play.clock.advance(5)
    play.sync()
    account.cancel("no-stock")
    account.cancel("changed-mind")
    play.sync()
    ledger = Ledger(f"sqlite:///{play.ledger}")
    ledger.symptoms.note_oversold("shop", [evolve(oversold, oversold=True)], play.clock.now())
    ledger.close()
    with play.open() as shop:
        (found,) = shop.shadow_report().sinks
    assert found.cancelled == 2
    assert [(one.key, one.sku, one.shown, one.ours, one.quantity) for one in found.oversold] == [
        (oversold.key, "A", 4, 1, 2)
    ]
    assert [one.key for one in found.missed] == ["kept"]
    assert [one.lacking for one in found.oversold] == [True]
    assert "for lack of stock by its word" in "\n".join(found.lines())


def test_only_what_moved_is_kept(tmp_path: Path) -> None:
    """A look that sees nothing new costs no row; a quiet day is one row for each listing."""
    names = skus(10)
    play, source, _ = in_shadow(tmp_path, dict.fromkeys(names, 5), shown=dict.fromkeys(names, 5))
    for _ in range(5):
        play.sync()
        play.clock.advance(600)
    source.set(names[0], 4)
    play.sync()
    ledger = Ledger(f"sqlite:///{play.ledger}")
    assert ledger.database.scalar("SELECT count(*) FROM shadow_points") == 11
    ledger.close()


def test_the_record_is_let_go_with_the_differences(tmp_path: Path) -> None:
    """What is older than `[retention] drifts` goes, and the watches with it."""
    play, _, _ = in_shadow(tmp_path, {"A": 5})
    play.sync()
    play.clock.advance(100 * 24 * HOUR)
    play.sync()
    with play.open() as shop:
        shop.tidy()
    ledger = Ledger(f"sqlite:///{play.ledger}")
    assert ledger.database.scalar("SELECT count(*) FROM shadow_points") == 1
    assert ledger.database.scalar("SELECT count(*) FROM shadow_watches") == 1
    ledger.close()


def test_a_shop_without_shadows_has_nothing_to_tell(tmp_path: Path) -> None:
    """No row, no report; a sink that is asked for says what it is."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    with play.open() as shop:
        assert shop.shadow_report().sinks == []
        (found,) = shop.shadow_report("shop").sinks
    assert found.lines() == ["shop: live; nothing was watched so far"]
