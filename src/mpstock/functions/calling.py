"""Calls a plain function of any kind, and says what it makes of what comes back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mpstock.errors import MpstockError, TransientError, UnexpectedResponseError

if TYPE_CHECKING:
    from mpstock.clock import Clock

__all__ = ["asked", "called", "machine_clock", "name_of", "takes"]


def machine_clock() -> Clock:
    """Return the machine's clock; imported here, for `import mpstock` is light."""
    from mpstock.clock import SystemClock

    return SystemClock()


def name_of(function: Callable[..., Any]) -> str:
    """Return what a function is called.

    Raises:
        TypeError: it is no function.
    """
    if not callable(function):
        raise TypeError(f"a source or sink is made of a function, not of {function!r}")
    return str(getattr(function, "__name__", type(function).__name__))


def takes(function: Callable[..., Any], most: int, what: str) -> int:
    """Return how many arguments a function wants; none of them may be more than it is given."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        raise TypeError(f"{name_of(function)} does not say what it takes: put a function around it") from None
    wanted = [
        one
        for one in parameters
        if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    ]
    if len(wanted) > most or any(one.kind is one.KEYWORD_ONLY for one in wanted):
        names = ", ".join(one.name for one in wanted)
        raise TypeError(f"{name_of(function)}({names}) is given {what}, and wants more")
    return len(wanted)


async def called(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of any kind; what is not asynchronous runs in a thread and keeps nobody waiting."""
    import asyncio

    if inspect.isasyncgenfunction(function):
        return [one async for one in function(*args)]
    if inspect.iscoroutinefunction(function):
        return await function(*args)

    def whole() -> Any:
        told = function(*args)
        # A generator does its work where it is walked.
        return list(told) if inspect.isgenerator(told) else told

    told = await asyncio.to_thread(whole)
    return await told if inspect.isawaitable(told) else told


async def asked(name: str, function: Callable[..., Any], *args: Any) -> Any:
    """Ask a function for what there is; what it raises is a vendor that cannot be reached."""
    try:
        told = await called(function, *args)
    except MpstockError:
        raise
    except Exception as error:
        raise TransientError(f"{type(error).__name__}: {error}", adapter=name) from error
    if told is None or isinstance(told, (str, bytes)) or not isinstance(told, (Mapping, Iterable)):
        kind = "nothing" if told is None else type(told).__name__
        raise UnexpectedResponseError(f"it returned {kind}, and no rows", adapter=name)
    return told
