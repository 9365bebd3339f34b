"""The plans that were carried out, what each has sent so far, and what moved a listing in the meantime."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.ledger.database import as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["Offer", "Place", "Plans", "Written"]

_WRITTEN = "status IN ('ok', 'doubt')"
"""The rows of the sync log after which a listing may show another number."""


@frozen
class Offer:
    """A listing's state, found by what the sink calls it."""

    state: int
    product_id: int
    sku: str
    base: int | None


@frozen
class Place:
    """What a listing is called by its sink, and what it shows as far as is known."""

    external_id: str
    base: int | None


@frozen
class Written:
    """What a run wrote to a listing: what it showed before the first write, and what was written last.

    `sure` says that the sink has accepted it.
    """

    product_id: int
    sink: str
    warehouse: str
    old: int | None
    new: int
    run: int
    cause: str
    sure: bool


class Plans:
    """Saved plans by the name that they have in their files."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def identity(self) -> str:
        """Return the name of this ledger, that no other has; it gets one when it is first asked."""
        known = self.db.scalar("SELECT value FROM meta WHERE key = 'ledger'")
        if known is None:
            self.db.execute(
                "INSERT INTO meta (key, value) VALUES ('ledger', ?) ON CONFLICT DO NOTHING",
                (uuid.uuid4().hex,),
            )
            known = self.db.scalar("SELECT value FROM meta WHERE key = 'ledger'")
        return str(known)

    def record(self, plan: str, run: int, created_at: datetime, digest: str, now: datetime) -> int:
        """Record that a plan is carried out; returns its number, which its runs bear.

        A plan that was edited since it was carried out first is another row of the same name.
        """
        self.db.execute(
            "INSERT INTO plans (plan, run_id, created_at, digest, applied_at) "
            "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (plan, run, as_text(created_at), digest, as_text(now)),
        )
        return int(self.db.scalar("SELECT id FROM plans WHERE plan = ? AND digest = ?", (plan, digest)))

    def written(self, plan: str) -> dict[tuple[int, str, str], Written]:
        """Return what earlier runs have written for a plan, by (product id, sink, sink warehouse)."""
        runs = "SELECT r.id FROM runs AS r JOIN plans AS p ON p.id = r.plan_id WHERE p.plan = ?"
        return self._writes(f"run IN ({runs})", (plan,))

    def written_by(self, run: int) -> dict[tuple[int, str, str], Written]:
        """Return what a run has written, by (product id, sink, sink warehouse)."""
        return self._writes("run = ?", (run,))

    def written_after(self, run: int, product_ids: Iterable[int]) -> dict[tuple[int, str, str], Written]:
        """Return what later runs have written to listings of these products."""
        return self._writes("run > ? AND product_id IN ids(?)", (run, ids(product_ids)))

    def _writes(self, condition: str, parameters: Sequence[Any]) -> dict[tuple[int, str, str], Written]:
        found: dict[tuple[int, str, str], Written] = {}
        for product_id, sink, warehouse, old, new, run, cause, status in self.db.iterate(
            "SELECT product_id, marketplace, warehouse_code, old_qty, new_qty, run, source, status "
            f"FROM stock_sync_log WHERE {condition} AND {_WRITTEN} ORDER BY id",
            parameters,
        ):
            key = (product_id, sink, warehouse)
            first = found.get(key)
            before = old if first is None else first.old
            found[key] = Written(product_id, sink, warehouse, before, new, run, cause, status == "ok")
        return found

    def offers(self, sink: str, external_ids: Collection[str]) -> dict[tuple[str, str], Offer]:
        """Return what is known of a sink's offers now, by (sink warehouse, external id)."""
        return {
            (warehouse, external_id): Offer(*rest)
            for warehouse, external_id, *rest in self.db.query(
                "SELECT l.warehouse_code, l.external_id, s.id, s.product_id, p.sku, s.base "
                "FROM listings AS l JOIN marketplace_stocks AS s ON s.listing_id = l.id "
                "JOIN products AS p ON p.id = s.product_id "
                "WHERE l.marketplace = ? AND l.external_id IN texts(?)",
                (sink, ids(external_ids)),
            )
        }

    def places(self, product_ids: Iterable[int]) -> dict[tuple[int, str, str], Place]:
        """Return these products' listings by (product id, sink, sink warehouse)."""
        return {
            (product_id, sink, warehouse): Place(external_id, base)
            for product_id, sink, warehouse, external_id, base in self.db.query(
                "SELECT s.product_id, s.marketplace, s.warehouse_code, l.external_id, s.base "
                "FROM marketplace_stocks AS s JOIN listings AS l ON l.id = s.listing_id "
                "WHERE s.product_id IN ids(?)",
                (ids(product_ids),),
            )
        }

    def ordered_since(self, sink: str, external_ids: Collection[str], since: datetime) -> set[str]:
        """Return those of a sink's offers that were ordered, or whose orders moved, since then."""
        moment = as_text(since)
        return {
            row[0]
            for row in self.db.query(
                "SELECT DISTINCT external_id FROM orders WHERE marketplace = ? AND told_at >= ? "
                "AND (placed_at >= ? OR cancelled_at >= ? OR shipped_at >= ?) "
                "AND external_id IN texts(?)",
                (sink, moment, moment, moment, moment, ids(external_ids)),
            )
        }
