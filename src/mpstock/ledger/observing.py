"""What the sinks showed when they were read back, and what that says of the base."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from mpstock.ledger.database import as_datetime, as_text, given, ids, rows_of
from mpstock.ledger.listing_rows import observed_rows
from mpstock.ledger.recovering import SETTLES
from mpstock.ledger.seen import SeenRows
from mpstock.ledger.stocks import relane

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt
    from mpstock.ledger.drifts import Drifts
    from mpstock.ledger.listing_rows import ObservedRow
    from mpstock.model import Observation

__all__ = ["Observations", "Observing"]


_TELLS = "({0}doubtful = 0 OR {0}not_before IS NULL OR {0}not_before <= ?)"
"""A listing of which a read-back tells: nothing is on its way to it any more."""


class Observations:
    """Which listings are to be read back, and what they showed."""

    def __init__(self, database: Database, dirt: Dirt, drifts: Drifts) -> None:
        self.db = database
        self.dirt = dirt
        self.drifts = drifts

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
        return observed_rows(
            self.db.query(
                "SELECT s.id, l.external_id, l.warehouse_code, l.skus, l.keys FROM marketplace_stocks AS s "
                "JOIN listings AS l ON l.id = s.listing_id "
                f"WHERE {' AND '.join(conditions)} ORDER BY s.id LIMIT ?",
                (*parameters, limit),
            )
        )

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
            "SELECT count(*) FROM (SELECT 1 FROM marketplace_stocks WHERE marketplace = ? LIMIT ?) AS most",
            (sink, most),
        )
        return int(unknown), int(found) < most

    def begin_observing(
        self,
        sink: str,
        started: datetime,
        *,
        run: int = 0,
        visible_after: timedelta = timedelta(),
        cooldown: timedelta = timedelta(),
        shadowed: bool = False,
    ) -> Observing:
        """Start taking in what a sink shows, asked for at `started`.

        `visible_after`: so long after a write it may still tell what it told before. `cooldown`: so long a
        listing rests after a write. `shadowed`: it is for others to write there, and a number of theirs is no
        drift.
        """
        return Observing(self, sink, as_text(started), run, visible_after, cooldown, shadowed)


@frozen
class _Seen:
    """One listing that was read back: what it showed, and what was known of it before."""

    quantity: int
    reserved: int
    id: int
    product_id: int
    warehouse: str
    base: int | None
    attempted_at: str | None
    not_before: str | None
    in_flight: int | None
    doubtful: int
    confirmed: int | None
    confirmed_at: str | None
    observed: int | None
    observed_at: str | None
    replaced: int | None
    sent: int | None
    expected: int | None

    @property
    def written(self) -> bool:
        """Whether the last that is known of it is a write of ours: nobody has looked since."""
        return (
            self.confirmed_at is not None
            and (self.observed_at is None or self.observed_at <= self.confirmed_at)
            and self.base in (None, self.confirmed)
        )

    @property
    def known(self) -> int | None:
        """What it was last known to show, whatever has made that doubtful since; None = nothing is known."""
        if self.base is not None:
            return self.base
        return self.confirmed if self.written else self.observed

    @property
    def since(self) -> str | None:
        """The moment from which that was known."""
        return self.confirmed_at if self.written else self.observed_at

    @property
    def foretold(self) -> bool:
        """Whether it shows what is left of what was accepted after the orders that are known."""
        return self.base is None and not self.doubtful and self.quantity == self.expected

    @property
    def differs(self) -> bool:
        """Whether it shows something else than was known. What was sent in doubt may be either."""
        return self.known is not None and not self.doubtful and self.quantity != self.known


_LOOKED_AT = (
    "CASE WHEN s.in_flight IS NULL AND s.doubtful = 0 AND (s.attempted_at IS NULL OR s.attempted_at < ?) "
    "AND coalesce(s.last_synced_at, '') < s.observed_at AND s.observed_at <= ? THEN s.base END"
)
"""What a listing showed when it was looked at, if nothing of ours came since: seen again, nothing is new."""

_NOTHING = (None, None)

_MOVED = (
    f"{given(state=int, quantity=int, reserve=int)} UPDATE marketplace_stocks SET observed = given.quantity, "
    "observed_reserved = given.reserve, observed_at = ?, expected = given.quantity, doubtful = 0, "
    f"{relane('given.quantity')} FROM given WHERE marketplace_stocks.id = given.state AND in_flight IS NULL"
)
"""Takes over what listings show now: (state, quantity, reserved)."""

_PAGE = 2_000
"""Listings that one step looks at: others want the ledger in between."""

_STATE = (
    "s.id, s.product_id, s.warehouse_code, s.base, s.attempted_at, s.not_before, s.in_flight, s.doubtful, "
    "s.synced_quantity, s.last_synced_at, s.observed, s.observed_at, s.replaced, s.sent, s.expected"
)


@define
class Observing:
    """One pass of reading a sink back.

    `rows` counts what it showed, `told` what was not to be foreseen, `arrived` our writes that were seen to
    have changed something.
    """

    observations: Observations
    sink: str
    started: str
    run: int = 0
    visible_after: timedelta = timedelta()
    cooldown: timedelta = timedelta()
    shadowed: bool = False
    rows: int = 0
    told: int = 0
    arrived: int = 0
    _seen: SeenRows = field(factory=SeenRows)

    def ingest(
        self, observations: Sequence[Observation], now: datetime, *, asked: datetime | None = None
    ) -> None:
        """Take in what the sink showed, asked for at `asked` (None: when the pass began); in a transaction.

        An observation that was asked for before the last write to its listing, or before it was read back
        last, says nothing of what it shows now, and is passed over.
        """
        asked_at = self.started if asked is None else as_text(asked)
        known = {
            (external_id, warehouse): (state, looked_at)
            for external_id, warehouse, state, looked_at in self.observations.db.query(
                f"SELECT l.external_id, l.warehouse_code, s.id, {_LOOKED_AT} FROM listings AS l "
                "JOIN marketplace_stocks AS s ON s.listing_id = l.id "
                "WHERE l.marketplace = ? AND l.external_id IN texts(?)",
                (asked_at, asked_at, self.sink, ids({o.external_id for o in observations})),
            )
        }
        met, same = list[int](), list[tuple[int, int]]()
        others: dict[int, tuple[int, int]] = {}
        for observation in observations:
            state, looked_at = known.get((observation.external_id, observation.warehouse), _NOTHING)
            if state is None:
                continue
            met.append(state)
            quantity = observation.quantity
            if quantity is None:
                continue
            if quantity == looked_at:
                same.append((state, observation.reserved))
            else:
                others[state] = (quantity, observation.reserved)
        self._seen.update(met)
        self.rows += len(same)
        self._confirm(same, asked_at)
        self._record(self._states(others), asked_at, now)

    def settle_absent(self, now: datetime, served: Collection[str], after: int = 0) -> int | None:
        """Take the listings that a reading of the whole account did not show as showing zero, page by page.

        Of the warehouses that are `served`: of others it says nothing. Inside a transaction. Returns the
        last id that was looked at; None after the last page.
        """
        page = self.observations.db.query(
            f"SELECT {_STATE} FROM marketplace_stocks AS s WHERE s.marketplace = ? AND s.id > ? "
            "AND s.warehouse_code IN texts(?) ORDER BY s.id LIMIT ?",
            (self.sink, after, ids(served), _PAGE),
        )
        self._record([_Seen(0, 0, *state) for state in page if state[0] not in self._seen], self.started, now)
        return page[-1][0] if len(page) == _PAGE else None

    def _states(self, seen: Mapping[int, tuple[int, int]]) -> list[_Seen]:
        """Return what was seen of some states (quantity, reserved), with all that is known of them."""
        if not seen:
            return []
        rows = self.observations.db.query(
            f"SELECT {_STATE} FROM marketplace_stocks AS s WHERE s.id IN ids(?) ORDER BY s.id", (ids(seen),)
        )
        return [_Seen(*seen[row[0]], *row) for row in rows]

    def _confirm(self, same: Sequence[tuple[int, int]], asked: str) -> None:
        """Keep when (state, reserved) were seen to show what was known: nearly all, at each look at all."""
        if not same:
            return
        db = self.observations.db
        db.execute(
            "UPDATE marketplace_stocks SET observed = base, observed_reserved = 0, observed_at = ?, "
            "expected = base, doubtful = 0 WHERE id IN ids(?)",
            (asked, ids([state for state, _ in same])),
        )
        db.executemany(
            "UPDATE marketplace_stocks SET observed_reserved = ? WHERE id = ?",
            [(reserved, state) for state, reserved in same if reserved],
        )

    def _record(self, found: Sequence[_Seen], asked: str, now: datetime) -> None:
        if not found:
            return
        self.rows += len(found)
        moment = as_text(now)
        usable = [
            seen
            for seen in found
            if seen.in_flight is None
            and (seen.attempted_at is None or seen.attempted_at < asked or seen.attempted_at > moment)
            and (seen.observed_at is None or seen.observed_at <= asked or seen.observed_at > moment)
            # What was sent in doubt may still arrive until its rest is over.
            and not (seen.doubtful and seen.not_before is not None and seen.not_before > asked)
        ]
        differing = [seen for seen in usable if seen.differs]
        late = self._late(usable, asked)
        self.observations.drifts.record(
            self.sink,
            self.run,
            asked,
            [
                (
                    seen.product_id, seen.warehouse, seen.known, seen.quantity, seen.replaced, seen.since,
                    seen.written, seen.base is None,
                )
                for seen in differing
                if not self.shadowed
            ],
        )  # fmt: skip
        taken = [seen for seen in usable if seen.id not in late]
        self.arrived += sum(
            seen.written and seen.quantity == seen.confirmed != seen.replaced for seen in taken
        )
        self._confirm([(seen.id, seen.reserved) for seen in taken if seen.quantity == seen.base], asked)
        moved = [seen for seen in taken if seen.quantity != seen.base]
        self.told += len(late) + sum(not seen.foretold for seen in moved)
        if moved:
            self.observations.db.execute(
                _MOVED, (rows_of([(seen.id, seen.quantity, seen.reserved) for seen in moved]), asked)
            )
            drifted = {seen.product_id for seen in moved if seen.base is not None and not self.shadowed}
            unknown = {seen.product_id for seen in moved} - drifted
            self.observations.dirt.mark(unknown, "observed", now, soft=True)
            self.observations.dirt.mark(drifted, "drift", now, soft=True)

    def _late(self, usable: Sequence[_Seen], asked: str) -> set[int]:
        """Return the ids of those that may still show what was there before our write, which is yet to come.

        What we wrote stays what is known of them: a confirmed number gives no way to an older one. Where
        something has made it doubtful (nobody knows whether it has arrived, or an order or a cancel has moved
        it or what was there before) any number may be the old one, but for that which was sent, and that less
        what was sold since.
        """
        began = as_datetime(asked)
        assert began is not None
        latest = as_text(began - self.visible_after)
        settled = as_text(began - max(self.visible_after, SETTLES))
        rest = max(self.cooldown, SETTLES)

        def arrived(seen: _Seen) -> str:
            """Until when it may have arrived: the rest of what nobody was told of begins then."""
            over = as_datetime(seen.not_before) if seen.doubtful else None
            return max(seen.attempted_at or "", "" if over is None else as_text(over - rest))

        # A write of a time to come was stamped while the clock was ahead: how old it is, nobody knows.
        written = [
            seen
            for seen in usable
            if seen.differs and seen.written and latest < (seen.confirmed_at or "") <= asked
        ]
        doubted = [
            seen
            for seen in usable
            if seen.base is None
            and seen.attempted_at is not None
            and seen.quantity != seen.sent
            and (settled if seen.doubtful else latest) < arrived(seen)
        ]
        if not written and not doubted:
            return set()
        ours = self.observations.drifts.lately_ours(
            self.sink, {seen.product_id for seen in (*written, *doubted)}, began - self.visible_after
        )

        def old(seen: _Seen) -> bool:
            told = ours.get((seen.product_id, seen.warehouse), ())
            return seen.quantity == seen.replaced or seen.quantity in told or None in told

        def sold(seen: _Seen) -> bool:
            last = seen.written and seen.attempted_at == seen.confirmed_at
            return last and seen.quantity == seen.expected and not old(seen)

        return {
            *(seen.id for seen in written if old(seen)),
            *(seen.id for seen in doubted if not sold(seen)),
        }
