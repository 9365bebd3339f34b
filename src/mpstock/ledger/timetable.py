"""What is done by itself: when each job is due next, who has taken it, and what came of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["ScheduledJob", "Timetable"]

_COLUMNS = "job, recurs, due_at, taken_for, begun_at, ended_at, status, error, failures, owner, alive_at"


@frozen
class ScheduledJob:
    """One job of the schedule. `recurs` are the settings that `due_at` was reckoned by.

    `taken_for`  the time that it was due at when it was last taken.
    `status`     `waiting` before it first ran, `running`, `done`, `failed` or `stopped`.
    `failures`   how often in a row it has failed; `error` is what it said last.
    `owner`      the process that runs it, as `mpstock.owners` names it, which says so at `alive_at` anew.
    """

    job: str
    recurs: str
    due_at: datetime
    taken_for: datetime | None = None
    begun_at: datetime | None = None
    ended_at: datetime | None = None
    status: str = "waiting"
    error: str = ""
    failures: int = 0
    owner: str = ""
    alive_at: datetime | None = None


class Timetable:
    """The jobs of the schedule, one row each, shared by all processes of a ledger."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def jobs(self) -> dict[str, ScheduledJob]:
        """Return every job by its name."""
        return {
            row[0]: ScheduledJob(
                row[0], row[1], due_at, as_datetime(row[3]), as_datetime(row[4]), as_datetime(row[5]), row[6],
                row[7], row[8], row[9], as_datetime(row[10]),
            )
            for row in self.db.query(f"SELECT {_COLUMNS} FROM schedule ORDER BY job")
            if (due_at := as_datetime(row[2])) is not None
        }  # fmt: skip

    def put(self, job: str, recurs: str, due_at: datetime) -> None:
        """Say when a job is due next, by which settings."""
        self.db.execute(
            "INSERT INTO schedule (job, recurs, due_at, status) VALUES (?, ?, ?, 'waiting') "
            "ON CONFLICT (job) DO UPDATE SET recurs = excluded.recurs, due_at = excluded.due_at",
            (job, recurs, as_text(due_at)),
        )

    def keep_only(self, jobs: Collection[str]) -> None:
        """Forget every other job: the settings do not have it any more."""
        self.db.execute("DELETE FROM schedule WHERE job NOT IN texts(?)", (ids(jobs),))

    def take(self, job: ScheduledJob, due_at: datetime, owner: str, now: datetime) -> bool:
        """Take a job as it was read, and say when it is due next; False where another was first."""
        taken = self.db.affected(
            "UPDATE schedule SET taken_for = due_at, due_at = ?, begun_at = ?, ended_at = NULL, "
            "status = 'running', owner = ?, alive_at = ? "
            "WHERE job = ? AND due_at = ? AND owner = ? AND status = ?",
            (
                as_text(due_at), as_text(now), owner, as_text(now),
                job.job, as_text(job.due_at), job.owner, job.status,
            ),
        )  # fmt: skip
        return taken == 1

    def still_alive(self, owner: str, now: datetime) -> None:
        """Say that whoever runs them still lives."""
        self.db.execute(
            "UPDATE schedule SET alive_at = ? WHERE owner = ? AND status = 'running'", (as_text(now), owner)
        )

    def end(
        self,
        job: str,
        owner: str,
        now: datetime,
        *,
        status: str,
        due_at: datetime,
        error: str = "",
        failures: int = 0,
    ) -> None:
        """Record what came of a job, unless another has taken it since."""
        self.db.execute(
            "UPDATE schedule SET ended_at = ?, status = ?, due_at = ?, error = ?, failures = ?, owner = '', "
            "alive_at = NULL WHERE job = ? AND owner = ? AND status = 'running'",
            (as_text(now), status, as_text(due_at), error, failures, job, owner),
        )
