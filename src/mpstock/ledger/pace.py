"""The limiters' state, kept in the ledger: each command is a restart, and restarts get no 429 either."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.worker import Worker

__all__ = ["LedgerPaceStore"]

T = TypeVar("T")


class LedgerPaceStore:
    """A `mpstock.pacing.PaceStore` over the ledger's table `rate_limits`."""

    def __init__(self, worker: Worker, database: Database) -> None:
        self._worker = worker
        self._db = database

    async def update(
        self,
        keys: Sequence[str],
        change: Callable[[list[dict[str, Any] | None]], tuple[list[dict[str, Any]], T]],
    ) -> T:
        """Read, change and write several states as one step, against every process on this ledger."""
        return await self._worker.run(self._update, keys, change)

    def _update(
        self,
        keys: Sequence[str],
        change: Callable[[list[dict[str, Any] | None]], tuple[list[dict[str, Any]], T]],
    ) -> T:
        with self._db.transaction(durable=False):
            found = {
                key: json.loads(state)
                for key, state in self._db.query(
                    f"SELECT key, state FROM rate_limits WHERE key IN ({', '.join('?' * len(keys))})",
                    tuple(keys),
                )
            }
            before = [found.get(key) for key in keys]
            states, result = change(before)
            self._db.executemany(
                "INSERT INTO rate_limits (key, state) VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET state = excluded.state",
                [
                    (key, json.dumps(state))
                    for key, old, state in zip(keys, before, states, strict=True)
                    if state is not old
                ],
            )
            return result
