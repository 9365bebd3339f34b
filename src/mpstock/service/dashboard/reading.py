"""How pages read the ledger: on connections of their own, so that no run keeps them waiting, nor they one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve, frozen

from mpstock.ledger import Ledger
from mpstock.ledger.worker import Worker
from mpstock.reconcile import orphans
from mpstock.reconcile.status import Status, status

if TYPE_CHECKING:
    from mpstock.ledger.orphans import Orphan
    from mpstock.ledger.pages import HeldRow
    from mpstock.reconcile.engine import Engine

__all__ = ["Reader", "Standing", "StandingKeeper"]

T = TypeVar("T")

ORPHANS = 50
"""So many listings of each sink are named that nobody speaks for; all are counted."""

QUICK = 0.05
"""Seconds: what is counted as fast as that is counted anew for each page."""

REST = 2.0
"""Counting rests at least so many seconds, and twice as long as it took."""

LOOKED = 60.0
"""Seconds: whoever has looked within them is probably still looking."""

LONGEST = timedelta(minutes=1)
"""What was counted holds for so long at most, though nothing was written meanwhile."""


class Reader:
    """One thread with one connection, which can only read. Opened with the first page."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine_of = engine
        self._worker: Worker | None = None
        self._own: Engine | None = None

    async def read(self, work: Callable[[Engine], T]) -> T:
        """Do work that only reads, all of it as of one moment; `work` gets an engine on this connection.

        A ledger in memory has one connection: there the work takes its turn.
        """
        engine = self._engine_of()
        if engine.ledger.place == ":memory:":
            return await engine.worker.run(work, engine)
        if self._worker is None:
            self._worker = Worker()
        return await self._worker.run(self._separately, engine, work)

    def _separately(self, engine: Engine, work: Callable[[Engine], T]) -> T:
        if self._own is None:
            settings = engine.config.ledger
            ledger = Ledger(settings.url, settings.tenant)
            ledger.database.only_read()
            self._own = evolve(engine, ledger=ledger)
        with self._own.ledger.database.snapshot():
            return work(self._own)

    async def close(self) -> None:
        """Close the connection; a later page opens another one."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.run(self._close)
            worker.close()

    def _close(self) -> None:
        own, self._own = self._own, None
        if own is not None:
            own.ledger.close()


@frozen
class Standing:
    """How the shop stood when it was counted last: what takes too long to be counted for each page."""

    at: datetime
    status: Status
    held: Sequence[HeldRow]
    orphans: Sequence[Orphan]
    failing: Mapping[str, int]
    alerts: Mapping[str, int]
    shadows: Collection[str]


def _standing(engine: Engine) -> Standing:
    ledger = engine.ledger
    return Standing(
        engine.clock.now(),
        status(engine),
        ledger.pages.held(),
        orphans.find(engine, ORPHANS),
        ledger.pages.count_failing(),
        ledger.troubles.counts(),
        ledger.shadows.shadowed({one.name: one.config.shadow for one in engine.sinks}),
    )


class StandingKeeper:
    """Counts anew when the ledger has moved and somebody looks; of a large shop one sees the count before."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._kept: Standing | None = None
        self._version = -1
        self._counted_at = datetime.min.replace(tzinfo=UTC)
        self._counting: asyncio.Task[Standing] | None = None
        self._ended = float("-inf")
        self._took = 0.0
        self._looked = float("-inf")

    async def now(self) -> Standing:
        """Return how the shop stands, some seconds old at most while somebody looks."""
        self._looked = time.monotonic()
        rested = self._kept is None or self._looked - self._ended > self._rest
        if self._counting is None and rested:
            self._begin()
        if self._counting is not None and (self._kept is None or self._took <= QUICK):
            return await asyncio.shield(self._counting)
        assert self._kept is not None
        return self._kept

    def _begin(self) -> None:
        self._counting = asyncio.ensure_future(self._count())
        # What a page does not wait for fails for the next one that does.
        self._counting.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def moved(self) -> None:
        """Count anew, because a run has ended, if anybody has looked of late."""
        if time.monotonic() - self._looked > LOOKED:
            return
        if self._counting is not None:
            # It may have begun before the end.
            await asyncio.wait([self._counting])
        if self._counting is None:
            self._begin()
        if self._counting is not None:
            await asyncio.shield(self._counting)

    async def close(self) -> None:
        """Wait for the counting that is under way."""
        if self._counting is not None:
            await asyncio.wait([self._counting])

    @property
    def _rest(self) -> float:
        return 0.0 if self._took <= QUICK else max(REST, 2 * self._took)

    async def _count(self) -> Standing:
        begun = time.monotonic()
        try:
            self._kept = await self._reader.read(self._counted)
            return self._kept
        finally:
            self._ended = time.monotonic()
            self._took = self._ended - begun
            self._counting = None

    def _counted(self, engine: Engine) -> Standing:
        version = engine.ledger.pages.version()
        now = engine.clock.now()
        if (
            self._kept is None
            or version != self._version
            # A ledger in memory is written through this very connection.
            or engine.ledger.place == ":memory:"
            # What rests ends its rest, and a day passes, without a write.
            or now - self._counted_at > LONGEST
        ):
            self._version, self._counted_at = version, now
            return _standing(engine)
        return evolve(self._kept, at=now)
