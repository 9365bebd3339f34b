"""The state of each listing: what it shows as far as we know (base), what it should show (wanted).

The rules of this table, each in one place:

* the base is what was accepted last or, if later, what was read back; doubt makes it NULL;
* a listing's lane follows from base and wanted alone (`_LANE`): zeros 0, falls 1, raises 2;
* a listing is ready when it has a lane, is not held, and is not on the wire.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from mpstock.ledger.database import as_datetime, as_text, ids
from mpstock.ledger.seen import SeenRows
from mpstock.model import Listing

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.levels import Dirt
    from mpstock.model import Observation

__all__ = ["LANES", "ObservedRow", "Observing", "StockRow", "Stocks", "Zeroing", "relane"]

LANES = ("zero", "fall", "raise")

_LANE = (
    "CASE WHEN wanted IS NULL OR wanted = {base} THEN NULL WHEN wanted = 0 THEN 0 "
    "WHEN {base} IS NULL OR wanted < {base} THEN 1 ELSE 2 END"
)


def relane(base: str = "base") -> str:
    """Return the SET list that makes lane, ready and status follow from wanted and a new base."""
    lane = _LANE.format(base=base)
    return (
        f"base = {base}, lane = {lane}, "
        f"held = CASE WHEN {lane} = 0 THEN held END, "
        f"held_reason = CASE WHEN {lane} = 0 THEN held_reason END, "
        f"ready = ({lane} IS NOT NULL AND in_flight IS NULL AND NOT ({lane} = 0 AND held IS NOT NULL)), "
        f"sync_status = CASE WHEN in_flight IS NOT NULL OR {lane} IS NOT NULL OR wanted IS NULL "
        "THEN 'pending' ELSE 'ok' END"
    )


@frozen
class StockRow:
    """One listing's state, as a person reads it."""

    id: int
    sku: str
    sink: str
    warehouse: str
    external_id: str
    base: int | None
    wanted: int | None
    confirmed: int | None
    confirmed_at: datetime | None
    observed: int | None
    observed_at: datetime | None
    status: str
    lane: str | None
    held: str | None
    held_reason: str | None
    cause: str
    error_code: str | None
    error_message: str | None


@frozen
class Zeroing:
    """Listings of one slice that would fall to zero."""

    sink: str
    warehouse: str
    cause: str
    count: int


@frozen
class ObservedRow:
    """A listing to read back, with what the sink needs to find it."""

    id: int
    listing: Listing


