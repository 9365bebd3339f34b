"""Where a process can die: before and after each commit, and on each step of each request.

Installed in a process that is about to run a command. It counts the boundaries as they are reached, writes
them down, and at the one that was asked for sends its own process a signal. Nothing of it is in the product.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["Boundaries"]

_STEPS = {
    "send_request_headers.started": "sending",
    "send_request_body.complete": "sent",
    "receive_response_headers.complete": "answered",
    "receive_response_body.complete": "read",
}
_MACHINERY = ("database", "sqlite", "postgres")
"""The modules of the ledger that write for others."""

_WRITES = ("INSERT", "UPDATE", "DELETE", "WITH")


class Boundaries:
    """Counts boundaries in this process; at number `nth` of the kind `at` it gets the signal `how`."""

    def __init__(self, path: Path, at: str | None, nth: int, how: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        self._at = at
        self._left = nth
        self._how = how
        # Held while the ledger is written: a process that is to sleep does not take its lock to bed.
        self._writing = threading.RLock()

    def reach(self, kind: str) -> None:
        """Write a boundary down, and die or stop if it is the one."""
        os.write(self._file, f"{kind}\n".encode())
        if kind != self._at:
            return
        self._left -= 1
        if self._left:
            return
        # To this very thread: what is sent to the process any may take in, and this one goes on meanwhile.
        if self._how == signal.SIGKILL:
            signal.pthread_kill(threading.get_ident(), self._how)
        with self._writing:
            signal.pthread_kill(threading.get_ident(), self._how)

    def install(self) -> None:
        """Let the ledger and the client tell of what they do."""
        self._watch_ledger()
        self._watch_client()

    def _watch_ledger(self) -> None:
        from mpstock.ledger.database import Database
        from mpstock.ledger.sqlite import SqliteDatabase

        transaction = Database.transaction

        @contextmanager
        def watched(database: Any, **how: bool) -> Iterator[None]:
            if database._depth:
                with transaction(database, **how):
                    yield
                return
            place = _place()
            with self._writing, transaction(database, **how):
                yield
                self.reach(f"commit:before {place}")
            self.reach(f"commit:after {place}")

        def watch_statement(kind: type[Database], name: str) -> None:
            plain = getattr(kind, name)

            def statement(database: Any, sql: str, *rest: Any) -> Any:
                if database._depth or not sql.lstrip().upper().startswith(_WRITES):
                    return plain(database, sql, *rest)
                place = _place()
                self.reach(f"commit:before {place}")
                with self._writing:
                    result = plain(database, sql, *rest)
                self.reach(f"commit:after {place}")
                return result

            setattr(kind, name, statement)

        Database.transaction = watched  # type: ignore[method-assign, assignment]
        for name in ("execute", "affected", "insert", "_executemany"):
            watch_statement(SqliteDatabase, name)
        with suppress(ImportError):
            from mpstock.ledger.postgres import PostgresDatabase

            # For many rows it begins a transaction.
            for name in ("execute", "affected", "insert"):
                watch_statement(PostgresDatabase, name)

    def _watch_client(self) -> None:
        import httpx

        build = httpx.AsyncClient.build_request

        def watched(client: Any, method: str, url: Any, **rest: Any) -> httpx.Request:
            request = build(client, method, url, **rest)
            traced = request.extensions.get("trace")
            place = f"{method} {re.sub('[0-9]{3,}', 'N', request.url.path)}"

            async def trace(name: str, info: Any) -> None:
                step = _STEPS.get(name.partition(".")[2])
                if step is not None:
                    # Before the product looks: a process that is stopped here has not looked yet.
                    self.reach(f"request:{step} {place}")
                if traced is not None:
                    await traced(name, info)

            request.extensions = {**request.extensions, "trace": trace}
            return request

        httpx.AsyncClient.build_request = watched  # type: ignore[method-assign, assignment]


def _place() -> str:
    """Return the function of the product that is writing to the ledger."""
    frame = sys._getframe(2)
    while frame.f_back is not None:
        code = frame.f_code
        file = Path(code.co_filename)
        if "mpstock" in file.parts and file.stem not in _MACHINERY:
            return f"{file.stem}.{code.co_name}"
        frame = frame.f_back
    return "?"
