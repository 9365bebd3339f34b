"""What needs a person, as the ledger keeps it: one row of each subject, however often it is seen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen

from mpstock.ledger.database import as_datetime, as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["Severity", "Trouble", "Troubles"]

Severity = Literal["warning", "critical"]

KEPT = timedelta(days=30)
"""So long what is over stays in the list."""


@frozen
class Trouble:
    """Something that needs a person, or did lately.

    `subject` names what it is about: the same subject is the same trouble. `kind` is its first word.
    `size` is how much of it there is, as its kind counts (listings, units). It was seen in `times` looks
    since `first_seen_at`, last at `last_seen_at`. `returns` says how often it has come back lately. `gone_at`
    is since when it is away and not yet taken for over, `recovered_at` when it was; None while it stands.
    `told_at`, `told_severity` and `told_size` say what people were told of it last. Until `silenced_until`
    nobody is told; `silenced_by` wanted it so. Times are UTC.
    """

    subject: str
    kind: str
    severity: Severity
    first_seen_at: datetime
    last_seen_at: datetime
    source: str = ""
    sink: str = ""
    sku: str = ""
    size: int = 1
    data: Mapping[str, Any] = field(factory=dict[str, Any])
    times: int = 1
    returns: int = 0
    gone_at: datetime | None = None
    recovered_at: datetime | None = None
    told_at: datetime | None = None
    told_severity: Severity | None = None
    told_size: int | None = None
    silenced_until: datetime | None = None
    silenced_by: str | None = None

    @property
    def stands(self) -> bool:
        """Whether it still needs a person."""
        return self.recovered_at is None


_COLUMNS = (
    "subject, kind, severity, first_seen_at, last_seen_at, source, sink, sku, size, data, times, returns, "
    "gone_at, recovered_at, told_at, told_severity, told_size, silenced_until, silenced_by"
)

_ANEW = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ") if name != "subject")


class Troubles:
    """The table of alerts."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def rows(self, *, over: bool = False) -> list[Trouble]:
        """Return what stands, the worst and the newest first; with `over` also what is over."""
        where = "" if over else "WHERE recovered_at IS NULL"
        return [
            _trouble(row)
            for row in self._db.query(
                f"SELECT {_COLUMNS} FROM alerts {where} ORDER BY recovered_at IS NOT NULL, "
                "severity = 'critical' DESC, coalesce(recovered_at, first_seen_at) DESC, subject"
            )
        ]

    def of(self, subject: str) -> Trouble | None:
        """Return the trouble of a subject, whether it stands or is over."""
        row = self._db.one(f"SELECT {_COLUMNS} FROM alerts WHERE subject = ?", (subject,))
        return None if row is None else _trouble(row)

    def concerned(self, subjects: Iterable[str]) -> dict[str, Trouble]:
        """Return by subject what stands, and what is over of these subjects."""
        rows = self._db.query(
            f"SELECT {_COLUMNS} FROM alerts WHERE recovered_at IS NULL OR subject IN texts(?)",
            (ids(subjects),),
        )
        return {row[0]: _trouble(row) for row in rows}

    def counts(self) -> dict[str, int]:
        """Return how many stand of each severity."""
        return dict(
            self._db.query("SELECT severity, count(*) FROM alerts WHERE recovered_at IS NULL GROUP BY 1")
        )

    def save(self, rows: Iterable[Trouble]) -> None:
        """Keep these as they are now; inside a transaction."""
        self._db.executemany(
            f"INSERT INTO alerts ({_COLUMNS}) VALUES ({', '.join('?' * 19)}) "
            f"ON CONFLICT (subject) DO UPDATE SET {_ANEW}",
            [
                (
                    row.subject, row.kind, row.severity, as_text(row.first_seen_at),
                    as_text(row.last_seen_at), row.source, row.sink, row.sku, row.size,
                    json.dumps(row.data, ensure_ascii=False), row.times, row.returns, _text(row.gone_at),
                    _text(row.recovered_at), _text(row.told_at), row.told_severity, row.told_size,
                    _text(row.silenced_until), row.silenced_by,
                )
                for row in rows
            ],
        )  # fmt: skip

    def silence(self, subject: str, until: datetime | None, actor: str) -> Trouble | None:
        """Tell nobody of a subject until then, or (None) tell again; returns it, None if it is not known."""
        with self._db.transaction():
            known = self.of(subject)
            if known is None:
                return None
            silenced = evolve(known, silenced_until=until, silenced_by=actor if until else None)
            self.save([silenced])
            return silenced

    def forget_old(self, now: datetime) -> None:
        """Let go what has been over for long."""
        self._db.execute("DELETE FROM alerts WHERE recovered_at < ?", (as_text(now - KEPT),))


def _trouble(row: tuple[Any, ...]) -> Trouble:
    first, last = as_datetime(row[3]), as_datetime(row[4])
    assert first is not None
    assert last is not None
    return Trouble(
        row[0], row[1], row[2], first, last, row[5], row[6], row[7], row[8], json.loads(row[9]), row[10],
        row[11], as_datetime(row[12]), as_datetime(row[13]), as_datetime(row[14]), row[15], row[16],
        as_datetime(row[17]), row[18],
    )  # fmt: skip


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else as_text(moment)
