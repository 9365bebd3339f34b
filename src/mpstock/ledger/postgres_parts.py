"""The parts of the sync log on PostgreSQL: one for each month, made ahead, and gone when nothing is in it.

What lies in no month that was made is in the part `stock_sync_log_rest`. A month that has rows there cannot
be made any more: they stay, and nothing but their place is different.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg

__all__ = ["AHEAD", "WALL", "made_ahead", "months", "over"]

AHEAD = 3
"""Months that are made before they come."""

_NAME = re.compile(r"stock_sync_log_(\d{4})_(\d{2})")

_PATIENCE = "SET LOCAL lock_timeout = '2s'"
"""Whoever reads or writes the log goes before its order."""

_LATER = (psycopg.errors.LockNotAvailable, psycopg.errors.CheckViolation, psycopg.errors.DuplicateTable)

WALL = (
    "ALTER TABLE {0} ENABLE ROW LEVEL SECURITY; ALTER TABLE {0} FORCE ROW LEVEL SECURITY; "
    "CREATE POLICY own_rows ON {0} USING (tenant = current_setting('mpstock.tenant')::bigint); "
    # Of a tenant that was not there when the table was last looked at, PostgreSQL would believe that it has
    # no rows, and go over all of them for each one that it is asked for. Without figures it takes every
    # tenant to have an even part.
    "ALTER TABLE {0} ALTER tenant SET STATISTICS 0"
)
"""What lets nobody see or write rows of another tenant in a table, its owner included."""


def months(now: datetime, count: int) -> Iterator[tuple[str, str, str]]:
    """Yield (part, the first text in it, the first after it) for this month and those that follow."""
    number = now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1
    for month in range(number, number + count + 1):
        first, after = (f"{one // 12:04}-{one % 12 + 1:02}" for one in (month, month + 1))
        yield f"stock_sync_log_{first.replace('-', '_')}", first, after


def made_ahead(connection: psycopg.Connection[Any], now: datetime) -> int:
    """Make the months that are not there; returns how many were made. What cannot be now is tried again."""
    count = 0
    for name, first, after in months(now, AHEAD):
        if _there(connection, name):
            continue
        count += _done(
            connection,
            f"CREATE TABLE {name} PARTITION OF stock_sync_log FOR VALUES FROM ('{first}') TO ('{after}'); "
            f"{WALL.format(name)}",
        )
    return count


def over(connection: psycopg.Connection[Any], before: datetime) -> int:
    """Remove the months before a moment in which no tenant has a row any more; returns how many."""
    limit = next(months(before, 0))[0]
    names = connection.execute(
        "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = 'stock_sync_log'::regclass ORDER BY c.relname"
    ).fetchall()
    count = 0
    for (name,) in names:
        if _NAME.fullmatch(str(name)) and str(name) < limit:
            # The walls keep us from seeing whether others have rows in it. A rule that no row keeps is held
            # against all of them.
            count += _done(connection, f"ALTER TABLE {name} ADD CHECK (false); DROP TABLE {name}")
    return count


def _there(connection: psycopg.Connection[Any], name: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone()
    return row is not None and bool(row[0])


def _done(connection: psycopg.Connection[Any], statements: str) -> bool:
    """Run statements as one transaction; False where they have to wait, or are somebody else's to run."""
    try:
        connection.execute(f"{_PATIENCE}; {statements}".encode())
    except (*_LATER, psycopg.errors.InsufficientPrivilege):
        return False
    return True
