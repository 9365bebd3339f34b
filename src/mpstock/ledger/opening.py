"""Which database a ledger's URL means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["open_database"]


def open_database(url: str) -> Database:
    """Connect to the database of a ledger.

    Raises:
        ConfigurationError: the URL cannot be used.
        LedgerLockedError: another process holds it.
        LedgerFullError: it cannot be written.
    """
    from mpstock.ledger.sqlite import SqliteDatabase

    return SqliteDatabase(url)
