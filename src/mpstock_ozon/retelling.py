"""Postings that are told once more as they were. Pure, like `postings`, but with a memory.

Ozon tells every open posting at every reading, a hundred a page, and hardly one of them has moved since the
minute before. To compare one with what it was costs a tenth of reading it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import define, field, frozen

from mpstock import Order
from mpstock_ozon.postings import is_settled, orders_of

__all__ = ["MOST", "Retelling"]

MOST = 5_000
"""Postings that are remembered, of about 3 KB each. Beyond them one begins anew."""


@frozen
class _Read:
    row: Mapping[str, Any]
    as_of: datetime
    orders: tuple[Order, ...]


@define
class Retelling:
    """Reads postings as `orders_of` does. What is told as it was before is not read again."""

    _known: dict[str, _Read] = field(factory=dict[str, _Read])

    def orders_of(self, row: Mapping[str, Any], as_of: datetime, place: str) -> tuple[str, tuple[Order, ...]]:
        """Return what `postings.orders_of` does, and raise what it raises."""
        told = row.get("posting_number")
        known = self._known.get(told) if isinstance(told, str) else None
        if known is not None and known.as_of <= as_of and known.row == row:
            return str(told), known.orders
        number, orders = orders_of(row, as_of, place)
        if told == number and is_settled(row, as_of):
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[number] = _Read(row, as_of, orders)
        return number, orders
