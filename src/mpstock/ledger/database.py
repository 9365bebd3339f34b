"""One connection to the ledger's database: transactions, plain tuples, and errors that say what to do."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mpstock.errors import ConfigurationError, LedgerError, LedgerFullError, LedgerLockedError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["Database", "as_datetime", "as_json", "as_text", "ids"]

BUSY_TIMEOUT = 30.0
"""Seconds to wait for another process's write before the ledger counts as locked."""

_WIDTH = len("2026-01-12 09:00:00.000000")


def as_text(moment: datetime) -> str:
    """Return the moment as the ledger keeps it: UTC, fixed width, sorting as it stands."""
    return moment.astimezone(UTC).isoformat(" ", "microseconds")[:_WIDTH]


def as_datetime(text: str | None) -> datetime | None:
    """Return what `as_text` wrote as an aware datetime."""
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


as_json = json.JSONEncoder(ensure_ascii=False).encode
"""Writes a value as the ledger keeps it. `json.dumps` makes an encoder at each call that asks for more."""


def ids(values: Iterable[Any]) -> str:
    """Return values as the one parameter that `IN (SELECT value FROM json_each(?))` takes."""
    return as_json(list(values))


class Database:
    """The ledger's SQLite file behind one connection, used by one thread at a time.

    Rows go to and from the driver as plain tuples: per-row work of a heavier layer costs four to
    five times as much on the paths that see every product.
    """

    def __init__(self, url: str, *, journal: Literal["WAL", "DELETE"] = "WAL") -> None:
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
        if parsed.database not in (None, "", ":memory:"):
            folder = Path(self.place).parent
            if not folder.is_dir():
                raise ConfigurationError(f"the folder {folder} does not exist", place="[ledger] url")
        self._engine: Engine = create_engine(
            parsed,
            poolclass=StaticPool,
            connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False},
        )
        event.listen(self._engine, "connect", partial(_on_connect, journal))
        event.listen(self._engine, "begin", _on_begin)
        self._connection: Connection
        with self._mended():
            self._connection = self._engine.connect()
        self._depth = 0
        self._durable = True
        self.on_rollback: list[Callable[[], None]] = []

    def migrate(self) -> None:
        """Bring the tables to this version's schema."""
        from mpstock.ledger.migrating import migrate

        with self._mended():
            migrate(self._connection, self.place)
        self._driver = self._raw()

    def _raw(self) -> sqlite3.Connection:
        raw = self._connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        return raw

    def transaction(self, *, durable: bool = True) -> AbstractContextManager[None]:
        """One write transaction; nested ones join it. Rolled back as a whole on any exception.

        `durable` False leaves out the wait for the disk: a killed process still loses nothing,
        a machine that loses power may lose the last ones.
        """
        return _JOINED if self._depth else _Transaction(self, durable)

    def _begin(self, durable: bool) -> None:
        with self._mended():
            self._wait_for_disk(durable)
            self._driver.execute("BEGIN IMMEDIATE")
        self._depth = 1

    def _commit(self) -> None:
        with self._mended():
            self._driver.execute("COMMIT")
        self._depth = 0

    def _roll_back(self) -> None:
        self._depth = 0
        if self._driver.in_transaction:
            self._driver.execute("ROLLBACK")
        for forget in self.on_rollback:
            forget()

    def _wait_for_disk(self, durable: bool) -> None:
        """Let the commits that follow wait for the disk, or not; outside of a transaction."""
        if durable is not self._durable:
            self._driver.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let everything that is read within be as of one moment; writers are not kept waiting.

        Inside a transaction it is that one's.
        """
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
        """Refuse every write through this connection from now on."""
        self._driver.execute("PRAGMA query_only = ON")

    def copy_to(
        self, target: sqlite3.Connection, *, pages: int, progress: Callable[[int, int, int], None]
    ) -> None:
        """Copy everything, so many pages at a time; in a `snapshot`, or a writer makes it start again."""
        self._driver.backup(target, pages=pages, progress=progress, sleep=0)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return all rows as tuples."""
        try:
            return self._driver.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def iterate(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        """Yield rows one by one, so that memory does not grow with their number."""
        try:
            yield from self._driver.execute(sql, parameters)
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first row, or None."""
        try:
            return self._driver.execute(sql, parameters).fetchone()
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def scalar(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, or None."""
        row = self.one(sql, parameters)
        return None if row is None else row[0]

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement; return the number of rows it changed."""
        return self._run(sql, parameters).rowcount

    def insert(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one INSERT; return the id of the new row."""
        return self._run(sql, parameters).lastrowid or 0

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for many rows."""
        if rows:
            try:
                if not self._depth:
                    self._wait_for_disk(durable=True)
                self._driver.executemany(sql, rows)
            except sqlite3.Error as error:
                raise self._translate(error) from error

    def _run(self, sql: str, parameters: Sequence[Any]) -> sqlite3.Cursor:
        try:
            if not self._depth:
                self._wait_for_disk(durable=True)
            return self._driver.execute(sql, parameters)
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def close(self) -> None:
        """Close the connection; a second call does nothing."""
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
                f"{self.place}: another process has held the ledger for {BUSY_TIMEOUT:.0f} s ({text}); "
                "wait for it to end, or stop it, and run again"
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


class _Transaction:
    """A transaction as a context manager; one made of a generator costs as much as a small statement."""

    __slots__ = ("_database", "_durable")

    def __init__(self, database: Database, durable: bool) -> None:
        self._database = database
        self._durable = durable

    def __enter__(self) -> None:
        try:
            self._database._begin(self._durable)
        except BaseException:
            self._database._roll_back()
            raise

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        try:
            if error is None:
                self._database._commit()
        finally:
            # Also where the commit failed.
            if self._database._depth:
                self._database._roll_back()


_JOINED = nullcontext()


def _on_connect(journal: str, connection: Any, _record: Any) -> None:
    # The driver's own transaction control would begin lazily and deadlock on upgrade to a write lock.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {int(BUSY_TIMEOUT * 1000)}",
        f"journal_mode = {journal}",
        "synchronous = FULL",
        "foreign_keys = ON",
        "cache_size = -65536",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
