"""What people page through: products and listings, some at a time, each page as quick as the first.

A page begins after the last row of the one before it, and is found through an index: neither its number nor
that of the rows behind it makes it slow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.ledger.database import as_datetime, ids
from mpstock.ledger.stocks import LANES

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["FoundProduct", "HeldRow", "Pages", "ShownListing", "SourceLevel"]

_MOST_BY_ID = 20


@frozen
class FoundProduct:
    """A product, as a list of them names it."""

    id: int
    sku: str
    brand: str


@frozen
class ShownListing:
    """What one listing shows as far as is known (`base`), what it should show, and how that stands."""

    id: int
    product_id: int
    sku: str
    sink: str
    warehouse: str
    external_id: str
    base: int | None
    wanted: int | None
    status: str
    lane: str | None
    held: str
    held_reason: str
    stopped: bool
    error: str
    failures: int
    rests_until: datetime | None
    attempted_at: datetime | None
    cause: str


@frozen
class SourceLevel:
    """What a source says of a product in one warehouse."""

    product_id: int
    source: str
    warehouse: str
    quantity: int | None
    reserved: int
    known: bool


@frozen
class HeldRow:
    """So many changes of one cause in one sink warehouse that a guard holds, and the units shown now."""

    guard: str
    sink: str
    warehouse: str
    cause: str
    reason: str
    listings: int
    units: int


_LISTINGS = (
    "SELECT s.id, s.product_id, p.sku, s.marketplace, s.warehouse_code, l.external_id, s.base, s.wanted, "
    "s.sync_status, s.lane, s.held, s.held_reason, s.stopped IS NOT NULL, s.error_code, s.error_message, "
    "s.failures, s.rests_until, s.attempted_at, s.cause FROM marketplace_stocks AS s "
    "JOIN products AS p ON p.id = s.product_id JOIN listings AS l ON l.id = s.listing_id"
)


class Pages:
    """Products and listings by pages."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def products(self, *, search: str = "", after: str = "", limit: int = 50) -> list[FoundProduct]:
        """Return the next products in the order of their articles.

        `search` is a part of the article, in any case, or a whole id that a marketplace has for it.
        """
        if not search:
            return self._products("sku > ?", (after,), limit)
        by_id = self._by_external_id(search)
        parts = dict.fromkeys((search, search.lower(), search.upper(), search.capitalize()))
        matches = " OR ".join(["instr(sku, ?) > 0"] * len(parts))
        found = self._products(f"sku > ? AND ({matches})", (after, *parts), limit)
        named = self._products("sku > ? AND id IN ids(?)", (after, ids(by_id)), limit)
        return sorted({*found, *named}, key=lambda product: product.sku)[:limit]

    def _products(self, where: str, parameters: Sequence[Any], limit: int) -> list[FoundProduct]:
        rows = self.db.query(
            f"SELECT id, sku, brand FROM products WHERE {where} ORDER BY sku LIMIT ?", (*parameters, limit)
        )
        return [FoundProduct(*row) for row in rows]

    def _by_external_id(self, external_id: str) -> list[int]:
        sinks = self.db.query(
            # From name to name through the index, not through all rows.
            "WITH RECURSIVE names(name) AS (SELECT min(marketplace) FROM listings UNION ALL "
            "SELECT (SELECT min(marketplace) FROM listings WHERE marketplace > name) FROM names "
            "WHERE name IS NOT NULL) SELECT name FROM names WHERE name IS NOT NULL"
        )
        rows = self.db.query(
            "SELECT DISTINCT product_id FROM listings WHERE marketplace IN texts(?) "
            "AND external_id = ? AND product_id IS NOT NULL LIMIT ?",
            (ids(name for (name,) in sinks), external_id, _MOST_BY_ID),
        )
        return [row[0] for row in rows]

    def product(self, sku: str) -> FoundProduct | None:
        """Return one product by its article."""
        found = self._products("sku = ?", (sku,), 1)
        return found[0] if found else None

    def levels(self, product_ids: Iterable[int]) -> list[SourceLevel]:
        """Return what the sources say of these products."""
        return [
            SourceLevel(*[*row[:5], bool(row[5])])
            for row in self.db.query(
                "SELECT l.product_id, l.source, w.code, l.quantity, l.reserved, l.unknown_since IS NULL "
                "FROM stock_levels AS l JOIN warehouses AS w ON w.id = l.warehouse_id "
                "WHERE l.product_id IN ids(?) ORDER BY l.product_id, l.id",
                (ids(product_ids),),
            )
        ]

    def listings(self, product_ids: Iterable[int]) -> list[ShownListing]:
        """Return the listings of these products."""
        return self._listings(
            "WHERE s.product_id IN ids(?) ORDER BY s.product_id, s.id",
            (ids(product_ids),),
        )

    def failing(self, sink: str, *, after: int = 0, limit: int = 50) -> list[ShownListing]:
        """Return the next listings of a sink whose last push was refused."""
        return self._listings(
            "WHERE s.marketplace = ? AND s.failures > 0 AND s.id > ? ORDER BY s.id LIMIT ?",
            (sink, after, limit),
        )

    def count_failing(self) -> dict[str, int]:
        """Return how many there are of them, by sink."""
        return dict(
            self.db.query(
                "SELECT marketplace, count(*) FROM marketplace_stocks WHERE failures > 0 GROUP BY marketplace"
            )
        )

    def held(self) -> list[HeldRow]:
        """Return what the guards hold, by slice. Looks at every change that waits."""
        return [
            HeldRow(*row)
            for row in self.db.query(
                "SELECT held, marketplace, warehouse_code, cause, max(held_reason), count(*), "
                "coalesce(sum(base), 0) FROM marketplace_stocks WHERE lane IS NOT NULL AND held IS NOT NULL "
                "AND stopped IS NULL "
                "GROUP BY held, marketplace, warehouse_code, cause "
                "ORDER BY held, marketplace, warehouse_code, cause"
            )
        ]

    def held_listings(
        self, sink: str, warehouse: str, cause: str, guard: str, *, after: int = 0, limit: int = 50
    ) -> list[ShownListing]:
        """Return the next listings of one slice that a guard holds."""
        found: list[ShownListing] = []
        for lane in range(len(LANES)):
            # Lane by lane they come out of the index in their order; all at once they would be sorted first.
            found += self._listings(
                "WHERE s.marketplace = ? AND s.lane = ? AND s.id > ? AND s.warehouse_code = ? "
                "AND s.cause = ? AND s.held = ? AND s.stopped IS NULL ORDER BY s.id LIMIT ?",
                (sink, lane, after, warehouse, cause, guard, limit),
            )
        return sorted(found, key=lambda one: one.id)[:limit]

    def facts_of(self, product_id: int, limit: int) -> list[tuple[datetime, str]]:
        """Return the newest inputs of the formula that were kept of a product, the oldest first."""
        rows = self.db.query(
            "SELECT at, facts FROM explanations WHERE product_id = ? ORDER BY at DESC, id DESC LIMIT ?",
            (product_id, limit),
        )
        return [(at, facts) for text, facts in reversed(rows) if (at := as_datetime(text)) is not None]

    def version(self) -> int:
        """Return a number that is another one when some other connection has written meanwhile."""
        return self.db.version()

    def _listings(self, rest: str, parameters: Sequence[object]) -> list[ShownListing]:
        return [
            ShownListing(
                *[
                    *row[:9],
                    None if row[9] is None else LANES[row[9]],
                    row[10] or "",
                    row[11] or "",
                    bool(row[12]),
                    ": ".join(part for part in row[13:15] if part),
                    row[15],
                    as_datetime(row[16]),
                    as_datetime(row[17]),
                    row[18],
                ]
            )
            for row in self.db.query(f"{_LISTINGS} {rest}", parameters)
        ]
