"""Why a listing shows something else than was known: judged once the sink's orders have been read.

A number that was read back lower may be a sale that is told a moment later. So a difference is kept as it was
seen, its kind is settled after the orders, and what the platform was supposed to have done is looked at again
for a while. The listing itself does not wait for that: it is reckoned anew at once, whatever the reason.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.events import Alert
from mpstock.ledger.drifts import Drift, DriftKind, OpenDrift, OrderEvent

if TYPE_CHECKING:
    from mpstock.config import VerifySettings
    from mpstock.interfaces import Limits
    from mpstock.ledger import Ledger

__all__ = [
    "Judge",
    "SinkDrift",
    "alerts_of_drift",
    "drift_text",
    "explained_by",
    "kind_of",
    "lost_in_a_row",
    "sink_drift",
    "writers_since",
]

MARGIN = timedelta(seconds=60)
"""An order within this time of a write or a read-back may be in its number or not: requests take time, and
the sink's clock is not ours."""

DOUBTED = timedelta(hours=1)
"""For so long the platform's own changes are looked at again: their order may be told late."""

UNJUDGED = timedelta(days=1)
"""For so long a difference waits for its kind: the process that saw it may have died before the orders."""

REMEMBERED = timedelta(days=1)
"""For so long a number that somebody else wrote is taken for theirs when it is shown again."""

WINDOW = timedelta(hours=1)
"""Within this time several numbers of somebody else are one trouble."""

_NAMED = 5


# ---------------------------------------------------------------- the rules, without a ledger


def explained_by(
    shown: int, since: datetime, at: datetime, until: datetime, orders: Iterable[OrderEvent], limits: Limits
) -> set[int]:
    """Return the numbers that a listing which showed `shown` at `since` may show at `at`, by what buyers did.

    Orders surely placed in between all count where the sink lowers by itself, and all or none of them where
    nobody knows; one near either end, or up to `until`, may be in the number or not. A cancel may have raised
    it or not.
    """
    if limits.self_decrements == "no":
        return {shown}
    sold, may_be, reserves = 0, list[int](), 0
    for order in orders:
        if limits.orders == "total":
            # Only what is reserved of a listing is told: any part of it may be new.
            reserves += order.quantity if order.open and order.told_at >= since - MARGIN else 0
        elif since + MARGIN < order.placed_at < at - MARGIN:
            sold += order.quantity
        elif since - MARGIN <= order.placed_at <= until + MARGIN:
            may_be.append(-order.quantity)
        if order.cancelled_at is not None and since - MARGIN <= order.cancelled_at <= until + MARGIN:
            may_be.append(order.quantity)
    found = {shown - sold} if limits.self_decrements == "yes" else {shown, shown - sold}
    for step in may_be:
        found |= {number + step for number in found}
    found |= {number - units for number in set(found) for units in range(1, reserves + 1)}
    return {max(number, 0) for number in found}


def kind_of(
    drift: OpenDrift,
    orders: Sequence[OrderEvent],
    ours: Collection[int | None],
    others: Collection[int],
    limits: Limits,
    *,
    heard: bool,
    now: datetime,
) -> DriftKind | None:
    """Say why a listing shows what it does; None if it is no difference after all.

    `orders` are those of its offer, `ours` the numbers that we wrote or replaced there lately (None: one
    that we did not know), `others` those that somebody else wrote. `heard`: the orders were read after it
    was read back.
    """
    # What was told for the first time just now may bear the time of its telling, as where clocks differ.
    # Later on only what was placed by then counts.
    until = max(drift.at, now) if drift.kind is None else drift.at
    expected = explained_by(drift.expected, drift.since, drift.at, until, orders, limits)
    if drift.observed in expected:
        # What an order had made doubtful was not believed: that it has moved is no news.
        return None if drift.voided else DriftKind.SALE
    if drift.written:
        before = set[int]()
        if drift.replaced is not None:
            before = explained_by(drift.replaced, drift.since, drift.at, until, orders, limits)
        young = timedelta() <= drift.at - drift.since < timedelta(seconds=limits.visible_after)
        if young and (drift.observed in before or drift.observed in ours or None in ours):
            return DriftKind.NOT_YET_VISIBLE
        if drift.observed in others:
            # It was taken back once: whoever wrote it has written it again.
            return DriftKind.ANOTHER_WRITER
        if drift.observed in before:
            return DriftKind.LOST_WRITE
    if limits.self_decrements == "no":
        return DriftKind.ANOTHER_WRITER
    if not heard or drift.observed < max(expected):
        # Somebody has bought what we were not told of.
        return DriftKind.PLATFORM
    # It can raise a number only by what was ordered before.
    back = sum(order.quantity for order in orders if order.open or order.told_at >= drift.since - MARGIN)
    return DriftKind.PLATFORM if drift.observed - max(expected) <= back else DriftKind.ANOTHER_WRITER


