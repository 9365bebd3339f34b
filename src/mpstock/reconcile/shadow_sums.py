"""The sums of shadow mode, listing by listing, from the points that were kept. Pure: no ledger, no clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.reconcile.shadow_report import Delays, OrderInShadow, SkuShadow

if TYPE_CHECKING:
    from mpstock.ledger.shadows import Point, ShadowOrder

__all__ = ["Sums"]


@define
class Sums:
    """What the points of one sink come to. `add` takes one watch after the other.

    `orders` are those of the sink itself, `sales` the moments of the orders on other sinks, by product;
    nothing before `since` counts.
    """

    since: datetime
    orders: Mapping[int, Sequence[ShadowOrder]]
    sales: Mapping[int, Sequence[datetime]]
    hours: float = 0.0
    same_hours: float = 0.0
    now: dict[tuple[int, str], Point] = field(factory=dict[tuple[int, str], "Point"])
    oversold: list[OrderInShadow] = field(factory=list[OrderInShadow])
    missed: list[OrderInShadow] = field(factory=list[OrderInShadow])
    _over: dict[str, float] = field(factory=lambda: defaultdict[str, float](float))
    _hidden: dict[str, float] = field(factory=lambda: defaultdict[str, float](float))
    _after_sale: list[float] = field(factory=list[float])
    _ours_after_sale: list[float] = field(factory=list[float])
    _after_stock: list[float] = field(factory=list[float])
    _told: set[str] = field(factory=set[str])
    _open_sales: int = 0
    _open_stock: int = 0

    def add(self, points: Iterable[Point], until: datetime) -> None:
        """Take in the points of a watch, listing by listing, each from the oldest on."""
        self.now.clear()
        for key, group in groupby(points, key=lambda point: (point.product_id, point.warehouse)):
            listing = list(group)
            self.now[key] = listing[-1]
            self._time(listing, until)
            self._falls(listing, until)
            self._orders(listing, until)

    # ------------------------------------------------------------------ what it comes to

    @property
    def over(self) -> float:
        """Units × hours shown beyond what we would have shown."""
        return sum(self._over.values())

    @property
    def hidden(self) -> float:
        """Units × hours not shown although we would have."""
        return sum(self._hidden.values())

    @property
    def after_sale(self) -> Delays:
        """How long after an order elsewhere they had followed."""
        return Delays.of(self._after_sale, self._open_sales)

    @property
    def ours_after_sale(self) -> Delays:
        """How long after an order elsewhere we would have."""
        return Delays.of(self._ours_after_sale)

    @property
    def after_stock(self) -> Delays:
        """How long they took after ours had fallen for another cause."""
        return Delays.of(self._after_stock, self._open_stock)

    def worst(self, most: int) -> list[SkuShadow]:
        """Return the products that were out of step the most."""
        shown: dict[str, list[int]] = defaultdict(lambda: [0, 0])
        for point in self.now.values():
            shown[point.sku][0] += point.shown
            shown[point.sku][1] += point.ours
        totals = {sku: self._over[sku] + self._hidden[sku] for sku in {*self._over, *self._hidden}}
        return [
            SkuShadow(sku, self._over[sku], self._hidden[sku], *shown[sku])
            for sku in sorted(totals, key=lambda sku: (-totals[sku], sku))[:most]
            if totals[sku]
        ]

    # ------------------------------------------------------------------ one listing

    def _time(self, points: Sequence[Point], until: datetime) -> None:
        for point, end in _spans(points, until):
            hours = (end - max(point.at, self.since)) / timedelta(hours=1)
            if hours <= 0:
                continue
            self.hours += hours
            if point.shown == point.ours:
                self.same_hours += hours
            elif point.shown > point.ours:
                self._over[point.sku] += (point.shown - point.ours) * hours
            else:
                self._hidden[point.sku] += (point.ours - point.shown) * hours

    def _falls(self, points: Sequence[Point], until: datetime) -> None:
        """Say how long each fall of ours had to wait for theirs, unless ours rose again before."""
        for index, (before, fall) in enumerate(pairwise(points), 1):
            if fall.ours >= before.ours or fall.at < self.since:
                continue
            sold_at = next(
                (at for at in self.sales.get(fall.product_id, ()) if before.at < at <= fall.at), None
            )
            began = sold_at or fall.at
            followed = self._followed(points, index, began, fall.ours)
            if sold_at is not None:
                self._ours_after_sale.append((fall.at - began).total_seconds())
            if followed is not None:
                (self._after_stock if sold_at is None else self._after_sale).append(followed)
            elif all(later.ours <= fall.ours for later in points[index:]):
                if sold_at is None:
                    self._open_stock += 1
                else:
                    self._open_sales += 1

    def _followed(self, points: Sequence[Point], index: int, began: datetime, ours: int) -> float | None:
        """Return after how many seconds they showed no more than that; None: not before ours rose again."""
        state = max((i for i in range(index + 1) if points[i].at <= began), default=0)
        for point in points[state:]:
            if point.at > points[index].at and point.ours > ours:
                return None
            if point.shown <= ours:
                return max((point.at - began).total_seconds(), 0.0)
        return None

    def _orders(self, points: Sequence[Point], until: datetime) -> None:
        first = points[0]
        for order in self.orders.get(first.product_id, ()):
            if order.warehouse not in (None, first.warehouse) or order.placed_at < self.since:
                continue
            # What was shown when it came is what was seen last before.
            state = next(
                (point for point, end in _spans(points, until) if point.at < order.placed_at <= end), None
            )
            if state is None or state.ours >= order.quantity or order.key in self._told:
                continue
            self._told.add(order.key)
            found = OrderInShadow(
                order.key, order.sku, first.warehouse, order.quantity, order.placed_at, order.cancelled_at,
                state.shown, state.ours, order.note, order.lacking,
            )  # fmt: skip
            (self.missed if order.cancelled_at is None else self.oversold).append(found)


def _spans(points: Sequence[Point], until: datetime) -> Iterator[tuple[Point, datetime]]:
    """Yield each point with the moment up to which it was so."""
    for point, after in pairwise(points):
        yield point, after.at
    yield points[-1], max(until, points[-1].at)
