"""The one thread in which a ledger lives: callers await, the database sees one writer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

__all__ = ["Worker"]

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """Runs functions one after the other in one thread of its own."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mpstock-ledger")

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the function in the ledger's thread and return what it returns.

        Once started it is carried through, also when the caller is cancelled: a transaction is
        never left half-way by Ctrl-C.
        """
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._executor, lambda: function(*args, **kwargs))
        return await asyncio.shield(work)

    def close(self) -> None:
        """Wait for what is running and end the thread."""
        self._executor.shutdown(wait=True)
