"""One statement for many rows, in as few round trips as they need.

Rows that are only put in go as one statement with all of them, and rows that are changed where a column is
what it has to be as one with a table of them. The rest is prepared for the moment and executed row by row,
which is one round trip too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import count
from typing import Any

from attrs import frozen

from mpstock.ledger.dialect import for_postgres
from mpstock.ledger.literals import literal

__all__ = ["COPIED", "Copied", "copied", "in_one", "table_of"]

COPIED = 1_000
"""From so many rows on they are copied into a table of the transaction's own, and merged from there."""

_AT_A_TIME = 1_000
"""Rows of one statement."""

_FEW = 3

_MANY = 8
"""From so many rows on a table of them is quicker than one after the other."""

_prepared = count(1)

_NUMBERED = frozenset(
    ("holds", "listings", "marketplace_stocks", "notices", "orders", "products", "stock_levels")
)
"""The tables whose rows are numbered by the ledger when many are put in at once."""

_INSERT = re.compile(r"(INSERT INTO (\w+) \()([^()]*)(\) VALUES )\(((?:[^()']|'[^']*')*)\)(.*)", re.DOTALL)


def table_of(sql: str) -> str | None:
    """Return the table into which an INSERT puts rows that want numbers."""
    found = _INSERT.fullmatch(sql)
    if found is None or found[2] not in _NUMBERED or found[3].startswith("id,"):
        return None
    return found[2]


def in_one(
    sql: str, rows: Sequence[Sequence[Any]], first: int, types: Callable[[str], Mapping[str, str]]
) -> Iterator[str]:
    """Yield statements that do for all rows what `sql` does for one; new rows are numbered from `first`.

    `types` gives the types of a table's columns. Of rows that change the same, the last one counts.
    """
    plan = _insert(sql)
    if plan is not None:
        head, values, tail, numbered, keys = plan
        chosen = _distinct(rows, keys)
        for start in range(0, len(chosen), _AT_A_TIME):
            told = []
            for number, row in enumerate(chosen[start : start + _AT_A_TIME], first + start):
                told.append(
                    f"({number}, {_filled(values, row)})" if numbered else f"({_filled(values, row)})"
                )
            yield f"{head}{', '.join(told)}{tail}"
        return
    table = _joined(sql) if len(rows) >= _MANY else None
    if table is not None:
        yield from table.statements(rows, types)
        return
    parts = tuple(for_postgres(sql).split("?"))
    for start in range(0, len(rows), _AT_A_TIME):
        chunk = rows[start : start + _AT_A_TIME]
        if len(chunk) <= _FEW:
            yield "; ".join(_filled(parts, row) for row in chunk)
            continue
        text = parts[0] + "".join(f"${number}{part}" for number, part in enumerate(parts[1:], 1))
        # Another name each time: what is broken off between the two stays prepared.
        name = f"mpstock_{next(_prepared)}"
        calls = "; ".join(f"EXECUTE {name}({', '.join(map(literal, row))})" for row in chunk)
        yield f"PREPARE {name} AS {text}; {calls}; DEALLOCATE {name}"


def _filled(parts: Sequence[str], row: Sequence[Any]) -> str:
    texts = [parts[0]]
    for value, part in zip(row, parts[1:], strict=True):
        texts += (literal(value), part)
    return "".join(texts)


@lru_cache(256)
def _insert(sql: str) -> tuple[str, tuple[str, ...], str, bool, list[int] | None] | None:
    """Take an INSERT apart: what is before its values, these, what is after, which of them are its key."""
    found = _INSERT.fullmatch(for_postgres(sql))
    if found is None:
        return None
    before, _, columns, middle, values, tail = found.groups()
    numbered = table_of(sql) is not None
    keys = None
    if key := re.search(r"ON CONFLICT \(tenant, ([\w, ]+)\) DO UPDATE", tail):
        names = columns.split(", ")
        if values.split(", ") != ["?"] * len(names):
            return None
        keys = [names.index(name) for name in key[1].split(", ")]
    head = f"{before}{'id, ' if numbered else ''}{columns}{middle}"
    return head, tuple(values.split("?")), tail, numbered, keys


