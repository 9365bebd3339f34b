"""Connections of the processes of `tests.machine.processes`, where the ledger is on PostgreSQL.

A process that dies leaves what it has begun to the server, which takes it back once it sees that nobody is
there any more. Whoever comes next waits for that, as for any other transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from mpstock.ledger.postgres import PostgresDatabase
from tests.machine.processes import Process, Wired

__all__ = ["ServerWire", "wired"]


class ServerWire(PostgresDatabase):
    """A process's connection to the server, which passes a point at each commit."""

    def __init__(self, process: Process, url: str, tenant: str) -> None:
        self._process = process
        super().__init__(url, tenant)

    def _round_trip(self, text: str, begins: bool) -> psycopg.Cursor[Any]:
        process = self._process
        process.alive()
        commits = text.endswith("COMMIT") or text.startswith(self._writing)
        if not commits:
            return super()._round_trip(text, begins)
        process.point("before a commit")
        cursor = super()._round_trip(text, begins)
        process.point("after a commit")
        return cursor

    def _take_back(self) -> None:
        self.cut() if self._process.dead else super()._take_back()

    def close(self) -> None:
        if not self._process.dead:
            super().close()

    def cut(self) -> None:
        """Close it as the operating system does: without a word to the server."""
        self._driver.close()


@contextmanager
def wired(process: Process, wires: list[Wired]) -> Iterator[None]:
    """Let the ledgers that are opened within be reached by wires of this process."""

    def wire(url: str, tenant: str) -> ServerWire:
        made = ServerWire(process, url, tenant)
        wires.append(made)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mpstock.ledger.postgres.PostgresDatabase", wire)
        yield
