"""The state of each listing: what it shows as far as we know (base), what it should show (wanted).

The rules of this table, each in one place:

* the base is what was accepted last or, if later, what was read back; doubt makes it NULL;
* a listing's lane follows from base and wanted alone (`lane_of`): zeros 0, falls 1, raises 2;
* a listing is ready when it has a lane, is not held, not stopped by hand, not on the wire, and not in doubt.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text, given, ids, rows_of

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt

__all__ = ["BY_HAND", "LANES", "LONGEST_REST", "StockRow", "Stocks", "contradicts", "in_doubt", "relane"]

LANES = ("zero", "fall", "raise")

BY_HAND = "manual"
"""The cause of what a person has decided, in the marks and in the log."""

LONGEST_REST = timedelta(days=1)
"""What a sink may at most ask for; a longer pause is no pause but a mistake."""

_STEP = 5_000
"""Listings that one step makes ready."""

_LANE = (
    "CASE WHEN {wanted} IS NULL OR {wanted} = {base} THEN NULL WHEN {wanted} = 0 THEN 0 "
    "WHEN {base} IS NULL OR {wanted} < {base} THEN 1 ELSE 2 END"
)


_GIVEN = given(state=int, quantity=int, cause=str, explanation=int, since=str)
"""What is planned, as a table: of each state its quantity, cause and explanation, and since when."""


def lane_of(base: str = "base", wanted: str = "wanted") -> str:
    """Return the lane that follows from what is shown and what should be, NULL: there is nothing to send."""
    return _LANE.format(base=base, wanted=wanted)


def relane(
    base: str = "base",
    parked: str = "FALSE",
    *,
    landed: bool = False,
    wanted: str = "wanted",
    since: str = "lowered_at",
    doubtful: str = "doubtful",
) -> str:
    """Return the SET list that makes lane, ready and status follow from a new base, or a new wanted.

    `parked` is the condition under which a listing does not become ready, `since` from when on it is to fall.
    `landed` takes it off the wire too: one change of a row instead of two. `doubtful` is what that column is
    by now: what may have arrived is looked at before anything is sent to it.
    """
    lane = lane_of(base, wanted)
    off = "TRUE" if landed else "in_flight IS NULL"
    return (
        f"{'in_flight = NULL, ' if landed else ''}"
        # A column that is set to itself is taken out of its indexes, and put in again.
        f"{'' if base == 'base' else f'base = {base}, '}"
        f"lane = {lane}, lowered_at = CASE WHEN {lane} IN (0, 1) THEN {since} END, "
        f"held = CASE WHEN {lane} IN (0, 2) THEN held END, "
        f"held_reason = CASE WHEN {lane} IN (0, 2) THEN held_reason END, "
        f"ready = CASE WHEN {lane} IS NOT NULL AND {off} AND NOT ({lane} IN (0, 2) "
        f"AND held IS NOT NULL) AND stopped IS NULL AND NOT ({in_doubt(base, doubtful)}) "
        f"AND NOT ({parked}) THEN 1 ELSE 0 END, "
        f"sync_status = CASE WHEN NOT ({off}) OR {lane} IS NOT NULL OR {wanted} IS NULL "
        "THEN 'pending' ELSE 'ok' END"
    )


def in_doubt(base: str = "base", doubtful: str = "doubtful") -> str:
    """Return the condition of what may be there already, and was not looked at since."""
    return f"{base} IS NULL AND {doubtful} = 1"


def _parked(wanted: str) -> str:
    """Return the condition of what stays put off: it is a raise, or nobody knows what it shows.

    A fall waits for nothing.
    """
    return f"lane IS NOT NULL AND ready = 0 AND (base IS NULL OR {lane_of(wanted=wanted)} = 2)"


def contradicts() -> str:
    """Return the condition under which a state is not what `relane` makes of it.

    It may be put off, or refused; but it is never ready against base, wanted, guard or stop.
    """
    lane = lane_of()
    return (
        f"((in_flight IS NULL AND (lane IS NOT ({lane}) "
        "OR (held IS NOT NULL AND lane IS NOT 0 AND lane IS NOT 2) "
        "OR (ready = 1 AND (lane IS NULL OR stopped IS NOT NULL OR held IS NOT NULL "
        f"OR ({in_doubt()}))) "
        "OR (sync_status = 'ok') IS NOT (lane IS NULL AND wanted IS NOT NULL))) "
        "OR (in_flight IS NOT NULL AND (ready = 1 OR sync_status = 'ok')))"
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


class Stocks:
    """The listings' states."""

    def __init__(self, database: Database, dirt: Dirt) -> None:
        self.db = database
        self.dirt = dirt

    # ------------------------------------------------------------------ planning

    def of_products(
        self, product_ids: Iterable[int]
    ) -> list[tuple[int, int, str, str, int | None, int | None, int, int | None]]:
        """Return (id, product id, sink, sink warehouse, base, wanted, shown last, least) of their listings.

        What was shown last is the base or, where that is not known, what was sent last. The least is the
        lower of what was known last and what was sent since: it shows that or more.
        """
        return self.db.query(
            "SELECT id, product_id, marketplace, warehouse_code, base, wanted, "
            "coalesce(base, sent, synced_quantity, 0), "
            "least(coalesce(expected, sent), coalesce(sent, expected)) FROM marketplace_stocks "
            "WHERE product_id IN ids(?) ORDER BY product_id, id",
            (ids(product_ids),),
        )

    def beyond(self, product_ids: Iterable[int], sinks: Iterable[str]) -> set[int]:
        """Return those of the products of which a listing in these sinks shows more than it should.

        Or of which nobody knows what it shows.
        """
        return {
            row[0]
            for row in self.db.query(
                "SELECT DISTINCT product_id FROM marketplace_stocks WHERE product_id IN ids(?) "
                "AND marketplace IN texts(?) AND (base IS NULL OR base > wanted)",
                (ids(product_ids), ids(sinks)),
            )
        }

    def products(self, after: int, limit: int) -> list[int]:
        """Return the ids of the next products that have a listing."""
        return [
            row[0]
            for row in self.db.query(
                "SELECT DISTINCT product_id FROM marketplace_stocks WHERE product_id > ? "
                "ORDER BY product_id LIMIT ?",
                (after, limit),
            )
        ]

    def record_wanted(
        self,
        rows: Sequence[tuple[int | None, str, int]],
        run: int,
        writes: Collection[str] | None = None,
        explained: Mapping[int, int] | None = None,
        since: Mapping[int, str] | None = None,
    ) -> None:
        """Record (wanted, cause, id) as planned by a run, and let the lanes follow; inside a transaction.

        What is put off stays so until `reopen`, but for falls. A change that waits keeps the cause that made
        it, unless a person wants it now: what only looks at it again lets nothing through that is held. Of a
        sink that is not among `writes` only falls short of zero become ready: what its own writer has not
        judged waits for a run that does. `explained` are explanations by id; what has none is
        explained when it is sent. `since` are moments by id: the first of each stays for as long as it is to
        fall.
        """
        if not rows:
            return
        lane = lane_of(wanted="given.quantity")
        parked, narrowed = _parked("given.quantity"), list[Any]()
        if writes is not None:
            parked = (
                f"({parked}) OR (marketplace NOT IN texts(?) AND {lane} IN (0, 2) AND lane IS NOT {lane})"
            )
            narrowed.append(ids(writes))
        why, moment = (explained or {}).get, (since or {}).get
        told = rows_of([(id_, wanted, cause, why(id_), moment(id_)) for wanted, cause, id_ in rows])
        same = "lane IS NOT NULL AND wanted IS given.quantity"
        planned = (
            f"cause = CASE WHEN {same} AND given.cause <> '{BY_HAND}' THEN marketplace_stocks.cause "
            "ELSE given.cause END, "
            f"planned_by = CASE WHEN {same} THEN planned_by ELSE ? END, "
            "rests_until = CASE WHEN wanted IS given.quantity THEN rests_until END, "
            "explanation_id = given.explanation, wanted = given.quantity"
        )
        # One change of each row: every one of them costs a place in each index that it moves in.
        lanes = relane(parked=parked, wanted="given.quantity", since="coalesce(lowered_at, given.since)")
        changed = self.db.affected(
            f"{_GIVEN} UPDATE marketplace_stocks SET {planned}, {lanes} FROM given "
            "WHERE marketplace_stocks.id = given.state AND in_flight IS NULL",
            (told, run, *narrowed),
        )
        if changed < len(rows):
            # What is on the wire gets its lane when it comes back.
            self.db.execute(
                f"{_GIVEN} UPDATE marketplace_stocks SET {planned}, lowered_at = CASE WHEN lane < 2 "
                "THEN coalesce(lowered_at, given.since) ELSE lowered_at END FROM given "
                "WHERE marketplace_stocks.id = given.state AND in_flight IS NOT NULL",
                (told, run),
            )

    def let_through(self, state_ids: Sequence[int]) -> None:
        """Let zeros go that a person has asked for: no guard holds them, and they wait for no run or look."""
        if state_ids:
            self.db.execute(
                "UPDATE marketplace_stocks SET held = NULL, held_reason = NULL, ready = 1, "
                f"doubtful = CASE WHEN {in_doubt()} THEN 2 ELSE doubtful END WHERE lane = 0 "
                "AND in_flight IS NULL AND stopped IS NULL AND id IN ids(?)",
                (ids(state_ids),),
            )

    def reopen(self, now: datetime, sinks: Iterable[str] | None = None) -> bool:
        """Make what earlier runs left over ready again, errors too, but what rests in quarantine.

        Of all sinks, or of these. Returns whether more may be left: it takes only so many at a time.

        What a guard holds stays so: it is judged anew by each run. So does what is in doubt: it is looked at
        first. A rest of more than a day, or after an
        attempt in the future, was written while the clock was ahead, and is over.
        """
        of_sinks = "" if sinks is None else "AND marketplace IN texts(?)"
        chosen = () if sinks is None else (ids(sinks),)
        few = (
            "(SELECT id FROM marketplace_stocks "
            f"WHERE lane IS NOT NULL AND in_flight IS NULL {of_sinks} AND {{}} LIMIT ?)"
        )
        woken = few.format("not_before IS NOT NULL AND (not_before > ? OR attempted_at > ?)")
        rested = self.db.affected(
            f"UPDATE marketplace_stocks SET not_before = NULL WHERE id IN {woken}",
            (*chosen, as_text(now + LONGEST_REST), as_text(now), _STEP),
        )
        left = few.format(
            f"ready = 0 AND held IS NULL AND stopped IS NULL AND NOT ({in_doubt()}) "
            "AND NOT (lane = 2 AND rests_until IS NOT NULL AND rests_until > ?)"
        )
        opened = self.db.affected(
            f"UPDATE marketplace_stocks SET ready = 1 WHERE id IN {left}", (*chosen, as_text(now), _STEP)
        )
        return max(rested, opened) >= _STEP

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
        parameters: list[Any] = [after]
        if sink is not None:
            conditions.append("s.marketplace = ?")
            parameters.append(sink)
        if product_id is not None:
            conditions.append("s.product_id = ?")
            parameters.append(product_id)
        if skus is not None:
            conditions.append("p.sku IN texts(?)")
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

    def open_counts(self, state_ids: Iterable[int] | None = None) -> dict[tuple[str, str], int]:
        """Return the number of changes that wait, of all or of some, by (sink, lane; `held` or `stopped`)."""
        narrowed = "" if state_ids is None else "AND id IN ids(?)"
        parameters = () if state_ids is None else (ids(state_ids),)
        counts: dict[tuple[str, str], int] = {}
        # In the order of an index: nothing is sorted, though it be the whole shop.
        for sink, lane, stopped, held, waiting in self.db.query(
            "SELECT marketplace, lane, count(stopped), count(CASE WHEN stopped IS NULL THEN held END), "
            "count(CASE WHEN stopped IS NULL AND held IS NULL THEN 1 END) "
            f"FROM marketplace_stocks WHERE lane IS NOT NULL {narrowed} GROUP BY marketplace, lane",
            parameters,
        ):
            for what, count in (("stopped", stopped), ("held", held), (LANES[lane], waiting)):
                if count:
                    counts[sink, what] = counts.get((sink, what), 0) + count
        return counts

    def summary(self) -> list[tuple[str, str, int, int, datetime | None]]:
        """Return (sink, status, listings, of these held, last confirmed) for each sink and status."""
        return [
            (sink, status, count, held, as_datetime(last))
            for sink, status, count, held, last in self.db.query(
                "SELECT marketplace, sync_status, count(*), count(held), max(last_synced_at) "
                "FROM marketplace_stocks GROUP BY 1, 2 ORDER BY 1, 2"
            )
        ]