_CHANGE = re.compile(r"UPDATE (\w+) SET (.+?) WHERE (.+)|DELETE FROM (\w+) WHERE (.+)", re.DOTALL)
_IS_GIVEN = re.compile(r"(\w+) = \?")


@frozen
class _Joined:
    """A change of the rows of a table that a table of values leads to."""

    table: str
    head: str
    tail: str
    columns: tuple[str, ...]
    keys: tuple[int, ...]

    def statements(
        self, rows: Sequence[Sequence[Any]], types: Callable[[str], Mapping[str, str]]
    ) -> Iterator[str]:
        kinds = [types(self.table)[column] for column in self.columns]
        chosen = _distinct(rows, self.keys)
        names = ", ".join(f"c{number}" for number in range(len(kinds)))
        for start in range(0, len(chosen), _AT_A_TIME):
            head, *rest = chosen[start : start + _AT_A_TIME]
            typed = ", ".join(f"{literal(value)}::{kind}" for value, kind in zip(head, kinds, strict=True))
            told = [f"({typed})", *(f"({', '.join(map(literal, row))})" for row in rest)]
            yield f"{self.head} (VALUES {', '.join(told)}) AS given ({names}) WHERE {self.tail}"


@lru_cache(256)
def _joined(sql: str) -> _Joined | None:
    """Take an UPDATE or DELETE apart whose every value is what a column is set to, or has to be."""
    found = _CHANGE.fullmatch(for_postgres(sql))
    if found is None:
        return None
    table, sets, where = found[1] or found[4], found[2] or "", found[3] or found[5]
    columns: list[str] = []

    def given(parts: list[str], prefix: str) -> list[str]:
        texts = []
        for part in parts:
            if one := _IS_GIVEN.fullmatch(part):
                texts.append(f"{prefix}{one[1]} = given.c{len(columns)}")
                columns.append(one[1])
            else:
                texts.append(part)
        return texts

    changes = ", ".join(given(sets.split(", "), "")) if sets else ""
    before = len(columns)
    tail = " AND ".join(given(where.split(" AND "), f"{table}."))
    keys = list(range(before, len(columns)))
    if not keys or "?" in changes + tail:
        return None
    head = f"UPDATE {table} SET {changes} FROM" if sets else f"DELETE FROM {table} USING"
    return _Joined(table, head, tail, tuple(columns), tuple(keys))


@frozen
class Copied:
    """How rows get there by COPY: a table of the transaction's own, what goes into it, and one statement."""

    make: str
    copy: str
    merge: str
    rows: Sequence[Sequence[Any]]


def copied(sql: str, rows: Sequence[Sequence[Any]], first: int) -> Copied | None:
    """Return how to copy rows for a statement, numbered from `first` if new; None where that cannot be."""
    table = f"mpstock_copied_{next(_prepared)}"
    if (plan := _insert(sql)) is not None:
        head, values, tail, numbered, keys = plan
        if "".join(values).replace(",", "").strip():
            return None
        into, _, columns = head.removesuffix(") VALUES ").partition(" (")
        chosen = _distinct(rows, keys)
        if numbered:
            chosen = [(number, *row) for number, row in enumerate(chosen, first)]
        merge = f"{into} ({columns}) SELECT {columns} FROM {table}{tail}"
        source = into.removeprefix("INSERT INTO ")
    elif (change := _joined(sql)) is not None:
        chosen = _distinct(rows, change.keys)
        source = change.table
        columns = ", ".join(f"{name} AS c{number}" for number, name in enumerate(change.columns))
        merge = f"{change.head} {table} AS given WHERE {change.tail}"
    else:
        return None
    make = f"CREATE TEMP TABLE {table} ON COMMIT DROP AS SELECT {columns} FROM {source} WITH NO DATA"
    return Copied(make, f"COPY {table} FROM STDIN", merge, chosen)


def _distinct(rows: Sequence[Sequence[Any]], keys: Sequence[int] | None) -> list[Sequence[Any]]:
    """Return the rows, of those with the same keys the last: one statement may not change a row twice."""
    return list(rows if keys is None else {tuple(row[key] for key in keys): row for row in rows}.values())
