"""What came of shadow mode: how what others show differs from what we would have shown, and what it cost."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from mpstock.reconcile.report import as_data, html_table

__all__ = ["Delays", "OrderInShadow", "ShadowReport", "SinkShadow", "SkuShadow"]

_SHOWN = 10


@frozen
class Delays:
    """How long something took, in seconds, `count` times. `open` of them have not come about so far."""

    count: int = 0
    open: int = 0
    median: float | None = None
    p90: float | None = None
    longest: float | None = None

    @classmethod
    def of(cls, seconds: Sequence[float], still_open: int = 0) -> Delays:
        """Gather delays; those that are still open have none."""
        if not seconds:
            return cls(still_open, still_open)
        ordered = sorted(seconds)
        return cls(
            len(ordered) + still_open,
            still_open,
            ordered[(len(ordered) - 1) // 2],
            ordered[min(len(ordered) * 9 // 10, len(ordered) - 1)],
            ordered[-1],
        )

    def __str__(self) -> str:
        if self.median is None:
            return f"none of {self.count} so far" if self.open else "never needed"
        told = f"median {_length(self.median)}, 9 of 10 within {_length(self.p90)}, longest "
        left = f", {self.open} of {self.count} not so far" if self.open else ""
        return told + _length(self.longest) + left


@frozen
class OrderInShadow:
    """An order that came while a sink was in shadow mode, with what its listing showed, and would have.

    `note` is the marketplace's word for why it was cancelled; `lacking`: it says that there was no stock.
    """

    key: str
    sku: str
    warehouse: str
    quantity: int
    placed_at: datetime
    cancelled_at: datetime | None
    shown: int
    ours: int
    note: str = ""
    lacking: bool = False


@frozen
class SkuShadow:
    """One product in all warehouses of a sink: units × hours by which it showed too many, or too few."""

    sku: str
    over_unit_hours: float
    hidden_unit_hours: float
    shown: int
    ours: int


@frozen
class SinkShadow:
    """One sink in shadow mode: what was shown beside what we would have shown.

    `mode` is the one it has now; `decided_by` and `decided_at` say who chose it, if not the settings.
    It was watched from `since` to `until`, with gaps in which nobody looked: `watched_hours` are without
    them. `looks` is how often everything was read back; what happened between two looks is seen at the later.

    As it was seen last: `same`, `higher` and `lower` count the listings which show what we would, more, and
    fewer; `higher_units` and `lower_units` by how many; `held` would have been held by a guard.

    Over the whole time: `in_step` is the part of the listings' hours in which both were the same;
    `over_unit_hours` are units × hours shown beyond what we would have shown, `hidden_unit_hours` those not
    shown although we would have. `worst` are the products with the most of both.

    `oversold` are orders that were cancelled and of which we would have shown fewer than were ordered: they
    would not have come about. `cancelled` counts all that were cancelled. `missed` are orders that were kept
    and that we would not have shown enough for: what caution would have cost.

    `after_sale` is how long after an order elsewhere their number had followed, `ours_after_sale` when ours
    would have; `after_stock` how long after ours had fallen for another cause.
    """

    name: str
    mode: str
    decided_by: str = ""
    decided_at: datetime | None = None
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None
    watched_hours: float = 0.0
    looks: int = 0
    listings: int = 0
    same: int = 0
    higher: int = 0
    lower: int = 0
    higher_units: int = 0
    lower_units: int = 0
    held: int = 0
    in_step: float = 0.0
    over_unit_hours: float = 0.0
    hidden_unit_hours: float = 0.0
    cancelled: int = 0
    oversold: Sequence[OrderInShadow] = ()
    missed: Sequence[OrderInShadow] = ()
    after_sale: Delays = Delays()
    ours_after_sale: Delays = Delays()
    after_stock: Delays = Delays()
    worst: Sequence[SkuShadow] = ()

    def lines(self) -> list[str]:
        """Return what there is to say, a line each."""
        who = f", decided by {self.decided_by}" if self.decided_by else ""
        if self.since is None or self.until is None:
            return [f"{self.name}: {self.mode}{who}; nothing was watched so far"]
        begun, ended = _moment(self.since), _moment(self.until)
        over, hidden = f"{self.over_unit_hours:.1f}", f"{self.hidden_unit_hours:.1f}"
        held = f"; {self.held} of ours would be held by a guard" if self.held else ""
        watched = f"watched {self.watched_hours:.1f} h from {begun} to {ended}, {self.looks} looks"
        told = [
            f"{self.name}: {self.mode}{who}; {watched}",
            (
                f"  now: {self.same} of {self.listings} listings show what we would, {self.higher} show more "
                f"({self.higher_units} units), {self.lower} show fewer ({self.lower_units} units){held}"
            ),
            f"  over the time: in step {self.in_step:.1%}; {over} unit-hours too many, {hidden} hidden",
            f"  after a sale elsewhere they followed: {self.after_sale}",
            f"  after a sale elsewhere we would have: {self.ours_after_sale}",
            f"  after another fall of ours they followed: {self.after_stock}",
            (
                f"  orders: {self.cancelled} cancelled, {len(self.oversold)} of them would not have come "
                f"about; {len(self.missed)} kept that we would not have shown enough for"
            ),
        ]
        told += [
            f"  cancelled: {order.key}, {order.quantity} of {order.sku} at {_moment(order.placed_at)}; it "
            f"showed {order.shown}, we would have shown {order.ours}"
            + (f" ({order.note})" if order.note else "")
            + (", for lack of stock by its word" if order.lacking else "")
            for order in self.oversold[:_SHOWN]
        ]
        told += [
            f"  most out of step: {one.sku}, {one.over_unit_hours:.1f} unit-hours too many, "
            f"{one.hidden_unit_hours:.1f} hidden; shows {one.shown}, we would show {one.ours}"
            for one in self.worst[:_SHOWN]
        ]
        return told


@frozen(repr=False)
class ShadowReport:
    """What came of shadow mode, sink by sink. `asked_since` is how far back was looked."""

    at: datetime
    asked_since: datetime
    sinks: Sequence[SinkShadow] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        data: dict[str, Any] = as_data(self)
        return data

    def lines(self) -> list[str]:
        """Return what there is to say, a line each."""
        return [line for sink in self.sinks for line in sink.lines()]

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        table = html_table(
            ("sink", "mode", "hours", "same", "more", "fewer", "in step", "too many", "hidden", "oversold"),
            [
                (
                    s.name, s.mode, f"{s.watched_hours:.1f}", s.same, s.higher, s.lower, f"{s.in_step:.1%}",
                    f"{s.over_unit_hours:.1f}", f"{s.hidden_unit_hours:.1f}", len(s.oversold),
                )
                for s in self.sinks
            ],
        )  # fmt: skip
        return table + f"<pre>{html.escape(repr(self))}</pre>"


def _moment(value: datetime) -> str:
    return f"{value:%Y-%m-%d %H:%M}Z"


def _length(seconds: float | None) -> str:
    whole = timedelta(seconds=round(seconds or 0))
    return f"{whole.seconds} s" if whole < timedelta(minutes=2) else str(whole)
