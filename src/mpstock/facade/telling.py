"""What a shop tells from its ledger: explanations, its state, the sync log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from mpstock.facade.base import AsyncPart, Part

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from mpstock.reconcile.explanation import Explanation
    from mpstock.reconcile.status import LogEntry, Status

__all__ = ["AsyncTelling", "Telling"]


class AsyncTelling(AsyncPart):
    """The part of `AsyncShop` that reads the ledger."""

    async def explain(
        self, sku: str, *, at: datetime | time | None = None, run: int | None = None
    ) -> Explanation:
        """Say how each listing of a product comes to its number, from what the ledger holds.

        Without `at` and `run` the number of now. With one of them that which was sent last by then, or by
        that run, reckoned again from what was kept as it was sent. A time of day is the last one that has
        been; a time without a zone is one of `[schedule] timezone`.

        Raises:
            ConfigurationError: no source knows the product, there was no such run, or both are given.
        """
        from mpstock.errors import ConfigurationError
        from mpstock.reconcile.explaining import explain
        from mpstock.reconcile.explaining_past import explain_past

        if at is not None and run is not None:
            raise ConfigurationError("give either a time or a run, not both", place="at")
        engine = await self._assembly.start()
        sinks = [built.name for built in engine.sinks]
        moment = None if at is None else _been(at, engine.clock.now(), engine.config.schedule.timezone)

        def work() -> Explanation:
            if moment is not None or run is not None:
                return explain_past(engine.ledger, self._assembly.plugins, sku, sinks, at=moment, run=run)
            planner = engine.planner(engine.ledger.runs.failing_sources())
            return explain(engine.ledger, planner, sku, sinks)

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


def _been(at: datetime | time, now: datetime, zone: ZoneInfo) -> datetime:
    if isinstance(at, time):
        today = datetime.combine(now.astimezone(at.tzinfo or zone).date(), at)
        today = today if today.tzinfo is not None else today.replace(tzinfo=zone)
        return today if today <= now else today - timedelta(days=1)
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)


class Telling(Part):
    """The part of `Shop` that reads the ledger."""

    def explain(self, sku: str, *, at: datetime | time | None = None, run: int | None = None) -> Explanation:
        """Say how each listing of a product comes to its number; see `AsyncShop.explain`."""
        return self._call(self._shop.explain(sku, at=at, run=run))

    def status(self) -> Status:
        """Say what is in step, what waits, what fails; see `AsyncShop.status`."""
        return self._call(self._shop.status())

    def log(
        self, *, sku: str | None = None, sink: str | None = None, run: int | None = None, limit: int = 100
    ) -> Sequence[LogEntry]:
        """Return the newest lines of the sync log; see `AsyncShop.log`."""
        return self._call(self._shop.log(sku=sku, sink=sink, run=run, limit=limit))
