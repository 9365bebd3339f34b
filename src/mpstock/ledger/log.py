"""The sync log: what was sent and what came of it, a row for each change; and who asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.sealing import Seals

__all__ = ["LogRow", "SyncLog"]


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
        return [
            LogRow(*[*row[:11], at, row[12] or "", row[13] or "", row[14]])
            for row in self.db.query(
                "SELECT g.id, p.sku, g.marketplace, g.warehouse_code, g.old_qty, g.new_qty, g.source, g.run, "
                "g.status, g.error_code, g.error_message, g.synced_at, r.actor, r.reason, r.plan_id "
                "FROM stock_sync_log AS g JOIN products AS p ON p.id = g.product_id "
                "LEFT JOIN runs AS r ON r.id = g.run "
                f"WHERE {' AND '.join(conditions)} ORDER BY g.id DESC LIMIT ?",
                (*parameters, limit),
            )
            if (at := as_datetime(row[11])) is not None
        ]
