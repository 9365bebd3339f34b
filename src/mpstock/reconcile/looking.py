"""What may be there already is looked at, once its rest is over; only what is not there is sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.reconcile.streams import PATIENCE

if TYPE_CHECKING:
    from mpstock.clock import Clock
    from mpstock.ledger.doubts import Doubt, Doubts
    from mpstock.ledger.listing_rows import ObservedRow
    from mpstock.ledger.worker import Worker

__all__ = ["Looking"]

ZEROS_WAIT = 5.0
"""Seconds that a zero waits for a look at most: sold is worse than sent twice."""


@define
class Looking:
    """Looks at what one sink may have taken without anybody hearing of it.

    `look` reads back listings, then the orders, and says whether both could be read; `change` changes what
    waits for this sink, if it still may. Of what cannot be looked at only zeros are sent in this run.
    """

    sink: str
    doubts: Doubts
    worker: Worker
    clock: Clock
    look: Callable[[Sequence[ObservedRow]], Awaitable[bool]]
    change: Callable[[Callable[[], None]], Awaitable[None]]
    stale: bool = True
    """Whether something may have come to be in doubt since the ledger was asked."""
    under_way: set[asyncio.Task[None]] = field(factory=set["asyncio.Task[None]"])
    """The look that is taken at the moment: one at a time."""
    _waiting: Sequence[Doubt] = ()
    _left: set[int] = field(factory=set[int])

    def leave(self, states: Iterable[int]) -> None:
        """Let these be: they go apart from all else, or wait for the next run."""
        self._left.update(states)
        self.stale = True

    async def go_on(self, now: datetime) -> datetime | None:
        """Look, if it is time to; else return when it is. None: nothing is to be waited for, but for a look.

        Raises:
            LedgerError: the ledger could not be written by the look that is over.
        """
        for look in [look for look in self.under_way if look.done()]:
            self.under_way.discard(look)
            look.result()
        if self.under_way:
            return None
        if self.stale:
            self.stale = False
            self._waiting = await self.worker.run(self.doubts.of, self.sink)
        waiting = [doubt for doubt in self._waiting if doubt.state not in self._left]
        due = [doubt.state for doubt in waiting if doubt.over is None or doubt.over <= now]
        if due:
            self.under_way.add(asyncio.create_task(self._look_at(due)))
            return None
        first = min((doubt.over for doubt in waiting if doubt.over is not None), default=None)
        return None if first is None or first - now > PATIENCE else first

    async def end(self) -> None:
        """Look no more; what was not told by then stays in doubt."""
        for look in self.under_way:
            look.cancel()
        await asyncio.gather(*self.under_way, return_exceptions=True)

    async def _look_at(self, states: Sequence[int]) -> None:
        rows = await self.worker.run(self.doubts.rows, states)
        looked = asyncio.ensure_future(self.look(rows))
        try:
            try:
                async with self.clock.timeout(ZEROS_WAIT):
                    await asyncio.wait([looked])
            except TimeoutError:
                await self.change(lambda: self.doubts.let_go(states, zeros=True))
            told = await looked
        finally:
            looked.cancel()
        await self.change(lambda: self.doubts.let_go(states, zeros=not told))
        if not told:
            self.leave(states)
        self.stale = True
