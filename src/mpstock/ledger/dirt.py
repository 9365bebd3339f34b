"""The marks of what has moved and must be looked at again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from mpstock.ledger.database import as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["Dirt", "Mark"]

Mark = tuple[int, int, str, str]
"""A marked product: its id, the mark's revision, what made it, and since when it has not been planned."""

_AGAIN = (
    "revision = excluded.revision, waits = 0, urgent = greatest(dirty.urgent, excluded.urgent), "
    "marked_at = CASE WHEN dirty.waits = 1 THEN excluded.marked_at ELSE dirty.marked_at END"
)
"""What becomes of a mark that is there: it is new, and as old as what has not been planned yet."""


_MARK = "product_id, revision, cause, marked_at FROM dirty"


class Dirt:
    """Marks of products that must be looked at again, each with a rising revision.

    A product that was planned and waits for an unknown quantity keeps its mark, set aside (`waits`): only a
    reading can bring what it waits for, not every look at it. An `urgent` mark does not wait for the end of
    a long run either: something was sold, or brought to us.
    """

    def __init__(self, database: Database) -> None:
        self._db = database
        self._recipes: bool | None = None
        database.on_rollback.append(self.forget_recipes)

    def mark(
        self,
        product_ids: Iterable[int],
        cause: str,
        now: datetime,
        *,
        soft: bool = False,
        urgent: bool = False,
    ) -> None:
        """Mark products; inside the transaction of what moved them.

        A `soft` cause does not take the place of one that is there: a listing that is new because its
        product is new changes because of the product.
        """
        kept = "dirty.cause" if soft else "excluded.cause"
        revision = self._next_revision()
        moment = as_text(now)
        products = self._with_relatives(product_ids) if self._has_recipes() else product_ids
        self._db.executemany(
            "INSERT INTO dirty (product_id, revision, cause, marked_at, urgent) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (product_id) DO UPDATE SET "
            f"cause = {kept}, {_AGAIN}",
            [(product_id, revision, cause, moment, urgent) for product_id in products],
        )

    def forget_recipes(self) -> None:
        """Look again whether there are packs and kits: they have changed."""
        self._recipes = None

    def _has_recipes(self) -> bool:
        if self._recipes is None:
            self._recipes = self._db.scalar("SELECT 1 FROM recipes LIMIT 1") is not None
        return self._recipes

    def _with_relatives(self, product_ids: Iterable[int]) -> list[int]:
        """Add the products that draw on the same stock: a kit, its components, their other kits."""
        chosen = list(product_ids)
        relatives = self._db.query(
            "WITH chosen AS (SELECT value AS id FROM each_id(?) AS one), parts AS (SELECT id FROM chosen "
            "UNION SELECT component_id FROM recipes WHERE product_id IN (SELECT id FROM chosen)) "
            "SELECT id FROM parts "
            "UNION SELECT product_id FROM recipes WHERE component_id IN (SELECT id FROM parts)",
            (ids(chosen),),
        )
        return [row[0] for row in relatives]

    def mark_sink_warehouse(self, marketplace: str, warehouse: str, cause: str, now: datetime) -> None:
        """Mark every product that has a listing in one sink warehouse."""
        self._db.execute(
            "INSERT INTO dirty (product_id, revision, cause, marked_at) "
            "SELECT product_id, ?, ?, ? FROM marketplace_stocks WHERE marketplace = ? AND warehouse_code = ? "
            f"ON CONFLICT (product_id) DO UPDATE SET {_AGAIN}",
            (self._next_revision(), cause, as_text(now), marketplace, warehouse),
        )

    def mark_raises(self, now: datetime) -> None:
        """Mark the products with a raise that waits, or a change of nobody knows what."""
        # The plus keeps SQLite from walking all listings in the order of their products.
        self._db.execute(
            "INSERT INTO dirty (product_id, revision, cause, marked_at) "
            "SELECT min(product_id), ?, min(cause), ? FROM marketplace_stocks "
            "WHERE lane IS NOT NULL AND (lane = 2 OR base IS NULL) GROUP BY +product_id "
            f"ON CONFLICT (product_id) DO UPDATE SET {_AGAIN}",
            (self._next_revision(), as_text(now)),
        )

    def page(self, after: int, size: int, *, waiting: bool = True, urgent: bool = True) -> list[Mark]:
        """Return the marks of products with ids above `after`.

        Without `waiting` those are left out that wait for an unknown quantity, without `urgent` those that
        `urgent` has.
        """
        left_out = "" if waiting else "AND waits = 0"
        if not urgent:
            left_out += " AND NOT (urgent = 1 AND waits = 0)"
        return self._db.query(
            f"SELECT {_MARK} WHERE product_id > ? {left_out} ORDER BY product_id LIMIT ?",
            (after, size),
        )

    def of_cause(self, cause: str, limit: int) -> list[Mark]:
        """Return the first marks that a cause has made and that are not set aside."""
        return self._db.query(
            f"SELECT {_MARK} WHERE cause = ? AND waits = 0 ORDER BY product_id LIMIT ?", (cause, limit)
        )

    def since(self, revision: int, product_id: int, limit: int) -> list[Mark]:
        """Return marks that were made after a revision, or with it for products with ids above that one."""
        return self._db.query(
            f"SELECT {_MARK} WHERE (revision, product_id) > (?, ?) ORDER BY revision, product_id LIMIT ?",
            (revision, product_id, limit),
        )

    def urgent(self, revision: int, product_id: int, limit: int) -> list[Mark]:
        """Return urgent marks that are not set aside, made after a revision as `since` has it."""
        return self._db.query(
            f"SELECT {_MARK} WHERE urgent = 1 AND waits = 0 AND (revision, product_id) > (?, ?) "
            "ORDER BY revision, product_id LIMIT ?",
            (revision, product_id, limit),
        )

    def revision(self) -> int:
        """Return the revision of the last mark that was made."""
        return self.revisions()[0]

    def revisions(self) -> tuple[int, int]:
        """Return that of the last mark, and that of the last intervention, for who looks at both often."""
        kept = dict(self._db.query("SELECT key, value FROM meta WHERE key IN ('revision', 'interventions')"))
        return int(kept.get("revision", 0)), int(kept.get("interventions", 0))

    def among(self, product_ids: Iterable[int]) -> list[Mark]:
        """Return the marks of these products."""
        return self._db.query(
            f"SELECT {_MARK} WHERE product_id IN ids(?) ORDER BY product_id",
            (ids(product_ids),),
        )

    def set_aside(self, seen: Iterable[tuple[int, int]]) -> None:
        """Let marked products wait, unless their revision has moved since they were seen."""
        self._db.executemany("UPDATE dirty SET waits = 1 WHERE product_id = ? AND revision = ?", list(seen))

    def clear(self, seen: Iterable[tuple[int, int]]) -> None:
        """Take marks away, unless their revision has moved since they were seen."""
        self._db.executemany(
            "DELETE FROM dirty WHERE product_id = ? AND revision = ?", [(p, r) for p, r in seen]
        )

    def count(self) -> int:
        """Return how many products are marked."""
        return int(self._db.scalar("SELECT count(*) FROM dirty"))

    def count_set_aside(self) -> int:
        """Return how many products wait for an unknown quantity."""
        return int(self._db.scalar("SELECT count(*) FROM dirty WHERE waits = 1"))

    def first_set_aside(self, limit: int) -> list[str]:
        """Return the skus of the first products that wait for an unknown quantity."""
        rows = self._db.query(
            "SELECT sku FROM dirty JOIN products ON products.id = product_id WHERE waits = 1 "
            "ORDER BY product_id LIMIT ?",
            (limit,),
        )
        return [row[0] for row in rows]

    def _next_revision(self) -> int:
        return int(
            self._db.query(
                "INSERT INTO meta (key, value) VALUES ('revision', '1') "
                "ON CONFLICT (key) DO UPDATE SET value = CAST(meta.value AS INTEGER) + 1 RETURNING value"
            )[0][0]
        )
