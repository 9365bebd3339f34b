"""Reads the sinks back: where the base is in doubt, a sample at each run, and wholly when it is asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.errors import LedgerError
from mpstock.ledger.sampling import Sample
from mpstock.reconcile.adapters import BuiltSink, Failure
from mpstock.tracing import traced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence
    from datetime import datetime
    from typing import Any

    from mpstock.clock import Clock
    from mpstock.ledger import Ledger
    from mpstock.ledger.listing_rows import ObservedRow
    from mpstock.ledger.observing import Observing
    from mpstock.ledger.worker import Worker
    from mpstock.model import Listing, Observation
    from mpstock.tapes import Tape

__all__ = ["Observed", "Verifier"]

PAGES_AT_ONCE = 4
"""Pages of a read-back under way at once: so many that the limit is used while one is recorded."""


@frozen
class Observed:
    """How many listings were read back, how many told something new, and how many of our writes arrived."""

    rows: int = 0
    told: int = 0
    arrived: int = 0
    failure: Failure | None = None

    def after(self, earlier: Observed) -> Observed:
        """Return this reading and an earlier one of the same run as one."""
        return Observed(
            self.rows + earlier.rows, self.told + earlier.told, self.arrived + earlier.arrived, self.failure
        )


@frozen
class Verifier:
    """Takes what the sinks show into the ledger; drift makes products dirty and is never restored."""

    ledger: Ledger
    worker: Worker
    clock: Clock
    run: int = 0
    tape: Tape | None = None

    @traced("mpstock.observe", "built", "full")
    async def observe(self, built: BuiltSink, *, full: bool, sample: int = 0) -> Observed:
        """Read back what is not known, and up to `sample` listings in all; or, with `full`, everything.

        Where the sink can show its whole account at once, that is taken as soon as it is cheaper.
        """
        started = self.clock.now()
        unknown, most, sampled = await self.worker.run(self._choose, built, started, full, sample)
        if not full and not unknown and not sampled.rows:
            return Observed()
        observing = await self.worker.run(self._begin, built, started)
        if built.sink.limits.observe_whole and (full or most):
            reading = self._observe_whole(built, observing, started)
        else:
            reading = self._observe_pages(built, observing, self._pages(built, sampled.rows, full=full))
        seen = await _told(built, observing, reading)
        if sampled.rows and seen.failure is None:
            await self.worker.run(self._taken, built.name, sampled)
        return seen

    async def look(self, built: BuiltSink, rows: Sequence[ObservedRow]) -> Observed:
        """Read these listings back, whatever is known of them."""
        observing = await self.worker.run(self._begin, built, self.clock.now())
        return await _told(built, observing, self._observe_pages(built, observing, _look_pages(built, rows)))

    def _choose(
        self, built: BuiltSink, started: datetime, full: bool, sample: int
    ) -> tuple[int, bool, Sample]:
        unknown, most = self.ledger.observations.count_to_observe(built.name, started)
        left = 0 if full else sample - unknown
        if left <= 0:
            return unknown, most, Sample()
        return unknown, most, self.ledger.samples.choose(built.name, built.config.codes, left, started)

    def _begin(self, built: BuiltSink, started: datetime) -> Observing:
        return self.ledger.observations.begin_observing(
            built.name, started, run=self.run, visible_after=built.visible_after,
            cooldown=built.cooldown, shadowed=built.shadowed,
        )  # fmt: skip

    async def _observe_whole(self, built: BuiltSink, observing: Observing, started: datetime) -> None:
        async for page in built.sink.observe(None):
            await self.worker.run_page(self._ingest, observing, page, started)
        after: int | None = 0
        while after is not None:
            after = await self.worker.run_page(self._settle, observing, built.config.codes, after)

    async def _observe_pages(
        self, built: BuiltSink, observing: Observing, pages: AsyncIterator[Sequence[Listing]]
    ) -> None:
        asked: set[asyncio.Task[None]] = set()
        try:
            async for page in pages:
                if len(asked) >= PAGES_AT_ONCE:
                    done, asked = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
                asked.add(asyncio.create_task(self._observe_page(built, observing, page)))
            await asyncio.gather(*asked)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _pages(
        self, built: BuiltSink, sampled: Sequence[ObservedRow], *, full: bool
    ) -> AsyncIterator[Sequence[Listing]]:
        """Yield the listings of one request each: what is not known, and the sample where there is room."""
        limits = built.sink.limits
        for warehouse in _served(built):
            left = _of(warehouse, sampled)
            after = 0
            while page := await self.worker.run_page(
                self.ledger.observations.to_observe,
                built.name, warehouse, after, limits.observe_batch, everything=full, now=self.clock.now(),
            ):  # fmt: skip
                after = page[-1].id
                room = limits.observe_batch - len(page)
                yield [*(row.listing for row in page), *left[:room]]
                left = left[room:]
            for start in range(0, len(left), limits.observe_batch):
                yield left[start : start + limits.observe_batch]

    async def _observe_page(
        self, built: BuiltSink, observing: Observing, listings: Sequence[Listing]
    ) -> None:
        asked = self.clock.now()
        async for seen in built.sink.observe(listings):
            await self.worker.run_page(self._ingest, observing, seen, asked)

    def _ingest(self, observing: Observing, page: Sequence[Observation], asked: datetime) -> None:
        if self.tape is not None:
            self.tape.shown(observing.sink, page, asked, self.clock.now())
        with self.ledger.transaction(at_once=True):
            observing.ingest(page, self.clock.now(), asked=asked)

    def _settle(self, observing: Observing, served: Sequence[str], after: int) -> int | None:
        with self.ledger.transaction(at_once=True):
            return observing.settle_absent(self.clock.now(), served, after)

    def _taken(self, sink: str, sample: Sample) -> None:
        with self.ledger.transaction(durable=False):
            self.ledger.samples.taken(sink, sample)


async def _told(built: BuiltSink, observing: Observing, reading: Coroutine[Any, Any, None]) -> Observed:
    """Return what came of a reading; that the sink has failed is told, and not raised."""
    failure: Failure | None = None
    try:
        await reading
    except LedgerError:
        raise
    except Exception as error:
        failure = Failure.of(error, built.config)
    return Observed(observing.rows, observing.told, observing.arrived, failure)


def _served(built: BuiltSink) -> Sequence[str | None]:
    """Return what pages are of: where a request serves one warehouse, those of one warehouse fill it."""
    return built.config.codes if built.sink.limits.by_warehouse else (None,)


def _of(warehouse: str | None, rows: Sequence[ObservedRow]) -> list[Listing]:
    return [row.listing for row in rows if warehouse in (None, row.listing.warehouse)]


async def _look_pages(built: BuiltSink, rows: Sequence[ObservedRow]) -> AsyncIterator[Sequence[Listing]]:
    """Yield the listings of one request each."""
    size = built.sink.limits.observe_batch
    for warehouse in _served(built):
        left = _of(warehouse, rows)
        for start in range(0, len(left), size):
            yield left[start : start + size]
