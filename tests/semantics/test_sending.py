"""What is sent is computed when it is sent (semantics §2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest

from mpstock import Change
from mpstock.errors import NotSentError, StalePlanError
from tests.reconcile.shops import shows, skus, tell_ledger
from tests.semantics.stories import MINUTE, Market, seller


@pytest.mark.parametrize("declared", ["yes", "unknown", "no"])
def test_a_push_that_timed_out_is_not_repeated_blindly(tmp_path: Path, declared: str) -> None:
    """PUT 10 commits and times out, 3 are sold (7): a blind retry would put 10 back."""
    play, _, market = seller(tmp_path, {"A": 10}, self_decrements=declared)
    market.lowers = declared != "no"

    def sell() -> None:
        market.after_push = None
        market.buy("A", 3, "main")

    market.doubt(applied=True)
    market.after_push = sell
    play.sync()
    play.wait(MINUTE)
    play.sync()
    assert shows(market) == {"A": 7}
    assert market.written[0] == 10
    assert set(market.written[1:]) <= {7}


def test_orders_are_read_just_before_writing(tmp_path: Path) -> None:
    """The ERP rises from 10 to 20 and 4 are sold while it is being read: 16 is written, never 20."""
    play, erp, market = seller(tmp_path, {"A": 10}, self_decrements="unknown")
    market.lowers = True
    play.sync()

    def sell() -> None:
        erp.at_read = None
        market.buy("A", 4, "main")

    erp.set("A", 20)
    erp.at_read = sell
    play.sync()
    play.sync()
    assert shows(market) == {"A": 16}
    assert 20 not in market.written


@pytest.mark.parametrize("full", [True, False])
def test_a_read_back_that_is_lower_may_be_a_sale(tmp_path: Path, full: bool) -> None:
    """A read-back of 9 after 10 was written: the order arrived between, and 10 is not put back."""
    play, _, market = seller(tmp_path, {"A": 10}, self_decrements="unknown")
    market.lowers = True
    play.sync()

    def sell() -> None:
        market.at_observe = None
        market.buy("A", 1, "main")

    market.at_observe = sell
    play.sync(full=full)
    if not full:
        # Nothing asked for a read-back: the order is found at the next run.
        market.at_observe = None
        if shows(market) == {"A": 10}:
            market.buy("A", 1, "main")
        play.sync()
    assert shows(market) == {"A": 9}
    assert market.written == [10]


def test_an_order_while_the_raise_is_on_the_wire(tmp_path: Path) -> None:
    """10 → 20 is accepted while 4 of the old 10 are sold: 16, and no write above that comes after."""
    play, erp, market = seller(tmp_path, {"A": 10}, self_decrements="unknown")
    market.lowers = True
    play.sync()
    erp.set("A", 20)

    def sell(_: Sequence[Change]) -> None:
        market.hook = None
        market.buy("A", 4, "main")

    market.hook = sell
    play.sync()
    play.sync()
    assert shows(market) == {"A": 16}
    assert market.written[2:] == [16]


def test_zeros_and_falls_share_a_request_zeros_first(tmp_path: Path) -> None:
    """50 zeros and 50 falls are one request of 100; the zeros stand first in it."""
    names = skus(100)
    play, erp, market = seller(tmp_path, dict.fromkeys(names, 10), batch=100)
    play.sync()
    market.pushes.clear()
    for number, name in enumerate(names):
        erp.set(name, 4 if number % 2 else 0)
    play.sync()
    assert len(market.pushes) == 1
    quantities = [quantity for _, quantity in market.sent[0]]
    assert quantities == [0] * 50 + [4] * 50


def test_raises_fill_the_batch_after_zeros_and_falls(tmp_path: Path) -> None:
    """Two zeros, two falls and two raises with a batch of 3 are two requests, in that order."""
    names = skus(6)
    play, erp, market = seller(tmp_path, dict.fromkeys(names, 10), batch=3)
    play.sync()
    market.pushes.clear()
    for name, quantity in zip(names, (20, 0, 4, 20, 0, 4), strict=True):
        erp.set(name, quantity)
    play.sync()
    assert [[quantity for _, quantity in push] for push in market.sent] == [[0, 0, 4], [4, 20, 20]]


def _times_of_writes(market: Market) -> list[float]:
    times: list[float] = []

    def note(_: Sequence[Change]) -> None:
        times.append(market.clock.monotonic())

    market.hook = note
    return times


@pytest.mark.parametrize("outcome", ["accepted", "refused", "in doubt", "killed"])
def test_the_cooldown_starts_with_any_attempt_and_outlives_the_process(tmp_path: Path, outcome: str) -> None:
    """A pair that may be written every 30 s: whatever came of the last attempt, a new process waits too."""
    play, erp, market = seller(tmp_path, {"A": 10}, pair_cooldown=30.0)
    times = _times_of_writes(market)
    play.sync()
    play.wait(MINUTE)
    erp.set("A", 5)
    if outcome == "refused":
        market.refuse("A", "NOT_NOW")
    elif outcome == "in doubt":
        market.doubt(applied=True)
    if outcome == "killed":
        market.kill(applied=True)
        times.append(market.clock.monotonic())
        play.dies()
        market.hook = None
        times_after = _times_of_writes(market)
    else:
        play.sync()
        times_after = times
    for quantity in (4, 3):
        erp.set("A", quantity)
        play.sync()
        play.wait(10)
    play.wait(MINUTE)
    play.sync()
    all_times = times if times_after is times else times + times_after
    assert shows(market) == {"A": 3}
    assert all(later - earlier >= 30 for earlier, later in pairwise(all_times))
    assert len(all_times) >= 3


@pytest.mark.parametrize(
    ("planned", "now", "sent"),
    [(10, 6, 6), (6, 10, 6), (10, 10, 10), (10, 0, 0), (0, 10, 0)],
)
def test_a_saved_plan_sends_the_smaller_of_planned_and_wanted_now(
    tmp_path: Path, planned: int, now: int, sent: int
) -> None:
    """The listing shows 3; what was planned in the morning is not sent as it stands in the evening."""
    play, _, market = seller(tmp_path, {"A": planned}, shown={("A", "main"): 3})
    plan = play.plan()
    tell_ledger(play, A=now)
    play.apply(plan)
    assert shows(market) == {"A": sent}


def test_a_saved_plan_heeds_an_order_that_came_since(tmp_path: Path) -> None:
    """Planned 10 for a listing that shows 3, then 2 of the 3 are sold: 8, or the plan is stale."""
    play, _, market = seller(tmp_path, {"A": 10}, shown={("A", "main"): 3})
    plan = play.plan()
    market.buy("A", 2, "main")
    try:
        play.apply(plan)
    except StalePlanError:
        play.sync()
    assert shows(market) == {"A": 8}


def test_a_refused_fall_is_told_and_tried_again_within_a_minute(tmp_path: Path) -> None:
    """A fall that was refused is a critical alert at once, and is the first to be sent a minute later."""
    play, erp, market = seller(tmp_path, {"A": 10, "B": 10})
    play.sync()
    market.pushes.clear()
    erp.set("A", 0)
    market.refuse("A", "CARGO_WAREHOUSE_RESTRICTION", "склад не принимает", times=-1)
    assert play.sync().exit_code == 1
    alerts = [alert for alert in play.told.alerts if alert.sink == "shop"]
    assert "critical" in {alert.severity for alert in alerts}
    assert any("склад не принимает" in alert.message for alert in alerts)
    market.pushes.clear()
    market.accept("A")
    erp.set("B", 2)
    play.wait(MINUTE)
    play.sync()
    assert market.sent == [[("A", 0), ("B", 2)]]
    assert shows(market) == {"A": 0, "B": 2}


def test_the_quantity_of_every_attempt_is_that_of_the_moment(tmp_path: Path) -> None:
    """A request is sent back; before it is sent again the ERP falls from 8 to 5 in the ledger: 5 is sent."""
    play, erp, market = seller(tmp_path, {"A": 10})
    play.sync()
    erp.set("A", 8)
    market.fail_push(NotSentError("429", retry_after=1))

    def fall() -> None:
        market.after_push = None
        tell_ledger(play, A=5)
        erp.set("A", 5)

    market.after_push = fall
    play.sync()
    assert market.written == [10, 8, 5]
