"""The tape of a run: begun where the settings or the person who asks want one, and filled while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpstock.tapes import begin_tape

if TYPE_CHECKING:
    from mpstock.reconcile.engine import Engine
    from mpstock.reconcile.planning import Planner
    from mpstock.reconcile.recording import RunRecord
    from mpstock.tapes import Tape

__all__ = ["begin", "look_round"]


def begin(
    engine: Engine, run: int, now: datetime, folder: Path | None, about: Mapping[str, Any]
) -> Tape | None:
    """Begin the tape of a run in a folder, or in that of the settings; None if there is neither.

    `about` says what is asked of the run. Runs in the ledger's thread.
    """
    settings = engine.config.tapes
    chosen = folder or settings.directory
    if chosen is None:
        return None
    header = {
        **about,
        "ledger": engine.ledger.plans.identity(),
        "sources": [built.name for built in engine.sources],
        "sinks": {
            built.name: {
                "writes": built.name in engine.leases.mine,
                "shadow": built.shadowed,
                "orders": built.sink.limits.orders,
                "lowers": built.sink.limits.self_decrements != "no",
                "cooldown": built.cooldown.total_seconds(),
            }
            for built in engine.sinks
        },
    }
    return begin_tape(
        chosen, run=run, started=now, header=header, secrets=engine.config.secrets,
        keep=settings.keep if chosen == settings.directory else None,
    )  # fmt: skip


async def look_round(engine: Engine, run: RunRecord, planner: Planner) -> None:
    """Put all products that the run had no reason to plan on its tape, too, where that is due.

    After all else: nothing waits for it.
    """
    tape = run.tape
    if tape is None or not tape.due or engine.stop.is_set():
        return
    planner.now, after = engine.clock.now(), 0
    found: int | None = after
    while found is not None and not engine.stop.is_set():
        found = await engine.worker.run_page(planner.look_round, found)
    if found is None:
        tape.whole()
