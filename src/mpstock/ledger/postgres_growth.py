"""Has PostgreSQL look anew at tables that a first run fills.

It plans a statement by what it knows of a table, and looks at one by itself a minute or more after it has
grown. Until then it believes a table to be nearly empty, and joins thousands of rows with thousands, each
with each: a first run over a new database would take the square of its products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from mpstock.ledger import many

__all__ = ["Growth"]

_FIRST = 1_000
"""Rows after which it is looked at for the first time; then each time when there are ten times as many."""

_SHARE = 10
"""Where a table has more than so many times the rows that came, what is known of it still holds."""


class Growth:
    """How many rows one connection has put into each table."""

    def __init__(self) -> None:
        self._rows: Counter[str] = Counter()
        self._next: dict[str, int] = {}

    def add(self, sql: str, rows: int) -> None:
        """Note that a statement was given so many rows; what puts none in is left out."""
        table = many.table_of(sql)
        if table is not None:
            self._rows[table] += rows

    def look(self, send: Callable[[str], Any]) -> None:
        """Have the server look at each table that has grown; `send` sends one statement, in no transaction.

        A table that somebody else looks at, or changes, is left alone.
        """
        for table, rows in self._rows.items():
            if rows < self._next.get(table, _FIRST):
                continue
            self._next[table] = 10 * rows
            known = send(f"SELECT reltuples FROM pg_class WHERE oid = '{table}'::regclass").fetchone()
            if known is not None and known[0] < _SHARE * rows:
                send(f"ANALYZE (SKIP_LOCKED) {table}")
