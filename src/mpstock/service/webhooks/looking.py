"""Looking again because of what was brought: the runs that read, and how often they may be asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from mpstock.service.runner import SOON, Job

if TYPE_CHECKING:
    from mpstock.facade.asynchronous import AsyncShop
    from mpstock.reconcile.engine import Progress
    from mpstock.service.service import Service

__all__ = ["READ_ORDERS", "READ_SOURCES", "SourceReader"]


async def _read_orders(shop: AsyncShop, progress: Progress) -> Any:
    return await shop.sync(read="orders", cause="webhook", actor="service", progress=progress)


async def _read_sources(shop: AsyncShop, progress: Progress) -> Any:
    return await shop.sync(cause="webhook", actor="service", progress=progress)


# By the names that the schedule gives them: what waits for both is run once.
READ_ORDERS = Job("orders", _read_orders, SOON)
READ_SOURCES = Job("every", _read_sources, SOON)


class SourceReader:
    """Has the sources read for rows that may not raise by themselves: at once, and then not for a while."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._pause = service.settings.webhooks.read_after.total_seconds()
        self._asked = float("-inf")
        self._later: asyncio.Task[None] | None = None

    def ask(self) -> None:
        """Rows wait for a reading: have it made now, or when the pause since the last one is over."""
        if not self._pause or (self._later is not None and not self._later.done()):
            return
        wait = self._asked + self._pause - self._service.engine.clock.monotonic()
        if wait <= 0:
            self._read()
        else:
            self._later = asyncio.ensure_future(self._read_later(wait))

    def _read(self) -> None:
        self._asked = self._service.engine.clock.monotonic()
        self._service.runner.ask(READ_SOURCES)

    async def _read_later(self, seconds: float) -> None:
        await self._service.engine.clock.sleep(seconds)
        if self._service.up:
            self._read()