class Stocks:
    """The listings' states."""

    def __init__(self, database: Database, dirt: Dirt) -> None:
        self.db = database
        self.dirt = dirt

    # ------------------------------------------------------------------ planning

    def of_products(
        self, product_ids: Iterable[int]
    ) -> list[tuple[int, int, str, str, int | None, int | None]]:
        """Return (id, product id, sink, sink warehouse, base, wanted) of these products' listings."""
        return self.db.query(
            "SELECT id, product_id, marketplace, warehouse_code, base, wanted FROM marketplace_stocks "
            "WHERE product_id IN (SELECT value FROM json_each(?)) ORDER BY product_id, id",
            (ids(product_ids),),
        )

    def bases(self, state_ids: Sequence[int]) -> list[tuple[int, int | None]]:
        """Return (id, base) of these states, as far as they are still there."""
        return self.db.query(
            "SELECT id, base FROM marketplace_stocks WHERE id IN (SELECT value FROM json_each(?))",
            (ids(state_ids),),
        )

    def record_wanted(self, rows: Sequence[tuple[int | None, str, int]]) -> None:
        """Record (wanted, cause, id) and let the lanes follow; inside a transaction."""
        self.db.executemany("UPDATE marketplace_stocks SET wanted = ?, cause = ? WHERE id = ?", rows)
        self.db.execute(
            f"UPDATE marketplace_stocks SET {relane()} "
            "WHERE id IN (SELECT value FROM json_each(?)) AND in_flight IS NULL",
            (ids(row[2] for row in rows),),
        )

    def reopen(self) -> None:
        """Make everything that earlier runs left over ready again, errors and held ones too.

        What a guard holds is judged anew by each run.
        """
        self.db.execute(
            "UPDATE marketplace_stocks SET held = NULL, held_reason = NULL, ready = 1 "
            "WHERE lane IS NOT NULL AND in_flight IS NULL AND (ready = 0 OR held IS NOT NULL)"
        )

    # ------------------------------------------------------------------ guards

    def zeroings(self, sink: str) -> list[Zeroing]:
        """Return the slices of a sink with the number of listings that would fall to zero."""
        return [
            Zeroing(sink, *row)
            for row in self.db.query(
                "SELECT warehouse_code, cause, count(*) FROM marketplace_stocks "
                "WHERE marketplace = ? AND lane = 0 AND in_flight IS NULL "
                "GROUP BY warehouse_code, cause ORDER BY warehouse_code, cause",
                (sink,),
            )
        ]

    def showing(self, sink: str, warehouse: str) -> int:
        """Return how many listings show more than zero now, the unknown ones counted as showing."""
        return int(
            self.db.scalar(
                "SELECT count(*) FROM marketplace_stocks "
                "WHERE marketplace = ? AND warehouse_code = ? AND (base IS NULL OR base > 0)",
                (sink, warehouse),
            )
        )

    def zeroed_since(self, sink: str, warehouse: str, cause: str, since: datetime) -> int:
        """Return how many listings of a slice were pushed to zero since then."""
        return int(
            self.db.scalar(
                "SELECT count(DISTINCT product_id) FROM stock_sync_log WHERE marketplace = ? "
                "AND warehouse_code = ? AND new_qty = 0 AND synced_at >= ? AND source = ? "
                "AND status = 'ok' AND (old_qty IS NULL OR old_qty > 0)",
                (sink, warehouse, as_text(since), cause),
            )
        )

    def hold_zeros(self, slice_: Zeroing, guard: str, reason: str) -> None:
        """Hold the zeros of one slice."""
        self.db.execute(
            "UPDATE marketplace_stocks SET held = ?, held_reason = ?, ready = 0 "
            "WHERE marketplace = ? AND warehouse_code = ? AND cause = ? AND lane = 0 AND in_flight IS NULL",
            (guard, reason, slice_.sink, slice_.warehouse, slice_.cause),
        )

    # ------------------------------------------------------------------ reading back

    def to_observe(
        self,
        sink: str,
        warehouse: str | None,
        after: int,
        limit: int,
        *,
        everything: bool,
        now: datetime,
    ) -> list[ObservedRow]:
        """Return listings of a sink or one of its warehouses to read back, by id.

        Those whose base is unknown, or all with `everything`.

        A listing that may not be written yet may not be judged yet either: what was sent in doubt
        can still arrive.
        """
        conditions = ["s.marketplace = ?", "s.id > ?"]
        parameters: list[Any] = [sink, after]
        if warehouse is not None:
            conditions.append("s.warehouse_code = ?")
            parameters.append(warehouse)
        if not everything:
            conditions.append("s.base IS NULL AND (s.not_before IS NULL OR s.not_before <= ?)")
            parameters.append(as_text(now))
        return [
            ObservedRow(row[0], _listing(*row[1:]))
            for row in self.db.query(
                "SELECT s.id, l.external_id, l.warehouse_code, l.skus, l.keys FROM marketplace_stocks AS s "
                "JOIN listings AS l ON l.id = s.listing_id "
                f"WHERE {' AND '.join(conditions)} ORDER BY s.id LIMIT ?",
                (*parameters, limit),
            )
        ]

    def count_to_observe(self, sink: str, now: datetime) -> tuple[int, int]:
        """Return (listings whose base is unknown and may be read back, all listings) of a sink."""
        unknown = self.db.scalar(
            "SELECT count(*) FROM marketplace_stocks WHERE marketplace = ? AND base IS NULL "
            "AND (not_before IS NULL OR not_before <= ?)",
            (sink, as_text(now)),
        )
        if not unknown:
            return 0, 0
        every = self.db.scalar("SELECT count(*) FROM marketplace_stocks WHERE marketplace = ?", (sink,))
        return int(unknown), int(every)

    def begin_observing(self, sink: str, started: datetime) -> Observing:
        """Start taking in what a sink shows, asked for at `started`."""
        return Observing(self, sink, as_text(started))

    # ------------------------------------------------------------------ telling

    def rows(
        self,
        *,
        sink: str | None = None,
        skus: Sequence[str] | None = None,
        product_id: int | None = None,
        open_only: bool = False,
        after: int = 0,
        limit: int = 5_000,
    ) -> list[StockRow]:
        """Return states in the order of their ids, narrowed by what is given."""
        conditions, parameters = ["s.id > ?"], [after]  # type: tuple[list[str], list[Any]]
        if sink is not None:
            conditions.append("s.marketplace = ?")
            parameters.append(sink)
        if product_id is not None:
            conditions.append("s.product_id = ?")
            parameters.append(product_id)
        if skus is not None:
            conditions.append("p.sku IN (SELECT value FROM json_each(?))")
            parameters.append(ids(skus))
        if open_only:
            conditions.append("s.lane IS NOT NULL")
        return [
            StockRow(
                *[
                    *row[:8],
                    as_datetime(row[8]),
                    row[9],
                    as_datetime(row[10]),
                    row[11],
                    None if row[12] is None else LANES[row[12]],
                    *row[13:],
                ]
            )
            for row in self.db.query(
                "SELECT s.id, p.sku, s.marketplace, s.warehouse_code, l.external_id, s.base, s.wanted, "
                "s.synced_quantity, s.last_synced_at, s.observed, s.observed_at, s.sync_status, s.lane, "
                "s.held, s.held_reason, s.cause, s.error_code, s.error_message "
                "FROM marketplace_stocks AS s JOIN products AS p ON p.id = s.product_id "
                "JOIN listings AS l ON l.id = s.listing_id "
                f"WHERE {' AND '.join(conditions)} ORDER BY s.id LIMIT ?",
                (*parameters, limit),
            )
        ]

    def failing(self, sink: str, limit: int) -> list[StockRow]:
        """Return the first listings of a sink whose last push was refused."""
        failing = self.db.query(
            "SELECT DISTINCT p.sku FROM marketplace_stocks AS s JOIN products AS p ON p.id = s.product_id "
            "WHERE s.marketplace = ? AND s.sync_status = 'error' LIMIT ?",
            (sink, limit),
        )
        rows = self.rows(sink=sink, skus=[row[0] for row in failing])
        return [row for row in rows if row.status == "error"]

    def open_counts(self) -> dict[tuple[str, str], int]:
        """Return the number of changes that wait, by (sink, lane; held ones under `held`)."""
        return {
            (sink, "held" if held else LANES[lane]): count
            for sink, lane, held, count in self.db.query(
                "SELECT marketplace, lane, held IS NOT NULL, count(*) FROM marketplace_stocks "
                "WHERE lane IS NOT NULL GROUP BY 1, 2, 3"
            )
        }

    def summary(self) -> list[tuple[str, str, int, int, datetime | None]]:
        """Return (sink, status, listings, of these held, last confirmed) for each sink and status."""
        return [
            (sink, status, count, held, as_datetime(last))
            for sink, status, count, held, last in self.db.query(
                "SELECT marketplace, sync_status, count(*), sum(held IS NOT NULL), max(last_synced_at) "
                "FROM marketplace_stocks GROUP BY 1, 2 ORDER BY 1, 2"
            )
        ]


