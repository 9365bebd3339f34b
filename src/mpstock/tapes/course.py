"""One product through recorded days, twice: as it went, and as it would have gone with other buffers.

What was free at a moment is what mpstock itself reckoned, with what it learned next: units that were gone by
then and that no order explains are taken as gone since the last look, so an order in between is judged by the
worst. What came in is taken as there from when it was read.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from typing import Literal

from attrs import define, field, frozen

from mpstock.reconcile.places import Feeds
from mpstock.simulation.measures import hidden_units, oversold_units
from mpstock.tapes.sums import Sums

__all__ = ["Course", "Lane", "Refused", "Stock"]


@frozen
class Stock:
    """What a listing could promise if nothing were kept back: each component, its units in one, how many."""

    feeds: Feeds
    parts: Sequence[tuple[int, int, int]] = ()

    def free(self, more: Mapping[int, int]) -> int | None:
        """Return how many units there are, with so many more of each component; None: nobody knows."""
        if not self.parts:
            return None
        return min((amount + more.get(part, 0)) // units for part, units, amount in self.parts)

    def plus(self, more: Mapping[int, int]) -> Stock:
        """Return the same with so many more of each component."""
        if not any(more.values()):
            return self
        return Stock(self.feeds, [(part, each, n + more.get(part, 0)) for part, each, n in self.parts])

    def meets(self, feeds: Feeds) -> bool:
        """Whether what feeds the one may feed the other."""
        return self.feeds is None or feeds is None or bool(self.feeds & feeds)


@define(eq=False)
class Lane:
    """One listing in both worlds: what it `done` shows as it was, and `would` show.

    `pack` are the product's own units in one of it. `lowers`: its number falls by itself when somebody buys.
    While it `follows` the two are one. `pending` is the number on its way in the other world, `landed` when
    one arrived there last.
    """

    sink: str
    code: str
    pack: int = 1
    lowers: bool = True
    stock: Stock = field(factory=lambda: Stock(None))
    done: int | None = None
    would: int | None = None
    wanted: int | None = None
    follows: bool = True
    pending: int | None = None
    landed: float = float("-inf")


@define(eq=False)
class Refused:
    """Units of components that buyers took as it was, and would have been refused: by (sink, order)."""

    by_part: dict[int, dict[tuple[str, str], tuple[Feeds, int]]] = field(
        factory=dict[int, "dict[tuple[str, str], tuple[Feeds, int]]"]
    )

    def note(self, order: tuple[str, str], stock: Stock, units: int) -> None:
        """So many units of a listing's were refused, or with a negative number are free again anyway."""
        for part, each, _ in stock.parts:
            orders = self.by_part.setdefault(part, {})
            _, before = orders.get(order, (stock.feeds, 0))
            orders[order] = (stock.feeds, before + units * each)
            if orders[order][1] <= 0:
                del orders[order]

    def more(self, stock: Stock) -> dict[int, int]:
        """Return how many more units of its components a listing has by that."""
        return {
            part: sum(units for feeds, units in orders.values() if stock.meets(feeds))
            for part, _, _ in stock.parts
            if (orders := self.by_part.get(part))
        }

    def of(self, part: int) -> Mapping[tuple[str, str], tuple[Feeds, int]]:
        """Return the refused units of one component, by order."""
        return self.by_part.get(part, {})


@frozen(order=True)
class _Event:
    at: float
    number: int
    kind: Literal["buys", "frees", "lands", "would land"] = field(order=False)
    lane: tuple[str, str | None] = field(order=False)
    units: int = field(order=False)
    order: str = field(order=False, default="")


