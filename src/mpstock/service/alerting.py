"""Alerts while the service is up: looked for each minute, and at once when a run meets something."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from mpstock.errors import MpstockError
from mpstock.reconcile.tasks import first_of

if TYPE_CHECKING:
    from mpstock.service.service import Service

__all__ = ["keep_alerts"]

EVERY = 60.0
"""Seconds between two looks when nothing is told."""

GATHER = 1.0
"""So long after something was told others of the same run may follow."""

_logger = logging.getLogger("mpstock.service")


async def keep_alerts(service: Service) -> None:
    """Look at the ledger each minute and when the engine tells something; tell people what is due."""
    engine, desk = service.engine, service.shop._assembly.desk
    heard = asyncio.Event()
    desk.background, desk.wake = True, heard.set
    delivering: asyncio.Task[None] | None = None

    async def deliver() -> None:
        try:
            await desk.deliver(engine)
        except MpstockError as error:
            _logger.error("notices could not be sent: %s", error)
        except Exception:
            _logger.exception("notices could not be sent")

    try:
        while True:
            # What is heard from here on wakes the next look.
            heard.clear()
            try:
                await desk.look(engine)
            except MpstockError as error:
                _logger.error("the alerts could not be looked after: %s", error)
            except Exception:
                _logger.exception("the alerts could not be looked after")
            if delivering is None or delivering.done():
                # Beside the looking: a messenger that does not answer keeps nobody from seeing.
                delivering = asyncio.create_task(deliver())
            due = await _until_due(service)
            await first_of([heard.wait(), engine.clock.sleep(due)], ())
            if heard.is_set():
                await engine.clock.sleep(GATHER)
    finally:
        desk.background, desk.wake = False, lambda: None
        if delivering is not None:
            delivering.cancel()


async def _until_due(service: Service) -> float:
    """Return the seconds until the next look: a minute, or until a notice is due."""
    engine = service.engine
    quiet = engine.config.alerts.is_quiet(engine.clock.now(), engine.config.schedule.timezone)
    try:
        due = await engine.worker.run(engine.ledger.notices.next_due, quiet=quiet)
    except MpstockError:
        return EVERY
    if due is None:
        return EVERY
    left = max(due - engine.clock.now(), timedelta(seconds=GATHER))
    return min(left.total_seconds(), EVERY)
