"""New ledgers that cost little: what the migrations make is made once in a process, and copied.

A fresh ledger takes Alembic some 40 ms, ten times what opening one takes, and thousands of tests begin with
one. `tests/ledger` and everything that runs as a process of its own go through the migrations themselves.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from mpstock.ledger import migrating
from mpstock.ledger.sqlite import SqliteDatabase

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from mpstock.ledger.database import Database

__all__ = ["copied", "listen", "migrated"]

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
    assert isinstance(database, SqliteDatabase)
    database._driver.set_trace_callback(hear)


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
