"""Who may write to a sink, and until when: one row for each sink, whose token rises with every taking."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text, ids
from mpstock.owners import described

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["Holder", "Leases", "Taken"]

_COLUMNS = "name, holder, token, acquired_at, renewed_at, expires_at, deadline, command"


@frozen
class Holder:
    """Who holds the lease of a sink. `deadline` is the longest that one of its requests may take.

    `owner` is the process as `mpstock.owners` names it.
    """

    sink: str
    owner: str
    token: int
    since: datetime
    renewed_at: datetime
    expires_at: datetime
    deadline: timedelta
    command: str

    def __str__(self) -> str:
        host, process = described(self.owner)
        who = self.command or "a program"
        return f"{who}, process {process} on {host}, since {self.since:%Y-%m-%d %H:%M:%S}Z"


@frozen
class Taken:
    """A lease that was taken.

    `late_until`: until then a request of the one who held it before and has not given it back may arrive;
    None where that one has given it back, or has surely ended.
    """

    token: int
    expires_at: datetime
    late_until: datetime | None = None


class Leases:
    """The leases of the sinks."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def take(
        self,
        sink: str,
        owner: str,
        now: datetime,
        *,
        length: timedelta,
        deadline: timedelta,
        command: str,
        gone: Callable[[str], bool],
    ) -> Taken | Holder:
        """Take the lease of a sink, or return who holds it; in a transaction.

        It is free when it was given back, when it has run out, and when its holder has surely ended (`gone`,
        asked with the owner's name). One that runs for longer than its whole length was written while a clock
        was ahead: it is cut to that, so that it ends. A holder that lives renews it.
        """
        before = self._row(sink)
        token = 1
        late_until = None
        if before is not None:
            token = before.token + 1
            ended = before.owner in ("", owner) or gone(before.owner)
            if not ended:
                if before.expires_at > now:
                    self._cut(before, now)
                    return before
                # It sends nothing that may take longer than its lease; the deadline more is for its clock.
                late_until = before.expires_at + before.deadline
        expires_at = now + length
        self.db.execute(
            f"INSERT INTO leases ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE "
            "SET holder = excluded.holder, token = excluded.token, acquired_at = excluded.acquired_at, "
            "renewed_at = excluded.renewed_at, expires_at = excluded.expires_at, "
            "deadline = excluded.deadline, command = excluded.command",
            (
                sink, owner, token, as_text(now), as_text(now), as_text(expires_at),
                deadline.total_seconds(), command,
            ),
        )  # fmt: skip
        return Taken(token, expires_at, late_until)

    def _cut(self, holder: Holder, now: datetime) -> None:
        length = holder.expires_at - holder.renewed_at
        if holder.expires_at - now > length:
            self.db.execute(
                "UPDATE leases SET renewed_at = ?, expires_at = ? WHERE name = ?",
                (as_text(now), as_text(now + length), holder.sink),
            )

    def renew(self, sink: str, token: int, now: datetime, length: timedelta) -> datetime | None:
        """Let a lease run for its whole length from now; returns until when, None if it is another's."""
        expires_at = now + length
        renewed = self.db.affected(
            "UPDATE leases SET renewed_at = ?, expires_at = ? WHERE name = ? AND token = ? AND holder <> ''",
            (as_text(now), as_text(expires_at), sink, token),
        )
        return expires_at if renewed else None

    def tokens(self, sinks: Collection[str]) -> dict[str, int]:
        """Return the token of each lease of these sinks that somebody has."""
        return dict(
            self.db.query(
                "SELECT name, token FROM leases WHERE name IN texts(?) AND holder <> ''", (ids(sinks),)
            )
        )

    def give_back(self, sink: str, token: int, now: datetime) -> None:
        """End a lease, if it is still the one of that token."""
        self.db.execute(
            "UPDATE leases SET holder = '', expires_at = ? WHERE name = ? AND token = ?",
            (as_text(now), sink, token),
        )

    def holder(self, sink: str) -> Holder | None:
        """Return who has the lease of a sink, run out or not; None where it was given back."""
        row = self._row(sink)
        return row if row is not None and row.owner else None

    def holders(self, now: datetime, gone: Callable[[str], bool]) -> list[Holder]:
        """Return the leases that keep others from writing now."""
        rows = [_holder(row) for row in self.db.query(f"SELECT {_COLUMNS} FROM leases ORDER BY name")]
        return [row for row in rows if row.owner and row.expires_at > now and not gone(row.owner)]

    def unanswered(self, sinks: Collection[str]) -> list[str]:
        """Return the sinks beside these that something was sent to without an outcome so far."""
        return [
            row[0]
            for row in self.db.query(
                "SELECT DISTINCT marketplace FROM marketplace_stocks WHERE in_flight IS NOT NULL"
            )
            if row[0] not in sinks
        ]

    def _row(self, sink: str) -> Holder | None:
        row = self.db.one(f"SELECT {_COLUMNS} FROM leases WHERE name = ?", (sink,))
        return None if row is None else _holder(row)


def _holder(row: Sequence[Any]) -> Holder:
    return Holder(
        row[0], row[1], row[2], _moment(row[3]), _moment(row[4]), _moment(row[5]),
        timedelta(seconds=row[6]), row[7],
    )  # fmt: skip


def _moment(text: str) -> datetime:
    moment = as_datetime(text)
    assert moment is not None
    return moment
