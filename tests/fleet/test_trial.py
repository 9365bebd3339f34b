"""Workers that are killed and suspended in the middle of their runs: nothing is lost, nothing is doubled."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fleet_sim import Cost, Plan, simulate
from benchmarks.fleet_trial import trial
from tests.fleet.fleets import needs_postgresql

COSTS = {
    "orders": Cost(0.06, 0.02, 40, 7),
    "pull": Cost(0.09, 0.03, 60, 10),
    "full": Cost(0.6, 0.2, 150, 16),
}


@pytest.mark.slow
@needs_postgresql
def test_a_killed_and_a_suspended_worker_leave_everything_in_step(tmp_path: Path) -> None:
    """Four processes before doubles over HTTP, one killed, one asleep for longer than its leases."""
    found = trial(8, 5, tmp_path)
    assert found["killed_with"] > 0
    assert found["suspended_with"] > 0
    assert (found["out_of_step"], found["answers_429"], found["pushed_twice"]) == (0, 0, 0)
    assert found["numbers_pushed"] >= 8 * 5 * 2


def test_large_sellers_do_not_starve_small_ones() -> None:
    """In the simulation: with a queue of their own large sellers cost the small ones nothing."""
    plan = Plan(400, 1, concurrency=16, large=0.05, seconds=1200.0)
    apart = simulate(plan, COSTS)
    together = simulate(Plan(400, 1, concurrency=16, large=0.05, seconds=1200.0, fair=False), COSTS)
    assert apart["lag_p99_s"] < 5
    assert together["lag_p99_s"] > 60


def test_the_simulation_does_what_is_due_as_often_as_it_is_due() -> None:
    """Where there is room nobody waits, and each seller's orders are read each five minutes."""
    found = simulate(Plan(100, 4, large=0.0, seconds=3000.0), COSTS)
    assert found["runs_per_s"] == pytest.approx(100 / 300 + 100 / 900, abs=0.1)
    assert (found["waiting_at_the_end"], found["lag_p50_s"]) == (0, 0.0)
