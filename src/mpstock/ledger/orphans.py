"""Listings that still show stock and that nobody lowers: their product, warehouse or sink has left."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from mpstock.ledger.database import as_text, ids
from mpstock.ledger.interventions import ADOPTED
from mpstock.ledger.stocks import relane

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt

__all__ = ["Orphan", "Orphans"]

Why = Literal["product", "warehouse", "sink", "listing"]

_ALL = 2**62
_LAST = "coalesce(s.base, s.sent, s.synced_quantity, 0)"
"""What a listing has shown last, as far as is known."""


@frozen
class Orphan:
    """A listing that shows stock for which nobody speaks.

    `why`: its `product` is in no source, its `warehouse` or its `sink` is not in the settings, or the account
    does not list it any more, or not as this product (`listing`).
    """

    sku: str
    product_id: int | None
    sink: str
    warehouse: str
    external_id: str
    shown: int
    why: Why


class Orphans:
    """What is left over when settings and sources move."""

    def __init__(self, database: Database, dirt: Dirt) -> None:
        self.db = database
        self._dirt = dirt

    def find(
        self, served: Mapping[str, Collection[str]], sources: Collection[str], limit: int | None = None
    ) -> list[Orphan]:
        """Return what still shows stock and was not adopted, by sink.

        `served` are the warehouses of each sink of the settings, `sources` those that have levels.
        """
        found: list[Orphan] = []
        for sink in sorted({*served, *self._sinks()}):
            codes = served.get(sink)
            found += self._of_sink(sink, codes, sources, limit)
        return found

    def count(self, sink: str, codes: Collection[str] | None, sources: Collection[str]) -> tuple[int, int]:
        """Return how many listings of a sink that are, and the units that they show.

        `codes` are its warehouses; None: it has left the settings.
        """
        query, parameters = self._query("count(*), coalesce(sum(shown), 0)", sink, codes, sources)
        count, units = self.db.one(query, parameters)
        return int(count), int(units)

    def _of_sink(
        self, sink: str, codes: Collection[str] | None, sources: Collection[str], limit: int | None
    ) -> list[Orphan]:
        query, parameters = self._query(
            "sku, product_id, warehouse_code, external_id, shown, why", sink, codes, sources
        )
        rows = self.db.query(
            f"{query} ORDER BY rank LIMIT ?", (*parameters, _ALL if limit is None else limit)
        )
        return [
            Orphan(sku, product, sink, code, external_id, shown, why)
            for sku, product, code, external_id, shown, why in rows
        ]

    @staticmethod
    def _query(
        columns: str, sink: str, codes: Collection[str] | None, sources: Collection[str]
    ) -> tuple[str, tuple[object, ...]]:
        reason = (
            "'sink'"
            if codes is None
            else "CASE WHEN s.warehouse_code NOT IN texts(?) THEN 'warehouse' "
            # What the products file pins is wanted, though nobody says that it is there.
            "WHEN (s.wanted IS NULL OR p.settings <> '') AND NOT EXISTS (SELECT 1 FROM stock_levels AS l "
            "WHERE l.source IN texts(?) AND (l.product_id = s.product_id "
            "OR l.product_id IN (SELECT component_id FROM recipes AS r WHERE r.product_id = s.product_id))) "
            "THEN 'product' END"
        )
        given: tuple[object, ...] = () if codes is None else (ids(codes), ids(sources))
        query = (
            f"SELECT {columns} FROM ("
            f"SELECT p.sku, s.product_id, s.warehouse_code, li.external_id, {_LAST} AS shown, "
            f"{reason} AS why, s.id AS rank FROM marketplace_stocks AS s "
            "JOIN products AS p ON p.id = s.product_id "
            f"JOIN listings AS li ON li.id = s.listing_id WHERE s.marketplace = ? AND {_LAST} > 0 "
            "AND NOT EXISTS (SELECT 1 FROM interventions AS i WHERE i.ended_at IS NULL "
            f"AND i.origin = '{ADOPTED}' AND i.product_id = s.product_id AND i.marketplace = s.marketplace "
            "AND i.warehouse_code = s.warehouse_code) "
            "UNION ALL SELECT coalesce(item(skus, 0), external_id), NULL, warehouse_code, "
            "external_id, left_showing, 'listing', id FROM listings "
            "WHERE marketplace = ? AND left_showing > 0) AS orphans WHERE why IS NOT NULL"
        )
        return query, (*given, sink, sink)

    def _sinks(self) -> list[str]:
        rows = self.db.query(
            # Steps from name to name through the index, not through all rows.
            "WITH RECURSIVE names(name) AS (SELECT min(marketplace) FROM listings UNION ALL "
            "SELECT (SELECT min(marketplace) FROM listings WHERE marketplace > name) FROM names "
            "WHERE name IS NOT NULL) SELECT name FROM names WHERE name IS NOT NULL"
        )
        return [row[0] for row in rows]

    # ------------------------------------------------------------------ moving

    def rename_sink(self, old: str, new: str) -> None:
        """Let everything that is known of a sink be known of it under its new name; inside a transaction.

        The sync log keeps the name that was true when it was written.
        """
        for table, column in (
            ("listings", "marketplace"), ("marketplace_stocks", "marketplace"), ("orders", "marketplace"),
            ("holds", "origin"), ("interventions", "marketplace"),
        ):  # fmt: skip
            self.db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (new, old))
        for kind in ("listings", "orders"):
            self._rename("cursors", "name", f"{kind}:{old}", f"{kind}:{new}")
        self._rename("meta", "key", f"mapping:{old}", f"mapping:{new}")
        before = f"settings:{old}:"
        kept = self.db.query("SELECT key FROM meta WHERE substr(key, 1, ?) = ?", (len(before), before))
        for (key,) in kept:
            self._rename("meta", "key", key, f"settings:{new}:{key.removeprefix(before)}")

    def _rename(self, table: str, column: str, old: str, new: str) -> None:
        """Give a row another key; what has that already goes."""
        if self.db.scalar(f"SELECT 1 FROM {table} WHERE {column} = ?", (old,)):
            self.db.execute(f"DELETE FROM {table} WHERE {column} = ?", (new,))
            self.db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", (new, old))

    def forget_shown(self, sink: str, warehouse: str) -> None:
        """Forget what a warehouse shows that has come back: it is read back first; inside a transaction."""
        where = "marketplace = ? AND warehouse_code = ? AND in_flight IS NULL"
        self.db.execute(f"UPDATE marketplace_stocks SET base = NULL WHERE {where}", (sink, warehouse))
        self.db.execute(
            f"UPDATE marketplace_stocks SET {relane(parked='TRUE')} WHERE {where}", (sink, warehouse)
        )

    def forget_places(self, sink: str, codes: Collection[str], now: datetime) -> tuple[int, int]:
        """Forget what these warehouses of a sink have shown; inside a transaction.

        Their products are looked at again: what was promised there is free for others. Returns (listings,
        units that they showed last).
        """
        where = "s.marketplace = ? AND s.warehouse_code IN texts(?)"
        rows = self.db.query(
            f"SELECT s.product_id, s.listing_id, {_LAST} FROM marketplace_stocks AS s WHERE {where}",
            (sink, ids(codes)),
        )
        self.db.executemany(
            "DELETE FROM marketplace_stocks WHERE listing_id = ?", [(row[1],) for row in rows]
        )
        self.db.execute(
            "UPDATE listings SET product_id = NULL, left_showing = NULL, gone_at = coalesce(gone_at, ?) "
            "WHERE marketplace = ? AND warehouse_code IN texts(?)",
            (as_text(now), sink, ids(codes)),
        )
        if rows:
            self._dirt.mark({row[0] for row in rows}, "settings", now, soft=True)
        return len(rows), sum(row[2] for row in rows)

    def forget_readings(self, sink: str) -> None:
        """Forget how far a sink was read: should it come back, it is read as a new one; in a transaction."""
        for kind in ("listings", "orders"):
            self.db.execute("DELETE FROM cursors WHERE name = ?", (f"{kind}:{sink}",))

    def open_holds(self, sink: str) -> tuple[int, int]:
        """Return (orders that are open, units of their holds) that a sink has left behind."""
        row = self.db.one(
            "SELECT count(DISTINCT key), coalesce(sum(quantity), 0) FROM holds "
            "WHERE origin = ? AND shipped_at IS NULL",
            (sink,),
        )
        return int(row[0]), int(row[1])
