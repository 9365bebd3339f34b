"""What people did, beside the changes that came of it: append-only, and sealed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.ledger.database import as_datetime, as_text

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.ledger.database import Database
    from mpstock.ledger.sealing import Seals

__all__ = ["Action", "Actions"]


@frozen
class Action:
    """One thing that somebody did. `scope` says to what, in the words of the action."""

    id: int
    at: datetime
    actor: str
    action: str
    scope: Mapping[str, Any]
    reason: str
    run: int | None


class Actions:
    """The actions of people: a stop, a release, a repair."""

    def __init__(self, database: Database, seals: Seals) -> None:
        self.db = database
        self._seals = seals

    def record(
        self,
        asked: Asked,
        action: str,
        now: datetime,
        *,
        scope: Mapping[str, Any] | None = None,
        run: int | None = None,
    ) -> int:
        """Record and seal what somebody did, in the transaction of what it did; returns its number.

        `action` is the verb of the command line (`stop`, `release`); `scope` is plain data.
        """
        told = json.dumps(scope or {}, ensure_ascii=False, sort_keys=True)
        row = (as_text(now), asked.actor, action, told, asked.reason, run)
        with self.db.transaction():
            return self._seals.add("actions", [row], now, run=run)

    def last(self, *, action: str | None = None, run: int | None = None, limit: int = 100) -> list[Action]:
        """Return the newest actions, newest first, narrowed by what is given."""
        conditions = ["1 = 1"]
        parameters: list[int | str] = []
        for column, value in (("action", action), ("run_id", run)):
            if value is not None:
                conditions.append(f"{column} = ?")
                parameters.append(value)
        return [
            Action(row[0], at, row[2], row[3], json.loads(row[4]), row[5], row[6])
            for row in self.db.query(
                "SELECT id, at, actor, action, scope, reason, run_id FROM actions "
                f"WHERE {' AND '.join(conditions)} ORDER BY id DESC LIMIT ?",
                (*parameters, limit),
            )
            if (at := as_datetime(row[1])) is not None
        ]
