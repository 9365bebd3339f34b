"""Several things at once, and things that a stop breaks off."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mpstock.clock import Clock

__all__ = ["first_of", "one_of", "together", "unless_stopped"]


async def together(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Do all of it at once; after an error the rest is cancelled and waited for."""
    tasks = [asyncio.create_task(coroutine) for coroutine in work]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def first_of(waiting: Sequence[Coroutine[Any, Any, Any]], tasks: Collection[asyncio.Task[Any]]) -> None:
    """Wait until something of `waiting` is over, which ends the rest of it, or one of the tasks is done."""
    started = [asyncio.create_task(coroutine) for coroutine in waiting]
    try:
        await asyncio.wait([*started, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


async def one_of(events: Sequence[asyncio.Event], clock: Clock, at_most: float) -> None:
    """Wait until one of the events is set, for so many seconds at most."""
    try:
        async with clock.timeout(at_most):
            await first_of([event.wait() for event in events], ())
    except TimeoutError:
        pass


async def unless_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Do a step of reading, and break it off when a stop is asked for: what was read is recorded."""
    step = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([step, stopped], return_when=asyncio.FIRST_COMPLETED)
        if step.done():
            await step
    finally:
        for task in (step, stopped):
            task.cancel()
        await asyncio.gather(step, stopped, return_exceptions=True)
