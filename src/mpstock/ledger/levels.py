"""What the sources said: products, warehouses, stock levels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text, ids
from mpstock.ledger.readings import ReadSession

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt
    from mpstock.model import Level

__all__ = ["Heard", "LevelRow", "Levels"]


@frozen
class LevelRow:
    """What one source said last of a product in one own warehouse, as a person reads it.

    `available` is its quantity less its own reserve; `heard` a lower one that was pushed since. What is not
    known any more has no quantity, and says since when and why.
    """

    id: int
    sku: str
    source: str
    warehouse: str
    quantity: int | None
    reserved: int
    available: int | None
    heard: int | None
    as_of: datetime
    updated_at: datetime
    unknown_since: datetime | None
    unknown_why: str | None


@frozen
class Heard:
    """What came of pushed rows: so many have lowered something, so many wait for a reading of the source."""

    lowered: int
    waiting: int


class Levels:
    """Stock levels by source, product and warehouse."""

    def __init__(self, database: Database, dirt: Dirt) -> None:
        self.db = database
        self.dirt = dirt
        self._warehouses: dict[str, int] = {}
        database.on_rollback.append(self._warehouses.clear)

    def begin_read(self, source: str, *, advisory: bool = False, whole: bool = True) -> ReadSession:
        """Start taking in one reading of a source: of the whole, or of what has moved.

        `advisory`: what asks for less than the whole does not confirm the rows that it leaves out; those that
        it repeats it does.
        """
        return ReadSession(self, source, advisory, whole)

    def begin_pushed(self, source: str, *, advisory: bool = False) -> ReadSession:
        """Start taking in rows that were pushed to us, with the times of their numbers."""
        return ReadSession(self, source, advisory, whole=False, pushed=True)

    def hear(self, source: str, levels: Sequence[Level], now: datetime) -> Heard:
        """Take in rows that somebody pushed, whose time is not known; inside a transaction.

        They may be late, doubled or out of order. So a row may lower what is known at once, beside what was
        read, until the source is read later; what would raise it, or is new, waits for that reading.
        """
        products = self.product_ids(level.sku for level in levels)
        stored: dict[tuple[int, str], tuple[int, int]] = {
            (product_id, warehouse): (row_id, available if heard is None else min(available, heard))
            for product_id, warehouse, row_id, available, heard in self.db.query(
                "SELECT product_id, code, l.id, available, heard FROM stock_levels AS l "
                "JOIN warehouses AS w ON w.id = warehouse_id WHERE source = ? AND quantity IS NOT NULL "
                "AND product_id IN ids(?)",
                (source, ids(products.values())),
            )
        }
        lower: dict[tuple[int, str], int] = {}
        waiting = 0
        for level in levels:
            key = (products.get(level.sku, 0), level.warehouse)
            if level.quantity is None:
                continue
            told = level.quantity - level.reserved
            if key not in stored or told > stored[key][1]:
                waiting += 1
            elif told < lower.get(key, stored[key][1]):
                lower[key] = told
        self.db.executemany(
            "UPDATE stock_levels SET heard = ?, heard_at = ? WHERE id = ?",
            [(told, as_text(now), stored[key][0]) for key, told in lower.items()],
        )
        if lower:
            self.dirt.mark({product_id for product_id, _ in lower}, source, now, urgent=True)
        return Heard(len(lower), waiting)

    def forget_heard(self, source: str, before: datetime, now: datetime) -> int:
        """Let go of what was pushed before a reading of the source began; inside a transaction."""
        rows = self.db.query(
            "SELECT id, product_id FROM stock_levels WHERE heard_at < ? AND source = ?",
            (as_text(before), source),
        )
        self.db.executemany(
            "UPDATE stock_levels SET heard = NULL, heard_at = NULL WHERE id = ?", [row[:1] for row in rows]
        )
        if rows:
            self.dirt.mark({row[1] for row in rows}, source, now, soft=True)
        return len(rows)

    def product_ids(self, skus: Iterable[str]) -> dict[str, int]:
        """Return the ids of those skus that are known."""
        return dict(
            self.db.query(
                "SELECT sku, id FROM products WHERE sku IN texts(?)",
                (ids(skus),),
            )
        )

    def all_skus(self) -> Iterator[str]:
        """Yield the sku of every product that is known."""
        for (sku,) in self.db.iterate("SELECT sku FROM products ORDER BY id"):
            yield sku

    def skus(self, product_ids: Iterable[int]) -> dict[int, str]:
        """Return the skus of these products."""
        return dict(
            self.db.query(
                "SELECT id, sku FROM products WHERE id IN ids(?)",
                (ids(product_ids),),
            )
        )

    def record_settings(
        self, fingerprints: Mapping[str, str], now: datetime, brands: Mapping[str, str] | None = None
    ) -> list[int]:
        """Remember the fingerprint of what the products file says of each sku, and mark what moved.

        With the fingerprint moves the brand. Inside a transaction. Returns the products that have moved.
        """
        brands = brands or {}
        kept = dict(self.db.query("SELECT sku, settings FROM products WHERE settings <> ''"))
        gone = [sku for sku in kept if sku not in fingerprints]
        known = self.product_ids({*fingerprints, *gone})
        moved = [
            (fingerprints.get(sku, ""), brands.get(sku, ""), product_id)
            for sku, product_id in known.items()
            if fingerprints.get(sku, "") != kept.get(sku, "")
        ]
        self.db.executemany("UPDATE products SET settings = ?, brand = ? WHERE id = ?", moved)
        chosen = [product_id for _, _, product_id in moved]
        if chosen:
            self.dirt.mark(chosen, "settings", now, soft=True)
        return chosen

    def silent(self, sources: Iterable[str]) -> frozenset[int]:
        """Return the own warehouses of which only other sources than these have spoken. Walks all levels."""
        rows = self.db.query(
            "SELECT DISTINCT warehouse_id FROM stock_levels EXCEPT SELECT DISTINCT warehouse_id "
            "FROM stock_levels WHERE source IN texts(?)",
            (ids(sources),),
        )
        return frozenset(row[0] for row in rows)

    def warehouse_codes(self) -> dict[int, str]:
        """Return the code of every own warehouse, by id."""
        return dict(self.db.query("SELECT id, code FROM warehouses"))

    def of_products(
        self, product_ids: Iterable[int]
    ) -> list[tuple[int, str, int, int | None, int, int, str, int, int | None, str | None]]:
        """Return (product id, source, warehouse id, quantity, reserved, known, as of, dated, heard, last).

        `dated`: the as-of is the row's own; `heard`: a lower number that was pushed since; `last`: of what
        is not known any more, as of when a reading had confirmed it last.
        """
        return self.db.query(
            "SELECT product_id, source, warehouse_id, quantity, reserved, unknown_since IS NULL, as_of, "
            "dated, heard, confirmed_at FROM stock_levels "
            "WHERE product_id IN ids(?) ORDER BY product_id, id",
            (ids(product_ids),),
        )

    def detail(self, product_id: int) -> list[tuple[str, str, int | None, int, datetime | None, str | None]]:
        """Return (source, warehouse, quantity, reserved, as of, why unknown) of one product."""
        return [
            (source, warehouse, quantity, reserved, as_datetime(as_of), why)
            for source, warehouse, quantity, reserved, as_of, why in self.db.query(
                "SELECT source, code, quantity, reserved, as_of, "
                "CASE WHEN unknown_since IS NULL THEN NULL ELSE coalesce(unknown_why, 'unknown') END "
                "FROM stock_levels JOIN warehouses ON warehouses.id = warehouse_id "
                "WHERE product_id = ? ORDER BY stock_levels.id",
                (product_id,),
            )
        ]

    def rows(
        self,
        *,
        source: str | None = None,
        skus: Sequence[str] | None = None,
        after: int = 0,
        limit: int = 5_000,
    ) -> list[LevelRow]:
        """Return levels in the order of their ids, narrowed by what is given."""
        conditions, parameters = ["s.id > ?"], list[Any]([after])
        if source is not None:
            conditions.append("s.source = ?")
            parameters.append(source)
        if skus is not None:
            conditions.append("p.sku IN texts(?)")
            parameters.append(ids(skus))
        return [
            LevelRow(*[*row[:8], *map(as_datetime, row[8:11]), row[11]])
            for row in self.db.query(
                "SELECT s.id, p.sku, s.source, w.code, "
                "CASE WHEN s.unknown_since IS NULL THEN s.quantity END, s.reserved, "
                "CASE WHEN s.unknown_since IS NULL THEN s.available END, s.heard, s.as_of, s.updated_at, "
                "s.unknown_since, s.unknown_why FROM stock_levels AS s "
                "JOIN products AS p ON p.id = s.product_id JOIN warehouses AS w ON w.id = s.warehouse_id "
                f"WHERE {' AND '.join(conditions)} ORDER BY s.id LIMIT ?",
                (*parameters, limit),
            )
        ]

    def held_among(self, product_ids: Iterable[int]) -> list[int]:
        """Return those of the products that have a hold."""
        rows = self.db.query(
            "SELECT DISTINCT product_id FROM holds WHERE product_id IN ids(?)",
            (ids(product_ids),),
        )
        return [row[0] for row in rows]

    def counts(self) -> list[tuple[str, int, int]]:
        """Return (source, rows, rows whose quantity is unknown)."""
        return self.db.query(
            "SELECT source, count(*), count(unknown_since) FROM stock_levels GROUP BY source"
        )

    def count(self, source: str) -> int:
        """Return how many rows a source has."""
        return int(self.db.scalar("SELECT count(*) FROM stock_levels WHERE source = ?", (source,)))

    def count_above_zero(self, source: str) -> int:
        """Return how many rows of a source say that there is something."""
        return int(
            self.db.scalar("SELECT count(*) FROM stock_levels WHERE source = ? AND quantity > 0", (source,))
        )

    def ensure_products(self, skus: Sequence[str], now: str) -> dict[str, int]:
        """Return the ids of these skus, making the new ones known."""
        known = self.product_ids(skus)
        new = [(sku, now) for sku in dict.fromkeys(skus) if sku not in known]
        if new:
            self.db.executemany("INSERT INTO products (sku, first_seen_at) VALUES (?, ?)", new)
            known |= self.product_ids(sku for sku, _ in new)
        return known

    def ensure_warehouse(self, code: str) -> int:
        """Return the id of an own warehouse, making a new one known."""
        if code not in self._warehouses:
            self.db.execute("INSERT INTO warehouses (code) VALUES (?) ON CONFLICT DO NOTHING", (code,))
            self._warehouses[code] = self.db.scalar("SELECT id FROM warehouses WHERE code = ?", (code,))
        return self._warehouses[code]
