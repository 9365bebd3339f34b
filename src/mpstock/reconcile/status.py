"""What is in step, what waits, what fails, and what has no counterpart: read from the ledger alone."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mpstock.ledger.log import LogRow as LogEntry
from mpstock.owners import gone
from mpstock.reconcile import orphans
from mpstock.reconcile.drift import drift_text, sink_drift
from mpstock.reconcile.report import as_data, kinds_of
from mpstock.reconcile.safety import TimeToSafe, of_the_last_day

if TYPE_CHECKING:
    from mpstock.ledger.interventions import Intervention
    from mpstock.reconcile.engine import Engine

__all__ = ["LogEntry", "SinkStatus", "SourceStatus", "Status", "status"]

_NAMED = 20

OVERSOLD = timedelta(days=30)
"""So far back what was sold without stock is told, by day."""

OLD = timedelta(days=1)
"""A stop that is older may have been forgotten."""


@frozen
class SourceStatus:
    """When a source was read last, and what was wrong with it.

    `rows` are all that the ledger has of it, also those that it tells no longer; of `unknown` ones nobody
    knows the quantity.
    """

    name: str
    read_at: datetime | None
    full_at: datetime | None
    rows: int
    unknown: int
    problems: int
    first_problems: Sequence[str]
    failed_since: datetime | None
    error: str


@frozen
class SinkStatus:
    """How a sink stands. `statuses` counts its listings by `ok`, `error` and `pending`.

    `without_product` are listings that nothing is pushed for, with the reason; `without_listing` are
    skus that the sink does not sell. Of both the first are named, and all are counted. `orders` are those
    that are open, `order_units` their units as the sink counts them; `unknown_orders` are of no known
    product. `unattended` listings still show stock, and their product or warehouse has left the settings and
    the sources: nobody lowers them. `writer` is the process that writes to the sink just now. `resting` are
    raises that were refused too often in a row.
    `drifts` counts by kind what showed something else than was known within 24 hours. `lost_writes` are
    writes in a row that were accepted and not shown, once they are too many; `another_writer_since` is when
    somebody else was first seen to write there, None if nobody is. `time_to_safe` is how long its falls took
    in the last 24 hours. `oversold` has by day (UTC) the units that the sink says it sold, or had to cancel,
    for lack of stock. With the `mode` `"shadow"` nothing is sent to it.
    """

    name: str
    statuses: Mapping[str, int]
    held: int
    last_confirmed: datetime | None
    listings: int
    without_product: int
    first_without_product: Sequence[str]
    without_listing: int
    first_without_listing: Sequence[str]
    errors: Sequence[str]
    error: str
    orders: int = 0
    order_units: int = 0
    orders_read_at: datetime | None = None
    orders_error: str = ""
    unknown_orders: int = 0
    first_unknown_orders: Sequence[str] = ()
    unattended: int = 0
    first_unattended: Sequence[str] = ()
    writer: str = ""
    resting: int = 0
    first_resting: Sequence[str] = ()
    drifts: Mapping[str, int] = field(factory=dict[str, int])
    first_drifts: Sequence[str] = ()
    lost_writes: int = 0
    another_writer_since: datetime | None = None
    time_to_safe: TimeToSafe | None = None
    oversold: Mapping[str, int] = field(factory=dict[str, int])
    mode: str = "live"


@frozen(repr=False)
class Status:
    """How the shop stands, as far as the ledger knows.

    `dirty` products are to be planned again. `waiting` of them cannot be, by any run: their quantity is not
    known, until a source tells it. `first_waiting` are their skus.
    `interventions` are what is stopped, zeroed or pinned by hand; `notes` what somebody should look at.
    `log_head` is the digest that the log ends with: kept elsewhere, it proves later that nothing before it
    has changed (`Shop.verify_log`).
    """

    ledger: str
    sources: Sequence[SourceStatus]
    sinks: Sequence[SinkStatus]
    runs: Sequence[Mapping[str, Any]]
    dirty: int = 0
    notes: Sequence[str] = field(factory=list[str])
    interventions: Sequence[Intervention] = ()
    log_head: str = ""
    waiting: int = 0
    first_waiting: Sequence[str] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the status as plain data."""
        data: dict[str, Any] = as_data(self)
        return data

    def lines(self) -> list[str]:
        """Return the status as text, a line each."""
        told = [f"ledger {self.ledger}"]
        for source in self.sources:
            told.append(
                f"{source.name}: {source.rows} rows in the ledger, read {_moment(source.read_at)}, "
                f"completely {_moment(source.full_at)}"
                + (f", {source.unknown} unknown" if source.unknown else "")
                + (f", {source.problems} with problems" if source.problems else "")
                + (f"; failing since {_moment(source.failed_since)}: {source.error}" if source.error else "")
            )
        for sink in self.sinks:
            counts = ", ".join(f"{count} {name}" for name, count in sink.statuses.items()) or "no listing yet"
            told.append(
                f"{sink.name}: {'in shadow mode, ' if sink.mode == 'shadow' else ''}{counts}"
                + (f", {sink.held} held" if sink.held else "")
                + (f", {sink.orders} open orders of {sink.order_units} units" if sink.orders else "")
                + (f", {sink.unknown_orders} of unknown articles" if sink.unknown_orders else "")
                + (f", {sink.resting} rest after refusals" if sink.resting else "")
                + (f", {sink.unattended} still sell and nobody lowers them" if sink.unattended else "")
                + (f", drifted within a day: {kinds_of(sink.drifts)}" if sink.drifts else "")
                + f"; {sink.without_product} listings without a product, {sink.without_listing} products "
                "without a listing"
                + (
                    f"; its writes do not arrive: {sink.lost_writes} in a row were accepted and not shown"
                    if sink.lost_writes
                    else ""
                )
                + (
                    f"; somebody else writes there, since {_moment(sink.another_writer_since)}"
                    if sink.another_writer_since
                    else ""
                )
                + (f"; {sink.error}" if sink.error else "")
                + (f"; its orders: {sink.orders_error}" if sink.orders_error else "")
                + (f"; now written by {sink.writer}" if sink.writer else "")
                + (f"; in 24 hours {sink.time_to_safe}" if sink.time_to_safe else "")
                + (
                    f"; in 30 days {sum(sink.oversold.values())} units were sold or cancelled for lack of "
                    f"stock, last on {max(sink.oversold)}"
                    if sink.oversold
                    else ""
                )
            )
        if self.dirty > self.waiting:
            told.append(f"{self.dirty - self.waiting} products wait for a run that plans them")
        if self.waiting:
            more = ", …" if self.waiting > len(self.first_waiting) else ""
            told.append(
                f"{self.waiting} products wait until their quantity is known: "
                f"{', '.join(self.first_waiting)}{more}; mpstock explain SKU says why it is not"
            )
        told += [
            f"by hand, number {one.id}, {one.scope}: {one.told()}" for one in self.interventions[:_NAMED]
        ]
        if len(self.interventions) > _NAMED:
            told.append(f"… and {len(self.interventions) - _NAMED} more by hand (all of them with --json)")
        told += self.notes
        return told

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


