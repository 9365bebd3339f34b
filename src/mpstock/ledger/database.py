"""What the ledger asks of a database: transactions, plain tuples, and errors that say what to do."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from json.encoder import encode_basestring as _quoted
from pathlib import Path
from typing import Any

__all__ = [
    "BUSY_TIMEOUT",
    "Database",
    "Listed",
    "Rows",
    "as_datetime",
    "as_json",
    "as_text",
    "each_from_json",
    "from_json",
    "given",
    "ids",
    "names_as_json",
    "rows_of",
    "texts_as_json",
]

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


def texts_as_json(texts: Iterable[str]) -> str:
    """Return what `as_json` makes of a list of texts; a quarter of its work, where every listing comes by."""
    return f"[{', '.join(map(_quoted, texts))}]"


def names_as_json(named: Mapping[str, Iterable[str]]) -> str:
    """Return what `as_json` makes of lists of texts by their names, as quickly."""
    return f"{{{', '.join([f'{_quoted(name)}: {texts_as_json(texts)}' for name, texts in named.items()])}}}"


_decode = json.JSONDecoder().raw_decode


def from_json(text: str) -> Any:
    """Return what `as_json` wrote; a third of the work of `json.loads`, where every listing comes by."""
    return _decode(text)[0]


def each_from_json(texts: Iterable[str]) -> list[Any]:
    """Return what `as_json` wrote, of many texts at once: to begin with a text costs more than to read it."""
    parts: list[Any] = from_json(f"[{','.join(texts)}]")
    return parts


class Listed(list[Any]):
    """Numbers or texts as one parameter; see `ids`."""

    __slots__ = ("_text",)

    def __conform__(self, _protocol: object) -> str:
        """Return what SQLite's driver takes for it: JSON, made once."""
        try:
            return self._text
        except AttributeError:
            self._text: str = as_json(self)
            return self._text


class Rows(Listed):
    """Rows as one parameter; see `rows_of`."""

    __slots__ = ()


def ids(values: Iterable[Any]) -> Listed:
    """Wrap numbers or texts as one parameter; `mpstock.ledger.dialect` names the words that take it."""
    return Listed(values)


def rows_of(rows: Iterable[Sequence[Any]]) -> Rows:
    """Wrap rows as the one parameter that `each_row(?)` takes."""
    return Rows(rows)


def given(**columns: type) -> str:
    """Return the beginning of a statement to which `rows_of(…)` is the table `given`, of these columns."""
    items = [
        f"CAST(item(told.value, {number}) AS INTEGER) AS {name}"
        if kind is int
        else f"item(told.value, {number}) AS {name}"
        for number, (name, kind) in enumerate(columns.items())
    ]
    # Materialized: else each value is taken out of its row again wherever it is named.
    return f"WITH given AS MATERIALIZED (SELECT {', '.join(items)} FROM each_row(?) AS told)"


class Database(ABC):
    """A ledger's database behind one connection, used by one thread at a time.

    Statements are written as `mpstock.ledger.dialect` says. Rows go to and from the driver as plain tuples:
    per-row work of a heavier layer costs four to five times as much on the paths that see every product.
    """

    place: str
    """Where it is, for messages; without what is secret of it."""

    file: Path | None = None
    """Its file, where it is one."""

    def __init__(self) -> None:
        self._depth = 0
        self.on_rollback: list[Callable[[], None]] = []

    # ------------------------------------------------------------------ transactions

    def transaction(self, *, durable: bool = True, at_once: bool = False) -> AbstractContextManager[None]:
        """One write transaction; nested ones join it. Rolled back as a whole on any exception.

        No two on one ledger run at the same time: what is read within stays true until its end. It may wait
        for another one until its first statement only; `at_once` for what looks at the clock before that: a
        moment from before the wait is older than what the other one has written meanwhile. `durable` False
        leaves out the wait for the disk: a killed process still loses nothing, a machine that loses power
        may lose the last ones.
        """
        if not self._depth:
            return _Transaction(self, durable, at_once)
        if at_once:
            self._hold()
        return _JOINED

    @abstractmethod
    def _begin(self, durable: bool) -> None:
        """Begin a write transaction; sets `_depth`."""

    def _hold(self) -> None:
        """See to it that no other one runs from here on, where `_begin` leaves that to what follows."""
        return

    @abstractmethod
    def _commit(self) -> None:
        """Commit it; resets `_depth`."""

    @abstractmethod
    def _take_back(self) -> None:
        """Roll back what is open, if anything is."""

    def _roll_back(self) -> None:
        self._depth = 0
        try:
            self._take_back()
        finally:
            for forget in self.on_rollback:
                forget()

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[None]:
        """Let everything that is read within be as of one moment; writers are not kept waiting.

        Inside a transaction it is that one's.
        """

    @abstractmethod
    def only_read(self) -> None:
        """Refuse every write through this connection from now on."""

    # ------------------------------------------------------------------ statements

    @abstractmethod
    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return all rows as tuples."""

    @abstractmethod
    def iterate(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Any]:
        """Yield rows one by one, so that memory does not grow with their number."""

    @abstractmethod
    def one(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first row, or None."""

    def scalar(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, or None."""
        row = self.one(sql, parameters)
        return None if row is None else row[0]

    @abstractmethod
    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """Run one statement of which nobody asks what came of it.

        In a transaction its failure may be told by a statement that follows, or by the commit.
        """

    @abstractmethod
    def affected(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement; return the number of rows it changed."""

    @abstractmethod
    def insert(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Run one INSERT into a table with ids; return the id of the new row."""

    def executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for many rows, one after the other; its failure may be told as `execute`'s."""
        if rows:
            self._executemany(sql, rows)

    @abstractmethod
    def _executemany(self, sql: str, rows: Sequence[Sequence[Any]]) -> None: ...

    # ------------------------------------------------------------------ care

    @abstractmethod
    def migrate(self) -> None:
        """Bring the tables to this version's schema."""

    @abstractmethod
    def version(self) -> int:
        """Return a number that is another one when some other connection has written meanwhile."""

    @abstractmethod
    def damage(self, limit: int) -> list[str]:
        """Return the first places that are damaged, where this database can say."""

    @abstractmethod
    def dangling(self) -> list[Any]:
        """Return (table, rows of it that belong to nothing)."""

    @abstractmethod
    def shrink(self) -> bool:
        """Give back the room of what is merged into the file by now; False while somebody reads from it."""

    @abstractmethod
    def tend(self, now: datetime, kept_from: datetime) -> None:
        """Do what is due once a day: `kept_from` is the moment before which retention lets the log go."""

    @abstractmethod
    def size(self) -> int:
        """Return how many bytes it takes on the disk, with what is not merged into its file yet."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection; a second call does nothing."""


class _Transaction:
    """A transaction as a context manager; one made of a generator costs as much as a small statement."""

    __slots__ = ("_at_once", "_database", "_durable")

    def __init__(self, database: Database, durable: bool, at_once: bool) -> None:
        self._database = database
        self._durable = durable
        self._at_once = at_once

    def __enter__(self) -> None:
        try:
            self._database._begin(self._durable)
            if self._at_once:
                self._database._hold()
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
