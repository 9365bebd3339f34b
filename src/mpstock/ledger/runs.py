"""The runs, and what is remembered between them: cursors, settings fingerprints, the ledger's own facts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.ledger.database import Database
    from mpstock.model import Problem

__all__ = ["CursorRow", "RunRow", "Runs"]

KEPT_PROBLEMS = 200
"""How many problems of one reading the ledger keeps; their number is kept whole."""


@frozen
class CursorRow:
    """Where a reading ended, when it last went well, and what went wrong."""

    name: str
    cursor: str | None
    settings: str
    read_at: datetime | None
    full_at: datetime | None
    rows: int | None
    failed_at: datetime | None
    error: str | None
    problems: Mapping[str, Any]


@frozen
class RunRow:
    """One run."""

    id: int
    kind: str
    cause: str
    started_at: datetime
    finished_at: datetime | None
    status: str
    exit_code: int | None
    summary: Mapping[str, Any]
    actor: str
    reason: str
    plan_id: int | None


class Runs:
    """Runs, cursors and remembered facts."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def begin(
        self, kind: str, cause: str, now: datetime, asked: Asked | None = None, plan_id: int | None = None
    ) -> int:
        """Open a run that somebody asked for, to carry out a saved plan or not; returns its number."""
        actor, reason = (asked.actor, asked.reason) if asked is not None else ("", "")
        return self.db.insert(
            "INSERT INTO runs (kind, cause, started_at, status, actor, reason, plan_id) "
            "VALUES (?, ?, ?, 'running', ?, ?, ?)",
            (kind, cause, as_text(now), actor, reason, plan_id),
        )

    def finish(
        self, run: int, status: str, exit_code: int, summary: Mapping[str, Any], now: datetime
    ) -> None:
        """Close a run with what came of it."""
        self.db.execute(
            "UPDATE runs SET finished_at = ?, status = ?, exit_code = ?, summary = ? WHERE id = ?",
            (as_text(now), status, exit_code, json.dumps(summary, ensure_ascii=False), run),
        )

    def exists(self, run: int) -> bool:
        """Say whether there was such a run."""
        return self.db.scalar("SELECT 1 FROM runs WHERE id = ?", (run,)) is not None

    def last(self, limit: int = 10, *, before: int | None = None) -> list[RunRow]:
        """Return the newest runs, the newest first: of all, or of those before a number."""
        where, parameters = ("", ()) if before is None else ("WHERE id < ?", (before,))
        return self._select(f"{where} ORDER BY id DESC LIMIT ?", (*parameters, limit))

    def find(self, run: int) -> RunRow | None:
        """Return one run by its number."""
        found = self._select("WHERE id = ?", (run,))
        return found[0] if found else None

    def _select(self, rest: str, parameters: Sequence[int]) -> list[RunRow]:
        return [
            RunRow(
                row[0], row[1], row[2], started, as_datetime(row[4]), row[5], row[6], json.loads(row[7]),
                row[8], row[9], row[10],
            )
            for row in self.db.query(
                "SELECT id, kind, cause, started_at, finished_at, status, exit_code, summary, "
                f"actor, reason, plan_id FROM runs {rest}",
                parameters,
            )
            if (started := as_datetime(row[3])) is not None
        ]  # fmt: skip

    def summaries_since(self, moment: datetime) -> list[Mapping[str, Any]]:
        """Return what came of the runs that have begun since then, the newest first."""
        found = []
        since = as_text(moment)
        for started_at, summary in self.db.iterate("SELECT started_at, summary FROM runs ORDER BY id DESC"):
            if started_at < since:
                break
            found.append(json.loads(summary))
        return found

    def plan_of(self, run: int) -> int | None:
        """Return the number of the saved plan that a run carried out, if it did."""
        row = self.db.one("SELECT plan_id, kind FROM runs WHERE id = ?", (run,))
        return None if row is None or row[1] != "apply" else int(row[0] or 0)

    def cursor(self, name: str) -> CursorRow | None:
        """Return the state of a reading, None before its first."""
        rows = self.cursors(name)
        return rows[0] if rows else None

    def cursors(self, name: str | None = None) -> list[CursorRow]:
        """Return the states of all readings, or of one."""
        where, parameters = ("WHERE name = ?", (name,)) if name else ("", ())
        return [
            CursorRow(
                row[0], row[1], row[2], as_datetime(row[3]), as_datetime(row[4]), row[5],
                as_datetime(row[6]), row[7], json.loads(row[8] or "{}"),
            )
            for row in self.db.query(
                "SELECT name, cursor, settings, read_at, full_at, rows, failed_at, error, problems "
                f"FROM cursors {where} ORDER BY name",
                parameters,
            )
        ]  # fmt: skip

    def failing_sources(self) -> set[str]:
        """Return the sources whose last reading failed."""
        rows = self.db.query(
            "SELECT name FROM cursors WHERE failed_at IS NOT NULL AND substr(name, 1, 7) = 'source:'"
        )
        return {name.removeprefix("source:") for (name,) in rows}

    def move_cursor(
        self,
        name: str,
        cursor: str | None,
        as_of: datetime,
        *,
        settings: str,
        rows: int,
        complete: bool,
        now: datetime,
        problems: Sequence[Problem] = (),
    ) -> None:
        """Record that a reading went well; in the transaction of what it read.

        As of when all was read last does not go back by one that tells of an earlier moment. A moment after
        `now` was kept while the clock was ahead, and gives way.
        """
        told = [[p.place, p.name, p.message, p.sku] for p in problems[:KEPT_PROBLEMS]]
        moment = as_text(as_of)
        self.db.execute(
            "INSERT INTO cursors (name, cursor, settings, read_at, full_at, rows, problems) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET cursor = excluded.cursor, "
            "settings = excluded.settings, "
            "read_at = CASE WHEN cursors.read_at > excluded.read_at AND cursors.read_at <= ? "
            "THEN cursors.read_at ELSE excluded.read_at END, "
            "full_at = CASE WHEN excluded.full_at IS NULL "
            "OR (cursors.full_at > excluded.full_at AND cursors.full_at <= ?) "
            "THEN cursors.full_at ELSE excluded.full_at END, "
            "rows = CASE WHEN excluded.full_at IS NULL THEN cursors.rows ELSE excluded.rows END, "
            "problems = excluded.problems, failed_at = NULL, error = NULL",
            (
                name, cursor, settings, moment, moment if complete else None, rows if complete else None,
                json.dumps({"count": len(problems), "first": told}, ensure_ascii=False),
                as_text(now), as_text(now),
            ),
        )  # fmt: skip

    def clear_failure(self, name: str) -> None:
        """Record that a reading that had nothing to tell went well."""
        self.db.execute("UPDATE cursors SET failed_at = NULL, error = NULL WHERE name = ?", (name,))

    def fail_cursor(self, name: str, error: str, now: datetime) -> None:
        """Record that a reading failed; its cursor stays."""
        self.db.execute(
            "INSERT INTO cursors (name, failed_at, error) VALUES (?, ?, ?) ON CONFLICT (name) "
            "DO UPDATE SET failed_at = coalesce(cursors.failed_at, excluded.failed_at), "
            "error = excluded.error",
            (name, as_text(now), error),
        )

    def remember(self, key: str, value: str) -> str | None:
        """Keep a fact; returns what was kept before."""
        old = self.recall(key)
        if old != value:
            self.db.execute(
                "INSERT INTO meta (key, value) VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (key, value),
            )
        return old

    def recall(self, key: str) -> str | None:
        """Return a kept fact."""
        value = self.db.scalar("SELECT value FROM meta WHERE key = ?", (key,))
        return None if value is None else str(value)

    def recalled(self, prefix: str) -> list[tuple[str, str]]:
        """Return the kept facts whose names begin so, in the order of their names."""
        return self.db.query(
            "SELECT key, value FROM meta WHERE substr(key, 1, ?) = ? ORDER BY key", (len(prefix), prefix)
        )
