"""What the sinks showed when they were read back, and what that says of the base."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from mpstock.ledger.database import as_text, ids
from mpstock.ledger.seen import SeenRows
from mpstock.ledger.stocks import relane
from mpstock.model import Listing

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt
    from mpstock.model import Observation

__all__ = ["Observations", "ObservedRow", "Observing"]


_TELLS = "(NOT {0}doubtful OR {0}not_before IS NULL OR {0}not_before <= ?)"
"""A listing of which a read-back tells: nothing is on its way to it any more."""


@frozen
class ObservedRow:
    """A listing to read back, with what the sink needs to find it."""

    id: int
    listing: Listing


class Observations:
    """Which listings are to be read back, and what they showed."""

    def __init__(self, database: Database, dirt: Dirt) -> None:
        self.db = database
        self.dirt = dirt

    def to_observe(
        self,
        sink: str,
        warehouse: str | None,
        after: int,
        limit: int,
        *,
        everything: bool,
        now: datetime,
    ) -> list[ObservedRow]:
        """Return listings of a sink or one of its warehouses to read back, by id.

        Those whose base is unknown, or all with `everything`.

        A listing that may not be written yet may not be judged yet either: what was sent in doubt
        can still arrive.
        """
        conditions = ["s.marketplace = ?", "s.id > ?"]
        parameters: list[Any] = [sink, after]
        if warehouse is not None:
            conditions.append("s.warehouse_code = ?")
            parameters.append(warehouse)
        if not everything:
            conditions.append(f"s.base IS NULL AND {_TELLS.format('s.')}")
            parameters.append(as_text(now))
        return [
            ObservedRow(row[0], _listing(*row[1:]))
            for row in self.db.query(
                "SELECT s.id, l.external_id, l.warehouse_code, l.skus, l.keys FROM marketplace_stocks AS s "
                "JOIN listings AS l ON l.id = s.listing_id "
                f"WHERE {' AND '.join(conditions)} ORDER BY s.id LIMIT ?",
                (*parameters, limit),
            )
        ]

    def count_to_observe(self, sink: str, now: datetime) -> tuple[int, bool]:
        """Return how many listings of a sink are unknown and may be read back; whether they are the most.

        The cost follows these, not the catalogue.
        """
        unknown = self.db.scalar(
            "SELECT count(*) FROM marketplace_stocks WHERE marketplace = ? AND base IS NULL "
            f"AND in_flight IS NULL AND {_TELLS.format('')}",
            (sink, as_text(now)),
        )
        if not unknown:
            return 0, False
        most = 2 * int(unknown)
        found = self.db.scalar(
            "SELECT count(*) FROM (SELECT 1 FROM marketplace_stocks WHERE marketplace = ? LIMIT ?)",
            (sink, most),
        )
        return int(unknown), int(found) < most

    def begin_observing(self, sink: str, started: datetime) -> Observing:
        """Start taking in what a sink shows, asked for at `started`."""
        return Observing(self, sink, as_text(started))


@define
class Observing:
    """One pass of reading a sink back."""

    observations: Observations
    sink: str
    started: str
    rows: int = 0
    drifted: int = 0
    _seen: SeenRows = field(factory=SeenRows)

    def ingest(self, observations: Sequence[Observation], now: datetime) -> None:
        """Take in what the sink showed; inside a transaction.

        An observation that was asked for before the last write to its listing says nothing of what it
        shows now, and is passed over.
        """
        db = self.observations.db
        states = {
            (external_id, warehouse): state
            for external_id, warehouse, *state in db.query(
                "SELECT l.external_id, l.warehouse_code, s.id, s.product_id, s.base, s.attempted_at, "
                "s.not_before, s.in_flight, s.doubtful FROM listings AS l "
                "JOIN marketplace_stocks AS s ON s.listing_id = l.id "
                "WHERE l.marketplace = ? AND l.external_id IN (SELECT value FROM json_each(?))",
                (self.sink, ids({o.external_id for o in observations})),
            )
        }
        found = [
            (observation.quantity, observation.reserved, *states[key])
            for observation in observations
            if (key := (observation.external_id, observation.warehouse)) in states
            and observation.quantity is not None
        ]
        for observation in observations:
            if state := states.get((observation.external_id, observation.warehouse)):
                self._seen.add(state[0])
        self._record(found, now)

    def settle_absent(self, now: datetime, served: Collection[str]) -> None:
        """Take every listing that a reading of the whole account did not show as showing zero.

        Of the warehouses that are `served`: of others it says nothing.
        """
        missing = [
            (0, 0, row_id, *state)
            for row_id, *state in self.observations.db.iterate(
                "SELECT id, product_id, base, attempted_at, not_before, in_flight, doubtful "
                "FROM marketplace_stocks "
                "WHERE marketplace = ? AND warehouse_code IN (SELECT value FROM json_each(?))",
                (self.sink, ids(served)),
            )
            if row_id not in self._seen
        ]
        self._record(missing, now)

    def _record(self, found: Sequence[tuple[Any, ...]], now: datetime) -> None:
        self.rows += len(found)
        moment = as_text(now)
        usable = [
            (quantity, reserved, row_id, product_id, base)
            for quantity, reserved, row_id, product_id, base, tried_at, rests, flying, doubtful in found
            if flying is None
            and (tried_at is None or tried_at < self.started or tried_at > moment)
            # What was sent in doubt may still arrive until its rest is over.
            and not (doubtful and rests is not None and rests > self.started)
        ]
        self.observations.db.executemany(
            "UPDATE marketplace_stocks SET observed = ?, observed_reserved = ?, observed_at = ?, base = ?, "
            "expected = ?, doubtful = 0 WHERE id = ?",
            [
                (quantity, reserved, moment, quantity, quantity, row_id)
                for quantity, reserved, row_id, *_ in usable
            ],
        )
        moved = [row for row in usable if row[0] != row[4]]
        self.drifted += sum(row[4] is not None for row in moved)
        if moved:
            self.observations.db.execute(
                f"UPDATE marketplace_stocks SET {relane()} "
                "WHERE id IN (SELECT value FROM json_each(?)) AND in_flight IS NULL",
                (ids(row[2] for row in moved),),
            )
            drifted = {row[3] for row in moved if row[4] is not None}
            self.observations.dirt.mark({row[3] for row in moved} - drifted, "observed", now, soft=True)
            self.observations.dirt.mark(drifted, "drift", now, soft=True)


def _listing(external_id: str, warehouse: str, skus: str, keys: str) -> Listing:
    return Listing(external_id, warehouse, tuple(json.loads(skus)), json.loads(keys))
