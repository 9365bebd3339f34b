"""A ledger as somebody sees it who has its database and no respect: statements, past the library."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from mpstock.ledger.log_schema import TRIGGERS
from tests import ledgers, postgres

__all__ = ["ByHand", "by_hand", "everything", "held", "tampering"]


class ByHand:
    """A connection to the database of one ledger, whichever it is."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Run a statement with `?` for each parameter; returns a cursor."""
        if isinstance(self._connection, sqlite3.Connection):
            return self._connection.execute(sql, parameters)
        from mpstock.ledger.literals import bound

        return self._connection.execute(bound(sql, parameters))

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row."""
        for row in rows:
            self.execute(sql, row)

    def executescript(self, sql: str) -> None:
        """Run several statements."""
        for statement in sql.split(";"):
            self.execute(statement)


@contextmanager
def by_hand(path: Path) -> Iterator[ByHand]:
    """Look into the ledger of a file, or of the tenant that has its name; what is written is kept."""
    if not ledgers.ON_POSTGRES:
        connection = sqlite3.connect(path, timeout=30)
        try:
            with connection:
                yield ByHand(connection)
        finally:
            connection.close()
        return
    with _tenant(path) as opened:
        yield ByHand(opened)


@contextmanager
def tampering(path: Path) -> Iterator[ByHand]:
    """Look into it as `by_hand` does, with the triggers gone meanwhile."""
    if ledgers.ON_POSTGRES:
        with _tenant(path) as opened:
            yield ByHand(opened)
        return
    with by_hand(path) as hand:
        for name in TRIGGERS:
            hand.execute(f"DROP TRIGGER {name}")
        yield hand
        for statement in TRIGGERS.values():
            hand.execute(statement)


def everything(path: Path) -> bytes:
    """Return all that a ledger keeps, as it is kept."""
    if not ledgers.ON_POSTGRES:
        return b"".join(part.read_bytes() for part in path.parent.glob(f"{path.name}*"))
    with _tenant(path) as opened:
        tables = opened.execute(
            "SELECT oid::regclass FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY relname"
        ).fetchall()
        texts = [
            text
            for (table,) in tables
            for (text,) in opened.execute(f"SELECT whole::text FROM {table} AS whole ORDER BY 1")
        ]
    return "\n".join(texts).encode()


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the ledger as another process does that writes to it."""
    if ledgers.ON_POSTGRES:
        with _tenant(path) as opened, opened.transaction():
            opened.execute("UPDATE tenants SET writes = writes WHERE name = %s", (ledgers.tenant_of(path),))
            yield
        return
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def _tenant(path: Path) -> Iterator[Any]:
    """Connect as SQLite's own shell does: no foreign key is looked at; and here no trigger either."""
    with postgres.server().admin(ledgers.shared_database()) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(f"SET ROLE {postgres.ROLE}")
        admin.execute(
            "SELECT set_config('mpstock.tenant', id::text, false) FROM tenants WHERE name = %s",
            (ledgers.tenant_of(path),),
        )
        yield admin
