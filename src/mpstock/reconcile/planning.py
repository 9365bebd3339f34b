"""What every listing should show now: pages of marked products → wanted quantities in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field, frozen

from mpstock.reconcile.availability import (
    BOUNDLESS,
    Pool,
    SourceRule,
    Term,
    apportion,
    draw,
    net,
    pools,
    remaining,
)

if TYPE_CHECKING:
    from mpstock.buffers import BufferResolver, ResolvedBuffer
    from mpstock.ledger import Ledger

__all__ = ["PAGE", "Planner", "Reckoning", "SinkRule", "WarehouseRule"]

PAGE = 1_000
"""Products planned in one step: enough to amortise the queries, little enough for memory and the writer."""


@frozen
class WarehouseRule:
    """One sink warehouse: the own warehouses that feed it (None = all) and its share of a common pool."""

    code: str
    feeds: frozenset[int] | None
    share: Decimal | None = None


@frozen
class SinkRule:
    """One sink: its warehouses in the order of the settings, and the largest quantity that it takes."""

    name: str
    maximum: int
    warehouses: tuple[WarehouseRule, ...]


@frozen
class Reckoning:
    """How one listing's wanted quantity came about.

    `wanted` is None when nothing can be said: the product is in no configured source any more, or
    neither its stock nor what the listing shows is known. `waits` says that an unknown quantity
    keeps it below what the formula would give at the last known values.
    """

    sink: str
    warehouse: str
    available: Pool
    buffer: ResolvedBuffer | None
    advertised: int | None
    base: int | None
    wanted: int | None
    waits: bool


@define
class Planner:
    """Computes wanted quantities from the ledger's levels and holds, and records them there.

    `limited` counts raises that wait until a neighbour in the same account has fallen.
    """

    ledger: Ledger
    rules: Mapping[str, SourceRule]
    sinks: Sequence[SinkRule]
    resolver: BufferResolver
    now: datetime
    run: int = 0
    products: int = 0
    limited: int = 0
    _waiting: dict[int, int] = field(factory=dict[int, int])

    def plan_page(self, after: int, only: frozenset[int] | None = None) -> int | None:
        """Plan the next page of marked products; returns the last product id, None at the end.

        `only` narrows the run to some products; the marks of the others stay.
        """
        marks = self.ledger.dirt.page(after, PAGE)
        if not marks:
            return None
        with self.ledger.transaction():
            self.plan_marked([mark for mark in marks if only is None or mark[0] in only])
        return marks[-1][0]

    def plan_marked(self, marks: Sequence[tuple[int, int, str]]) -> int:
        """Plan these marked products, and clear the marks of those that are done; in a transaction.

        A product that waits for an unknown quantity keeps its mark: it is planned again when
        its sources are read again, and not before. Returns how many products were planned.
        """
        marks = [mark for mark in marks if self._waiting.get(mark[0]) != mark[1]]
        products = [mark[0] for mark in marks]
        self.products += len(products)
        causes = {mark[0]: mark[2] for mark in marks}
        waiting: set[int] = set()
        rows: list[tuple[int | None, str, int]] = []
        for product_id, reckonings in self.reckon(products):
            for state_id, old, reckoning in reckonings:
                if reckoning.waits:
                    waiting.add(product_id)
                if reckoning.wanted != old or reckoning.wanted != reckoning.base:
                    rows.append((reckoning.wanted, causes[product_id], state_id))
        self.ledger.stocks.record_wanted(rows, self.run)
        self.ledger.dirt.clear((p, revision) for p, revision, _ in marks if p not in waiting)
        self._waiting.update((p, revision) for p, revision, _ in marks if p in waiting)
        return len(marks)

    def reckon(self, product_ids: Sequence[int]) -> list[tuple[int, list[tuple[int, int | None, Reckoning]]]]:
        """Return for each product its listings' (state id, wanted so far, reckoning)."""
        levels = _by_product(self.ledger.levels.of_products(product_ids))
        holds = _by_product(self.ledger.levels.holds_of(product_ids, self.now))
        skus = self.ledger.levels.skus(product_ids)
        result = []
        for product_id, states in groupby(self.ledger.stocks.of_products(product_ids), key=itemgetter(1)):
            found = {(row[2], row[3]): (row[0], row[4], row[5]) for row in states}
            own_levels = [row[1:] for row in levels.get(product_id, ())]
            own_holds = [row[1:] for row in holds.get(product_id, ())]
            terms = self.terms(own_levels, own_holds)
            floating = sum(quantity for _, warehouse, quantity in own_holds if warehouse is None)
            reckonings = [
                (found[key][0], found[key][2], reckoning)
                for reckoning in self._of_product(skus[product_id], terms, floating, found)
                if (key := (reckoning.sink, reckoning.warehouse)) in found
            ]
            result.append((product_id, reckonings))
        return result

    def terms(self, levels: Sequence[Any], holds: Sequence[Any]) -> list[Term]:
        """Net one product's levels with the holds whose warehouse is known."""
        placed: dict[int, int] = {}
        for _, warehouse, quantity in holds:
            if warehouse is not None:
                placed[warehouse] = placed.get(warehouse, 0) + quantity
        return net(levels, placed, self.rules)

    def _of_product(
        self,
        sku: str,
        terms: Sequence[Term],
        floating: int,
        found: Mapping[tuple[str, str], tuple[int, int | None, int | None]],
    ) -> list[Reckoning]:
        own = pools(terms, self.rules)
        result: list[Reckoning] = []
        for sink in self.sinks:
            served = [w for w in sink.warehouses if (sink.name, w.code) in found]
            available = self._shares(own, served, floating)
            left = own
            shown: list[tuple[frozenset[int] | None, int]] = []
            of_sink: list[Reckoning] = []
            for index, warehouse in enumerate(served):
                base = found[sink.name, warehouse.code][1]
                if available is None:
                    pool = remaining(own, left, warehouse.feeds, self.rules, shown)
                    pool = Pool(pool.amount - floating, pool.known)
                else:
                    pool = available[index]
                if not terms:
                    reckoning = Reckoning(
                        sink.name, warehouse.code, Pool(0, known=False), None, None, base, None, waits=False
                    )
                else:
                    reckoning = self._reckoning(sku, sink, warehouse, pool, base)
                    drawn = reckoning.wanted if reckoning.wanted is not None else (base or 0)
                    if available is None and len(served) > 1:
                        left = draw(left, warehouse.feeds, drawn, (w.feeds for w in served[index + 1 :]))
                        shown.append((warehouse.feeds, drawn))
                of_sink.append(reckoning)
            result += self._after_neighbours(served, of_sink) if len(served) > 1 else of_sink
        return result

    def _after_neighbours(
        self, served: Sequence[WarehouseRule], reckonings: Sequence[Reckoning]
    ) -> list[Reckoning]:
        """Keep a raise back by what its neighbours of the same account still show beyond their part.

        Their falls may be held, refused, or on their way: until they have landed the units are promised.
        """
        result = list(reckonings)
        for index, mine in enumerate(reckonings):
            if mine.wanted is None or (mine.base is not None and mine.wanted <= mine.base):
                continue
            others = [
                other
                for other, rule in zip(reckonings, served, strict=True)
                if other is not mine and _share_stock(rule, served[index])
            ]
            beyond = sum(max((o.base or 0) - (o.wanted or 0), 0) for o in others if o.wanted is not None)
            unknown = any(o.base is None and o.wanted is not None for o in others)
            if mine.base is None:
                # It is sent unconditionally, whatever it shows: no higher than is certain.
                allowed = 0 if unknown and beyond else max(mine.wanted - beyond, 0)
            else:
                allowed = mine.base if unknown else max(mine.wanted - beyond, mine.base)
            if allowed < mine.wanted:
                self.limited += 1
                result[index] = evolve(mine, wanted=allowed, waits=True)
        return result

    def _reckoning(
        self, sku: str, sink: SinkRule, warehouse: WarehouseRule, pool: Pool, base: int | None
    ) -> Reckoning:
        buffer = self.resolver.resolve(sku, sink.name, warehouse.code)
        bounded = pool.amount < BOUNDLESS // 2
        advertised = min(buffer.advertise(pool.amount), sink.maximum) if bounded else None
        if pool.known:
            wanted, waits = advertised, False
        elif base is None:
            wanted, waits = None, True
        else:
            wanted = base if advertised is None else min(base, advertised)
            waits = True
        return Reckoning(sink.name, warehouse.code, pool, buffer, advertised, base, wanted, waits)

    def _shares(
        self, own: Mapping[int, Pool], served: Sequence[WarehouseRule], floating: int
    ) -> list[Pool] | None:
        """Divide pools that several warehouses of one sink share, where every one of them names a share."""
        if len(served) < 2 or any(w.share is None for w in served):
            return None
        amounts = [0] * len(served)
        known = [True] * len(served)
        together: dict[tuple[int, ...], list[Pool]] = {}
        for own_id, pool in own.items():
            feeders = tuple(i for i, w in enumerate(served) if w.feeds is None or own_id in w.feeds)
            together.setdefault(feeders, []).append(pool)
        for feeders, members in together.items():
            amount = sum(pool.amount for pool in members)
            certain = all(pool.known for pool in members)
            parts = (
                [amount]
                if len(feeders) == 1
                else [BOUNDLESS] * len(feeders)
                if amount >= BOUNDLESS // 2
                else apportion(amount, [served[i].share or Decimal() for i in feeders])
            )
            for i, part in zip(feeders, parts, strict=True):
                amounts[i] += part
                known[i] = known[i] and certain
        return [Pool(a - floating, k) for a, k in zip(amounts, known, strict=True)]


def _share_stock(one: WarehouseRule, other: WarehouseRule) -> bool:
    return one.feeds is None or other.feeds is None or bool(one.feeds & other.feeds)


def _by_product(rows: Sequence[Any]) -> dict[int, list[Any]]:
    result: dict[int, list[Any]] = {}
    for row in rows:
        result.setdefault(row[0], []).append(row)
    return result
