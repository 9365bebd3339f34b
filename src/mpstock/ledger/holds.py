"""Units that are taken but not yet gone from a source's quantity: orders, reserves, open carts.

A hold is kept until it has ended for everybody: it was released, it has expired, or each source that could
still count its units was read late enough. Which source has booked it is a matter of the formula, not of
this table.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from attrs import define, field, frozen

from mpstock.ledger.database import as_datetime, as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt
    from mpstock.ledger.levels import Levels
    from mpstock.model import Hold

__all__ = ["HoldReading", "HoldRow", "Holds"]

_EXPIRY_SEEN = "holds expired up to"


@frozen
class HoldRow:
    """One hold on one product, in its units, as the formula takes it."""

    product_id: int
    origin: str
    key: str
    warehouse_id: int | None
    sink_warehouse: str | None
    quantity: int
    taken_at: datetime
    assembled_at: datetime | None
    shipped_at: datetime | None
    expires_at: datetime | None = None
    picked: tuple[tuple[int, int], ...] = ()
    reach: tuple[str, ...] | Literal["*"] | None = None


class Holds:
    """The holds that stand."""

    def __init__(self, database: Database, dirt: Dirt, levels: Levels) -> None:
        self.db = database
        self.dirt = dirt
        self.levels = levels

    def of_products(self, product_ids: Iterable[int], now: datetime) -> list[HoldRow]:
        """Return the holds on these products that have not expired, the oldest first."""
        return [
            HoldRow(
                row[0], row[1], row[2], row[3], row[4], row[5], as_datetime(row[6]) or now,
                as_datetime(row[7]), as_datetime(row[8]), as_datetime(row[9]), _picked(row[10]),
                _reach(row[11]),
            )
            for row in self.db.query(
                "SELECT product_id, origin, key, warehouse_id, sink_warehouse, quantity, taken_at, "
                "assembled_at, shipped_at, expires_at, picked, reach FROM holds "
                "WHERE product_id IN ids(?) "
                "AND (expires_at IS NULL OR expires_at > ?) ORDER BY product_id, taken_at, id",
                (ids(product_ids), as_text(now)),
            )
        ]  # fmt: skip

    def to_pick(self, places: Collection[tuple[str, str | None]]) -> set[tuple[str, str, int]]:
        """Return (origin, key, product id) of the orders through these sink warehouses that nobody placed."""
        if not places:
            return set()
        return {
            (origin, key, product_id)
            for origin, key, product_id, code in self.db.query(
                "SELECT origin, key, product_id, sink_warehouse FROM holds "
                "WHERE picked IS NULL AND sink_warehouse IS NOT NULL"
            )
            if (origin, code) in places
        }

    def keep_reach(self, sink: str, sink_warehouse: str, feeds: Sequence[str] | None) -> None:
        """Settle for the new orders of a sink warehouse which own warehouses feed it; in a transaction."""
        self.db.execute(
            "UPDATE holds SET reach = ? WHERE origin = ? AND sink_warehouse = ? AND reach IS NULL",
            ("*" if feeds is None else json.dumps(list(feeds), ensure_ascii=False), sink, sink_warehouse),
        )

    def keep_picks(self, picks: Mapping[tuple[str, str, int], Mapping[int, int]]) -> int:
        """Keep what each own warehouse has lost by these holds; inside a transaction."""
        self.db.executemany(
            "UPDATE holds SET picked = ? WHERE origin = ? AND key = ? AND product_id = ?",
            [(json.dumps(lost), *key) for key, lost in picks.items()],
        )
        return len(picks)

    def put(
        self,
        origin: str,
        key: str,
        units: Mapping[int, int],
        now: datetime,
        *,
        warehouse: str | None = None,
        expires_at: datetime | None = None,
    ) -> None:
        """Keep one hold on so many units of each product; one with the same key is replaced.

        It keeps the moment at which it was taken first. Inside a transaction.
        """
        kept = self.db.query(
            "SELECT product_id, taken_at FROM holds WHERE origin = ? AND key = ?", (origin, key)
        )
        taken_at = min((row[1] for row in kept), default=as_text(now))
        own = None if warehouse is None else self.levels.ensure_warehouse(warehouse)
        until = None if expires_at is None else as_text(expires_at)
        self.db.execute("DELETE FROM holds WHERE origin = ? AND key = ?", (origin, key))
        self.db.executemany(
            "INSERT INTO holds (origin, key, product_id, warehouse_id, quantity, taken_at, expires_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(origin, key, product_id, own, count, taken_at, until) for product_id, count in units.items()],
        )
        self.dirt.mark(sorted({*units, *(row[0] for row in kept)}), origin, now, urgent=True)

    def release(self, origin: str, key: str, now: datetime) -> int:
        """Let a hold go at once; inside a transaction. Returns how many products it held."""
        held = [
            row[0]
            for row in self.db.query(
                "SELECT product_id FROM holds WHERE origin = ? AND key = ?", (origin, key)
            )
        ]
        self.db.execute("DELETE FROM holds WHERE origin = ? AND key = ?", (origin, key))
        if held:
            self.dirt.mark(held, origin, now, urgent=True)
        return len(held)

    def begin_reading(self, origin: str) -> HoldReading:
        """Start taking in the holds that one reading of a source tells."""
        return HoldReading(self, origin)

    def mark_expired(self, now: datetime) -> int:
        """Mark the products whose holds have expired since this was asked last; inside a transaction."""
        seen = self.db.scalar("SELECT value FROM meta WHERE key = ?", (_EXPIRY_SEEN,)) or ""
        moment = as_text(now)
        expired = self.db.query(
            "SELECT DISTINCT product_id, origin FROM holds WHERE expires_at > ? AND expires_at <= ?",
            (seen, moment),
        )
        self._mark(expired, now)
        self.db.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (_EXPIRY_SEEN, moment),
        )
        return len(expired)

    def mark_booked(
        self, source: str, origin: str, stage: str, since: datetime | None, until: datetime, now: datetime
    ) -> int:
        """Mark the products whose holds a source has booked by now; inside a transaction.

        These are the holds of `origin` that have come to `stage` (a column) from `since` to `until`.
        """
        moment = "coalesce(assembled_at, shipped_at)" if stage == "assembled_at" else stage
        booked = self.db.query(
            f"SELECT DISTINCT product_id FROM holds WHERE origin = ? AND {moment} <= ? AND {moment} >= ?",
            (origin, as_text(until), "" if since is None else as_text(since)),
        )
        self._mark([(row[0], source) for row in booked], now)
        return len(booked)

    def origins(self) -> list[str]:
        """Return who has told the holds that there are."""
        return [row[0] for row in self.db.query("SELECT DISTINCT origin FROM holds")]

    def prune(self, shipped_before: datetime, expired_before: datetime) -> int:
        """Forget what has ended for everybody: shipped or expired before these moments.

        Inside a transaction. Returns how many holds that were.
        """
        gone = as_text(shipped_before)
        # Two statements: with both in one, SQLite would look at every order.
        for ended in ("shipped_at < ?", "shipped_at IS NULL AND cancelled_at < ?"):
            self.db.execute(f"UPDATE orders SET settled = 1 WHERE settled = 0 AND {ended}", (gone,))
        return self.db.affected(
            "DELETE FROM holds WHERE shipped_at < ? OR expires_at < ?", (gone, as_text(expired_before))
        )

    def _mark(self, found: Sequence[tuple[int, str]], now: datetime) -> None:
        by_cause: dict[str, list[int]] = {}
        for product_id, cause in found:
            by_cause.setdefault(cause, []).append(product_id)
        for cause, products in by_cause.items():
            self.dirt.mark(products, cause, now, soft=True)


def _picked(text: str | None) -> tuple[tuple[int, int], ...]:
    return () if text is None else tuple((int(own), units) for own, units in json.loads(text).items())


def _reach(text: str | None) -> tuple[str, ...] | Literal["*"] | None:
    return "*" if text == "*" else None if text is None else tuple(json.loads(text))


@define
class HoldReading:
    """The holds that one reading of a source tells, on their way into the ledger."""

    holds: Holds
    origin: str
    _seen: set[str] = field(factory=set[str])

    def ingest(self, told: Sequence[Hold], now: datetime) -> None:
        """Take in one page; only what differs is written. Inside a transaction."""
        if not told:
            return
        db, levels = self.holds.db, self.holds.levels
        products = levels.ensure_products([hold.sku for hold in told], as_text(now))
        stored = {
            (key, product_id): tuple(rest)
            for key, product_id, *rest in db.query(
                "SELECT key, product_id, warehouse_id, quantity, expires_at, shipped_at FROM holds "
                "WHERE origin = ? AND key IN texts(?)",
                (self.origin, ids({hold.key for hold in told})),
            )
        }
        dirty: set[int] = set()
        for hold in told:
            self._seen.add(hold.key)
            product_id = products[hold.sku]
            row = (
                None if hold.warehouse is None else levels.ensure_warehouse(hold.warehouse),
                max(hold.quantity, 0),
                None if hold.expires_at is None else as_text(hold.expires_at),
                None,
            )
            before = stored.get((hold.key, product_id))
            if before == row:
                continue
            db.execute(
                "INSERT INTO holds (origin, key, product_id, taken_at, warehouse_id, quantity, expires_at, "
                "shipped_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (origin, key, product_id) DO UPDATE "
                "SET warehouse_id = excluded.warehouse_id, quantity = excluded.quantity, "
                "expires_at = excluded.expires_at, shipped_at = NULL",
                (self.origin, hold.key, product_id, as_text(hold.taken_at), *row),
            )
            counts = before is not None and (before[2] is None or before[2] > as_text(now))
            if not counts or before is None or (before[:2], before[3]) != (row[:2], row[3]):
                # One that merely lasts longer takes nothing more.
                dirty.add(product_id)
        if dirty:
            self.holds.dirt.mark(sorted(dirty), self.origin, now)

    def settle_absent(self, as_of: datetime, now: datetime) -> int:
        """End the holds that a complete telling has left out; inside a transaction.

        They do not go at once: what took them may have left the warehouse before it was booked, so each
        source is believed only when it was read later than this.
        """
        db = self.holds.db
        moment = as_text(as_of)
        gone = [
            (row_id, product_id)
            for row_id, key, product_id in db.query(
                "SELECT id, key, product_id FROM holds "
                "WHERE origin = ? AND shipped_at IS NULL AND taken_at <= ?",
                (self.origin, moment),
            )
            if key not in self._seen
        ]
        db.executemany(
            "UPDATE holds SET shipped_at = ? WHERE id = ?", [(moment, row_id) for row_id, _ in gone]
        )
        if gone:
            self.holds.dirt.mark(sorted({product_id for _, product_id in gone}), self.origin, now)
        return len(gone)
