"""What the parts of a shop stand on: its assembly, and one run at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
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

    @asynccontextmanager
    async def _run(self) -> AsyncIterator[Engine]:
        """One run at a time; a stop that was asked of the last one is not meant for this one."""
        from mpstock.reconcile.restoring import start_anew_on_a_copy
        from mpstock.reconcile.tidying import tidy_if_due

        async with self._busy:
            engine = await self._assembly.start()
            async with engine.leases.held():
                self._assembly.stop.clear()
                await start_anew_on_a_copy(engine)
                yield engine
                await tidy_if_due(engine)

    async def _beside(self, work: Callable[[Ledger], T]) -> T:
        """Do long work that only reads on a connection of its own, so that a run goes on meanwhile.

        A ledger in memory has one connection: there the work takes its turn.
        """
        from mpstock.ledger import Ledger

        engine = await self._assembly.start()
        if engine.ledger.place == ":memory:":
            return await engine.worker.run(work, engine.ledger)
        url = self._assembly.config.ledger.url

        def separately() -> T:
            ledger = Ledger(url)
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
