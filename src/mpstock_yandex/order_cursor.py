"""How far the readings of orders have come, and which orders were open at the last one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from attrs import field, frozen

__all__ = ["OVERLAP", "OrderCursor"]

OVERLAP = timedelta(minutes=15)
"""How much of the last reading's time is read again: how late the Market lists a change is not documented."""

FIRST_LOOK_BACK = timedelta(days=3)
"""How far back the first reading looks for what has changed."""

LONGEST_LOOK_BACK = timedelta(days=29)
"""How far back a reading looks after a long pause: the Market takes periods of 30 days."""

_VERSION = 1


@frozen
class OrderCursor:
    """Where the next reading goes on.

    `read_at` is when the last one began, None before the first. `open` are the numbers of the orders that
    were placed or assembled then: one that neither the open nor the changed ones tell any more is asked for
    by its number, and one that was cancelled for a reason which does not say where it was is known by them.
    `freed` are those that were told as cancelled in the warehouse for that; they are told again while the
    overlap lasts.
    """

    read_at: datetime | None = None
    open: frozenset[int] = field(factory=frozenset[int])
    freed: frozenset[int] = field(factory=frozenset[int])

    @classmethod
    def read(cls, text: str | None, now: datetime) -> OrderCursor:
        """Read a cursor; one that is none of ours counts as none, and a time to come as now."""
        try:
            data = json.loads(text or "")
            if data["v"] != _VERSION:
                return cls()
            read_at = datetime.fromisoformat(data["read_at"])
            numbers, freed = frozenset(_unpacked(data["open"])), frozenset(_unpacked(data["freed"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            return cls()
        if read_at.tzinfo is None:
            return cls()
        return cls(min(read_at.astimezone(UTC), now), numbers, freed)

    def text(self) -> str:
        """Return the cursor as it is kept: numbers rise, each is told as what is added to the one before."""
        read_at = None if self.read_at is None else self.read_at.isoformat()
        return json.dumps(
            {"v": _VERSION, "read_at": read_at, "open": _packed(self.open), "freed": _packed(self.freed)}
        )

    def since(self, now: datetime) -> datetime:
        """Return from when on changes are asked for."""
        if self.read_at is None:
            return now - FIRST_LOOK_BACK
        return max(self.read_at - OVERLAP, now - LONGEST_LOOK_BACK)

    def was_in_the_warehouse(self, number: int, placed_at: datetime) -> bool:
        """Tell whether an order that is cancelled now was in the warehouse until then, as far as is known.

        One that is old enough to have been seen, and was not open at the last reading, had left by then.
        """
        if number in self.open or number in self.freed or self.read_at is None:
            return True
        return placed_at >= self.read_at - OVERLAP


def _packed(numbers: Iterable[int]) -> str:
    rising = sorted(numbers)
    return ",".join(
        format(number - before, "x") for before, number in zip([0, *rising], rising, strict=False)
    )


def _unpacked(text: str) -> Iterator[int]:
    number = 0
    for part in text.split(",") if text else ():
        number += int(part, 16)
        yield number
