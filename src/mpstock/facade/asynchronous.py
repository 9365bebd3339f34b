"""A shop for asynchronous code: the one implementation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from types import TracebackType

    from mpstock.clock import Clock
    from mpstock.config import Configuration, SinkConfig
    from mpstock.interfaces import Sink, Source
    from mpstock.model import Level
    from mpstock.plugins import PluginRegistry
    from mpstock.reconcile.checking import AdapterFindings
    from mpstock.reconcile.engine import Engine, Progress
    from mpstock.reconcile.explanation import Explanation
    from mpstock.reconcile.report import Plan, Report
    from mpstock.reconcile.status import LogEntry, Status

__all__ = ["AsyncShop"]

T = TypeVar("T")


class AsyncShop:
    """One seller's sources, sinks and ledger. Use it as an async context manager.

    Args:
        config: read from a file by `aopen`; or None, with `sources`, `sinks` and `ledger` instead.
        sources: sources by name, made by the program.
        sinks: sinks by name; a pair (sink, `SinkConfig`) names its warehouses and buffers.
        ledger: URL or path of the ledger.
        plugins: the plugins to build adapters with; by default all that are installed.
        clock: what time it is; by default the machine's clock.
    """

    def __init__(
        self,
        config: Configuration | None = None,
        *,
        sources: Mapping[str, Source] | None = None,
        sinks: Mapping[str, Sink | tuple[Sink, SinkConfig]] | None = None,
        ledger: str | Path | None = None,
        plugins: PluginRegistry | None = None,
        clock: Clock | None = None,
    ) -> None:
        from mpstock.assembling import Assembly

        self._assembly = Assembly(
            config, sources=sources, sinks=sinks, ledger=ledger, plugins=plugins, clock=clock
        )
        self._busy = asyncio.Lock()

    @property
    def config(self) -> Configuration:
        """The settings, as they were read or put together."""
        return self._assembly.config

    async def __aenter__(self) -> AsyncShop:
        await self._assembly.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close connections and ledger; a second call does nothing."""
        await self._assembly.close()

    async def build(self) -> None:
        """Build every adapter now instead of at the first run; see `Shop.build`."""
        await self._assembly.start()

    def interrupt(self) -> None:
        """Ask the run under way to stop: what is on the wire is waited for and recorded."""
        self._assembly.stop.set()

    @asynccontextmanager
    async def _run(self) -> AsyncIterator[Engine]:
        """One run at a time; a stop that was asked of the last one is not meant for this one."""
        from mpstock.ledger.running import only_run

        async with self._busy:
            engine = await self._assembly.start()
            with only_run(engine.ledger.place):
                self._assembly.stop.clear()
                yield engine

    async def sync(
        self,
        *,
        full: bool = False,
        dry_run: bool = False,
        skus: Collection[str] | None = None,
        release: Collection[str] = (),
        cause: str = "manual",
        progress: Progress | None = None,
    ) -> Report:
        """Read the sources, and push what differs to the sinks.

        Args:
            full: read everything of every source, and compare with what the sinks really show.
            dry_run: read and plan, but send nothing; the report has the plan.
            skus: only these products are planned and pushed.
            release: names of guards that are let through this once (`"zeroing"`).
            cause: what the log says made the run.
            progress: told of long work: phase, adapter, done so far, total if known.

        Raises:
            ConfigurationError: an unknown sku or guard.
            LedgerError: the ledger cannot be written; nothing more was sent.
        """
        async with self._run() as engine:
            return await engine.sync(
                full=full, dry_run=dry_run, skus=skus, release=release, cause=cause,
                **_given(progress=progress),
            )  # fmt: skip

    async def plan(
        self,
        *,
        full: bool = False,
        skus: Collection[str] | None = None,
        progress: Progress | None = None,
    ) -> Plan:
        """Return the changes that a run would make now. Sources and sinks are read, nothing is sent."""
        async with self._run() as engine:
            return await engine.plan(full=full, skus=skus, **_given(progress=progress))

    async def apply(self, plan: Plan, *, progress: Progress | None = None) -> Report:
        """Push a plan: of each change the smaller of what was planned and what is wanted now.

        Raises:
            StalePlanError: what some listing shows has moved since; nothing was sent.
        """
        async with self._run() as engine:
            return await engine.apply(plan, **_given(progress=progress))

    async def explain(self, sku: str) -> Explanation:
        """Say how each listing of a product comes to its number, from what the ledger holds."""
        from mpstock.reconcile.explaining import explain

        engine = await self._assembly.start()

        def work() -> Explanation:
            failing = {row.name for row in engine.ledger.runs.cursors() if row.failed_at is not None}
            untrusted = [s.name for s in engine.sources if f"source:{s.name}" in failing]
            planner = engine.planner(untrusted)
            return explain(engine.ledger, planner, sku, [built.name for built in engine.sinks])

        return await engine.worker.run(work)

    async def hold(
        self,
        key: str,
        sku: str,
        quantity: int,
        *,
        warehouse: str | None = None,
        expires_in: timedelta | None = timedelta(minutes=15),
        origin: str = "carts",
        only_if_available: bool = False,
        replaces: str | None = None,
    ) -> bool:
        """Keep units back for an open cart (or an order of the shop's own) until it expires or is released.

        The next run takes them off every listing. A hold with the same key is replaced.

        Args:
            key: names the cart; unique within its `origin`.
            sku: the product; of a kit each component is held.
            quantity: units, at least 1.
            warehouse: the own warehouse that they come from; None = not known.
            expires_in: until when it holds, from now; None = until it is released.
            origin: the name of the source of carts in the settings, whose `max_per_sku` then bounds it.
            only_if_available: hold only if so many are free, in one step with looking.
            replaces: the key of a hold that this one takes over: an order takes over its cart.

        Returns:
            Whether the units are held; False only with `only_if_available`.

        Raises:
            ConfigurationError: no source knows the product, or the quantity is no number of units.
        """
        from mpstock.reconcile import holding

        engine = await self._assembly.start()

        def work() -> bool:
            return holding.hold(
                engine.ledger, engine.planner(()),
                origin=origin, key=key, sku=sku, quantity=quantity, warehouse=warehouse,
                expires_in=expires_in, only_if_available=only_if_available, replaces=replaces,
            )  # fmt: skip

        return await engine.worker.run(work)

    async def release(self, key: str, *, origin: str = "carts") -> bool:
        """Let a hold go at once; returns whether there was one."""
        from functools import partial

        from mpstock.reconcile import holding

        engine = await self._assembly.start()
        work = partial(holding.release, engine.ledger, engine.clock.now(), origin=origin, key=key)
        return await engine.worker.run(work)

    async def receive(self, source: str, levels: Sequence[Level]) -> int:
        """Take in rows that a warehouse system has pushed; the next run acts on them.

        A row with `updated_at` counts as of then. One without may be late or doubled: it may lower at once,
        and what it would raise waits until the source is read.

        Returns:
            How many rows have changed something.

        Raises:
            ConfigurationError: there is no such source.
        """
        from mpstock.errors import ConfigurationError
        from mpstock.nearest import suggestion
        from mpstock.reconcile import holding

        engine = await self._assembly.start()
        if source not in self.config.sources:
            meant = suggestion(source, self.config.sources, what="the sources are")
            raise ConfigurationError(f"there is no source {source!r}; {meant}", place="source")
        now = engine.clock.now()
        return await engine.worker.run(holding.receive, engine.ledger, source, list(levels), now)

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
        return await engine.worker.run(engine.ledger.pushes.log, sku=sku, sink=sink, run=run, limit=limit)

    async def check(self, *, write_test: str | None = None) -> list[AdapterFindings]:
        """Look after settings, credentials, accounts and mapping, changing nothing.

        With `write_test` (a sku) each sink that can writes that product's number once, reads it back, and
        says what it means for the settings.
        """
        from mpstock.ledger.running import only_run
        from mpstock.reconcile.checking import check

        engine = await self._assembly.start(tolerant=True)
        if write_test is None:
            return await check(self._assembly)
        with only_run(engine.ledger.place):
            return await check(self._assembly, write_test=write_test)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
