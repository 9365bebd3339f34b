"""Has a source read, and says so as soon as it was: pushing to the marketplaces takes its own time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.service.runner import HEARD, Job

if TYPE_CHECKING:
    from mpstock.facade.asynchronous import AsyncShop
    from mpstock.reconcile.engine import Progress
    from mpstock.service.service import Service

__all__ = ["Asked", "SourceReading"]

_PATIENCE = 120.0
"""Seconds that 1C waits for a run to begin; after these it is told that its files will be read."""


@frozen(eq=False)
class Asked:
    """A run that was asked for: whether it has begun, whether it is past the source, and its end."""

    begun: asyncio.Event
    past: asyncio.Event
    done: asyncio.Future[Any]


class SourceReading:
    """Reads one source by a run; who asks before it has begun shares it."""

    def __init__(self, service: Service, name: str) -> None:
        self._service = service
        self._name = name
        self._asked: Asked | None = None

    async def now(self, user: str) -> str:
        """Read what is there now; return what went wrong, or nothing.

        What has waited long for another run counts as read: it lies where the source reads it.
        """
        asked = self.soon(user)
        done = asked.done
        try:
            async with self._service.engine.clock.timeout(_PATIENCE):
                await _first(asked.begun, done)
        except TimeoutError:
            return ""
        await _first(asked.past, done)
        if not asked.past.is_set():
            if done.cancelled():
                return "the service is stopping"
            if (error := done.exception()) is not None:
                return str(error)
        engine = self._service.engine
        state = await engine.worker.run(engine.ledger.runs.cursor, f"source:{self._name}")
        return "" if state is None or state.failed_at is None else state.error or "it failed"

    def soon(self, user: str) -> Asked:
        """Ask for a run that reads it, unless one waits already."""
        asked = self._asked
        if asked is not None and not asked.begun.is_set() and not asked.done.done():
            return asked
        begun, past = asyncio.Event(), asyncio.Event()

        async def work(shop: AsyncShop, progress: Progress) -> Any:
            begun.set()

            def told(phase: str, name: str, count: int, total: int | None) -> None:
                progress(phase, name, count, total)
                if phase == "read" and name == self._name and total is not None:
                    past.set()

            return await shop.sync(cause="1c", actor=user, progress=told)

        done = self._service.runner.ask(Job(f"exchange {self._name}", work, HEARD))
        self._asked = Asked(begun, past, done)
        return self._asked


async def _first(event: asyncio.Event, done: asyncio.Future[Any]) -> None:
    """Wait until the event or the end of the run, whichever is first."""
    waiting = asyncio.ensure_future(event.wait())
    try:
        await asyncio.wait({waiting, done}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