@define(eq=False)
class Course:
    """One product. Times are seconds since the recording began; `since` is when it was reckoned last."""

    sku: str
    sums: tuple[Sums, Sums]
    refused: Refused
    since: float = 0.0
    whole: Stock = field(factory=lambda: Stock(None))
    lanes: dict[tuple[str, str], Lane] = field(factory=dict[tuple[str, str], Lane])
    _events: list[_Event] = field(factory=list[_Event])
    _taken: dict[tuple[str, str], tuple[Lane, bool]] = field(
        factory=dict[tuple[str, str], "tuple[Lane, bool]"]
    )
    _numbers: itertools.count[int] = field(factory=itertools.count)

    # ------------------------------------------------------------------ what is going to happen

    def buys(self, at: float, sink: str, code: str | None, units: int, order: str) -> None:
        """Somebody orders so many of a listing; `code` None: the sink does not say from which warehouse."""
        self._put(at, "buys", (sink, code), units, order)

    def frees(self, at: float, sink: str, units: int, order: str) -> None:
        """So many of an order are cancelled."""
        self._put(at, "frees", (sink, None), units, order)

    def lands(self, at: float, key: tuple[str, str], shown: int) -> None:
        """A number is accepted as it was."""
        self._put(at, "lands", key, shown)

    def would_land(self, at: float, lane: Lane, shown: int) -> None:
        """A number is accepted in the other world, unless another one is sent before."""
        lane.pending = shown
        self._put(at, "would land", (lane.sink, lane.code), shown)

    def _put(
        self,
        at: float,
        kind: Literal["buys", "frees", "lands", "would land"],
        lane: tuple[str, str | None],
        units: int,
        order: str = "",
    ) -> None:
        heapq.heappush(
            self._events, _Event(max(at, self.since), next(self._numbers), kind, lane, units, order)
        )

    # ------------------------------------------------------------------ what has happened

    def settle(
        self, now: float, whole: Stock | None = None, stocks: Mapping[tuple[str, str], Stock] | None = None
    ) -> None:
        """Let everything happen up to now, in the light of what there is by now (None: nobody looked)."""
        events: list[_Event] = []
        while self._events and self._events[0].at <= now:
            events.append(heapq.heappop(self._events))
        news = stocks or {}
        best: dict[tuple[str, str], Mapping[int, int]] = {}
        if whole is not None:
            self.whole, _ = self._foreseen(self.whole, whole, events)
            for key, lane in self.lanes.items():
                if key in news:
                    lane.stock, best[key] = self._foreseen(lane.stock, news[key], events)
        self._stand(self.since)
        for event in events:
            self._happen(event, best)
            self._stand(event.at)
        self.since = now
        if whole is not None:
            self.whole = whole
            for key, stock in news.items():
                self.lanes[key].stock = stock
        self._stand(now)

    def _foreseen(
        self, before: Stock, after: Stock, events: Sequence[_Event]
    ) -> tuple[Stock, Mapping[int, int]]:
        """Return a stock without what was gone later and nobody ordered, and how far that may be off.

        At the best it went at the very end, or what came was there from the beginning.
        """
        now = {part: amount for part, _, amount in after.parts}
        moved: dict[int, int] = {}
        for part, _, amount in before.parts:
            if part in now:
                ordered = sum(self._takes(event, before).get(part, 0) for event in events)
                moved[part] = now[part] - (amount - ordered)
        lowered = before.plus({part: min(units, 0) for part, units in moved.items()})
        return lowered, {part: abs(units) for part, units in moved.items()}

    def _takes(self, event: _Event, stock: Stock) -> dict[int, int]:
        """Return what an event takes of a stock's components."""
        lane = self._lane(event)
        if lane is None or event.kind not in ("buys", "frees") or not stock.meets(lane.stock.feeds):
            return {}
        sign = 1 if event.kind == "buys" else -1
        return {part: sign * event.units * each for part, each, _ in lane.stock.parts}

    def _lane(self, event: _Event) -> Lane | None:
        sink, code = event.lane
        if event.kind == "frees":
            taken = self._taken.get((sink, event.order))
            return None if taken is None else taken[0]
        if code is not None:
            return self.lanes.get((sink, code))
        own = [lane for lane in self.lanes.values() if lane.sink == sink]
        return max(own, key=lambda lane: lane.done or 0, default=None)

    def _happen(self, event: _Event, best: Mapping[tuple[str, str], Mapping[int, int]]) -> None:
        lane = self._lane(event)
        if lane is None:
            return
        if event.kind == "lands":
            lane.done = event.units
            self.sums[0].change(lane.sink)
            if lane.follows:
                lane.would, lane.landed = event.units, event.at
                self.sums[1].change(lane.sink)
        elif event.kind == "would land":
            if lane.pending == event.units and not lane.follows:
                lane.would, lane.landed, lane.pending = event.units, event.at, None
                self.sums[1].change(lane.sink)
        else:
            takes = {key: self._takes(event, other.stock) for key, other in self.lanes.items()}
            of_all = self._takes(event, self.whole)
            if event.kind == "buys":
                self._sell(lane, event, best.get((lane.sink, lane.code), {}))
            else:
                _, accepted = self._taken[lane.sink, event.order]
                if not accepted:
                    self.refused.note((lane.sink, event.order), lane.stock, -event.units)
            for key, taken in takes.items():
                other = self.lanes[key]
                other.stock = other.stock.plus({part: -units for part, units in taken.items()})
            self.whole = self.whole.plus({part: -units for part, units in of_all.items()})

    def _sell(self, lane: Lane, event: _Event, off: Mapping[int, int]) -> None:
        units = event.units * lane.pack
        more = self.refused.more(lane.stock)
        accepted = lane.follows or lane.would is None or lane.would >= event.units
        nothing: Mapping[int, int] = {}
        worlds = ((self.sums[0], nothing, True), (self.sums[1], more, accepted))
        for sums, there, takes in worlds:
            if not takes:
                sums.refuse(lane.sink, units)
                continue
            worst = lane.stock.free(there)
            likely = {part: there.get(part, 0) + off.get(part, 0) for part in {*there, *off}}
            at_best = lane.stock.free(likely)
            sums.sell(
                lane.sink,
                units,
                0 if worst is None else oversold_units(event.units, worst) * lane.pack,
                0 if at_best is None else oversold_units(event.units, at_best) * lane.pack,
            )
        if lane.done is not None and lane.lowers:
            lane.done = max(lane.done - event.units, 0)
        if accepted and lane.would is not None and lane.lowers:
            lane.would = max(lane.would - event.units, 0)
        if not accepted:
            self.refused.note((lane.sink, event.order), lane.stock, event.units)
        self._taken[lane.sink, event.order] = (lane, accepted)

    def _stand(self, now: float) -> None:
        """Note what is hidden, and what is shown that is not there, from now on."""
        for world, sums in enumerate(self.sums):
            shown: dict[str, int] = {}
            over: dict[str, int] = {}
            for lane in self.lanes.values():
                quantity = (lane.would if world else lane.done) or 0
                shown[lane.sink] = shown.get(lane.sink, 0) + quantity * lane.pack
                free = lane.stock.free(self.refused.more(lane.stock) if world else {})
                if free is not None:
                    beyond = max(quantity - max(free, 0), 0) * lane.pack
                    over[lane.sink] = over.get(lane.sink, 0) + beyond
            free = self.whole.free(self.refused.more(self.whole) if world else {})
            if free is None or not shown:
                continue
            sums.hidden.stand(self.sku, hidden_units(free, max(shown.values())), now)
            for sink, units in shown.items():
                sums.of(sink).hidden.stand(self.sku, hidden_units(free, units), now)
                sums.of(sink).beyond.stand(self.sku, over.get(sink, 0), now)
