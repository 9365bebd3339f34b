"""A shop for asynchronous code: the one implementation."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mpstock.facade.alerting import AsyncAlerting
from mpstock.facade.base import asked, given
from mpstock.facade.by_hand import AsyncByHand
from mpstock.facade.caring import AsyncCaring
from mpstock.facade.framing import AsyncFraming
from mpstock.facade.leaving import AsyncLeaving
from mpstock.facade.planning import AsyncPlanning
from mpstock.facade.receiving import AsyncReceiving
from mpstock.facade.shadowing import AsyncShadowing
from mpstock.facade.telling import AsyncTelling
from mpstock.facade.verifying import AsyncVerifying

if TYPE_CHECKING:
    from types import TracebackType

    from mpstock.clock import Clock
    from mpstock.config import Configuration, SinkConfig
    from mpstock.interfaces import Sink, Source
    from mpstock.plugins import PluginRegistry
    from mpstock.reconcile.asking import Read
    from mpstock.reconcile.checking import AdapterFindings
    from mpstock.reconcile.engine import Progress
    from mpstock.reconcile.report import Report

__all__ = ["AsyncShop"]

T = TypeVar("T")


class AsyncShop(
    AsyncPlanning,
    AsyncTelling,
    AsyncFraming,
    AsyncAlerting,
    AsyncReceiving,
    AsyncByHand,
    AsyncCaring,
    AsyncLeaving,
    AsyncVerifying,
    AsyncShadowing,
):
    """One seller's sources, sinks and ledger. Use it as an async context manager.

    Args:
        config: read from a file by `aopen`; or None, with `sources`, `sinks` and `ledger` instead.
        sources: sources by name, made by the program.
        sinks: sinks by name; a pair (sink, `SinkConfig`) names its warehouses (left out:
            all that it has) and buffers.
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
        self._stoppable = 0
        self._leaving = False

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

    def interrupt(self, *, for_good: bool = False) -> None:
        """Ask the run under way to stop: what is on the wire is waited for and recorded.

        Where nothing is under way nothing is stopped. With `for_good` no run begins any more, either: one
        that is asked for raises `Interrupted`.
        """
        self._leaving = self._leaving or for_good
        if self._stoppable:
            self._assembly.stop.set()

    async def sync(
        self,
        *,
        full: bool = False,
        dry_run: bool = False,
        skus: Collection[str] | None = None,
        sources: Collection[str] | None = None,
        sinks: Collection[str] | None = None,
        release: Collection[str] = (),
        read: Read = "everything",
        retry: bool = False,
        cause: str = "manual",
        actor: str | None = None,
        reason: str | None = None,
        tape: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Report:
        """Read the sources, and push what differs to the sinks.

        Args:
            full: read everything of every source, and compare with what the sinks really show.
            dry_run: read and plan, but send nothing; the report has the plan.
            skus: only these products are planned and pushed.
            sources: only these are read; of the others it stands what they said last. None = all.
            sinks: only of these the orders are read, and only to these is pushed; what the others are to show
                waits for another run. None = all.
            release: names of guards that are let through this once (`"zeroing"`, `"shrunken"`, …).
            read: `"orders"` reads nothing but the sinks' orders, `"nothing"` only looks at what has moved in
                the ledger since (a webhook, a cart): short runs between those that read the sources.
            retry: try again now what rests because it was refused too often.
            cause: what the log says made the run.
            actor: who asks for it; by default the user of the operating system.
            reason: why, for the log.
            tape: put a tape of the run into this folder, to be replayed by `replay`; by default into that of
                `[tapes] directory`, if there is one.
            progress: told of long work: phase, adapter, done so far, total if known.

        Raises:
            ConfigurationError: an unknown sku, source, sink or guard, or nothing that could be read.
            LedgerError: the ledger cannot be written; nothing more was sent.
        """
        async with self._run(sinks) as engine:
            return await engine.sync(
                full=full, dry_run=dry_run, skus=skus, sources=sources, sinks=sinks, release=release,
                read=read, retry=retry, cause=cause, asked=asked(actor, reason),
                tape=None if tape is None else Path(tape), **given(progress=progress),
            )  # fmt: skip

    async def check(self, *, write_test: str | None = None) -> list[AdapterFindings]:
        """Look after settings, credentials, accounts and mapping, changing nothing.

        With `write_test` (a sku) each sink that can writes that product's number once, reads it back, and
        says what it means for the settings.
        """
        from mpstock.reconcile.checking import check

        engine = await self._assembly.start(tolerant=True)
        if write_test is None:
            return await check(self._assembly)
        async with self._busy, engine.leases.held():
            return await check(self._assembly, write_test=write_test)
