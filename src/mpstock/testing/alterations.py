"""What an answer becomes on its way: pure functions from one answer to another."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

from attrs import evolve

from mpstock.simulation import Answer

__all__ = ["broken_gzip", "doubled_row", "half", "marked", "replaced", "with_header", "without_row"]

Rows = Callable[[list[Any]], list[Any]]


def half(answer: Answer) -> Answer:
    """Half of the body, as if it were all of it."""
    return evolve(answer, body=answer.body[: len(answer.body) // 2])


def marked(answer: Answer) -> Answer:
    """A byte order mark before the body."""
    return evolve(answer, body=b"\xef\xbb\xbf" + answer.body)


def with_header(answer: Answer, name: str, value: str) -> Answer:
    """The same body under another header."""
    return evolve(answer, headers={**answer.headers, name.lower(): value})


def broken_gzip(answer: Answer) -> Answer:
    """The body compressed, and the end of that missing."""
    packed = gzip.compress(answer.body)
    return with_header(evolve(answer, body=packed[: len(packed) * 2 // 3]), "content-encoding", "gzip")


def replaced(answer: Answer, old: str, new: str) -> Answer:
    """The body with another text in it."""
    return evolve(answer, body=answer.body.replace(old.encode(), new.encode()))


def without_row(answer: Answer) -> Answer:
    """A JSON answer without the last row of its first list of several; any other answer as it is."""
    return _with_rows(answer, lambda rows: rows[:-1])


def doubled_row(answer: Answer) -> Answer:
    """A JSON answer with the last row of its first list of several twice; any other answer as it is."""
    return _with_rows(answer, lambda rows: [*rows, rows[-1]])


def _with_rows(answer: Answer, change: Rows) -> Answer:
    try:
        data = [json.loads(answer.body.decode("utf-8-sig"))]
    except ValueError:
        return answer
    if not _changed(data, change):
        return answer
    return evolve(answer, body=json.dumps(data[0], ensure_ascii=False).encode())


def _changed(data: Any, change: Rows) -> bool:
    """Change the first list of several in a value, wherever it lies; return whether there is one."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(items):
        if isinstance(value, list) and len(value) > 1:
            data[key] = change(value)
            return True
        if _changed(value, change):
            return True
    return False
