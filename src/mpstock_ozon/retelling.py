"""Postings that are told once more as they were. Pure, like `postings`, but with a memory.

Ozon tells every open posting at every reading, a hundred a page, and hardly one of them has moved since the
minute before. A page that comes as it came is known by its bytes; of one in which something has moved, each
posting is compared with what it was, which costs a tenth of reading it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

from attrs import define, field, frozen

from mpstock import Order
from mpstock_ozon import wire
from mpstock_ozon.postings import PostingPage, is_settled, orders_of, page_of

__all__ = ["MOST", "Retelling"]

MOST = 5_000
"""Postings that are remembered, of about 3 KB each. Beyond them one begins anew."""

MOST_PAGES = 100


@frozen
class _Read:
    row: Mapping[str, Any]
    as_of: datetime
    orders: tuple[Order, ...]


@define
class Retelling:
    """Reads postings as `page_of` and `orders_of` do. What is told as it was before is not read again."""

    _known: dict[str, _Read] = field(factory=dict[str, _Read])
    _pages: dict[bytes, tuple[datetime, PostingPage]] = field(
        factory=dict[bytes, "tuple[datetime, PostingPage]"]
    )

    def page_of(self, content: bytes, as_of: datetime, limit: int) -> PostingPage:
        """Return what `postings.page_of` does of an answer's body, and raise what it raises."""
        key = blake2b(content, digest_size=16, salt=limit.to_bytes(8, "big")).digest()
        known = self._pages.get(key)
        if known is not None and known[0] <= as_of:
            return known[1]
        page = page_of(wire.body_of(content), as_of, limit, self.orders_of)
        if not page.problems and self._known.keys() >= set(page.numbers):
            if len(self._pages) >= MOST_PAGES:
                del self._pages[next(iter(self._pages))]
            self._pages[key] = as_of, page
        return page

    def orders_of(self, row: Mapping[str, Any], as_of: datetime, place: str) -> tuple[str, tuple[Order, ...]]:
        """Return what `postings.orders_of` does, and raise what it raises."""
        told = row.get("posting_number")
        known = self._known.get(told) if isinstance(told, str) else None
        if known is not None and known.as_of <= as_of and known.row == row:
            return str(told), known.orders
        number, orders = orders_of(row, as_of, place)
        self._known.pop(number, None)
        if told == number and is_settled(row, as_of):
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[number] = _Read(row, as_of, orders)
        return number, orders
