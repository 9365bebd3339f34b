"""A source made of a function: `@mpstock.source`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, overload

from mpstock.functions.calling import asked, machine_clock, name_of, takes
from mpstock.functions.rows import ToldRows
from mpstock.interfaces import Rate
from mpstock.model import Reading

if TYPE_CHECKING:
    from mpstock.clock import Clock

__all__ = ["FunctionSource", "source"]

_PAGE = 1000


class FunctionSource:
    """A source that asks a function; `mpstock.source` makes it, and has the arguments."""

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        warehouse: str = "main",
        empty: Literal["unknown", "zero"] = "unknown",
        overlap: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.name = name_of(function)
        self._incremental = takes(function, 1, "the moment since when") == 1
        self._warehouse = warehouse
        self._empty = empty
        self._overlap = timedelta(seconds=overlap)
        self._clock = clock or machine_clock()

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the function itself."""
        return self.__wrapped__(*args, **options)

    def __repr__(self) -> str:
        return f"<mpstock.source {self.name}>"

    @property
    def rates(self) -> Sequence[Rate]:
        return ()

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        as_of = self._clock.now()
        since = _moment(cursor) if self._incremental else None
        told = await self._ask(since)
        rows = ToldRows(self._warehouse, self.name)
        levels = rows.levels(told)
        problems = rows.problems
        whole = since is None
        certain = not rows.lost
        if whole and not levels and self._empty == "unknown":
            certain = False
            problems.append(rows.problem("", "it told no row at all; nothing is taken for sold out"))
        position = (as_of - self._overlap).isoformat() if self._incremental else None
        for start in range(0, max(len(levels), 1), _PAGE):
            last = start + _PAGE >= len(levels)
            yield Reading(
                levels[start : start + _PAGE],
                as_of,
                complete=last and whole,
                cursor=position if last else None,
                absent="zero" if certain else "unknown",
                problems=problems if last else (),
            )

    async def skus(self) -> list[str]:
        """Return the articles that the function tells now, each once."""
        rows = ToldRows(self._warehouse, self.name)
        return list(dict.fromkeys(level.sku for level in rows.levels(await self._ask(None))))

    async def _ask(self, since: datetime | None) -> Any:
        return await asked(self.name, self.__wrapped__, *((since,) if self._incremental else ()))


@overload
def source(function: Callable[..., Any], /) -> FunctionSource: ...


@overload
def source(
    *,
    warehouse: str = "main",
    empty: Literal["unknown", "zero"] = "unknown",
    overlap: float = 60.0,
    clock: Clock | None = None,
) -> Callable[[Callable[..., Any]], FunctionSource]: ...


def source(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a source of a function: `@mpstock.source`, or `@mpstock.source(warehouse="msk")`.

    The function returns what there is now, all of it: quantities by article (`{"A-1": 5}`), or rows:
    `mpstock.Level`, `("A-1", 5)`, `("A-1", "msk", 5)` or `{"sku": "A-1", "quantity": 5, "reserved": 1}`. It
    may yield them, and may be `async`. A quantity of None is not known. What is no number makes its product
    unknown, and is told as a problem; it is never taken for 0. If it takes an argument, it is given the
    moment since when it shall say what has changed, or None for everything. What it raises is a source that
    cannot be reached.

    Args:
        warehouse: where rows lie that name no warehouse.
        empty: what it means when it tells nothing at all: `"unknown"`, or `"zero"`, everything is gone.
        overlap: so many seconds before the last reading began it is asked for what has changed since.
        clock: by default the machine's.
    """
    return FunctionSource(function) if function is not None else lambda own: FunctionSource(own, **options)


def _moment(cursor: str | None) -> datetime | None:
    """Read a cursor; one that is none of ours is answered with everything."""
    try:
        found = datetime.fromisoformat(cursor or "")
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
