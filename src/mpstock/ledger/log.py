"""The sync log: what was sent and what came of it, a row for each change; and who asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.sealing import Seals

__all__ = ["LogPage", "LogRow", "LogSearch", "SyncLog"]

SEARCHED = 20_000
"""Lines that one page looks through at most: what is rare is searched for in several steps."""


@frozen
class LogRow:
    """One line of the sync log. `actor` and `reason` are those of its run, `plan_id` is the saved plan's."""

    id: int
    sku: str
    sink: str
    warehouse: str
    old: int | None
    new: int
    cause: str
    run: int
    status: str
    error_code: str | None
    error_message: str | None
    at: datetime
    actor: str = ""
    reason: str = ""
    plan_id: int | None = None


@frozen
class LogSearch:
    """Which lines of the log are meant; what is None or empty narrows nothing.

    `skus` are whole articles. `status` is `ok`, `error` or `doubt`; `since` and `until` are moments.
    """

    skus: Sequence[str] = ()
    sink: str = ""
    cause: str = ""
    status: str = ""
    run: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@frozen
class LogPage:
    """One page of what was searched, the newest first.

    `before` is where the next one begins, None: there is nothing older. `searched_to` is the moment down to
    which it was looked, where the page is not full because what is searched is rare.
    """

    rows: Sequence[LogRow]
    before: int | None
    searched_to: datetime | None = None


class SyncLog:
    """The log, which is only added to."""

    def __init__(self, database: Database, seals: Seals) -> None:
        self.db = database
        self._seals = seals

    def add(self, run: int, push: int, sink: str, rows: Sequence[Sequence[Any]], now: datetime) -> None:
        """Add what came of one push, and seal it; inside the transaction that records the outcomes.

        Each row: product id, sink warehouse, old and new quantity, cause, status, error code and message
        (texts or None), explanation id.
        """
        if not rows:
            return
        moment = as_text(now)
        told = [(*row, sink, run, push, moment) for row in rows]
        self._seals.add("log", told, now, run=run, push=push)

    def rows(
        self, *, sku: str | None = None, sink: str | None = None, run: int | None = None, limit: int = 100
    ) -> list[LogRow]:
        """Return the newest lines of the log, newest first, narrowed by what is given."""
        conditions = ["1 = 1"]
        parameters: list[int | str] = []
        for column, value in (("p.sku", sku), ("g.marketplace", sink), ("g.run", run)):
            if value is not None:
                conditions.append(f"{column} = ?")
                parameters.append(value)
        return self._select(" AND ".join(conditions), parameters, limit)

    def search(self, wanted: LogSearch, *, before: int | None = None, limit: int = 50) -> LogPage:
        """Return the newest lines that are meant, of those before the line `before`.

        Lines of articles and of a run are found through their index. Of all else one page looks through so
        many lines at most, so that it is as quick in a log of years.
        """
        conditions, parameters = [], list[Any]()
        for column, value in (("g.marketplace", wanted.sink), ("g.source", wanted.cause),
                              ("g.status", wanted.status), ("g.run", wanted.run)):  # fmt: skip
            if value not in ("", None):
                conditions.append(f"{column} = ?")
                parameters.append(value)
        if wanted.skus:
            conditions.append("p.sku IN texts(?)")
            parameters.append(ids(wanted.skus))
        newest = self.db.scalar("SELECT max(id) FROM stock_sync_log") or 0
        top = newest + 1 if before is None else before
        if wanted.until is not None:
            top = min(top, self._first_after(wanted.until, newest))
        bottom = 0 if wanted.since is None else self._first_from(wanted.since, newest)
        indexed = bool(wanted.skus) or wanted.run is not None
        down_to = bottom if indexed else max(bottom, top - SEARCHED)
        conditions.append("g.id >= ? AND g.id < ?")
        rows = self._select(" AND ".join(conditions), [*parameters, down_to, top], limit + 1)
        if len(rows) > limit:
            return LogPage(rows[:limit], rows[limit - 1].id)
        oldest = self.db.scalar("SELECT min(id) FROM stock_sync_log") or 0
        if down_to <= max(bottom, oldest):
            return LogPage(rows, None)
        return LogPage(rows, down_to, self._moment_of(down_to))

    def causes(self) -> list[str]:
        """Return the causes that the log of late has, in order."""
        rows = self.db.query(
            "SELECT DISTINCT source FROM stock_sync_log WHERE id > "
            "(SELECT max(id) FROM stock_sync_log) - ? ORDER BY source",
            (SEARCHED // 4,),
        )
        return [row[0] for row in rows]

    def of_product(self, product_id: int, limit: int) -> list[tuple[str, str, int, str, datetime]]:
        """Return the newest (sink, warehouse, quantity, status, moment) of a product, the oldest first."""
        rows = self.db.query(
            "SELECT marketplace, warehouse_code, new_qty, status, synced_at FROM stock_sync_log "
            "WHERE product_id = ? ORDER BY id DESC LIMIT ?",
            (product_id, limit),
        )
        return [(*row[:4], at) for row in reversed(rows) if (at := as_datetime(row[4])) is not None]

    def _first_from(self, moment: datetime, newest: int) -> int:
        return self._first(f"{as_text(moment)}", newest)

    def _first_after(self, moment: datetime, newest: int) -> int:
        # Sorts after every text of that moment.
        return self._first(f"{as_text(moment)}~", newest)

    def _first(self, text: str, newest: int) -> int:
        """Return the id of the first line that is not before a moment: lines are written in their order."""
        low, high = 1, newest + 1
        while low < high:
            middle = (low + high) // 2
            row = self.db.one(
                "SELECT synced_at, id FROM stock_sync_log WHERE id >= ? ORDER BY id LIMIT 1", (middle,)
            )
            if row is None or row[0] >= text:
                high = middle
            else:
                low = int(row[1]) + 1
        return low

    def _moment_of(self, line: int) -> datetime | None:
        return as_datetime(
            self.db.scalar("SELECT synced_at FROM stock_sync_log WHERE id >= ? ORDER BY id LIMIT 1", (line,))
        )

    def _select(self, where: str, parameters: Sequence[Any], limit: int) -> list[LogRow]:
        return [
            LogRow(*[*row[:11], at, row[12] or "", row[13] or "", row[14]])
            for row in self.db.query(
                "SELECT g.id, p.sku, g.marketplace, g.warehouse_code, g.old_qty, g.new_qty, g.source, g.run, "
                "g.status, g.error_code, g.error_message, g.synced_at, r.actor, r.reason, r.plan_id "
                "FROM stock_sync_log AS g JOIN products AS p ON p.id = g.product_id "
                "LEFT JOIN runs AS r ON r.id = g.run "
                f"WHERE {where} ORDER BY g.id DESC LIMIT ?",
                (*parameters, limit),
            )
            if (at := as_datetime(row[11])) is not None
        ]
