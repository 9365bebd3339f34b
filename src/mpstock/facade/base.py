"""What the parts of a shop stand on: its assembly, and one run at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.assembling import Assembly
    from mpstock.facade.asynchronous import AsyncShop
    from mpstock.ledger import Ledger
    from mpstock.reconcile.engine import Engine

__all__ = ["AsyncPart", "Part", "asked", "given"]

T = TypeVar("T")


class AsyncPart:
    """A part of `AsyncShop`: the methods of one subject."""

    _assembly: Assembly
    _busy: asyncio.Lock
    _stoppable: int
    """How many pieces of work a stop would be meant for now."""
    _leaving: bool
    """Whether a stop was asked for that is meant for all that comes, too."""

    @asynccontextmanager
    async def _run(self, sinks: Collection[str] | None = None) -> AsyncIterator[Engine]:
        """One run at a time, which may write to these sinks (None = all).

        A stop is meant for the run whose turn it is, from when that was asked for.
        """
        from mpstock.errors import Interrupted
        from mpstock.reconcile.restoring import start_anew_on_a_copy
        from mpstock.reconcile.tidying import tidy_if_due

        with self._heeds_a_stop():
            async with self._busy:
                try:
                    if self._leaving:
                        raise Interrupted
                    engine = await self._assembly.start()
                    try:
                        async with engine.leases.held(sinks):
                            await start_anew_on_a_copy(engine)
                            yield engine
                            await tidy_if_due(engine)
                    except Exception:
                        # That a run has broken off is to be told as well.
                        await self._assembly.desk.after_run(engine)
                        raise
                    # After the leases: to tell people may take its time, and others may write meanwhile.
                    await self._assembly.desk.after_run(engine)
                finally:
                    # Not meant for the next one.
                    self._assembly.stop.clear()

    @contextmanager
    def _heeds_a_stop(self) -> Iterator[None]:
        """Let a stop that is asked for within be heard, however early, and not outlast that."""
        self._stoppable += 1
        try:
            yield
        finally:
            self._stoppable -= 1
            if not self._stoppable:
                self._assembly.stop.clear()

    async def _beside(self, work: Callable[[Ledger], T]) -> T:
        """Do long work that only reads on a connection of its own, so that a run goes on meanwhile.

        A ledger in memory has one connection: there the work takes its turn.
        """
        from mpstock.ledger import Ledger

        engine = await self._assembly.start()
        if engine.ledger.place == ":memory:":
            return await engine.worker.run(work, engine.ledger)
        settings = self._assembly.config.ledger

        def separately() -> T:
            ledger = Ledger(settings.url, settings.tenant)
            try:
                return work(ledger)
            finally:
                ledger.close()

        return await asyncio.to_thread(separately)


class Part:
    """A part of `Shop`: the methods of one subject, each handed to the asynchronous shop."""

    _shop: AsyncShop

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        raise NotImplementedError


def asked(actor: str | None, reason: str | None) -> Asked:
    """Return who asks for something, and why; imported here, so that `import mpstock` stays light."""
    from mpstock.asked import Asked

    return Asked(actor, reason)


def given(**options: Any) -> dict[str, Any]:
    """Return the options that were given; for the others the callee has its defaults."""
    return {name: value for name, value in options.items() if value is not None}
