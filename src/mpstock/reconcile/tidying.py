"""The ledger is kept from growing for ever: a run looks once a day for what is too old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpstock.errors import LedgerError
from mpstock.ledger.retention import Tidied
from mpstock.reconcile.alarms import alert

if TYPE_CHECKING:
    from mpstock.reconcile.engine import Engine

__all__ = ["tidy", "tidy_if_due"]


async def tidy(engine: Engine) -> Tidied:
    """Let go what is older than `[retention]` says, in steps between which others have their turn.

    A stop that is asked for ends it after the step under way; the next one goes on from there.
    """
    now = engine.clock.now()
    retention = engine.ledger.retention
    steps = retention.steps(engine.config.retention, now)
    total = Tidied()
    while (step := await engine.worker.run_page(next, steps, None)) is not None:
        total = Tidied(
            total.log + step.log,
            total.explanations + step.explanations,
            total.drifts + step.drifts,
            total.runs + step.runs,
            total.shadows + step.shadows,
        )
        if engine.stop.is_set():
            return total
    await engine.worker.run(retention.done, now)
    return total


async def tidy_if_due(engine: Engine) -> None:
    """Tidy at the end of a run, at most once a day; that it fails is no failure of the run."""
    if engine.stop.is_set():
        return
    now = engine.clock.now()
    try:
        if await engine.worker.run(engine.ledger.retention.due, now):
            await tidy(engine)
    except LedgerError as error:
        engine.tell("mpstock_alert", alert("tidying", "warning", {"words": str(error)}, run=None, now=now))
