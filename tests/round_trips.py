"""What goes to a PostgreSQL and is waited for: each round trip as the text that was sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

__all__ = ["counted"]


@contextmanager
def counted() -> Iterator[list[str]]:
    """Yield the round trips of all connections within, as they are made."""
    sent: list[str] = []

    with pytest.MonkeyPatch.context() as patch:
        for name in ("execute", "copy"):
            patch.setattr(psycopg.Cursor, name, _noting(sent, getattr(psycopg.Cursor, name)))
        yield sent


def _noting(sent: list[str], plain: Any) -> Any:
    def noted(cursor: psycopg.Cursor[Any], text: Any, *rest: Any, **named: Any) -> Any:
        sent.append(text.decode() if isinstance(text, bytes) else str(text))
        return plain(cursor, text, *rest, **named)

    return noted
