"""Which database a ledger's URL means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpstock.errors import ConfigurationError

if TYPE_CHECKING:
    from mpstock.ledger.database import Database

__all__ = ["DEFAULT_TENANT", "is_postgres", "open_database"]

DEFAULT_TENANT = "default"
"""Whose rows they are where the settings do not say."""


def is_postgres(url: str) -> bool:
    """Say whether a URL means PostgreSQL."""
    return url.partition("://")[0].partition("+")[0] in ("postgres", "postgresql")


def open_database(url: str, tenant: str = DEFAULT_TENANT) -> Database:
    """Connect to the database of a ledger.

    Raises:
        ConfigurationError: the URL cannot be used.
        LedgerLockedError: another process holds it.
        LedgerFullError: it cannot be written.
        LedgerError: it cannot be reached.
    """
    if not is_postgres(url):
        from mpstock.ledger.sqlite import SqliteDatabase

        return SqliteDatabase(url)
    try:
        from mpstock.ledger.postgres import PostgresDatabase
    except ImportError as error:
        if error.name is None or not error.name.startswith("psycopg"):
            raise
        raise ConfigurationError(
            "a ledger on PostgreSQL needs psycopg: pip install 'mpstock[postgres]'", place="[ledger] url"
        ) from error
    return PostgresDatabase(url, tenant)