def _moment(value: datetime | None) -> str:
    return "never" if value is None else f"{value:%Y-%m-%d %H:%M:%S}Z"


def status(engine: Engine) -> Status:
    """Gather the status; runs in the ledger's thread."""
    ledger, now = engine.ledger, engine.clock.now()
    cursors = {row.name: row for row in ledger.runs.cursors()}
    levels = {source: (rows, unknown) for source, rows, unknown in ledger.levels.counts()}
    sources = []
    for built in engine.sources:
        cursor = cursors.get(f"source:{built.name}")
        rows, unknown = levels.get(built.name, (0, 0))
        problems = cursor.problems if cursor else {}
        sources.append(
            SourceStatus(
                built.name,
                cursor.read_at if cursor else None,
                cursor.full_at if cursor else None,
                rows,
                unknown,
                problems.get("count", 0),
                [f"{place}, {name}: {message}" for place, name, message, _ in problems.get("first", ())][
                    :_NAMED
                ],
                cursor.failed_at if cursor else None,
                (cursor.error or "") if cursor else "",
            )
        )
    summary = ledger.stocks.summary()
    open_orders = ledger.orders.open_counts()
    writers = {holder.sink: str(holder) for holder in ledger.leases.holders(engine.clock.now(), gone)}
    unattended = orphans.find(engine, _NAMED)
    sinks = []
    safe = of_the_last_day(ledger, engine.clock.now())
    oversold = ledger.symptoms.oversold_days(now - OVERSOLD)
    for sink in engine.sinks:
        mine = [row for row in summary if row[0] == sink.name]
        listings, without_product = ledger.listings.counts(sink.name)
        without_listing, skus = ledger.listings.unlisted(sink.name, _NAMED)
        cursor = cursors.get(f"listings:{sink.name}")
        reading = cursors.get(f"orders:{sink.name}")
        unknown_orders = ledger.orders.unknown(sink.name)
        left = [orphan for orphan in unattended if orphan.sink == sink.name]
        count = len(left) if len(left) < _NAMED else orphans.count(engine, sink.name)
        orders, units = open_orders.get(sink.name, (0, 0))
        drift = sink_drift(ledger, sink.name, engine.clock.now(), _NAMED)
        sinks.append(
            SinkStatus(
                sink.name,
                {row[1]: row[2] for row in mine},
                sum(row[3] for row in mine),
                max((row[4] for row in mine if row[4] is not None), default=None),
                listings,
                without_product,
                [
                    f"{gap.warehouse} {gap.external_id} ({', '.join(gap.skus)}): {gap.reason}"
                    for gap in ledger.listings.gaps(sink.name, _NAMED)
                ],
                without_listing,
                skus,
                [
                    f"{row.sku} on {row.warehouse}: "
                    f"{': '.join(part for part in (row.error_code, row.error_message) if part)}"
                    for row in ledger.stocks.failing(sink.name, _NAMED)
                ],
                (cursor.error or "") if cursor else "",
                orders,
                units,
                reading.read_at if reading else None,
                (reading.error or "") if reading else "",
                len(unknown_orders),
                [
                    f"order {order.key}: {order.quantity} of {order.external_id}, which no source knows"
                    for order in unknown_orders[:_NAMED]
                ],
                count,
                [orphans.told(orphan) for orphan in left],
                writers.get(sink.name, ""),
                ledger.quarantine.resting(sink.name, now),
                [
                    f"{sku} on {code} was refused {failures} times in a row ({words}) and rests until "
                    f"{_moment(until)}: mpstock sync --retry"
                    for sku, code, failures, until, words in ledger.quarantine.first_resting(
                        sink.name, now, _NAMED
                    )
                ],
                drift.counts,
                [
                    f"{drift_text(row)}: {row.kind.value.replace('_', ' ')}"
                    for row in drift.first
                    if row.kind is not None
                ],
                drift.lost if drift.lost >= engine.config.verify.lost_writes else 0,
                drift.writer_since,
                safe.get(sink.name),
                oversold.get(sink.name, {}),
                "shadow" if ledger.shadows.is_shadow(sink.name, sink.config.shadow) else "live",
            )
        )
    runs = [
        {
            "run": row.id,
            "kind": row.kind,
            "cause": row.cause,
            "started_at": row.started_at.isoformat(),
            "finished_at": row.finished_at.isoformat() if row.finished_at else None,
            "status": row.status,
            "exit_code": row.exit_code,
            "actor": row.actor,
            "reason": row.reason,
            "plan": row.plan_id,
        }
        for row in ledger.runs.last(5)
    ]
    now = engine.clock.now()
    by_hand = [row.shown for row in ledger.interventions.in_force(now)]
    return Status(
        ledger.place,
        sources,
        sinks,
        runs,
        ledger.dirt.count(),
        [*_old_stops(engine, by_hand, now), *orphans.notes(engine)],
        by_hand,
        ledger.seals.head().digest,
        ledger.dirt.count_set_aside(),
        ledger.dirt.first_set_aside(_NAMED),
    )


def _old_stops(engine: Engine, by_hand: Sequence[Intervention], now: datetime) -> list[str]:
    """Tell of stops that may have been forgotten: what they cover goes on selling what it shows."""
    covered = engine.ledger.interventions.stopped()
    told = []
    for stop in by_hand:
        if stop.kind != "stop" or now - stop.created_at < OLD:
            continue
        listings = sum(count for (_, number), (count, _) in covered.items() if number == stop.id)
        differing = sum(count for (_, number), (_, count) in covered.items() if number == stop.id)
        told.append(
            f"{stop.scope} has been stopped since {_moment(stop.created_at)} by {stop.actor}: "
            f"{listings} listings still sell what they show, {differing} of them show something else than "
            f"they should. If that is not meant: mpstock resume --number {stop.id}"
        )
    return told
