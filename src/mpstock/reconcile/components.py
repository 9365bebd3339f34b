"""One product's stock as the formula sees it: its pools, and the holds that may come out of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from mpstock.reconcile.absorbing import Held
from mpstock.reconcile.availability import (
    Pool,
    SourceRule,
    Stated,
    Term,
    booked_here,
    fed_by,
    net,
    pools,
)

__all__ = ["NO_HOLDS", "Component", "component"]


@frozen
class Component:
    """What there is of one product.

    `placed` are the holds whose own warehouse is known, by warehouse: they are in the pools already. The
    `floating` ones may come out of several; the worst is assumed, so each listing that is fed by one of these
    loses them.
    """

    terms: Sequence[Term]
    pools: Mapping[int, Pool]
    placed: Mapping[int, Sequence[Held]]
    floating: Sequence[Held] = ()
    _rules: Mapping[str, SourceRule] = field(factory=dict[str, SourceRule], repr=False, alias="rules")

    def lost(self, feeds: frozenset[int] | None) -> list[Held]:
        """Return the floating holds that a listing with these feeds has to do without."""
        return [hold for hold in self.floating if self._loses(hold, feeds)]

    def _loses(self, hold: Held, feeds: frozenset[int] | None) -> bool:
        reach = [w for w in fed_by(self.pools, feeds) if hold.feeds is None or w in hold.feeds]
        anywhere = [w for w in self.pools if hold.feeds is None or w in hold.feeds]
        if not anywhere:
            # None of the warehouses that it may come out of is known to have the product.
            return feeds is None or hold.feeds is None or bool(feeds & hold.feeds)
        return any(
            not booked_here(hold, [t for t in self.terms if t.warehouse_id == w], self._rules) for w in reach
        )

    def doubted(self) -> Component:
        """Return the same, as an upper bound only."""
        return evolve(self, pools={w: evolve(pool, known=False) for w, pool in self.pools.items()})


NO_HOLDS: Mapping[int, Sequence[Held]] = {}


def component(
    levels: Sequence[Stated],
    holds: Sequence[tuple[int | None, Held]],
    rules: Mapping[str, SourceRule],
    caps: Mapping[str, int],
) -> Component:
    """Net one product's levels with its holds, given as (own warehouse or None, hold), the oldest first.

    A hold whose warehouse nobody told is placed where only one is possible, or by its pick order. `caps`
    bound the units of one origin that count (bots fill carts).
    """
    if not holds:
        terms = net(levels, NO_HOLDS, rules)
        return Component(terms, pools(terms, rules), NO_HOLDS, rules=rules)
    holds = _named_once(holds, rules)
    known = {stated.warehouse_id for stated in levels if stated.source in rules}
    placed: dict[int, list[Held]] = {}
    floating: list[Held] = []
    to_pick: list[tuple[Held, list[int]]] = []
    for warehouse, hold in _capped(holds, caps):
        reach = [w for w in known if hold.feeds is None or w in hold.feeds]
        order = [w for w in hold.pick_order if w in reach]
        if hold.picked:
            for own_id, units in hold.picked:
                placed.setdefault(own_id, []).append(evolve(hold, quantity=units))
        elif warehouse is not None:
            placed.setdefault(warehouse, []).append(hold)
        elif len(reach) == 1:
            placed.setdefault(reach[0], []).append(hold)
        elif order:
            to_pick.append((hold, order))
        else:
            floating.append(hold)
    for hold, order in to_pick:
        own = pools(net(levels, placed, rules), rules, placed)
        for warehouse, units in _picked(hold.quantity, order, own):
            placed.setdefault(warehouse, []).append(evolve(hold, quantity=units))
    terms = net(levels, placed, rules)
    return Component(terms, pools(terms, rules, placed), placed, floating, rules=rules)


def _named_once(
    holds: Sequence[tuple[int | None, Held]], rules: Mapping[str, SourceRule]
) -> Sequence[tuple[int | None, Held]]:
    """Leave out the orders that a source of stock names among its own holds: it says where they lie."""
    named = {hold.key for _, hold in holds if hold.origin in rules and hold.shipped_at is None}
    if not named:
        return holds
    return [one for one in holds if one[1].origin in rules or one[1].key not in named]


def _capped(
    holds: Sequence[tuple[int | None, Held]], caps: Mapping[str, int]
) -> list[tuple[int | None, Held]]:
    if not caps:
        return list(holds)
    left: dict[tuple[str, bool], int] = {}
    counted = []
    for warehouse, hold in holds:
        if hold.origin in caps:
            # What has ended, and waits for a later reading, makes no room for others and takes none.
            key = (hold.origin, hold.shipped_at is None)
            room = left.setdefault(key, caps[hold.origin])
            hold = evolve(hold, quantity=min(hold.quantity, room))
            left[key] = room - hold.quantity
        if hold.quantity:
            counted.append((warehouse, hold))
    return counted


def _picked(units: int, order: Sequence[int], own: Mapping[int, Pool]) -> list[tuple[int, int]]:
    """Return (warehouse, units) as they are picked: from each what it has, what is short from the first."""
    picked: dict[int, int] = {}
    for warehouse in order:
        taken = min(units, max(own[warehouse].amount, 0))
        if taken:
            picked[warehouse] = taken
            units -= taken
    if units:
        picked[order[0]] = picked.get(order[0], 0) + units
    return list(picked.items())
