"""New ledgers that cost little: what the migrations make is made once in a process, and copied.

With `MPSTOCK_TEST_LEDGER=postgresql` in the environment every ledger that a test opens in its own process is
a tenant of one PostgreSQL, named by the file that it would be (`elsewhere`); what is SQLite's own bears the
mark `sqlite`. Programs that a test starts read of it in their settings (`settings_of`).

A fresh ledger takes Alembic some 40 ms, ten times what opening one takes, and thousands of tests begin with
one. `tests/ledger` and everything that runs as a process of its own go through the migrations themselves.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mpstock.ledger import migrating
from mpstock.ledger.opening import DEFAULT_TENANT, is_postgres, open_database
from mpstock.ledger.sqlite import SqliteDatabase
from tests import postgres

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from mpstock.ledger.database import Database

__all__ = [
    "ON_POSTGRES",
    "copied",
    "elsewhere",
    "listen",
    "migrated",
    "settings_of",
    "shared_database",
    "tenant_of",
]

ON_POSTGRES = os.environ.get("MPSTOCK_TEST_LEDGER", "sqlite") == "postgresql"
"""Whether the tests are to run on PostgreSQL."""

_MIGRATE = migrating.migrate


@cache
def _statements() -> tuple[str, ...]:
    """What SQL makes of an empty database what the migrations make of it."""
    database = SqliteDatabase("sqlite://")
    try:
        with database._engine.connect() as connection:
            _MIGRATE(connection, "a template")
            driver: Any = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)
            return tuple(one for one in driver.iterdump() if one not in ("BEGIN TRANSACTION;", "COMMIT;"))
    finally:
        database.close()


def _migrate(connection: Connection, place: str) -> None:
    if _is_empty(connection):
        statements = _statements()
        with connection.begin():
            # Another process may have been first.
            if _is_empty(connection):
                for statement in statements:
                    connection.exec_driver_sql(statement)
    _MIGRATE(connection, place)


def _is_empty(connection: Connection) -> bool:
    driver: Any = connection.connection.driver_connection
    return driver.execute("SELECT 1 FROM sqlite_master").fetchone() is None


def listen(database: Database, hear: Callable[[str], object] | None) -> None:
    """Let each statement be heard that the database is given from now on, with its values; None: no more."""
    if isinstance(database, SqliteDatabase):
        database._driver.set_trace_callback(hear)
    else:
        heard: Any = database
        heard.hear = hear


@contextmanager
def copied() -> Iterator[None]:
    """Let the ledgers that are opened within be copies where they are new."""
    before, migrating.migrate = migrating.migrate, _migrate
    try:
        yield
    finally:
        migrating.migrate = before


@contextmanager
def migrated() -> Iterator[None]:
    """Let the ledgers that are opened within go through the migrations, as everybody's do."""
    before, migrating.migrate = migrating.migrate, _MIGRATE
    try:
        yield
    finally:
        migrating.migrate = before


@cache
def shared_database() -> str:
    """Return the name of the one PostgreSQL database of this process, with the tables of a ledger."""
    name = postgres.server().create_database()
    database = open_database(postgres.server().url(name))
    database.migrate()
    database.close()
    return name


def tenant_of(path: object) -> str:
    """Return the tenant that stands for a ledger's file."""
    return str(path)


def settings_of(path: Path) -> dict[str, str]:
    """Return the table `[ledger]` for the ledger of a file that lies beside the settings."""
    if not ON_POSTGRES:
        return {"url": f"sqlite:///{path.name}"}
    return {"url": postgres.server().url(shared_database()), "tenant": tenant_of(path)}


_unnamed = count(1)


def _opened(url: str, tenant: str = DEFAULT_TENANT) -> Database:
    if is_postgres(url):
        return open_database(url, tenant)
    path = url.removeprefix("sqlite://").removeprefix("/")
    name = tenant_of(path or f"in memory {next(_unnamed)}")
    return open_database(postgres.server().url(shared_database()), name)


@contextmanager
def elsewhere() -> Iterator[None]:
    """Let the ledgers that are opened within be tenants of a PostgreSQL, where they would be files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mpstock.ledger.open_database", _opened)
        yield
