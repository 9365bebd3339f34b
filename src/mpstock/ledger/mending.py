"""Mends what can be worked out anew, each kind in one transaction; nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from attrs import define

from mpstock.ledger.database import as_text, ids
from mpstock.ledger.inspecting import ABANDONED, AHEAD, LOST_HOLDS, WRONG_HOLDS
from mpstock.ledger.order_rows import COLUMNS, OrderRow
from mpstock.ledger.stocks import contradicts, relane

if TYPE_CHECKING:
    from mpstock.ledger import Ledger

__all__ = ["CAUSE", "WAL", "Mending"]

WAL = "wal"
"""The finding that `Mending.shrink_wal` is for."""

CAUSE = "repair"
"""What the marks call a repair as the cause."""


@define
class Mending:
    """The repairs, by the codes of the findings that they are for."""

    ledger: Ledger
    now: datetime

    def repair(self, code: str) -> int:
        """Do one repair in one transaction; returns how many things it mended.

        Raises:
            KeyError: there is no such repair.
        """
        work: dict[str, Callable[[], int]] = {
            "states": self._states,
            "holds": self._holds,
            "lost_holds": self._lost_holds,
            "levels_ahead": self._levels,
            "cursors_ahead": self._cursors,
            "marks": self._marks,
            "runs": self._runs,
            "intents": self._intents,
        }
        with self.ledger.transaction():
            return work[code]()

    def _states(self) -> int:
        db = self.ledger.database
        wrong = db.query(f"SELECT id, product_id FROM marketplace_stocks WHERE {contradicts()}")
        # What becomes ready waits for a run that has judged it.
        db.execute(
            f"UPDATE marketplace_stocks SET {relane(parked='TRUE')} WHERE id IN ids(?)",
            (ids(row[0] for row in wrong),),
        )
        self.ledger.dirt.mark({row[1] for row in wrong}, CAUSE, self.now, soft=True)
        return len(wrong)

    def _holds(self) -> int:
        db = self.ledger.database
        wrong = sorted(db.query(WRONG_HOLDS))
        for sink, keys in groupby(wrong, key=lambda row: str(row[0])):
            rows = db.query(
                f"SELECT {COLUMNS} FROM orders WHERE marketplace = ? AND key IN texts(?)",
                (sink, ids(key for _, key in keys)),
            )
            self.ledger.orders.derive(sink, [OrderRow(*row) for row in rows], self.now)
        return len(wrong)

    def _lost_holds(self) -> int:
        lost = self.ledger.database.query(LOST_HOLDS)
        for origin, key in lost:
            self.ledger.holds.release(origin, key, self.now)
        return len(lost)

    def _levels(self) -> int:
        db = self.ledger.database
        condition = "as_of > ?"
        ahead = as_text(self.now + AHEAD)
        products = {
            row[0] for row in db.query(f"SELECT product_id FROM stock_levels WHERE {condition}", (ahead,))
        }
        count = db.affected(
            f"UPDATE stock_levels SET as_of = ? WHERE {condition}", (as_text(self.now), ahead)
        )
        self.ledger.dirt.mark(products, CAUSE, self.now, soft=True)
        return count

    def _cursors(self) -> int:
        # Read completely once more: nobody knows from when on it was not read.
        ahead = as_text(self.now + AHEAD)
        return self.ledger.database.affected(
            "UPDATE cursors SET cursor = NULL, read_at = NULL, full_at = NULL "
            "WHERE read_at > ? OR full_at > ?",
            (ahead, ahead),
        )

    def _marks(self) -> int:
        return self.ledger.database.affected(
            "DELETE FROM dirty WHERE product_id NOT IN (SELECT id FROM products)"
        )

    def _runs(self) -> int:
        return self.ledger.database.affected(
            "UPDATE runs SET finished_at = ?, status = 'failed', exit_code = 2 "
            "WHERE finished_at IS NULL AND started_at < ?",
            (as_text(self.now), as_text(self.now - ABANDONED)),
        )

    def _intents(self) -> int:
        # Whoever repairs has taken the leases, and with them what was on the wire of each sink.
        return 0

    def shrink_wal(self) -> int:
        """Give back the room of the write-ahead log; 0 when somebody still reads from it."""
        return int(self.ledger.database.shrink())
