"""The state of each listing: what it shows as far as we know (base), what it should show (wanted).

The rules of this table, each in one place:

* the base is what was accepted last or, if later, what was read back; doubt makes it NULL;
* a listing's lane follows from base and wanted alone (`_LANE`): zeros 0, falls 1, raises 2;
* a listing is ready when it has a lane, is not held, not stopped by hand, and not on the wire.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt

__all__ = ["LANES", "LONGEST_REST", "StockRow", "Stocks", "Zeroing", "relane"]

LANES = ("zero", "fall", "raise")

LONGEST_REST = timedelta(days=1)
"""What a sink may at most ask for; a longer pause is no pause but a mistake."""

_LANE = (
    "CASE WHEN wanted IS NULL OR wanted = {base} THEN NULL WHEN wanted = 0 THEN 0 "
    "WHEN {base} IS NULL OR wanted < {base} THEN 1 ELSE 2 END"
)


def relane(base: str = "base", parked: str = "0") -> str:
    """Return the SET list that makes lane, ready and status follow from wanted and a new base.

    `parked` is the condition under which a listing does not become ready.
    """
    lane = _LANE.format(base=base)
    return (
        f"base = {base}, lane = {lane}, "
        f"held = CASE WHEN {lane} IN (0, 2) THEN held END, "
        f"held_reason = CASE WHEN {lane} IN (0, 2) THEN held_reason END, "
        f"ready = ({lane} IS NOT NULL AND in_flight IS NULL AND NOT ({lane} IN (0, 2) AND held IS NOT NULL) "
        f"AND stopped IS NULL AND NOT ({parked})), "
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
    expected: int | None
    stopped: int | None


@frozen
class Zeroing:
    """Listings of one slice that would fall to zero."""

    sink: str
    warehouse: str
    cause: str
    count: int


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

    def record_wanted(
        self,
        rows: Sequence[tuple[int | None, str, int]],
        run: int,
        writes: Collection[str] | None = None,
        explained: Mapping[int, int] | None = None,
    ) -> None:
        """Record (wanted, cause, id) as planned by a run, and let the lanes follow; inside a transaction.

        What is parked stays so until `reopen`. Of a sink that is not among `writes` only falls short of zero
        become ready: what its own writer has not judged waits for a run that does. `explained` are
        explanations by id; what has none is explained when it is sent.
        """
        parked, narrowed = "lane IS NOT NULL AND ready = 0", list[str]()
        if writes is not None:
            parked = (
                f"({parked}) OR (marketplace NOT IN (SELECT value FROM json_each(?)) "
                f"AND {_LANE.format(base='base')} IN (0, 2) AND lane IS NOT {_LANE.format(base='base')})"
            )
            narrowed.append(ids(writes))
        explanation = (explained or {}).get
        self.db.executemany(
            "UPDATE marketplace_stocks SET wanted = ?, cause = ?, explanation_id = ?, "
            f"planned_by = {int(run)} WHERE id = ?",
            [(wanted, cause, explanation(id_), id_) for wanted, cause, id_ in rows],
        )
        self.db.execute(
            f"UPDATE marketplace_stocks SET {relane(parked=parked)} "
            "WHERE id IN (SELECT value FROM json_each(?)) AND in_flight IS NULL",
            (*narrowed, ids(row[2] for row in rows)),
        )

    def let_through(self, state_ids: Sequence[int]) -> None:
        """Let zeros go that a person has asked for: no guard holds them, and they wait for no other run."""
        if state_ids:
            self.db.execute(
                "UPDATE marketplace_stocks SET held = NULL, held_reason = NULL, ready = 1 WHERE lane = 0 "
                "AND in_flight IS NULL AND stopped IS NULL AND id IN (SELECT value FROM json_each(?))",
                (ids(state_ids),),
            )

    def reopen(self, now: datetime, sinks: Iterable[str] | None = None) -> None:
        """Make everything that earlier runs left over ready again, errors and held ones too; of all sinks,
        or of these.

        What a guard holds is judged anew by each run. A rest of more than a day, or after an attempt in
        the future, was written while the clock was ahead, and is over.
        """
        of_sinks = "" if sinks is None else "AND marketplace IN (SELECT value FROM json_each(?))"
        chosen = () if sinks is None else (ids(sinks),)
        self.db.execute(
            "UPDATE marketplace_stocks SET not_before = NULL "
            f"WHERE lane IS NOT NULL AND in_flight IS NULL {of_sinks} "
            "AND (not_before > ? OR attempted_at > ?)",
            (*chosen, as_text(now + LONGEST_REST), as_text(now)),
        )
        self.db.execute(
            "UPDATE marketplace_stocks SET held = NULL, held_reason = NULL, ready = (stopped IS NULL) "
            f"WHERE lane IS NOT NULL AND in_flight IS NULL {of_sinks} "
            "AND ((ready = 0 AND stopped IS NULL) OR held IS NOT NULL)",
            chosen,
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

    def zeroed_since(
        self, sink: str, warehouse: str, cause: str, since: datetime, *, after_run: int = 0
    ) -> int:
        """Return how many listings of a slice were pushed to zero since then, by runs after `after_run`."""
        return int(
            self.db.scalar(
                "SELECT count(DISTINCT product_id) FROM stock_sync_log WHERE marketplace = ? "
                "AND warehouse_code = ? AND new_qty = 0 AND synced_at >= ? AND source = ? AND run > ? "
                "AND status = 'ok' AND (old_qty IS NULL OR old_qty > 0)",
                (sink, warehouse, as_text(since), cause, after_run),
            )
        )

    def hold_slice(self, slice_: Zeroing, guard: str, reason: str) -> None:
        """Hold the zeros of one slice, and the raises that came with them.

        What was planned by the same run came from the same reading; later readings are another matter.
        A fall short of zero is never held: it is the safe direction.
        """
        of_slice = "marketplace = ? AND warehouse_code = ? AND cause = ? AND in_flight IS NULL"
        key = (slice_.sink, slice_.warehouse, slice_.cause)
        self.db.execute(
            f"UPDATE marketplace_stocks SET held = ?, held_reason = ?, ready = 0 WHERE {of_slice} "
            "AND (lane = 0 OR (lane = 2 AND planned_by IN "
            f"(SELECT planned_by FROM marketplace_stocks WHERE {of_slice} AND lane = 0)))",
            (guard, reason, *key, *key),
        )

    def hold_raises(self, sink: str, cause: str, guard: str, reason: str) -> None:
        """Hold every raise that one source makes in a sink."""
        self.db.execute(
            "UPDATE marketplace_stocks SET held = ?, held_reason = ?, ready = 0 "
            "WHERE marketplace = ? AND cause = ? AND lane = 2 AND in_flight IS NULL",
            (guard, reason, sink, cause),
        )

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
        conditions = ["s.id > ?"]
        parameters: list[int | str] = [after]
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
                "s.held, s.held_reason, s.cause, s.error_code, s.error_message, s.expected, "
                "s.stopped "
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

    def unattended(
        self, sink: str, served: Collection[str], limit: int
    ) -> tuple[int, list[tuple[str, str, int]]]:
        """Return how many listings show stock that nothing speaks for, and the first (sku, code, shown).

        Their product is in no source any more, or their warehouse is none of those that are `served`.
        """
        condition = (
            "FROM marketplace_stocks AS s JOIN products AS p ON p.id = s.product_id WHERE s.marketplace = ? "
            "AND s.base > 0 AND ((s.wanted IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM stock_levels AS l WHERE l.product_id = s.product_id)) "
            "OR s.warehouse_code NOT IN (SELECT value FROM json_each(?)))"
        )
        parameters = (sink, ids(served))
        total = int(self.db.scalar(f"SELECT count(*) {condition}", parameters))
        rows = self.db.query(
            f"SELECT p.sku, s.warehouse_code, s.base {condition} ORDER BY s.id LIMIT ?", (*parameters, limit)
        )
        return total, rows

    def open_counts(self, state_ids: Iterable[int] | None = None) -> dict[tuple[str, str], int]:
        """Return the number of changes that wait, of all or of some, by (sink, lane; `held` or `stopped`)."""
        narrowed = "" if state_ids is None else "AND id IN (SELECT value FROM json_each(?))"
        parameters = () if state_ids is None else (ids(state_ids),)
        counts: dict[tuple[str, str], int] = {}
        for sink, lane, held, stopped, count in self.db.query(
            "SELECT marketplace, lane, held IS NOT NULL, stopped IS NOT NULL, count(*) "
            f"FROM marketplace_stocks WHERE lane IS NOT NULL {narrowed} GROUP BY 1, 2, 3, 4",
            parameters,
        ):
            key = (sink, "stopped" if stopped else "held" if held else LANES[lane])
            counts[key] = counts.get(key, 0) + count
        return counts

    def summary(self) -> list[tuple[str, str, int, int, datetime | None]]:
        """Return (sink, status, listings, of these held, last confirmed) for each sink and status."""
        return [
            (sink, status, count, held, as_datetime(last))
            for sink, status, count, held, last in self.db.query(
                "SELECT marketplace, sync_status, count(*), sum(held IS NOT NULL), max(last_synced_at) "
                "FROM marketplace_stocks GROUP BY 1, 2 ORDER BY 1, 2"
            )
        ]
