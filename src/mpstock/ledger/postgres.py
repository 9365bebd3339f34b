"""The ledger of a fleet: PostgreSQL, where each shop is a tenant.

One statement or several are one round trip, and outside of a transaction one transaction too. Within one,
what nobody waits for goes with the next statement that somebody does, or with the commit: its beginning, and
what only writes. Whose rows are seen is said at its beginning (`SET LOCAL`), so that it holds behind a pooler
that gives each transaction another connection. For the same reason nothing stays prepared, and nothing is
kept in a session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import count
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from mpstock.errors import LedgerError
from mpstock.ledger import database, many
from mpstock.ledger import postgres_opening as opening
from mpstock.ledger import postgres_parts as parts
from mpstock.ledger.database import Database
from mpstock.ledger.literals import bound
from mpstock.ledger.postgres_errors import translated
from mpstock.ledger.postgres_growth import Growth

__all__ = ["PostgresDatabase"]

_SILENT = 25.0
"""Seconds after which the server takes a write transaction back whose process says nothing any more.

A machine that is gone does not close its connection. Whoever waits for it, waits longer (`BUSY_TIMEOUT`).
"""

_FETCHED = 2_000
"""Rows that one round trip brings of what is read one by one."""

_HEAVY = 64 * 1_024
"""Letters of a statement that is sent at once, with what waits: neither is to pile up here."""


class PostgresDatabase(Database):
    """One tenant of a ledger on PostgreSQL.

    Args:
        url: `postgresql://user:password@host:port/database`, with what else libpq takes as `?name=value`.
        tenant: whose rows these are; a new one begins empty.

    Raises:
        ConfigurationError: the URL cannot be used, or its role would see the rows of all tenants.
        LedgerError: the server cannot be reached.
    """

    def __init__(self, url: str, tenant: str) -> None:
        super().__init__()
        self._options = opening.options(url)
        self._name = tenant
        self.place = opening.place(self._options, tenant)
        self._waiting: list[str] = []
        self._to_begin = False
        self._own = 0
        self._others = 0
        self._in_snapshot = False
        self._reads_only = False
        self._cursors = count(1)
        self._columns: dict[str, Mapping[str, str]] = {}
        self._tenant: int | None = None
        self._growth = Growth()
        self.hear: Callable[[str], object] | None = None
        self._driver = self._connect()

    def _connect(self) -> psycopg.Connection[Any]:
        return opening.connect(self._options, self.place)

    def _later(self, text: str) -> None:
        """Take a statement of a transaction that nobody waits for: it is sent with what follows."""
        self._tell(text)
        self._waiting.append(text)
        if len(text) > _HEAVY:
            self._flush()

    def _send(self, text: str) -> psycopg.Cursor[Any]:
        """Send statements, with what waits, in one round trip; the cursor stands on what the last brought."""
        self._tell(text)
        self._waiting.append(text)
        return self._flush()

    def _tell(self, text: str) -> None:
        if self.hear is not None:
            self.hear(text)

    def _flush(self, *, again: bool = False) -> psycopg.Cursor[Any]:
        """Send what waits.

        What may be sent twice (`again`), and what only begins something, finds a new connection where the old
        one was lost while nobody used it.
        """
        text, begins = "; ".join(self._waiting), self._to_begin
        self._waiting.clear()
        self._to_begin = False
        try:
            return self._round_trip(text, begins)
        except LedgerError:
            if not (again or begins) or not self._driver.closed:
                raise
        return self._round_trip(text, begins)

    def _round_trip(self, text: str, begins: bool) -> psycopg.Cursor[Any]:
        if self._driver.closed:
            self._driver = self._connect()
        try:
            cursor = self._driver.cursor()
            cursor.execute(text.encode())
            if begins and self._depth:
                self._count_in(cursor)
            while cursor.nextset():
                pass
        except psycopg.Error as error:
            raise translated(error, self.place) from error
        return cursor

    def _read(self, sql: str, parameters: Sequence[Any]) -> psycopg.Cursor[Any]:
        text = bound(sql, parameters)
        if self._depth or self._in_snapshot:
            return self._send(text)
        self._tell(text)
        self._waiting.append(f"{self._whose}; {text}")
        return self._flush(again=True)

    @property
    def _whose(self) -> str:
        return f"SET LOCAL mpstock.tenant = '{self._tenant or 0}'"

    # ------------------------------------------------------------------ transactions

    @property
    def _writing(self) -> str:
        """How a write transaction begins: one after the other for each tenant, and counted."""
        return (
            f"{self._whose}; SET LOCAL lock_timeout = {int(database.BUSY_TIMEOUT * 1000)}; "
            f"SET LOCAL idle_in_transaction_session_timeout = {int(_SILENT * 1000)}; "
            f"UPDATE tenants SET writes = writes + 1 WHERE id = {self._tenant or 0} RETURNING writes"
        )

    def _begin(self, durable: bool) -> None:
        self._refuse_when_reading()
        wait = "" if durable else "SET LOCAL synchronous_commit = off; "
        self._to_begin = True
        self._depth = 1
        self._later(f"BEGIN; {wait}{self._writing}")

    def _hold(self) -> None:
        if self._to_begin:
            self._flush()

    def _count_in(self, cursor: psycopg.Cursor[Any]) -> None:
        """Take in how often was written before this transaction: the first rows that anything brings."""
        while cursor.description is None and cursor.nextset():
            pass
        row = cursor.fetchone()
        if row is None:
            raise LedgerError(f"{self.place}: its tenant is gone; open the ledger anew")
        self._others = int(row[0]) - 1 - self._own

    def _commit(self) -> None:
        if self._to_begin and len(self._waiting) == 1:
            # Nothing was asked for.
            self._forget()
            self._depth = 0
            return
        # Of a commit whose connection was lost nobody knows what became: it is not sent with what may find a
        # lost one, nor before the tenant is known to be there.
        self._hold()
        self._send("COMMIT")
        self._depth = 0
        self._own += 1
        # What was committed stands, whatever becomes of this.
        with suppress(LedgerError):
            self._growth.look(self._send)

    def _forget(self) -> None:
        self._waiting.clear()
        self._to_begin = False

    def _take_back(self) -> None:
        self._forget()
        if not self._driver.closed and self._driver.info.transaction_status != TransactionStatus.IDLE:
            with suppress(LedgerError):
                self._send("ROLLBACK")

    def _refuse_when_reading(self) -> None:
        if self._in_snapshot:
            raise LedgerError(
                f"{self.place}: a transaction cannot begin within what is read as of one moment"
            )
        if self._reads_only:
            raise LedgerError(f"{self.place}: this connection only reads")

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        if self._depth or self._in_snapshot:
            yield
            return
        # The moment is that of the first that is read.
        self._to_begin = True
        self._later(f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {self._whose}")
        self._in_snapshot = True
        try:
            yield
        finally:
            self._in_snapshot = False
            self._take_back()

    def only_read(self) -> None:
        self._reads_only = True

    # ------------------------------------------------------------------ statements

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        return self._read(sql, parameters).fetchall()

    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        return self._read(sql, parameters).fetchone()

    def iterate(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        name = f"mpstock_{next(self._cursors)}"
        fetch = f"FETCH {_FETCHED} FROM {name}"
        with self.snapshot():
            rows = self._send(f"DECLARE {name} CURSOR FOR {bound(sql, parameters)}; {fetch}").fetchall()
            while rows:
                yield from rows
                rows = self._send(fetch).fetchall() if len(rows) == _FETCHED else []

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        text = bound(sql, parameters)
        if self._depth:
            self._later(text)
        else:
            self._run(text)

    def affected(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        return self._run(bound(sql, parameters)).rowcount

    def insert(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        row = self._run(f"{bound(sql, parameters)} RETURNING id").fetchone()
        return 0 if row is None else int(row[0])

    def _executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        with self.transaction():
            numbered = many.table_of(sql)
            last = self.scalar(f"SELECT coalesce(max(id), 0) FROM {numbered}") if numbered else 0
            self._growth.add(sql, len(rows))
            plan = many.copied(sql, rows, last + 1) if len(rows) >= many.COPIED else None
            if plan is not None:
                self._copy(plan)
                return
            for text in many.in_one(sql, rows, last + 1, self._types):
                self._later(text)

    def _copy(self, plan: many.Copied) -> None:
        self._send(plan.make)
        try:
            with self._driver.cursor().copy(plan.copy.encode()) as copy:
                for row in plan.rows:
                    copy.write_row([_copied(value) for value in row])
        except psycopg.Error as error:
            raise translated(error, self.place) from error
        self._later(plan.merge)

    def _types(self, table: str) -> Mapping[str, str]:
        """Return the types of a table's columns; asked for once."""
        if table not in self._columns:
            self._columns[table] = dict(
                self.query(
                    "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
                    "WHERE attrelid = CAST(? AS regclass) AND attnum > 0 AND NOT attisdropped",
                    (table,),
                )
            )
        return self._columns[table]

    def _run(self, text: str) -> psycopg.Cursor[Any]:
        if self._depth:
            return self._send(text)
        self._refuse_when_reading()
        cursor = self._send(f"{self._writing}; {text}")
        self._own += 1
        return cursor

    # ------------------------------------------------------------------ care

    def migrate(self) -> None:
        opening.check(self._driver, self.place)
        opening.migrate(self._driver, self._connect, self.place)
        self._tenant = opening.tenant(self._driver, self._name, self.place)

    def version(self) -> int:
        if self._depth:
            self._hold()
        else:
            writes = self.scalar("SELECT writes FROM tenants WHERE id = ?", (self._tenant,))
            self._others = int(writes or 0) - self._own
        return self._others

    def damage(self, limit: int) -> list[str]:
        # Its pages have checksums that it looks at itself, where the server was made with them.
        return []

    def dangling(self) -> list[Any]:
        # Nobody can leave out its foreign keys.
        return []

    def shrink(self) -> bool:
        return True

    def tend(self, now: datetime, kept_from: datetime) -> None:
        """Make the parts of the log for the months to come, and remove those that are empty."""
        try:
            parts.made_ahead(self._driver, now)
            parts.over(self._driver, kept_from)
        except psycopg.Error as error:
            raise translated(error, self.place) from error

    def size(self) -> int:
        """Return how many bytes the tables take, of all tenants."""
        return int(
            self.scalar(
                "SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class "
                "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
            )
        )

    def close(self) -> None:
        self._driver.close()


def _copied(value: Any) -> Any:
    """Return a value as COPY takes it; `mpstock.ledger.literals` says the same of statements."""
    if isinstance(value, bool):
        return int(value)
    return value.replace("\0", "\ufffd") if isinstance(value, str) and "\0" in value else value
