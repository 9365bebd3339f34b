"""A shop for scripts and notebooks: the asynchronous one, on an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable, Collection, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mpstock.errors import Interrupted
from mpstock.facade.alerting import Alerting
from mpstock.facade.asynchronous import AsyncShop
from mpstock.facade.by_hand import ByHand
from mpstock.facade.caring import Caring
from mpstock.facade.framing import Framing
from mpstock.facade.leaving import Leaving
from mpstock.facade.planning import Planning
from mpstock.facade.receiving import Receiving
from mpstock.facade.shadowing import Shadowing
from mpstock.facade.telling import Telling
from mpstock.facade.verifying import Verifying

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

__all__ = ["Shop"]

T = TypeVar("T")


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


class Shop(Planning, Telling, Framing, Alerting, Receiving, ByHand, Caring, Leaving, Verifying, Shadowing):
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
        """Read the sources, and push what differs to the sinks; see `AsyncShop.sync`."""
        return self._call(
            self._shop.sync(
                full=full, dry_run=dry_run, skus=skus, sources=sources, sinks=sinks, release=release,
                read=read, retry=retry, cause=cause, actor=actor, reason=reason, tape=tape,
                progress=progress,
            )
        )  # fmt: skip

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
