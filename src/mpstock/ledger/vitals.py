"""How the ledger is, in a few numbers that cost little however many listings there are."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.errors import LedgerError
from mpstock.ledger.database import as_datetime
from mpstock.ledger.migrating import HEAD
from mpstock.ledger.stocks import LANES

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["InFlight", "Vitals"]

_MEGABYTE = 1024 * 1024

ROOM = 32 * _MEGABYTE
"""Bytes that a disk must have left: a run may write so much before anybody looks again."""


@frozen
class InFlight:
    """The batches that a sink has not answered yet, and since when each is under way."""

    sink: str
    since: tuple[datetime, ...]


class Vitals:
    """Whether the ledger can do its work, and how much of it waits."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def check(self) -> None:
        """Make sure that it can be written, has room, and has the tables of this version.

        Raises:
            LedgerError: what is wrong.
        """
        # It takes the lock for writing, which a file or a disk that is read-only does not give.
        with self.db.transaction(durable=False):
            version = self.db.scalar("SELECT version_num FROM alembic_version")
        if version != HEAD:
            raise LedgerError(
                f"its tables are of version {version}, and this process knows {HEAD}: "
                "another mpstock has changed them; start this one anew"
            )
        left = self._left()
        if left is not None and left < ROOM:
            raise LedgerError(f"its disk has {left // _MEGABYTE} MB left")

    def _left(self) -> int | None:
        import shutil

        return None if self.db.file is None else shutil.disk_usage(self.db.file.parent).free

    def size(self) -> int:
        """Return how many bytes it takes on the disk, with what is not merged into the file yet."""
        return self.db.size()

    def depth(self) -> dict[tuple[str, str], int]:
        """Return how many changes wait, by sink and lane; `kept` are those that may not go by now.

        Counted in the indexes alone: there may be as many as listings, and somebody asks every few seconds.
        """
        ready = self.db.query(
            "SELECT marketplace, lane, count(*) FROM marketplace_stocks WHERE ready = 1 GROUP BY 1, 2"
        )
        found = {(sink, LANES[lane]): count for sink, lane, count in ready if lane is not None}
        for sink, count in self.db.query(
            "SELECT marketplace, count(*) FROM marketplace_stocks WHERE lane IS NOT NULL GROUP BY 1"
        ):
            found[sink, "kept"] = count - sum(found.get((sink, lane), 0) for lane in LANES)
        return found

    def in_flight(self) -> list[InFlight]:
        """Return by sink what has been sent and not answered."""
        found: dict[str, list[datetime]] = {}
        for sink, started in self.db.query(
            "SELECT p.marketplace, p.started_at FROM pushes AS p WHERE p.id IN "
            "(SELECT DISTINCT in_flight FROM marketplace_stocks WHERE in_flight IS NOT NULL) ORDER BY p.id"
        ):
            if (since := as_datetime(started)) is not None:
                found.setdefault(sink, []).append(since)
        return [InFlight(sink, tuple(since)) for sink, since in found.items()]

    def held(self) -> dict[tuple[str, str], int]:
        """Return how many changes each guard holds, by (sink, guard)."""
        rows = self.db.query(
            "SELECT marketplace, held, count(*) FROM marketplace_stocks "
            "WHERE lane IS NOT NULL AND held IS NOT NULL GROUP BY 1, 2"
        )
        return {(sink, guard): count for sink, guard, count in rows}

    def failing(self) -> dict[str, int]:
        """Return how many listings of each sink were refused when they were sent last."""
        return dict(
            self.db.query(
                "SELECT marketplace, count(*) FROM marketplace_stocks WHERE failures > 0 GROUP BY 1"
            )
        )
