"""A ledger that was put back from a copy is older than what the marketplaces show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpstock.asked import Asked
from mpstock.ledger.backup import RESTORED
from mpstock.reconcile.alarms import alert

if TYPE_CHECKING:
    from mpstock.reconcile.engine import Engine

__all__ = ["start_anew", "start_anew_on_a_copy"]


async def start_anew(engine: Engine, asked: Asked) -> int:
    """Forget what the listings show and where the readings ended; returns how many listings that are."""
    return await engine.worker.run(engine.ledger.copies.start_anew, asked, engine.clock.now())


async def start_anew_on_a_copy(engine: Engine) -> None:
    """Do so before the first run on a ledger that says it is a copy, and tell that it is."""
    made_at = await engine.worker.run(engine.ledger.copies.made_at)
    if made_at is None:
        return
    listings = await start_anew(engine, Asked(RESTORED, "the first run on a copy of the ledger"))
    engine.tell(
        "mpstock_alert",
        alert(
            "restored",
            "warning",
            {"made_at": made_at.isoformat(), "listings": listings},
            run=None,
            now=engine.clock.now(),
        ),
    )