@define
class Observing:
    """One pass of reading a sink back."""

    stocks: Stocks
    sink: str
    started: str
    rows: int = 0
    drifted: int = 0
    _seen: SeenRows = field(factory=SeenRows)

    def ingest(self, observations: Sequence[Observation], now: datetime) -> None:
        """Take in what the sink showed; inside a transaction.

        An observation that was asked for before the last write to its listing says nothing of what it
        shows now, and is passed over.
        """
        db = self.stocks.db
        states = {
            (external_id, warehouse): state
            for external_id, warehouse, *state in db.query(
                "SELECT l.external_id, l.warehouse_code, s.id, s.product_id, s.base, s.attempted_at, "
                "s.in_flight FROM listings AS l JOIN marketplace_stocks AS s ON s.listing_id = l.id "
                "WHERE l.marketplace = ? AND l.external_id IN (SELECT value FROM json_each(?))",
                (self.sink, ids({o.external_id for o in observations})),
            )
        }
        found = [
            (observation.quantity, observation.reserved, *states[key])
            for observation in observations
            if (key := (observation.external_id, observation.warehouse)) in states
            and observation.quantity is not None
        ]
        for observation in observations:
            if state := states.get((observation.external_id, observation.warehouse)):
                self._seen.add(state[0])
        self._record(found, now)

    def settle_absent(self, now: datetime) -> None:
        """Take every listing that a reading of the whole account did not show as showing zero."""
        missing = [
            (0, 0, row_id, *state)
            for row_id, *state in self.stocks.db.query(
                "SELECT id, product_id, base, attempted_at, in_flight FROM marketplace_stocks "
                "WHERE marketplace = ?",
                (self.sink,),
            )
            if row_id not in self._seen
        ]
        self._record(missing, now)

    def _record(self, found: Sequence[tuple[Any, ...]], now: datetime) -> None:
        self.rows += len(found)
        moment = as_text(now)
        usable = [
            (quantity, reserved, row_id, product_id, base)
            for quantity, reserved, row_id, product_id, base, attempted_at, in_flight in found
            if in_flight is None and (attempted_at is None or attempted_at < self.started)
        ]
        self.stocks.db.executemany(
            "UPDATE marketplace_stocks SET observed = ?, observed_reserved = ?, observed_at = ?, base = ? "
            "WHERE id = ?",
            [(quantity, reserved, moment, quantity, row_id) for quantity, reserved, row_id, *_ in usable],
        )
        moved = [row for row in usable if row[0] != row[4]]
        self.drifted += sum(row[4] is not None for row in moved)
        if moved:
            self.stocks.db.execute(
                f"UPDATE marketplace_stocks SET {relane()} "
                "WHERE id IN (SELECT value FROM json_each(?)) AND in_flight IS NULL",
                (ids(row[2] for row in moved),),
            )
            drifted = {row[3] for row in moved if row[4] is not None}
            self.stocks.dirt.mark({row[3] for row in moved} - drifted, "observed", now, soft=True)
            self.stocks.dirt.mark(drifted, "drift", now)


def _listing(external_id: str, warehouse: str, skus: str, keys: str) -> Listing:
    return Listing(external_id, warehouse, tuple(json.loads(skus)), json.loads(keys))
