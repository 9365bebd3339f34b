"""Values as PostgreSQL reads them in a statement.

Statements go to it whole, several at a time where that saves a round trip: with parameters apart each would
need one of its own. What is written here is read under `standard_conforming_strings`, in UTF-8.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from mpstock.ledger.database import Listed, Rows, as_json
from mpstock.ledger.dialect import for_postgres

__all__ = ["bound", "literal"]


def literal(value: object) -> str:
    """Return one value as it stands in a statement.

    A NUL, which PostgreSQL keeps in no text, becomes U+FFFD.

    Raises:
        TypeError: it is nothing that a ledger keeps.
    """
    if value is None:
        return "NULL"
    if isinstance(value, int):
        # The brackets keep `- -1` from beginning a comment; a bool is 0 or 1.
        return f"{value:d}" if value >= 0 else f"({value:d})"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, Rows):
        return _quoted(as_json(value))
    if isinstance(value, Listed):
        return _array(value)
    if isinstance(value, float):
        return f"({value!r})"
    raise TypeError(f"{type(value).__name__} is nothing that the ledger keeps")


def _quoted(text: str) -> str:
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return "'" + text.replace("'", "''") + "'"


def _array(values: Listed) -> str:
    if all(type(value) is int for value in values):
        return "'{" + ",".join(map(str, values)) + "}'"
    return _quoted("{" + ",".join(map(_element, values)) + "}")


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


@lru_cache(4_096)
def _parts(sql: str) -> tuple[str, ...]:
    return tuple(for_postgres(sql).split("?"))


def bound(sql: str, parameters: Sequence[Any]) -> str:
    """Return a statement of the ledger with its parameters in it."""
    parts = _parts(sql)
    if len(parts) != len(parameters) + 1:
        raise TypeError(f"{len(parameters)} values for {len(parts) - 1} places in: {sql}")
    if not parameters:
        return parts[0]
    texts = [parts[0]]
    for value, part in zip(parameters, parts[1:], strict=True):
        texts += (literal(value), part)
    return "".join(texts)
