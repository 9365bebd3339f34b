"""One statement for many rows, in as few round trips as they need.

Rows that are only put in go as one statement with all of them. The rest is prepared for the moment and
executed row by row, which is one round trip too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from mpstock.ledger.dialect import for_postgres
from mpstock.ledger.literals import literal

__all__ = ["in_one", "table_of"]

_AT_A_TIME = 1_000
"""Rows of one statement."""

_FEW = 3

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


def in_one(sql: str, rows: Sequence[Sequence[Any]], first: int) -> Iterator[str]:
    """Yield statements that do for all rows what `sql` does for one; new rows are numbered from `first`."""
    plan = _insert(sql)
    if plan is not None:
        head, values, tail, numbered, keys = plan
        chosen = (
            rows if keys is None else list({tuple(row[key] for key in keys): row for row in rows}.values())
        )
        for start in range(0, len(chosen), _AT_A_TIME):
            told = []
            for number, row in enumerate(chosen[start : start + _AT_A_TIME], first + start):
                told.append(
                    f"({number}, {_filled(values, row)})" if numbered else f"({_filled(values, row)})"
                )
            yield f"{head}{', '.join(told)}{tail}"
        return
    parts = tuple(for_postgres(sql).split("?"))
    for start in range(0, len(rows), _AT_A_TIME):
        chunk = rows[start : start + _AT_A_TIME]
        if len(chunk) <= _FEW:
            yield "; ".join(_filled(parts, row) for row in chunk)
            continue
        text = parts[0] + "".join(f"${number}{part}" for number, part in enumerate(parts[1:], 1))
        calls = "; ".join(f"EXECUTE mpstock_many({', '.join(map(literal, row))})" for row in chunk)
        yield f"PREPARE mpstock_many AS {text}; {calls}; DEALLOCATE mpstock_many"


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
        # One statement may not change a row twice: the last one counts.
        names = columns.split(", ")
        keys = [names.index(name) for name in key[1].split(", ")]
    head = f"{before}{'id, ' if numbered else ''}{columns}{middle}"
    return head, tuple(values.split("?")), tail, numbered, keys