# ---------------------------------------------------------------- the rules, applied


@frozen
class Judge:
    """Settles why one sink's listings drifted. Runs in the ledger's thread."""

    ledger: Ledger
    sink: str
    limits: Limits

    def settle(self, now: datetime, *, run: int, heard: bool, arrived: int, whole: bool) -> None:
        """Give what was read back its kind, now that the orders were read (`heard`) or could not be.

        `arrived` counts the writes that were seen to have changed something, `whole` says that everything was
        read back: when nobody else's number is among it, nobody else writes there any more.
        """
        drifts = self.ledger.drifts
        found = drifts.open(self.sink, now - UNJUDGED, now - DOUBTED)
        with self.ledger.transaction(durable=False):
            kinds = self._kinds(found, now, heard=heard)
            drifts.settle((row.id, kind) for row, kind in kinds)
            lost = sum(kind is DriftKind.LOST_WRITE for _, kind in kinds)
            arrived += sum(row.written and kind is DriftKind.SALE for row, kind in kinds)
            if arrived or lost:
                before = 0 if arrived else lost_in_a_row(self.ledger).get(self.sink, 0)
                self.ledger.runs.remember(_LOST.format(self.sink), str(0 if arrived else before + lost))
            if whole and not drifts.counts(self.sink, run=run).get(DriftKind.ANOTHER_WRITER):
                self.ledger.runs.remember(_WRITER.format(self.sink), "")

    def _kinds(
        self, found: Sequence[OpenDrift], now: datetime, *, heard: bool
    ) -> list[tuple[OpenDrift, DriftKind | None]]:
        if not found:
            return []
        drifts = self.ledger.drifts
        by_offer: dict[str, list[OrderEvent]] = {}
        for order in drifts.orders_of(self.sink, {row.external_id for row in found}):
            by_offer.setdefault(order.external_id, []).append(order)
        delay = timedelta(seconds=self.limits.visible_after)
        ours = (
            drifts.lately_ours(
                self.sink, {row.product_id for row in found}, min(row.at for row in found) - delay
            )
            if delay
            else {}
        )
        others = drifts.lately_others(self.sink, min(row.at for row in found) - REMEMBERED)
        judged: list[tuple[OpenDrift, DriftKind | None]] = []
        for row in found:
            orders = [
                order
                for order in by_offer.get(row.external_id, ())
                if order.warehouse in (None, row.warehouse)
            ]
            place = (row.product_id, row.warehouse)
            kind = kind_of(
                row, orders, ours.get(place, ()), others.get(place, ()), self.limits, heard=heard, now=now
            )
            # What is no difference after all goes: else each run would judge it again.
            if kind is None or kind is not row.kind:
                judged.append((row, kind))
        return judged


# ---------------------------------------------------------------- what is told of it

_LOST = "lost_writes:{}"
_WRITER = "another_writer:{}"


def lost_in_a_row(ledger: Ledger) -> dict[str, int]:
    """Return by sink how many of its writes were accepted and not shown, with none that was shown between."""
    return {sink: int(kept or 0) for sink, kept in _recalled(ledger, _LOST)}


def writers_since(ledger: Ledger) -> dict[str, datetime]:
    """Return when somebody else was first seen to write to a sink, of those where somebody is."""
    return {sink: datetime.fromisoformat(kept) for sink, kept in _recalled(ledger, _WRITER) if kept}


def _recalled(ledger: Ledger, name: str) -> Iterator[tuple[str, str]]:
    prefix = name.format("")
    for key, kept in ledger.runs.recalled(prefix):
        yield key.removeprefix(prefix), kept


