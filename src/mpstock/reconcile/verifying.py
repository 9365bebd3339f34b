"""Reads the sinks back: before the first plan, where the base is in doubt, and wholly with `--full`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.errors import LedgerError
from mpstock.reconcile.adapters import BuiltSink, Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mpstock.clock import Clock
    from mpstock.ledger import Ledger
    from mpstock.ledger.observing import Observing
    from mpstock.ledger.worker import Worker
    from mpstock.model import Listing, Observation

__all__ = ["Observed", "Verifier"]

PAGES_AT_ONCE = 4
"""Pages of a read-back under way at once: so many that the limit is used while one is recorded."""


@frozen
class Observed:
    """How many listings were read back, and how many showed something else than was known."""

    rows: int = 0
    drifted: int = 0
    failure: Failure | None = None


@frozen
class Verifier:
    """Takes what the sinks show into the ledger; drift makes products dirty and is never restored."""

    ledger: Ledger
    worker: Worker
    clock: Clock

    async def observe(self, built: BuiltSink, *, full: bool) -> Observed:
        """Read back what is not known or, with `full`, everything.

        Where the sink can show its whole account at once, that is taken as soon as it is cheaper.
        """
        observations = self.ledger.observations
        limits = built.sink.limits
        observing: Observing | None = None
        try:
            started = self.clock.now()
            unknown, most = await self.worker.run(observations.count_to_observe, built.name, started)
            if not full and not unknown:
                return Observed()
            observing = observations.begin_observing(built.name, started)
            if limits.observe_whole and (full or most):
                async for page in built.sink.observe(None):
                    await self.worker.run(self._ingest, observing, page)
                await self.worker.run(self._settle, observing, built.config.codes)
            else:
                await self._observe_pages(built, observing, full=full)
        except LedgerError:
            raise
        except Exception as error:
            rows = observing.rows if observing else 0
            drifted = observing.drifted if observing else 0
            return Observed(rows, drifted, Failure.of(error, built.config))
        return Observed(observing.rows, observing.drifted)

    async def _observe_pages(self, built: BuiltSink, observing: Observing, *, full: bool) -> None:
        limits = built.sink.limits
        # Where a request serves one warehouse, pages of one warehouse fill it.
        warehouses: Sequence[str | None] = built.config.codes if limits.by_warehouse else (None,)
        asked: set[asyncio.Task[None]] = set()
        try:
            for warehouse in warehouses:
                after = 0
                while page := await self.worker.run(
                    self.ledger.observations.to_observe,
                    built.name, warehouse, after, limits.observe_batch, everything=full, now=self.clock.now(),
                ):  # fmt: skip
                    after = page[-1].id
                    if len(asked) >= PAGES_AT_ONCE:
                        done, asked = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
                        for task in done:
                            task.result()
                    listings = [row.listing for row in page]
                    asked.add(asyncio.create_task(self._observe_page(built, observing, listings)))
            await asyncio.gather(*asked)
        finally:
            for task in asked:
                task.cancel()
            await asyncio.gather(*asked, return_exceptions=True)

    async def _observe_page(
        self, built: BuiltSink, observing: Observing, listings: Sequence[Listing]
    ) -> None:
        async for seen in built.sink.observe(listings):
            await self.worker.run(self._ingest, observing, seen)

    def _ingest(self, observing: Observing, page: Sequence[Observation]) -> None:
        with self.ledger.transaction():
            observing.ingest(page, self.clock.now())

    def _settle(self, observing: Observing, served: Sequence[str]) -> None:
        with self.ledger.transaction():
            observing.settle_absent(self.clock.now(), served)
