"""The one thread in which a ledger lives: callers await, the database sees one writer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from mpstock.carrying import carried_through

__all__ = ["Worker"]

P = ParamSpec("P")
T = TypeVar("T")

AHEAD = 16
"""Calls that may go before a page that waits: after so many it has its turn, so that long work ends too."""


class Worker:
    """Runs functions one after the other in one thread of its own, for one event loop at a time.

    What is short goes before what is a page of long work: a reading of a whole shop queues thousands of
    pages, and a webhook that comes meanwhile waits for one of them at most.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mpstock-ledger")
        self._short = 0
        self._ahead = 0
        self._page = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the function in the ledger's thread and return what it returns.

        It is carried through, also when the caller is cancelled: a transaction is never left half-way by
        Ctrl-C.
        """
        self._short += 1
        try:
            return await self._carry_out(partial(function, *args, **kwargs))
        finally:
            self._short -= 1
            if self._waiting:
                self._ahead += 1
                self._next_page()

    async def run_page(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one page of long work as `run` does, after what anybody asks `run` for until its turn comes.

        A caller that is cancelled before that has asked for nothing.
        """
        if self._page or self._short or self._waiting:
            await self._turn()
        self._page = True
        try:
            return await self._carry_out(partial(function, *args, **kwargs))
        finally:
            self._page = False
            self._next_page()

    async def _turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._next_page()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # It had come already: it is the next one's.
                self._page = False
                self._next_page()
            raise

    def _next_page(self) -> None:
        """Let the next page have its turn, if it is there."""
        while self._waiting and not self._page and (not self._short or self._ahead >= AHEAD):
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self._page, self._ahead = True, 0
                turn.set_result(None)

    async def _carry_out(self, work: Callable[[], T]) -> T:
        return await carried_through(asyncio.get_running_loop().run_in_executor(self._executor, work))

    def close(self) -> None:
        """Wait for what is running and what was asked for, and end the thread."""
        self._executor.shutdown(wait=True)
