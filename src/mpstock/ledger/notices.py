"""What people are still to be told: kept until every way has taken it, so that a dead line loses nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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

    `held_back`: it waited for the end of the quiet hours. `claim` is until when it was ours to tell.
    """

    id: int
    notice: QueuedNotice
    served: Sequence[str]
    attempts: int
    held_back: bool
    claim: str


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

    def claim(self, now: datetime, lasts: timedelta, *, quiet: bool = False) -> list[WaitingNotice]:
        """Take what is due and nobody else is telling; nobody else takes it for so long.

        In `quiet` hours only what is critical: what was due before them, and not taken then, waits too.
        """
        moment, claim = as_text(now), as_text(now + lasts)
        with self._db.transaction():
            self._db.execute("DELETE FROM notices WHERE created_at < ?", (as_text(now - LOST),))
            rows = self._db.query(
                "SELECT id, subject, state, severity, body, created_at, due_at, served, attempts "
                f"FROM notices WHERE due_at <= ? AND coalesce(claimed_until, '') <= ? AND {_heard(quiet)} "
                "ORDER BY id LIMIT ?",
                (moment, moment, MOST),
            )
            self._db.execute(
                "UPDATE notices SET claimed_until = ?, attempts = attempts + 1 WHERE id IN ids(?)",
                (claim, ids(row[0] for row in rows)),
            )
        return [
            WaitingNotice(
                row[0],
                QueuedNotice(row[1], row[2], row[3], created, json.loads(row[4])),
                json.loads(row[7]),
                row[8] + 1,
                # What was put off after a failure is due later too, but had its first attempt.
                row[8] == 0 and row[6] > row[5],
                claim,
            )
            for row in rows
            if (created := as_datetime(row[5])) is not None
        ]

    def told(self, notices: Sequence[WaitingNotice]) -> None:
        """Let go what every way has taken; what another process has claimed since is theirs."""
        with self._db.transaction():
            self._db.executemany(
                "DELETE FROM notices WHERE id = ? AND claimed_until = ?",
                [(one.id, one.claim) for one in notices],
            )

    def put_off(self, rows: Sequence[tuple[WaitingNotice, Sequence[str], datetime]]) -> None:
        """Try these again later: (notice, the ways that have taken it, not before)."""
        with self._db.transaction():
            self._db.executemany(
                "UPDATE notices SET served = ?, due_at = ?, claimed_until = NULL "
                "WHERE id = ? AND claimed_until = ?",
                [(json.dumps(list(served)), as_text(due), one.id, one.claim) for one, served, due in rows],
            )

    def next_due(self, *, quiet: bool = False) -> datetime | None:
        """Return when the next one is due, in `quiet` hours of what is critical."""
        return as_datetime(
            self._db.scalar(
                "SELECT min(greatest(due_at, coalesce(claimed_until, ''))) FROM notices "
                f"WHERE {_heard(quiet)}"
            )
        )

    def waiting(self) -> int:
        """Return how many wait."""
        return int(self._db.scalar("SELECT count(*) FROM notices"))


def _heard(quiet: bool) -> str:
    return "severity = 'critical'" if quiet else "TRUE"
