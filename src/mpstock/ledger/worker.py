"""The one thread in which a ledger lives: callers await, the database sees one writer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from attrs import field, frozen

__all__ = ["Worker"]

P = ParamSpec("P")
T = TypeVar("T")

AHEAD = 16
"""Calls that may go before a page that waits: after so many in a row it has its turn, so that it ends."""


@frozen(eq=False)
class _Call:
    work: Callable[[], Any]
    done: Future[Any] = field(factory=Future[Any])

    def carry_out(self) -> None:
        if not self.done.set_running_or_notify_cancel():
            return
        try:
            result = self.work()
        except BaseException as error:
            self.done.set_exception(error)
        else:
            self.done.set_result(result)


class Worker:
    """Runs functions one after the other in one thread of its own.

    What is short goes before what is a page of long work: a reading of a whole shop queues thousands of
    pages, and a webhook that comes meanwhile waits for one of them at most.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mpstock-ledger")
        self._calls: deque[_Call] = deque()
        self._pages: deque[_Call] = deque()
        self._in_a_row = 0

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the function in the ledger's thread and return what it returns.

        What was asked for is carried through, also when the caller is cancelled: a transaction is never left
        half-way by Ctrl-C.
        """
        return await self._take(self._calls, partial(function, *args, **kwargs))

    async def run_page(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run one page of long work as `run` does, after what anybody has asked `run` for meanwhile."""
        return await self._take(self._pages, partial(function, *args, **kwargs))

    async def _take(self, line: deque[_Call], work: Callable[[], T]) -> T:
        call = _Call(work)
        line.append(call)
        try:
            asyncio.get_running_loop().run_in_executor(self._executor, self._next)
        except RuntimeError:
            line.remove(call)
            raise
        result: T = await asyncio.shield(asyncio.wrap_future(call.done))
        return result

    def _next(self) -> None:
        """Carry out the call whose turn it is; runs once for each, in the ledger's thread."""
        page = bool(self._pages) and (not self._calls or self._in_a_row >= AHEAD)
        self._in_a_row = 0 if page else self._in_a_row + 1
        (self._pages if page else self._calls).popleft().carry_out()

    def close(self) -> None:
        """Wait for what is running and what was asked for, and end the thread."""
        self._executor.shutdown(wait=True)
