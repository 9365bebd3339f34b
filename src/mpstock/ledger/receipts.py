"""What was brought to the service under a key of the sender's, and how it was answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.ledger.database import as_text, rows_of

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["Receipt", "Receipts"]

_AT_A_TIME = 5_000
"""Rows that one call of `prune` deletes at most: the others who want the ledger get their turn."""


@frozen
class Receipt:
    """One thing that was brought: `key` names it among those of its `sender`, `digest` is of what it said."""

    sender: str
    key: str
    digest: str


class Receipts:
    """The receipts that are kept; all methods but `prune` run inside the transaction of what was brought."""

    def __init__(self, database: Database) -> None:
        self.db = database

    def find(self, receipts: Sequence[Receipt]) -> Mapping[tuple[str, str], tuple[str, str]]:
        """Return (digest, answer) by (sender, key) of those that were brought before."""
        if not receipts:
            return {}
        wanted = rows_of((receipt.sender, receipt.key) for receipt in receipts)
        return {
            (sender, key): (digest, answer)
            for sender, key, digest, answer in self.db.query(
                "SELECT r.sender, r.key, r.digest, r.answer FROM each_row(?) AS wanted JOIN receipts AS r "
                "ON r.sender = item(wanted.value, 0) AND r.key = item(wanted.value, 1)",
                (wanted,),
            )
        }

    def keep(self, answered: Sequence[tuple[Receipt, str]], now: datetime) -> None:
        """Keep what was brought now, with its answer."""
        moment = as_text(now)
        self.db.executemany(
            "INSERT INTO receipts (sender, key, digest, answer, received_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            [(receipt.sender, receipt.key, receipt.digest, answer, moment) for receipt, answer in answered],
        )

    def prune(self, before: datetime, sender: str | None = None) -> int:
        """Forget what one sender, or all, brought before a moment; returns how many, 5,000 at most."""
        narrowed, chosen = ("", ()) if sender is None else (" AND sender = ?", (sender,))
        with self.db.transaction(durable=False):
            return self.db.affected(
                "DELETE FROM receipts WHERE (sender, key) IN "
                f"(SELECT sender, key FROM receipts WHERE received_at < ?{narrowed} LIMIT {_AT_A_TIME})",
                (as_text(before), *chosen),
            )
