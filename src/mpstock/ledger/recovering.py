"""What was on the wire when its process ended or lost its lease, and answers that come after that."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from attrs import evolve

from mpstock.ledger.database import as_datetime, as_text, ids
from mpstock.ledger.stocks import relane
from mpstock.model import OutcomeStatus

if TYPE_CHECKING:
    from mpstock.ledger.batches import Item
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt
    from mpstock.ledger.log import SyncLog
    from mpstock.model import Outcome

__all__ = ["LATE", "LONGEST_ON_THE_WAY", "LOST", "SETTLES", "Recovery"]

LONGEST_ON_THE_WAY = timedelta(seconds=60)
"""A request that was sent longer ago has arrived, or never will."""

SETTLES = timedelta(seconds=5)
"""So long a marketplace may take over what it has received; a read-back may show what was before."""

LOST = "lost"
"""The code under which the sync log has what was sent, and of which nobody heard."""

LATE = "late"
"""The code under which the sync log has an answer that came after another process had taken over."""

_MAYBE_APPLIED = {OutcomeStatus.OK, OutcomeStatus.DOUBT, OutcomeStatus.WHOLE}


class Recovery:
    """Makes doubtful what nobody waits for any more: it may have arrived, or may still."""

    def __init__(self, database: Database, dirt: Dirt, log: SyncLog) -> None:
        self.db = database
        self._dirt = dirt
        self._log = log

    def recover(
        self,
        now: datetime,
        cooldowns: Mapping[str, timedelta],
        late_until: Mapping[str, datetime | None],
        causes: Mapping[str, str],
    ) -> int:
        """Void the base of what was sent to these sinks without an outcome so far; returns how many.

        `late_until` names the sinks, and says of each until when its last writer's requests may arrive;
        None where that one has ended: then they arrived, if at all, within `LONGEST_ON_THE_WAY` and before
        now. The cooldown, of `SETTLES` at least, counts from the latest moment that is possible. `causes`
        says what the log calls a cause. In the transaction of whoever takes these sinks over: nothing is on
        its way to them by us.
        """
        chosen = ids(late_until)
        rows = self.db.query(
            "SELECT s.in_flight, coalesce(p.run_id, 0), s.marketplace, s.id, s.product_id, s.attempted_at, "
            "s.warehouse_code, s.base, s.sent, s.cause, (SELECT e.id FROM explanations AS e WHERE "
            "e.product_id = s.product_id AND e.at <= s.attempted_at ORDER BY e.at DESC, e.id DESC LIMIT 1) "
            "FROM marketplace_stocks AS s "
            "LEFT JOIN pushes AS p ON p.id = s.in_flight WHERE s.in_flight IS NOT NULL "
            "AND s.marketplace IN texts(?) ORDER BY s.in_flight, s.id",
            (chosen,),
        )
        if not rows:
            return 0
        rests = []
        for _, _, sink, row_id, _, attempted_at, *_ in rows:
            sent = as_datetime(attempted_at) or now
            arrived = max(sent, late_until[sink] or min(now, sent + LONGEST_ON_THE_WAY))
            rests.append((as_text(arrived + max(cooldowns.get(sink, timedelta()), SETTLES)), row_id))
        self.db.executemany(
            "UPDATE marketplace_stocks SET in_flight = NULL, base = NULL, doubtful = 1, not_before = ? "
            "WHERE id = ?",
            rests,
        )
        self.db.execute(
            f"UPDATE marketplace_stocks SET {relane()} WHERE id IN ids(?)",
            (ids(row[3] for row in rows),),
        )
        for (push, run, sink), lost in groupby(rows, key=lambda row: tuple(row[:3])):
            told = [
                (
                    product_id, warehouse, base, sent, causes.get(cause, cause), OutcomeStatus.DOUBT.value,
                    LOST, "its process ended, or lost its lease, before the answer was here", explanation,
                )
                for *_, product_id, _, warehouse, base, sent, cause, explanation in lost
            ]  # fmt: skip
            self._log.add(run, push, sink, told, now)
        self.db.execute(
            "UPDATE pushes SET finished_at = ?, outcomes = ? WHERE finished_at IS NULL "
            "AND marketplace IN texts(?)",
            (as_text(now), json.dumps({LOST: True}), chosen),
        )
        self._dirt.mark({row[4] for row in rows}, "doubt", now, soft=True)
        return len(rows)

    def take_late(
        self, push: int, answered: Iterable[tuple[Item, Outcome]], now: datetime, cooldown: timedelta
    ) -> dict[int, Outcome]:
        """Find the outcomes of a push that come after another process has taken over, in a transaction.

        What they say was applied has changed what another has read back or written since, or will be
        changed by it: the base of these listings is void, also of those that are on the wire again, and they
        may be written again a cooldown later. Returns these outcomes as the log has them, by the state's id.
        """
        flying = {
            row[0] for row in self.db.query("SELECT id FROM marketplace_stocks WHERE in_flight = ?", (push,))
        }
        late = {item.id: (item, outcome) for item, outcome in answered if item.id not in flying}
        maybe = [item for item, outcome in late.values() if outcome.status in _MAYBE_APPLIED]
        if maybe:
            chosen = ids(item.id for item in maybe)
            self.db.execute(
                "UPDATE marketplace_stocks SET base = NULL, doubtful = 1, "
                "not_before = greatest(coalesce(not_before, ''), ?) "
                "WHERE id IN ids(?)",
                (as_text(now + max(cooldown, SETTLES)), chosen),
            )
            self.db.execute(
                f"UPDATE marketplace_stocks SET {relane(parked='ready = 0 AND lane IS NOT NULL')} "
                "WHERE id IN ids(?) AND in_flight IS NULL",
                (chosen,),
            )
            self._dirt.mark({item.product_id for item in maybe}, "doubt", now, soft=True)
        return {
            state: evolve(
                outcome,
                status=OutcomeStatus.DOUBT if outcome.status in _MAYBE_APPLIED else outcome.status,
                code=LATE,
                message=f"answered {outcome.status.value} after another process had taken over",
            )
            for state, (_, outcome) in late.items()
        }
