"""Work that is carried through, whoever goes away in the middle of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

__all__ = ["carried_through"]

T = TypeVar("T")


async def carried_through(work: Awaitable[T]) -> T:
    """Do `work` to its end even when the caller is cancelled meanwhile; return what comes of it.

    Who was cancelled hears of no error of it any more, and the event loop prints none.
    """
    task = asyncio.ensure_future(work)
    if task.done():
        return task.result()
    # `asyncio.shield` forgets to look at what came of it once its caller is gone.
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(task)
