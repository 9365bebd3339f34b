"""All products of a recording, as they went and as they would have gone; see `mpstock.tapes.course`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from mpstock.reconcile.availability import BOUNDLESS, total
from mpstock.reconcile.components import component
from mpstock.tapes.course import Course, Lane, Refused, Stock
from mpstock.tapes.sums import Sums

if TYPE_CHECKING:
    from mpstock.reconcile.components import Component
    from mpstock.reconcile.evaluating import Evaluated
    from mpstock.reconcile.facts import Facts
    from mpstock.reconcile.places import Feeds
    from mpstock.reconcile.reckoned import Reckoning
    from mpstock.reconcile.reckoning import Reckoner
    from mpstock.tapes.reading import Line, TapeFile
    from mpstock.tapes.report import ReplayedSums

__all__ = ["Answered", "Sent", "World"]

Key = tuple[str, str]


@frozen
class Sent:
    """One number that was sent then, answered then; whether it was accepted."""

    sent: datetime
    answered: datetime
    new: int
    accepted: bool


@frozen
class Answered:
    """What became of what one run sent, by the listing's state; `last` is when each sink accepted last.

    `writes` are the sinks that the run could write to, `cooldowns` the seconds between two writes there,
    `lowers` the sinks whose numbers fall by themselves when somebody buys.
    """

    by_state: Mapping[int, Sequence[Sent]]
    last: Mapping[str, datetime]
    ended: datetime
    writes: Collection[str]
    cooldowns: Mapping[str, float]
    lowers: Collection[str]
    passed: set[int] = field(factory=set[int])
    """States whose accepted numbers their products have heard of."""


@define(eq=False)
class World:
    """Everything that was recorded, in two worlds; times are told since `opened`."""

    opened: datetime
    courses: dict[int, Course] = field(factory=dict[int, Course])
    refused: Refused = field(factory=Refused)
    _sums: tuple[Sums, Sums] = field(factory=lambda: (Sums(), Sums()))
    _by_sku: dict[str, Course] = field(factory=dict[str, Course])
    _waiting: dict[str, list[tuple[float, str, str | None, int, str]]] = field(
        factory=dict[str, "list[tuple[float, str, str | None, int, str]]"]
    )
    _orders: dict[Key, tuple[int, str]] = field(factory=dict[Key, "tuple[int, str]"])
    _states: dict[int, tuple[Course, Key]] = field(factory=dict[int, "tuple[Course, Key]"])
    _open: set[Key] = field(factory=set[Key])
    _more: bool = False
    _unknown: int = 0
    _blind: set[str] = field(factory=set[str])

    def _seconds(self, moment: datetime) -> float:
        return (moment - self.opened).total_seconds()

    # ------------------------------------------------------------------ orders

    def order_page(self, line: Line, told: datetime) -> None:
        """Take in a page of a sink's orders: who has bought since, and what was cancelled."""
        sink = line["sink"]
        for key, sku, _, code, units, placed, stage, stage_at in line["orders"]:
            order = (sink, key)
            before = self._orders.get(order)
            if before is None and datetime.fromisoformat(placed) < self.opened:
                # It was there before the recording: it is in what was free from the beginning.
                self._open.add(order)
            self._orders[order] = (units, stage)
            if order in self._open:
                continue
            if sku is None:
                self._unknown += before is None
                continue
            had, was = before or (0, "")
            now = 0 if stage == "cancelled" else units
            if was == "cancelled":
                had = 0
            if now > had:
                at = placed if before is None else line["as_of"]
                self._buys(sku, self._seconds(datetime.fromisoformat(at)), sink, code, now - had, key)
            elif now < had:
                at = stage_at if stage == "cancelled" and stage_at else line["as_of"]
                course = self._by_sku.get(sku)
                if course is not None:
                    course.frees(self._seconds(datetime.fromisoformat(at)), sink, had - now, key)

    def _buys(self, sku: str, at: float, sink: str, code: str | None, units: int, key: str) -> None:
        course = self._by_sku.get(sku)
        if course is None:
            self._waiting.setdefault(sku, []).append((at, sink, code, units, key))
        else:
            course.buys(at, sink, code, units, key)

    # ------------------------------------------------------------------ what is reckoned

    def altered(self, facts: Facts, found: Evaluated, reckoner: Reckoner) -> Facts:
        """Return the facts as they would have been: what is shown, what was not sold, and what is there."""
        shops = {
            product: {key: self._shown(product, key, listed) for key, listed in listings.items()}
            for product, listings in facts.shops.items()
        }
        facts = evolve(facts, shops=shops)
        for part in facts.levels:
            refused = self.refused.of(part)
            if not refused:
                continue
            holds = [(own, h) for own, h in facts.holds.get(part, ()) if (h.origin, h.key) not in refused]
            levels = list(facts.levels[part])
            without = component(levels, holds, reckoner.rules, reckoner.caps)
            gained = _amount(without, None, reckoner) - _amount(found.stock[part], None, reckoner)
            left = sum(units for _, units in refused.values()) - gained
            if left > 0:
                # A source has booked what would not have been sold: it would still have it.
                feeds = list(refused.values())[-1][0]
                rows = [
                    (one.quantity, index)
                    for index, one in enumerate(levels)
                    if one.quantity is not None and (feeds is None or one.warehouse_id in feeds)
                ]
                if rows:
                    levels = _topped(levels, max(rows)[1], left, reckoner)
            facts = evolve(facts, levels={**facts.levels, part: levels}, holds={**facts.holds, part: holds})
        return facts

    def _shown(self, product: int, key: Key, listed: Any) -> Any:
        course = self.courses.get(product)
        lane = None if course is None else course.lanes.get(key)
        if lane is None or lane.follows or lane.would is None:
            return listed
        return evolve(listed, base=lane.would, wanted=lane.wanted, least=None)

    def look(self, found: Evaluated, of_product: Reckoner, at: datetime, answers: Answered) -> None:
        """Take in what there was of a product when it was reckoned, and let what came before that happen."""
        facts, now = found.facts, self._seconds(at)
        course = self._course(facts, now)
        stocks = {
            (r.sink, r.warehouse): _stock(found, of_product, r.sink, _feeds(of_product, r))
            for r in found.reckonings
        }
        first = found.reckonings[0].sink if found.reckonings else ""
        whole = _stock(found, of_product, first, None, own=True)
        if not whole.parts:
            self._blind.add(facts.sku)
        for key, stock in stocks.items():
            if key not in course.lanes:
                pack = _pack(of_product, facts.product_id, key[0])
                course.lanes[key] = Lane(*key, pack, key[0] in answers.lowers, stock)
        course.settle(now, whole, stocks)
        for key, lane in course.lanes.items():
            listed = facts.found.get(key)
            if listed is not None:
                self._states[listed.state] = (course, key)
                _level(lane, listed.base)
                self._hear(course, key, listed.state, answers)

    def decide(
        self, found: Evaluated, wanted: Mapping[Key, int | None], would: Evaluated, at: datetime,
        answers: Answered,
    ) -> None:  # fmt: skip
        """Let the other world send what it would want, where it differs; `wanted` is as recorded."""
        course = self.courses[found.facts.product_id]
        mine = {(r.sink, r.warehouse): r.wanted for r in would.reckonings}
        for key, listed in found.facts.found.items():
            lane = course.lanes.get(key)
            if lane is not None and key in wanted:
                self._decide(course, lane, listed.state, listed.base, wanted[key], mine.get(key), at, answers)

    def _course(self, facts: Facts, now: float) -> Course:
        course = self.courses.get(facts.product_id)
        if course is None:
            course = Course(facts.sku, self._sums, self.refused, now)
            self.courses[facts.product_id] = self._by_sku[facts.sku] = course
            for at, sink, code, units, key in self._waiting.pop(facts.sku, ()):
                if at > now:
                    course.buys(at, sink, code, units, key)
                else:
                    self._open.add((sink, key))
        return course

    def _hear(self, course: Course, key: Key, state: int, answers: Answered) -> None:
        if state in answers.passed:
            return
        answers.passed.add(state)
        for sent in answers.by_state.get(state, ()):
            if sent.accepted:
                course.lands(self._seconds(sent.answered), key, sent.new)

    def leave(self, answers: Answered) -> None:
        """Take in what one run sent of products that it had no need to reckon."""
        for state in answers.by_state:
            if state in self._states:
                self._hear(*self._states[state], state, answers)

    def _decide(
        self, course: Course, lane: Lane, state: int, base: int | None, recorded: int | None,
        wanted: int | None, at: datetime, answers: Answered,
    ) -> None:  # fmt: skip
        """Let the other world send what it wants, when the run could have sent it."""
        lane.wanted = wanted
        same = wanted == recorded and not self.refused.more(lane.stock)
        if lane.follows and same:
            return
        if same and lane.pending is None and lane.would == lane.done:
            lane.follows = True
            return
        lane.follows = False
        if wanted is None or wanted == lane.would:
            lane.pending = None
            return
        self._more = self._more or wanted > (recorded or 0)
        sent = [one for one in answers.by_state.get(state, ()) if one.sent >= at]
        if sent:
            moment = next((one.answered for one in sent if one.accepted), None)
        elif lane.sink not in answers.writes or (recorded is not None and recorded != base):
            # The run sent nothing there, or was kept from sending this one.
            moment = None
        else:
            moment = max(answers.last.get(lane.sink, answers.ended), at)
        if moment is None:
            lane.pending = None
        elif lane.pending != wanted:
            rests = lane.landed + answers.cooldowns.get(lane.sink, 0.0)
            course.would_land(max(self._seconds(moment), rests), lane, wanted)

    # ------------------------------------------------------------------ what it comes to

    def sums(self, ended: datetime) -> tuple[ReplayedSums, ReplayedSums]:
        """Return what was, and what would have been, until then."""
        now = self._seconds(ended)
        for course in self.courses.values():
            course.settle(now)
        return self._sums[0].until(now), self._sums[1].until(now)

    def sums_of(self, sink: str, ended: datetime) -> tuple[ReplayedSums, ReplayedSums]:
        """Return the same of one sink."""
        now = self._seconds(ended)
        return self._sums[0].of(sink).until(now), self._sums[1].of(sink).until(now)

    def notes(self, tapes: Sequence[TapeFile], *, what_if: bool) -> list[str]:
        """Return what a person should know before he believes the sums."""
        told = []
        if not any(tape.whole for tape in tapes):
            told.append(
                "no tape has all products on it, only those that moved: record a full run first (sync --full)"
            )
        if what_if and self._more:
            told.append(
                "some listings would have shown more, and who would have bought then is on no tape: what is "
                "sold and oversold there is the least that it would have been"
            )
        if self._blind:
            told.append(
                f"of {len(self._blind)} products it was not known what there is: they are not in the sums"
            )
        if self._unknown:
            told.append(
                f"{self._unknown} orders were of articles that no source knew: they are not in the sums"
            )
        return told


