"""The library's front door: a shop, opened from a settings file or put together in code.

`AsyncShop` is the one implementation; `Shop` calls it on an event loop of its own in a thread of its own, so
that it works in scripts as well as inside a notebook's running loop.
"""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mpstock.errors import Interrupted

if TYPE_CHECKING:
    from types import TracebackType

    from mpstock.clock import Clock
    from mpstock.config import Configuration, SinkConfig
    from mpstock.interfaces import Sink, Source
    from mpstock.plugins import PluginRegistry
    from mpstock.reconcile.checking import AdapterFindings
    from mpstock.reconcile.engine import Engine, Progress
    from mpstock.reconcile.explanation import Explanation
    from mpstock.reconcile.report import Plan, Report
    from mpstock.reconcile.status import LogEntry, Status

__all__ = ["AsyncShop", "Shop", "aopen", "open"]

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


class _Portal:
    """An event loop in a thread of its own, for callers that have none or are inside one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mpstock", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T], interrupt: Callable[[], None]) -> T:
        """Run to the end and return the result. Ctrl-C asks the work to stop, and waits for it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            self._loop.call_soon_threadsafe(interrupt)
            try:
                future.result()
            except KeyboardInterrupt:
                future.cancel()
                raise
            raise Interrupted from None

    def close(self) -> None:
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        if not self._loop.is_closed():
            self._loop.close()


class Shop:
    """One seller's sources, sinks and ledger, for scripts and notebooks. `AsyncShop` has the arguments.

    Use it as a context manager, or call `close()`.
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
        self._portal = _Portal()
        self._finalizer = weakref.finalize(self, self._portal.close)
        try:
            self._shop = self._call(
                _make(config, sources=sources, sinks=sinks, ledger=ledger, plugins=plugins, clock=clock)
            )
        except BaseException:
            self._finalizer()
            raise

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        shop = getattr(self, "_shop", None)
        return self._portal.call(work, shop.interrupt if shop is not None else lambda: None)

    @property
    def config(self) -> Configuration:
        """The settings, as they were read or put together."""
        return self._shop.config

    def __enter__(self) -> Shop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and ledger; a second call does nothing."""
        if self._finalizer.alive:
            self._call(self._shop.aclose())
            self._finalizer()

    def build(self) -> None:
        """Build every adapter now instead of at the first run.

        Raises:
            PluginError, ConfigurationError: the first that cannot be built.
        """
        self._call(self._shop.build())

    def interrupt(self) -> None:
        """Ask the run under way, in another thread, to stop; what is on the wire is recorded."""
        self._portal._loop.call_soon_threadsafe(self._shop.interrupt)

    def sync(
        self,
        *,
        full: bool = False,
        dry_run: bool = False,
        skus: Collection[str] | None = None,
        release: Collection[str] = (),
        cause: str = "manual",
        progress: Progress | None = None,
    ) -> Report:
        """Read the sources, and push what differs to the sinks; see `AsyncShop.sync`."""
        return self._call(
            self._shop.sync(
                full=full, dry_run=dry_run, skus=skus, release=release, cause=cause, progress=progress
            )
        )

    def plan(
        self,
        *,
        full: bool = False,
        skus: Collection[str] | None = None,
        progress: Progress | None = None,
    ) -> Plan:
        """Return the changes that a run would make now; see `AsyncShop.plan`."""
        return self._call(self._shop.plan(full=full, skus=skus, progress=progress))

    def apply(self, plan: Plan, *, progress: Progress | None = None) -> Report:
        """Push a plan; see `AsyncShop.apply`."""
        return self._call(self._shop.apply(plan, progress=progress))

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

    def check(self, *, write_test: str | None = None) -> list[AdapterFindings]:
        """Look after settings, credentials, accounts and mapping; see `AsyncShop.check`."""
        return self._call(self._shop.check(write_test=write_test))


async def _make(config: Configuration | None, **parts: Any) -> AsyncShop:
    shop = AsyncShop(config, **parts)
    try:
        await shop._assembly.start(tolerant=True)
    except BaseException:
        await shop.aclose()
        raise
    return shop


def open(  # noqa: A001  (mpstock.open, as gzip.open)
    path: str | Path = "mpstock.toml",
    *,
    plugins: PluginRegistry | None = None,
    clock: Clock | None = None,
) -> Shop:
    """Open the shop that a settings file describes.

    Raises:
        ConfigurationError: the file, the environment or the products file is wrong; all of it is named.
        PluginError: a plugin is missing or broken.
        LedgerError: the ledger cannot be opened.
    """
    from mpstock.config import load
    from mpstock.plugins import PluginRegistry

    # One registry for both: which plugin a setting belongs to is known by its descriptor.
    plugins = plugins if plugins is not None else PluginRegistry()
    shop = Shop(load(path, plugins=plugins), plugins=plugins, clock=clock)
    try:
        shop.build()
    except BaseException:
        shop.close()
        raise
    return shop


def aopen(
    path: str | Path = "mpstock.toml",
    *,
    plugins: PluginRegistry | None = None,
    clock: Clock | None = None,
) -> AsyncShop:
    """Open the shop that a settings file describes, for `async with`. Raises as `open`."""
    from mpstock.config import load
    from mpstock.plugins import PluginRegistry

    plugins = plugins if plugins is not None else PluginRegistry()
    return AsyncShop(load(path, plugins=plugins), plugins=plugins, clock=clock)
