"""A warehouse system that lives in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from attrs import frozen

from mpstock.clock import Clock, SystemClock
from mpstock.inmemory.paging import pages_of
from mpstock.interfaces import Rate
from mpstock.model import (
    Finding,
    Hold,
    Level,
    Problem,
    Reading,
)

__all__ = ["InMemorySource"]


@frozen
class _Row:
    level: Level
    revision: int


class InMemorySource:
    """A warehouse system that is a dictionary.

    `levels` are quantities by sku (then in `warehouse`) or by (sku, warehouse); None = the product is
    known and its quantity is not. The cursor is the number of the last change that was read: the next
    incremental read yields the rows that were set since. A row that was removed is only seen in a full
    read, by its absence, as with most warehouse systems.
    """

    def __init__(
        self,
        levels: Mapping[str, int | None] | Mapping[tuple[str, str], int | None] | None = None,
        *,
        warehouse: str = "main",
        clock: Clock | None = None,
        page: int = 1000,
        absent: Literal["zero", "unknown"] = "zero",
    ) -> None:
        if page < 1:
            raise ValueError(f"a page holds at least one row, not {page}")
        self.clock = clock or SystemClock()
        self.reads: list[str | None] = []
        """The cursor of every read that was begun, in order."""
        self.problems: list[Problem] = []
        """What the next reads say of rows that could not be read."""
        self._warehouse = warehouse
        self._page = page
        self._absent: Literal["zero", "unknown"] = absent
        self._rows: dict[tuple[str, str], _Row] = {}
        self._holds: dict[str, Hold] = {}
        self._revision = 0
        self._failures: list[tuple[Exception, int]] = []
        for key, quantity in (levels or {}).items():
            sku, place = key if isinstance(key, tuple) else (key, warehouse)
            self.set(sku, quantity, warehouse=place)

    def set(
        self,
        sku: str,
        quantity: int | None,
        *,
        warehouse: str | None = None,
        reserved: int = 0,
        updated_at: datetime | None = None,
    ) -> None:
        """Give a product's level in one warehouse."""
        self._revision += 1
        level = Level(sku, warehouse or self._warehouse, quantity, reserved, updated_at)
        self._rows[level.sku, level.warehouse] = _Row(level, self._revision)

    def remove(self, sku: str, *, warehouse: str | None = None) -> None:
        """Take a row away, as if the warehouse system had forgotten it."""
        del self._rows[sku, warehouse or self._warehouse]

    def hold(self, hold: Hold) -> None:
        """Report a hold from now on; one with the same key is replaced."""
        self._holds[hold.key] = hold

    def release(self, key: str) -> None:
        """Report a hold no longer."""
        del self._holds[key]

    def fail(self, error: Exception, *, times: int = 1, after: int = 0) -> None:
        """Let the next `times` reads raise `error`, each after so many of its pages."""
        self._failures += [(error, after)] * times

    @property
    def rates(self) -> Sequence[Rate]:
        return ()

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        self.reads.append(cursor)
        error, after = self._failures.pop(0) if self._failures else (None, -1)
        as_of, revision = self.clock.now(), self._revision
        # A cursor that is none of ours is answered with everything, as the contract allows.
        since = int(cursor) if cursor is not None and cursor.isdecimal() else None
        # Fixed at the start: what is set while the pages are read belongs to the next read.
        levels = [row.level for row in self._rows.values() if since is None or row.revision > since]
        holds = tuple(self._holds.values())
        pages = list(pages_of(levels, self._page))
        for number, page in enumerate(pages):
            if error is not None and number == after:
                raise error
            last = number == len(pages) - 1
            yield Reading(
                page,
                as_of,
                complete=last and since is None,
                cursor=str(revision) if last else None,
                holds=holds if number == 0 else (),
                absent=self._absent,
                problems=tuple(self.problems) if number == 0 else (),
                holds_complete=last,
            )
        if error is not None and after >= len(pages):
            raise error

    async def check(self) -> AsyncIterator[Finding]:
        yield Finding("ok", "memory", f"{len(self._rows)} rows")
