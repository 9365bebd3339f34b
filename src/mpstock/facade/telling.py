"""What a shop tells from its ledger: explanations, its state, the sync log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mpstock.facade.base import AsyncPart, Part

if TYPE_CHECKING:
    from mpstock.reconcile.explanation import Explanation
    from mpstock.reconcile.status import LogEntry, Status

__all__ = ["AsyncTelling", "Telling"]


class AsyncTelling(AsyncPart):
    """The part of `AsyncShop` that reads the ledger."""

    async def explain(self, sku: str) -> Explanation:
        """Say how each listing of a product comes to its number, from what the ledger holds."""
        from mpstock.reconcile.explaining import explain

        engine = await self._assembly.start()

        def work() -> Explanation:
            planner = engine.planner(engine.ledger.runs.failing_sources())
            return explain(engine.ledger, planner, sku, [built.name for built in engine.sinks])

        return await engine.worker.run(work)

    async def status(self) -> Status:
        """Say what is in step, what waits, what fails, and what has no counterpart."""
        from mpstock.reconcile.status import status

        engine = await self._assembly.start()
        return await engine.worker.run(status, engine)

    async def log(
        self, *, sku: str | None = None, sink: str | None = None, run: int | None = None, limit: int = 100
    ) -> list[LogEntry]:
        """Return the newest lines of the sync log, newest first."""
        engine = await self._assembly.start()
        return await engine.worker.run(engine.ledger.log.rows, sku=sku, sink=sink, run=run, limit=limit)


class Telling(Part):
    """The part of `Shop` that reads the ledger."""

    def explain(self, sku: str) -> Explanation:
        """Say how each listing of a product comes to its number; see `AsyncShop.explain`."""
        return self._call(self._shop.explain(sku))

    def status(self) -> Status:
        """Say what is in step, what waits, what fails; see `AsyncShop.status`."""
        return self._call(self._shop.status())

    def log(
        self, *, sku: str | None = None, sink: str | None = None, run: int | None = None, limit: int = 100
    ) -> Sequence[LogEntry]:
        """Return the newest lines of the sync log; see `AsyncShop.log`."""
        return self._call(self._shop.log(sku=sku, sink=sink, run=run, limit=limit))
