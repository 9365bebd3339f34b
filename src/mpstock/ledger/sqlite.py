"""The ledger in one file: SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mpstock.errors import ConfigurationError, LedgerError, LedgerFullError, LedgerLockedError
from mpstock.ledger import database
from mpstock.ledger.database import Database
from mpstock.ledger.dialect import for_sqlite

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["SqliteDatabase"]


class SqliteDatabase(Database):
    """The ledger's SQLite file.

    Raises:
        ConfigurationError: the URL names no file that could be one.
    """

    def __init__(self, url: str, *, journal: Literal["WAL", "DELETE"] = "WAL") -> None:
        super().__init__()
        from sqlalchemy import create_engine, event, make_url
        from sqlalchemy.exc import ArgumentError
        from sqlalchemy.pool import StaticPool

        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise ConfigurationError(
                f"{url!r} is no database URL; write sqlite:///mpstock.db", place="[ledger] url"
            ) from error
        if parsed.get_backend_name() != "sqlite":
            raise ConfigurationError(
                f"{parsed.get_backend_name()!r} is not available in this version; write sqlite:///mpstock.db",
                place="[ledger] url",
            )
        self.place = parsed.database or ":memory:"
        if self.place != ":memory:":
            self.file = Path(self.place)
            folder = self.file.parent
            if not folder.is_dir():
                raise ConfigurationError(f"the folder {folder} does not exist", place="[ledger] url")
        self._engine: Engine = create_engine(
            parsed,
            poolclass=StaticPool,
            connect_args={"timeout": database.BUSY_TIMEOUT, "check_same_thread": False},
        )
        event.listen(self._engine, "connect", partial(_on_connect, journal))
        event.listen(self._engine, "begin", _on_begin)
        self._connection: Connection
        with self._mended():
            self._connection = self._engine.connect()
        self._durable = True

    def migrate(self) -> None:
        from mpstock.ledger.migrating import migrate

        with self._mended():
            migrate(self._connection, self.place)
        self._driver = self._raw()

    def _raw(self) -> sqlite3.Connection:
        raw = self._connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        return raw

    # ------------------------------------------------------------------ transactions

    def _begin(self, durable: bool) -> None:
        try:
            self._wait_for_disk(durable)
            self._driver.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise self._translate(error) from error
        self._depth = 1

    def _commit(self) -> None:
        try:
            self._driver.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._translate(error) from error
        self._depth = 0

    def _take_back(self) -> None:
        if self._driver.in_transaction:
            self._driver.execute("ROLLBACK")

    def _wait_for_disk(self, durable: bool) -> None:
        """Let the commits that follow wait for the disk, or not; outside of a transaction."""
        if durable is not self._durable:
            self._driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        if self._driver.in_transaction:
            yield
            return
        with self._mended():
            self._driver.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            self._driver.execute("ROLLBACK")

    def only_read(self) -> None:
        self._driver.execute("PRAGMA query_only = ON")

    # ------------------------------------------------------------------ statements

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        try:
            return self._driver.execute(for_sqlite(sql), parameters).fetchall()
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def iterate(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        try:
            yield from self._driver.execute(for_sqlite(sql), parameters)
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        try:
            return self._driver.execute(for_sqlite(sql), parameters).fetchone()
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self._run(sql, parameters)

    def affected(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        changed = self._run(sql, parameters).rowcount
        # The driver counts nothing of a statement that begins WITH something.
        return changed if changed >= 0 else int(self.scalar("SELECT changes()"))

    def insert(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        return self._run(sql, parameters).lastrowid or 0

    def _executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        try:
            if not self._depth:
                self._wait_for_disk(durable=True)
            self._driver.executemany(for_sqlite(sql), rows)
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def _run(self, sql: str, parameters: Sequence[Any]) -> sqlite3.Cursor:
        try:
            if not self._depth:
                self._wait_for_disk(durable=True)
            return self._driver.execute(for_sqlite(sql), parameters)
        except sqlite3.Error as error:
            raise self._translate(error) from error

    # ------------------------------------------------------------------ care

    def version(self) -> int:
        return int(self.scalar("PRAGMA data_version"))

    def damage(self, limit: int) -> list[str]:
        return [str(row[0]) for row in self.query(f"PRAGMA integrity_check({limit})") if row[0] != "ok"]

    def dangling(self) -> list[Any]:
        return self.query('SELECT "table", count(*) FROM pragma_foreign_key_check GROUP BY 1 ORDER BY 2 DESC')

    def shrink(self) -> bool:
        (busy, *_), *_ = self.query("PRAGMA wal_checkpoint(TRUNCATE)")
        return not busy

    def tend(self, now: datetime, kept_from: datetime) -> None:
        # A file wants nothing.
        return None

    def size(self) -> int:
        if self.file is None:
            return 0
        parts = [self.file, self.file.with_name(f"{self.file.name}-wal")]
        return sum(part.stat().st_size for part in parts if part.exists())

    def copy_to(
        self, target: sqlite3.Connection, *, pages: int, progress: Callable[[int, int, int], None]
    ) -> None:
        """Copy everything, so many pages at a time; in a `snapshot`, or a writer makes it start again."""
        self._driver.backup(target, pages=pages, progress=progress, sleep=0)

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()

    @contextmanager
    def _mended(self) -> Iterator[None]:
        from sqlalchemy.exc import DBAPIError

        try:
            yield
        except DBAPIError as error:
            raise self._translate(error.orig or error) from error
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def _translate(self, error: BaseException) -> LedgerError:
        text = str(error)
        lowered = text.lower()
        if "locked" in lowered or "busy" in lowered:
            return LedgerLockedError(
                f"{self.place}: another process has held the ledger for {database.BUSY_TIMEOUT:.0f} s "
                f"({text}); wait for it to end, or stop it, and run again"
            )
        if "full" in lowered or "disk i/o" in lowered:
            return LedgerFullError(
                f"{self.place}: the ledger cannot be written ({text}); free some space and run again: "
                "what was sent and not recorded is read back first"
            )
        if "readonly" in lowered or "unable to open" in lowered:
            return LedgerFullError(f"{self.place}: {text}; check the file's folder and its permissions")
        if "not a database" in lowered or "malformed" in lowered:
            return LedgerError(
                f"{self.place}: {text}; this is no ledger, or a damaged one: "
                "put it aside, or restore a backup"
            )
        return LedgerError(f"{self.place}: {text}")


def _on_connect(journal: str, connection: Any, _record: Any) -> None:
    # The driver's own transaction control would begin lazily and deadlock on upgrade to a write lock.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {int(database.BUSY_TIMEOUT * 1000)}",
        f"journal_mode = {journal}",
        "synchronous = FULL",
        "foreign_keys = ON",
        "cache_size = -65536",
        # A page that many commits change, of an index or of the queue, goes into the file once for all.
        "wal_autocheckpoint = 4000",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