@frozen
class SinkDrift:
    """How a sink stands: what drifted within a day, and what of it needs a person.

    `lost` are writes in a row that were accepted and never shown; `writer_since` is when somebody else was
    first seen writing there, None if nobody is.
    """

    counts: dict[str, int]
    first: Sequence[Drift]
    lost: int
    writer_since: datetime | None


def sink_drift(ledger: Ledger, sink: str, now: datetime, named: int) -> SinkDrift:
    """Return how a sink stands. Runs in the ledger's thread."""
    since = now - timedelta(days=1)
    return SinkDrift(
        ledger.drifts.counts(sink, since=since),
        ledger.drifts.rows(
            sink, since=since, kinds=[kind for kind in DriftKind if not kind.explained], limit=named
        ),
        lost_in_a_row(ledger).get(sink, 0),
        writers_since(ledger).get(sink),
    )


def alerts_of_drift(
    ledger: Ledger, run: int, sinks: Iterable[str], settings: VerifySettings, now: datetime
) -> list[Alert]:
    """Return what a run has found out about writes that do not arrive, and about somebody else's.

    One alert of each for a sink. Runs in the ledger's thread.
    """
    alerts = []
    for sink, found in ledger.drifts.counts_of(list(sinks), run=run).items():
        if found.get(DriftKind.ANOTHER_WRITER):
            alert = _another_writer(ledger, run, sink, settings, now)
            if alert is not None:
                alerts.append(alert)
        if not found.get(DriftKind.LOST_WRITE):
            continue
        lost = lost_in_a_row(ledger).get(sink, 0)
        if lost >= settings.lost_writes:
            alerts.append(_lost_writes(ledger, run, sink, lost, now))
    return alerts


def _another_writer(
    ledger: Ledger, run: int, sink: str, settings: VerifySettings, now: datetime
) -> Alert | None:
    rows = ledger.drifts.rows(sink, since=now - WINDOW, kinds=[DriftKind.ANOTHER_WRITER], limit=10_000)
    listings = {(row.sku, row.warehouse) for row in rows}
    if len(listings) < settings.another_writer and len(rows) == len(listings):
        return None
    if not ledger.runs.recall(_WRITER.format(sink)):
        ledger.runs.remember(_WRITER.format(sink), now.isoformat())
    named = "; ".join(drift_text(row) for row in rows[:_NAMED])
    return Alert(
        run=run,
        at=now,
        severity="critical",
        subject=f"another_writer:{sink}",
        message=f"somebody else writes to {sink}: within an hour {len(listings)} of its listings showed "
        f"numbers that were not put there by mpstock. The latest: {named}",
        mend="switch off whatever else sets stock there: 1C's own exchange with the marketplace, another "
        "integration, a robot or a person in the cabinet; mpstock verify says when it has ended",
        sink=sink,
        data={
            "listings": len(listings),
            "first": [
                {
                    "sku": row.sku, "warehouse": row.warehouse, "expected": row.expected,
                    "observed": row.observed, "at": row.at.isoformat(),
                }
                for row in rows[:_NAMED]
            ],
        },
    )  # fmt: skip


def _lost_writes(ledger: Ledger, run: int, sink: str, lost: int, now: datetime) -> Alert:
    rows = ledger.drifts.rows(sink, run=run, kinds=[DriftKind.LOST_WRITE], limit=_NAMED)
    return Alert(
        run=run,
        at=now,
        severity="critical",
        subject=f"lost_writes:{sink}",
        message=f"{sink} says yes to what is written and does not show it: {lost} writes in a row. "
        f"The latest: {'; '.join(drift_text(row) for row in rows)}",
        mend="look at these listings in the cabinet; if they show the old numbers, the marketplace's method "
        f"or its warehouse has changed: lower them there by hand, and see `mpstock log --sink {sink}`",
        sink=sink,
        data={"in_a_row": lost},
    )


def drift_text(drift: Drift) -> str:
    """Say one difference in words."""
    expected = "unknown" if drift.expected is None else str(drift.expected)
    return (
        f"{drift.sku} on {drift.warehouse} showed {drift.observed}, not {expected}, "
        f"at {drift.at:%Y-%m-%d %H:%M:%S} UTC"
    )
