"""What people are still to be told: kept until every way has taken it, so that a dead line loses nothing."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from mpstock.ledger.database import as_datetime, as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.troubles import Severity

__all__ = ["NoticeState", "Notices", "QueuedNotice", "WaitingNotice"]

NoticeState = Literal["new", "worse", "reminder", "recovered"]

LOST = timedelta(days=2)
"""So long it is tried to tell something; later it is no news."""

MOST = 200
"""So many are told at a time."""


@frozen
class QueuedNotice:
    """Something that people are told once: a trouble is new, worse, still there, or over.

    `body` is the trouble as it was then, as plain data.
    """

    subject: str
    state: NoticeState
    severity: Severity
    at: datetime
    body: Mapping[str, Any] = field(factory=dict[str, Any])


@frozen
class WaitingNotice:
    """A notice on its way. `served` are the ways that have taken it, `attempts` how often it was tried.

    `held_back`: it waited for the end of the quiet hours.
    """

    id: int
    notice: QueuedNotice
    served: Sequence[str]
    attempts: int
    held_back: bool


class Notices:
    """The notices that wait."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, notices: Sequence[tuple[QueuedNotice, datetime]]) -> None:
        """Let these be told, each not before its moment; inside a transaction."""
        self._db.executemany(
            "INSERT INTO notices (subject, state, severity, body, created_at, due_at, served, attempts) "
            "VALUES (?, ?, ?, ?, ?, ?, '[]', 0)",
            [
                (
                    one.subject, one.state, one.severity, json.dumps(one.body, ensure_ascii=False),
                    as_text(one.at), as_text(due),
                )
                for one, due in notices
            ],
        )  # fmt: skip

    def claim(self, now: datetime, lasts: timedelta) -> list[WaitingNotice]:
        """Take what is due and nobody else is telling; nobody else takes it for so long."""
        moment = as_text(now)
        with self._db.transaction():
            self._db.execute("DELETE FROM notices WHERE created_at < ?", (as_text(now - LOST),))
            rows = self._db.query(
                "SELECT id, subject, state, severity, body, created_at, due_at, served, attempts "
                "FROM notices WHERE due_at <= ? AND coalesce(claimed_until, '') <= ? ORDER BY id LIMIT ?",
                (moment, moment, MOST),
            )
            self._db.execute(
                "UPDATE notices SET claimed_until = ?, attempts = attempts + 1 "
                "WHERE id IN (SELECT value FROM json_each(?))",
                (as_text(now + lasts), ids(row[0] for row in rows)),
            )
        return [
            WaitingNotice(
                row[0],
                QueuedNotice(row[1], row[2], row[3], created, json.loads(row[4])),
                json.loads(row[7]),
                row[8] + 1,
                # What was put off after a failure is due later too, but had its first attempt.
                row[8] == 0 and row[6] > row[5],
            )
            for row in rows
            if (created := as_datetime(row[5])) is not None
        ]

    def told(self, numbers: Collection[int]) -> None:
        """Let go what every way has taken."""
        self._db.execute("DELETE FROM notices WHERE id IN (SELECT value FROM json_each(?))", (ids(numbers),))

    def put_off(self, rows: Sequence[tuple[int, Sequence[str], datetime]]) -> None:
        """Try these again later: (number, the ways that have taken it, not before)."""
        with self._db.transaction():
            self._db.executemany(
                "UPDATE notices SET served = ?, due_at = ?, claimed_until = NULL WHERE id = ?",
                [(json.dumps(list(served)), as_text(due), number) for number, served, due in rows],
            )

    def next_due(self) -> datetime | None:
        """Return when the next one is due."""
        return as_datetime(
            self._db.scalar("SELECT min(max(due_at, coalesce(claimed_until, ''))) FROM notices")
        )

    def waiting(self) -> int:
        """Return how many wait."""
        return int(self._db.scalar("SELECT count(*) FROM notices"))
