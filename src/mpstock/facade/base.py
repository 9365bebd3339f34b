"""What the parts of a shop stand on: its assembly, and one run at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mpstock.assembling import Assembly
    from mpstock.facade.asynchronous import AsyncShop
    from mpstock.reconcile.engine import Engine

__all__ = ["AsyncPart", "Part"]

T = TypeVar("T")


class AsyncPart:
    """A part of `AsyncShop`: the methods of one subject."""

    _assembly: Assembly
    _busy: asyncio.Lock

    @asynccontextmanager
    async def _run(self) -> AsyncIterator[Engine]:
        """One run at a time; a stop that was asked of the last one is not meant for this one."""
        from mpstock.ledger.running import only_run

        async with self._busy:
            engine = await self._assembly.start()
            with only_run(engine.ledger.place):
                self._assembly.stop.clear()
                yield engine


class Part:
    """A part of `Shop`: the methods of one subject, each handed to the asynchronous shop."""

    _shop: AsyncShop

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        raise NotImplementedError
