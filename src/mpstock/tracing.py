"""Spans of OpenTelemetry for whoever traces; for all others a look into a table.

They go through the API package, and only where the process has imported it: without a tracer provider,
which somebody has to set up by it, there is nothing that would take them. No attribute has a secret, an
article or a text of somebody else's in it.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sized
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, ParamSpec, TypeVar

__all__ = ["span", "traced"]

P = ParamSpec("P")
T = TypeVar("T")


def span(
    name: str, attributes: Mapping[str, object] | None = None, carrier: Mapping[str, str] | None = None
) -> AbstractContextManager[Any]:
    """Return a context that is a span where this process traces; it yields the span, or None.

    `carrier` are headers of a request, which may say whose trace this belongs to.
    """
    trace = sys.modules.get("opentelemetry.trace")
    return nullcontext() if trace is None else _span(trace, name, attributes or {}, carrier)


@contextmanager
def _span(
    trace: Any, name: str, attributes: Mapping[str, object], carrier: Mapping[str, str] | None
) -> Iterator[Any]:
    context = None
    if carrier is not None:
        from opentelemetry.propagate import extract

        context = extract(carrier)
    told = {f"mpstock.{key}": _plain(value) for key, value in attributes.items() if value is not None}
    # What an exception says is not ours to pass on; its kind is.
    with trace.get_tracer("mpstock").start_as_current_span(
        name, context=context, attributes=told, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(trace.StatusCode.ERROR)
            raise


def _plain(value: object) -> str | int | float | bool:
    if isinstance(value, (str, bool, int, float)):
        return value
    name = getattr(value, "name", None)
    if isinstance(name, str):
        return name
    return len(value) if isinstance(value, Sized) else type(value).__name__


def traced(
    name: str, *arguments: str
) -> Callable[[Callable[P, Coroutine[Any, Any, T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """Make each call of a coroutine function a span; `arguments` become its attributes.

    An adapter is told by its name, a collection by its length.
    """

    def decorate(work: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        signature = inspect.signature(work)

        @functools.wraps(work)
        async def within(*args: P.args, **kwargs: P.kwargs) -> T:
            if "opentelemetry.trace" not in sys.modules:
                return await work(*args, **kwargs)
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            with span(name, {key: bound.arguments[key] for key in arguments}):
                return await work(*args, **kwargs)

        return within

    return decorate