def _level(lane: Lane, base: int | None) -> None:
    """Hold a listing to what was known of it: what moved it beside us would have moved it there, too."""
    if base is None or base == lane.done:
        return
    if lane.done is None or lane.would is None or lane.follows:
        lane.would = base
    else:
        lane.would = max(lane.would + base - lane.done, 0)
    lane.done = base


def _feeds(reckoner: Reckoner, reckoning: Reckoning) -> Feeds:
    key = (reckoning.sink, reckoning.warehouse)
    place = reckoner.places.get(key) or reckoner.left.get(key)
    return None if place is None else place.feeds


def _pack(reckoner: Reckoner, product: int, sink: str) -> int:
    recipe = reckoner.book.of(product, sink)
    return recipe[0][1] if len(recipe) == 1 and recipe[0][0] == product else 1


def _stock(found: Evaluated, reckoner: Reckoner, sink: str, feeds: Feeds, *, own: bool = False) -> Stock:
    """Return what a listing could promise of its components; `own`: in the product's own units."""
    product = found.facts.product_id
    recipe = reckoner.book.of(product, sink)
    if own and len(recipe) == 1 and recipe[0][0] == product:
        recipe = ((product, 1),)
    parts = []
    for part, units in recipe:
        stock = found.stock.get(part)
        amount = BOUNDLESS if stock is None or not stock.terms else _amount(stock, feeds, reckoner)
        if amount >= BOUNDLESS // 2:
            return Stock(feeds)
        parts.append((part, units, amount))
    return Stock(feeds, parts)


def _amount(stock: Component, feeds: Feeds, reckoner: Reckoner) -> int:
    return total(stock.pools, feeds, reckoner.rules).amount - sum(h.quantity for h in stock.lost(feeds))


def _topped(levels: Sequence[Any], index: int, units: int, reckoner: Reckoner) -> list[Any]:
    """Return levels with so many units more in one row, and in those that describe the same goods."""
    row = levels[index]
    rules = reckoner.rules
    rule = rules.get(row.source)

    def more(one: Any, number: int) -> Any:
        other = rules.get(one.source)
        same = (
            rule is not None and other is not None and rule.rule != "sum" and other.group == rule.group
            and one.warehouse_id == row.warehouse_id
        )  # fmt: skip
        if (number != index and not same) or one.quantity is None:
            return one
        heard = None if one.heard is None else one.heard + units
        return evolve(one, quantity=one.quantity + units, heard=heard)

    return [more(one, number) for number, one in enumerate(levels)]
