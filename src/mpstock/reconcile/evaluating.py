"""From facts to numbers: a pure function of one product's facts and the rules of the shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from mpstock.reconcile.availability import net
from mpstock.reconcile.components import NO_HOLDS, Component, component
from mpstock.reconcile.invariants import hold_to
from mpstock.reconcile.neighbours import behind_neighbours, has_neighbours

if TYPE_CHECKING:
    from mpstock.reconcile.availability import Pool
    from mpstock.reconcile.facts import Facts
    from mpstock.reconcile.reckoned import Reckoning
    from mpstock.reconcile.reckoning import Reckoner

__all__ = ["Evaluated", "evaluate"]

MOST_PLAIN = 50_000
"""Kinds of plain products whose numbers are remembered at a time."""


@frozen
class Evaluated:
    """What facts come to: a reckoning for each listing of the product, in the order in which they draw.

    `facts` are those that were reckoned with: evaluated alone, under the same rules, they give the same.
    `volatile`: the numbers may move without anything being marked, as a hold expires, or as a neighbour of
    which not all is known falls. `broken` are the invariants that a number broke, in words: it was not let
    through.
    """

    facts: Facts
    reckonings: Sequence[Reckoning]
    _stock: Callable[[], Mapping[int, Component]]
    volatile: bool = False
    broken: tuple[str, ...] = ()

    @property
    def stock(self) -> Mapping[int, Component]:
        """What there is of each product that the listings take."""
        return self._stock()

    def stands(self, reckoning: Reckoning) -> bool:
        """Whether a number stays what it is while nothing is marked, and no neighbour shows beyond its part.

        A raise that waits for a neighbour does not: it goes up as the neighbour falls.
        """
        return not self.volatile and reckoning.unlimited is None

    @property
    def explains(self) -> bool:
        """Whether a listing should show something else than it shows, and its number stands."""
        return not self.volatile and any(
            r.wanted is not None and r.wanted != r.base and r.unlimited is None for r in self.reckonings
        )

    def otherwise(self, wanted: Mapping[int, int]) -> dict[tuple[str, str], int]:
        """Return those of the numbers, given by state, that are not what was reckoned."""
        if not wanted:
            return {}
        reckoned = {(r.sink, r.warehouse): r.wanted for r in self.reckonings}
        return {
            key: wanted[listed.state]
            for key, listed in self.facts.found.items()
            if key in reckoned and wanted.get(listed.state, reckoned[key]) != reckoned[key]
        }


def evaluate(reckoner: Reckoner, page: Sequence[Facts]) -> list[Evaluated]:
    """Reckon a page of products; facts about the same product must be the same everywhere in it.

    What one of them is going to show counts for its neighbours in the page, as if they had been planned
    already.
    """
    if reckoner.book or reckoner.left:
        return _evaluate(reckoner, page)
    # Nothing is made of anything: each product is by itself.
    ageless = reckoner.ageless
    return [
        _evaluate(reckoner, [f])[0] if f.holds or f.rulings else _plain(reckoner, f, ageless) for f in page
    ]


def _plain(reckoner: Reckoner, facts: Facts, ageless: bool) -> Evaluated:
    """Reckon a product that nobody holds and nobody has decided of: one like it was often reckoned before."""
    product_id, resolve, places = facts.product_id, reckoner.resolver.resolve, reckoner.places
    levels = facts.levels[product_id]
    # Nearly every product of a full run comes by here. What its sources said is like what they said of
    # another, unless it is of an age that counts: then that has to be found out first.
    told: list[Any] = (
        [(s.source, s.warehouse_id, s.quantity, s.reserved, s.known, s.heard) for s in levels]
        if ageless
        else [(t.source, t.warehouse_id, t.amount, t.known) for t in net(levels, NO_HOLDS, reckoner.rules)]
    )
    listings = [
        (key, one.base, one.least, resolve(facts.sku, *key) if key in places else None)
        for key, one in facts.found.items()
    ]
    shape = (tuple(told), tuple(listings))
    known = reckoner.plain.get(shape)
    if known is None:
        found = _evaluate(reckoner, [facts])[0]
        if not found.broken and len(reckoner.plain) < MOST_PLAIN:
            reckoner.plain[shape] = (found.stock[product_id].pools, found.reckonings, found.volatile)
        return found
    pools, reckonings, volatile = known
    if any(reckoning.parts for reckoning in reckonings):
        reckonings = [_renamed(reckoning, product_id) for reckoning in reckonings]
    return Evaluated(facts, reckonings, partial(_netted, reckoner, facts, pools), volatile)


def _netted(reckoner: Reckoner, facts: Facts, pools: Mapping[int, Pool]) -> Mapping[int, Component]:
    """What there is of a plain product, of which these pools are known already."""
    terms = net(facts.levels[facts.product_id], NO_HOLDS, reckoner.rules)
    return {facts.product_id: Component(terms, pools, NO_HOLDS, rules=reckoner.rules)}


def _renamed(reckoning: Reckoning, product_id: int) -> Reckoning:
    return evolve(reckoning, parts=tuple([evolve(part, component=product_id) for part in reckoning.parts]))


def _evaluate(reckoner: Reckoner, page: Sequence[Facts]) -> list[Evaluated]:
    stock: dict[int, Component] = {}
    first: list[list[Reckoning]] = []
    for facts in page:
        for part in facts.levels:
            if part not in stock:
                stock[part] = _stock(reckoner, facts, part)
        first.append(
            reckoner.of_product(
                facts.product_id, facts.sku, facts.found, stock.__getitem__, facts.others, facts.rulings
            )
        )
    if reckoner.book:
        now_wanted = {
            facts.found[r.sink, r.warehouse].state: r.wanted
            for facts, reckonings in zip(page, first, strict=True)
            for r in reckonings
        }
        page = [facts if len(facts.shops) == 1 else facts.with_wanted(now_wanted) for facts in page]
    result = []
    for facts, reckonings in zip(page, first, strict=True):
        volatile = bool(reckoner.left) or (bool(facts.holds) and _expires(facts))
        beside = has_neighbours(reckoner, facts, reckonings)
        held: Sequence[Reckoning] = behind_neighbours(reckoner, facts, reckonings) if beside else reckonings
        own = None if reckoner.book else stock.get(facts.product_id)
        held, told = hold_to(reckoner, held, own)
        if beside or (facts.holds and any(r.floating for r in reckonings)):
            # What its neighbours take of a stock that is known follows from what is there. Of one that is
            # not it follows from what they show, and that moves as they are sent.
            volatile = volatile or bool(told) or not all(r.available.known for r in reckonings)
        result.append(Evaluated(facts, held, lambda: stock, volatile, told))
    return result


def _expires(facts: Facts) -> bool:
    return any(hold.expires_at is not None for holds in facts.holds.values() for _, hold in holds)


def _stock(reckoner: Reckoner, facts: Facts, part: int) -> Component:
    found = component(facts.levels[part], facts.holds.get(part, ()), reckoner.rules, reckoner.caps)
    book = reckoner.book
    users = (part, *book.users(part)) if book else (part,)
    if any(reckoner.unheard(facts.others(user)) for user in users):
        return found.doubted()
    return found
