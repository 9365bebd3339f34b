"""The migrations on PostgreSQL: the same chain, and what each table has there that a file does not need.

The tables of a file are one shop's. On PostgreSQL each has a column `tenant` before all others, which begins
every key and index, and row-level security that its owner is under as well. Rows are numbered for each tenant
by itself, as in a file: the sync log of a tenant has no gaps, whatever the others write.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
from alembic.ddl.impl import DefaultImpl
from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    text,
)
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from mpstock.ledger.migrating import upgrade_through
from mpstock.ledger.postgres_errors import translated
from mpstock.ledger.postgres_parts import WALL

__all__ = ["PARTITIONED", "LedgerDialect", "LedgerImpl", "upgrade"]

_NAME = "mpstock_postgresql"

_LOCK = "SELECT pg_advisory_xact_lock(hashtext('mpstock: migrations'))"

PARTITIONED = {"stock_sync_log": "synced_at"}
"""The tables that lie in parts by month, and the column with the moment."""

_TYPES = {
    "TEXT": 'text COLLATE "C"',
    "DATETIME": 'text COLLATE "C"',
    "INTEGER": "bigint",
    "BOOLEAN": "bigint",
    "FLOAT": "double precision",
}
"""What sorts and compares as in SQLite."""

_TENANT = "tenant bigint NOT NULL DEFAULT current_setting('mpstock.tenant')::bigint"

_FIRST = (
    "CREATE TABLE tenants (id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, "
    'name text COLLATE "C" NOT NULL UNIQUE, writes bigint NOT NULL DEFAULT 0) WITH (fillfactor = 20)'
)
"""Who has rows here. `writes` is counted up by each of a tenant's transactions, which so come one by one."""


class LedgerDialect(PGDialect_psycopg):
    """PostgreSQL under a name of its own, so that what is said of it here holds for ledgers alone."""

    name = _NAME
    supports_statement_cache = True


registry.register(f"{_NAME}.psycopg", __name__, "LedgerDialect")


class LedgerImpl(DefaultImpl):
    """What the operations of a migration become."""

    __dialect__ = _NAME
    transactional_ddl = True

    def create_table(self, table: Table, **_: Any) -> None:
        """Make a table with its tenant, its numbers and its row-level security."""
        name, month = table.name, PARTITIONED.get(table.name)
        lines = [_TENANT, *(_column(column) for column in table.columns)]
        lines += [line for rule in table.constraints if (line := _constraint(rule, month))]
        parts = f" PARTITION BY RANGE ({month})" if month else ""
        self._run(f"CREATE TABLE {name} ({', '.join(lines)}){parts}")
        if "id" in table.columns and month is None:
            self._run(
                f"CREATE FUNCTION next_{name}() RETURNS bigint LANGUAGE plpgsql AS "
                f"$$BEGIN RETURN (SELECT coalesce(max(id), 0) + 1 FROM {name}); END$$"
            )
            self._run(f"ALTER TABLE {name} ALTER id SET DEFAULT next_{name}()")
        self._run(WALL.format(name))
        if month:
            self._run(f"CREATE TABLE {name}_rest PARTITION OF {name} DEFAULT")
            self._run(WALL.format(f"{name}_rest"))
        for index in table.indexes:
            self.create_index(index)

    def drop_table(self, table: Table, **_: Any) -> None:
        """Remove a table, and what numbers its rows."""
        self._run(f"DROP TABLE {table.name}")
        self._run(f"DROP FUNCTION IF EXISTS next_{table.name}()")

    def add_column(self, table_name: str, column: Column[Any], **_: Any) -> None:
        """Add a column."""
        self._run(f"ALTER TABLE {table_name} ADD COLUMN {_column(column)}")

    def create_index(self, index: Index, **_: Any) -> None:
        """Make an index, by tenant first."""
        assert index.table is not None
        columns = ", ".join(["tenant", *(column.name for column in index.columns)])
        where = index.dialect_options["sqlite"]["where"]
        narrowed = "" if where is None else f" WHERE {where}"
        unique = "UNIQUE " if index.unique else ""
        self._run(f"CREATE {unique}INDEX {index.name} ON {index.table.name} ({columns}){narrowed}")

    def _run(self, statement: str) -> None:
        assert self.connection is not None
        self.connection.exec_driver_sql(statement)


def _column(column: Column[Any]) -> str:
    told = f"{column.name} {_TYPES[type(column.type).__visit_name__.upper()]}"
    if column.computed is not None:
        return f"{told} GENERATED ALWAYS AS ({column.computed.sqltext}) STORED"
    if column.server_default is not None:
        default = str(column.server_default.arg)  # type: ignore[attr-defined]
        told += " DEFAULT '" + default.replace("'", "''") + "'"
    return told if column.nullable else f"{told} NOT NULL"


def _constraint(rule: Any, month: str | None) -> str | None:
    if isinstance(rule, CheckConstraint):
        return None
    own = ["tenant", *(column.name for column in rule.columns)]
    if isinstance(rule, PrimaryKeyConstraint):
        return f"CONSTRAINT {rule.name} PRIMARY KEY ({', '.join([*own, month] if month else own)})"
    if isinstance(rule, UniqueConstraint):
        return f"CONSTRAINT {rule.name} UNIQUE ({', '.join(own)})"
    assert isinstance(rule, ForeignKeyConstraint)
    table = rule.elements[0].target_fullname.partition(".")[0]
    theirs = ["tenant", *(element.target_fullname.partition(".")[2] for element in rule.elements)]
    return f"CONSTRAINT {rule.name} FOREIGN KEY ({', '.join(own)}) REFERENCES {table} ({', '.join(theirs)})"


def upgrade(connect: Callable[[], psycopg.Connection[Any]], where: str) -> None:
    """Bring the tables to this version's schema, in one transaction; whoever comes meanwhile waits.

    Raises:
        LedgerVersionError: they have become those of a newer version in the meantime.
    """
    engine = create_engine(f"{_NAME}+psycopg://", creator=connect, poolclass=NullPool)
    event.listen(engine, "connect", _by_hand)
    try:
        with engine.connect() as connection, connection.begin():
            connection.exec_driver_sql(_LOCK)
            if connection.scalar(text("SELECT to_regclass('tenants') IS NULL")):
                connection.exec_driver_sql(_FIRST)
            upgrade_through(connection)
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise translated(error.orig, where) from error
        raise
    finally:
        engine.dispose()


def _by_hand(connection: psycopg.Connection[Any], _record: Any) -> None:
    # What commits each statement by itself is for the ledger's own connection.
    connection.autocommit = False
