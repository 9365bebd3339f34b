"""A plan that was made before, carried out: never more than it says, and never more than is wanted now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mpstock.errors import StalePlanError
from mpstock.reconcile.engine import silent
from mpstock.reconcile.tasks import unless_stopped

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.reconcile.engine import Engine, Progress
    from mpstock.reconcile.report import Plan, PlannedChange, Report

__all__ = ["apply"]


async def apply(
    engine: Engine,
    plan: Plan,
    *,
    cause: str = "manual",
    asked: Asked | None = None,
    progress: Progress = silent,
) -> Report:
    """Push what a plan says: of each change the smaller of what it planned and what is wanted now.

    Raises:
        StalePlanError: what some listing shows has moved since; nothing is sent then.
    """
    ledger, work = engine.ledger, engine.worker.run
    run = await engine._begin("apply", cause, asked)
    try:
        chosen = {change.state: change for change in plan.changes if not change.held}
        watcher = engine._watcher()
        await unless_stopped(watcher.orders(run, progress), engine.stop)
        await unless_stopped(watcher.observe(run, full=False, progress=progress), engine.stop)
        _refuse_moved(plan.run, chosen, dict(await work(ledger.stocks.bases, list(chosen))))
        failing = {name for name, source in plan.sources.items() if source.error}
        planner = await engine._plan(run, failing, None, progress)
        await engine._judge(run, plan.released)
        for name in await engine._writes(run):
            await work(ledger.pushes.park_all_but, name, chosen)
        await engine._push(run, planner, {state: c.new for state, c in chosen.items()}, progress, watcher)
        return await engine._finish(run, None)
    except BaseException as error:
        await engine._fail(run, error)
        raise


def _refuse_moved(
    planned_by: int, chosen: Mapping[int, PlannedChange], bases: Mapping[int, int | None]
) -> None:
    """Refuse a plan whose listings show something else by now than it was made for.

    Raises:
        StalePlanError: it names the first few of them.
    """
    moved = [
        f"{change.sku} on {change.sink} {change.warehouse}: planned from "
        f"{'unknown' if change.old is None else change.old}, shows "
        f"{'unknown' if bases.get(state) is None else bases[state]}"
        for state, change in chosen.items()
        if state not in bases or bases[state] != change.old
    ]
    if moved:
        raise StalePlanError(
            f"the plan of run {planned_by} is out of date: {len(moved)} of {len(chosen)} listings have "
            f"moved since. Plan again. First: {'; '.join(moved[:5])}"
        )
