"""The chain over the log: each batch of rows has a digest of them and of the digest before.

A row that is edited, taken away, put in or moved, and a run whose actor, reason or cause is edited, makes
the digest of its batch wrong. The head of the chain is kept apart from the chain, so that a tail that was
cut off is found too. One digest is worked out for a batch, not for a row: it costs a tenth of writing them.

There is no secret in it: whoever understands it and may write to the file can forge all of it. Against that
helps a head that was noted elsewhere, which must still be in the chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from mpstock.ledger.database import as_text

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["COLUMNS", "HEAD", "TABLES", "UNSEALED", "Head", "Seal", "Seals", "Subject", "digest_of"]

Subject = Literal["log", "actions"]
"""Which table's rows a seal is over."""

HEAD = "log.head"
"""Where `meta` has the head."""

UNSEALED = "log.unsealed"
"""Where `meta` has the number of the last row that was there before there were seals."""

_FORM = "mpstock-log-1"

COLUMNS: dict[Subject, tuple[str, ...]] = {
    "log": (
        "product_id", "warehouse_code", "old_qty", "new_qty", "source", "status", "error_code",
        "error_message", "explanation_id", "marketplace", "run", "push", "synced_at",
    ),
    "actions": ("at", "actor", "action", "scope", "reason", "run_id"),
}  # fmt: skip
"""What is sealed of a row, in this order. Its number is not among it: a seal's rows have no gaps."""

TABLES: dict[Subject, str] = {"log": "stock_sync_log", "actions": "actions"}


@frozen
class Seal:
    """One seal, but for its digest."""

    id: int
    subject: Subject
    run: int | None
    push: int | None
    first: int
    last: int
    rows: int
    at: str
    previous: str


@frozen
class Head:
    """The last seal and its digest, and how much the chain is over, what retention let go included."""

    seal: int
    digest: str
    rows: int
    actions: int


def _kept(value: str) -> str:
    """Return what a database keeps of a text: in PostgreSQL none has a NUL."""
    return value.replace("\0", "\ufffd")


def digest_of(seal: Seal, run: Sequence[Any] | None, rows: Sequence[Sequence[Any]]) -> str:
    """Return the digest of a batch: of its seal, the run that made it, its rows, and the seal before."""
    told = [
        _FORM, seal.previous, seal.id, seal.subject, seal.run, seal.push, seal.first, seal.last, seal.rows,
        seal.at, run, rows,
    ]  # fmt: skip
    # What is no number or text was not written by us: it makes another digest, not an exception.
    canonical = json.dumps(told, ensure_ascii=False, separators=(",", ":"), default=repr)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


_KEPT_HEAD = "(SELECT value FROM meta WHERE key = ?)"
_LAST_SEAL = "(SELECT coalesce(max(id), 0) FROM log_seals)"
_RUN = "r.id, r.kind, r.cause, r.started_at, r.actor, r.reason, r.plan_id"
"""What a seal says of the run that made its rows."""


class Seals:
    """Writes the chain."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def head(self) -> Head:
        """Return the head as `meta` has it; of a ledger in which nothing is sealed yet, its beginning."""
        return self._head(*self.db.one(f"SELECT {_KEPT_HEAD}, {_LAST_SEAL}", (HEAD,)))

    def _head(self, kept: str | None, last: int) -> Head:
        """Return the head from what `meta` has, and the number of the last seal that is there, 0: none."""
        if kept is not None:
            try:
                return Head(**json.loads(kept))
            except (TypeError, ValueError):
                # Somebody wrote into it. The chain goes on and does not match, for ever.
                return Head(last, "", 0, 0)
        return Head(last, "" if last else self.beginning(), 0, 0)

    def unsealed(self) -> int:
        """Return the number of the last row of the log from before there were seals."""
        kept = str(self.db.scalar("SELECT value FROM meta WHERE key = ?", (UNSEALED,)) or "")
        return int(kept) if kept.isdecimal() else 0

    def beginning(self) -> str:
        """Return what the first seal follows."""
        return hashlib.sha256(f"{_FORM} after row {self.unsealed()}".encode()).hexdigest()

    def run_told(self, seal: Seal) -> Sequence[Any] | None:
        """Return what a seal says of the run that made its rows; an action says itself who and why."""
        if seal.subject != "log":
            return None
        row: Sequence[Any] | None = self.db.one(f"SELECT {_RUN} FROM runs AS r WHERE r.id = ?", (seal.run,))
        return row

    def rows(self, seal: Seal) -> list[Any]:
        """Return the rows under a seal as they are now, one more at most than it says."""
        return self.db.query(
            f"SELECT {', '.join(COLUMNS[seal.subject])} FROM {TABLES[seal.subject]} "
            "WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
            (seal.first, seal.last, seal.rows + 1),
        )

    def add(
        self, subject: Subject, rows: Sequence[Sequence[Any]], now: datetime, *, run: int | None = None,
        push: int | None = None,
    ) -> int:  # fmt: skip
        """Add rows and seal them, inside a transaction; returns the number of the last.

        A row has what `COLUMNS` says, as the database gives it back: integers, texts and None.
        """
        columns, table, count = COLUMNS[subject], TABLES[subject], len(rows)
        # Each value of each change comes by here: a call for each would be a fifth of recording it.
        rows = [
            tuple([_kept(value) if type(value) is str and "\0" in value else value for value in row])
            for row in rows
        ]
        # All that the chain stands on, with one question: on a server each would be waited for.
        before, kept, sealed, *told = self.db.one(
            f"SELECT (SELECT coalesce(max(id), 0) FROM {table}), {_KEPT_HEAD}, {_LAST_SEAL}, {_RUN} "
            "FROM (SELECT 1 AS one) AS here LEFT JOIN runs AS r ON r.id = ?",
            (HEAD, run if subject == "log" else None),
        )
        head = self._head(kept, sealed)
        first = int(before) + 1
        last = first + count - 1
        self.db.executemany(
            f"INSERT INTO {table} (id, {', '.join(columns)}) VALUES (?, {', '.join('?' * len(columns))})",
            [(number, *row) for number, row in enumerate(rows, first)],
        )
        # Where the head was set back, the numbers go on: the next verification tells, and no run stops.
        number = max(head.seal, sealed) + 1
        seal = Seal(number, subject, run, push, first, last, count, as_text(now), head.digest)
        digest = digest_of(seal, None if told[0] is None else told, rows)
        self.db.execute(
            "INSERT INTO log_seals (id, subject, run_id, push_id, first_id, last_id, rows, sealed_at, "
            "previous, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, subject, run, push, first, last, count, seal.at, seal.previous, digest),
        )
        log, actions = (count, 0) if subject == "log" else (0, count)
        new = {"seal": number, "digest": digest, "rows": head.rows + log, "actions": head.actions + actions}
        self.db.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (HEAD, json.dumps(new)),
        )
        return last
