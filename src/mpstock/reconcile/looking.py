"""What may be there already is looked at, once its rest is over; only what is not there is sent again."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.errors import LedgerError
from mpstock.reconcile.streams import PATIENCE

if TYPE_CHECKING:
    from mpstock.ledger.doubts import Doubt, Doubts
    from mpstock.ledger.listing_rows import ObservedRow
    from mpstock.ledger.worker import Worker

__all__ = ["Looking"]

NEVER = datetime.min.replace(tzinfo=UTC)

ZEROS_WAIT = timedelta(seconds=5)
"""So long a zero waits for a look at most: sold is worse than sent twice."""

TIMES = 3
"""So often a listing is let go again in a run, and so many looks may fail; the next run has the rest."""

Change = Callable[[Callable[[], None]], Awaitable[None]]
"""Changes what waits for the sink, if it still may."""


@define
class Looking:
    """Looks at what one sink may have taken without anybody hearing of it, for all of one run.

    `look` reads back listings, then the orders, and says whether both could be read. Where they cannot, only
    zeros are sent of what is in doubt. `among` are the states that the run is for, None: all.
    """

    sink: str
    doubts: Doubts
    worker: Worker
    look: Callable[[Sequence[ObservedRow]], Awaitable[bool]]
    among: Collection[int] | None = None
    stale: bool = True
    """Whether something may have come to be in doubt since the ledger was asked."""
    _waiting: Sequence[Doubt] = ()
    _left: set[int] = field(factory=set[int])
    _times: Counter[int] = field(factory=Counter[int])
    _task: asyncio.Task[bool] | None = None
    _states: Sequence[int] = ()
    _began: datetime = NEVER
    _failures: int = 0
    _again_at: datetime = NEVER

    @property
    def under_way(self) -> set[asyncio.Task[bool]]:
        """The look that is taken at the moment, if one is."""
        return set() if self._task is None or self._task.done() else {self._task}

    def leave(self, states: Iterable[int], *, back: Iterable[int] = ()) -> None:
        """Let these be: they go apart from all or not in this run. Those that come `back` count again."""
        self._left.difference_update(state for state in back if self._times[state] < TIMES)
        self._left.update(states)
        self.stale = True

    async def go_on(self, now: datetime, change: Change, *, paused: bool) -> datetime | None:
        """Look, if it is time to; else return when it is. None: nothing is to be waited for, but for a look.

        While all that is sent to the sink is `paused`, nobody begins to look either.

        Raises:
            LedgerError: the ledger could not be written by the look that is over.
        """
        if self._task is not None and self._task.done():
            await self._take(self._task, now, change)
        if paused:
            return None
        if self.stale:
            self.stale = False
            self._waiting = await self.worker.run(self.doubts.of, self.sink)
        waiting = [doubt for doubt in self._waiting if self._concerns(doubt.state)]
        due = [doubt for doubt in waiting if doubt.over is None or doubt.over <= now]
        blind = self._failures >= TIMES
        if self._failures or (self._task is not None and now - self._began >= ZEROS_WAIT):
            await self._let_go([doubt.state for doubt in due if doubt.zero], change)
        if self._task is not None:
            return None
        if due and not blind and now >= self._again_at:
            self._states, self._began = [doubt.state for doubt in due], now
            self._task = asyncio.create_task(self._look_at(self._states))
            return None
        moments = [
            (doubt.over or now) if doubt.zero else max(doubt.over or now, self._again_at)
            for doubt in waiting
            if doubt.zero or not blind
        ]
        first = min((moment for moment in moments if moment > now), default=None)
        return None if first is None or first - now > PATIENCE else first

    async def end(self) -> None:
        """Look no more; what was not told by then stays in doubt.

        Raises:
            LedgerError: the ledger could not be written by the look.
        """
        if self._task is None:
            return
        task, self._task = self._task, None
        task.cancel()
        (found,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(found, LedgerError):
            raise found

    def _concerns(self, state: int) -> bool:
        return state not in self._left and (self.among is None or state in self.among)

    async def _look_at(self, states: Sequence[int]) -> bool:
        return await self.look(await self.worker.run(self.doubts.rows, states))

    async def _take(self, task: asyncio.Task[bool], now: datetime, change: Change) -> None:
        self._task, self.stale = None, True
        if task.result():
            # What it showed has a base by now; of the rest it could not tell.
            self._failures = 0
            await self._let_go(self._states, change)
        else:
            self._failures += 1
            self._again_at = now + timedelta(seconds=2**self._failures)

    async def _let_go(self, states: Sequence[int], change: Change) -> None:
        if not states:
            return
        self._times.update(states)
        self._left.update(state for state in states if self._times[state] >= TIMES)
        self.stale = True
        await change(lambda: self.doubts.let_go(states))
