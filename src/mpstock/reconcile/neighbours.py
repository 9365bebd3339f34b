"""A raise waits until its neighbours, which draw on the same stock, have given up what is to be its."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from mpstock.reconcile.places import overlap, share_stock

if TYPE_CHECKING:
    from mpstock.reconcile.facts import Facts
    from mpstock.reconcile.places import Feeds, SinkRule
    from mpstock.reconcile.reckoned import Reckoning
    from mpstock.reconcile.reckoning import Reckoner

__all__ = ["after_neighbours", "behind_neighbours", "crowded", "has_neighbours"]

Pressure = dict["Feeds", tuple[int, int]]
"""By what feeds listings: the base units shown beyond their part, and how many show nobody knows what."""


def crowded(reckoner: Reckoner) -> bool:
    """Say whether two listings of one product, or of what is made of it, may draw on the same stock."""
    groups = [[sink] for sink in reckoner.sinks] if reckoner.sharing == "shared" else [reckoner.sinks]
    fed = ([warehouse.feeds for sink in group for warehouse in sink.warehouses] for group in groups)
    return bool(reckoner.book) or any(map(overlap, fed))


def has_neighbours(reckoner: Reckoner, facts: Facts, reckonings: Sequence[Reckoning]) -> bool:
    """Say whether a listing of the product may promise the same unit as another."""
    if reckoner.book and len(facts.shops) > 1:
        return True
    if len(reckonings) < 2 or (
        reckoner.sharing == "shared" and len({r.sink for r in reckonings}) == len(reckonings)
    ):
        # Nearly every product of nearly every shop.
        return False
    groups: dict[str, list[Feeds]] = {}
    for r in reckonings:
        if (place := reckoner.places.get((r.sink, r.warehouse))) is not None:
            groups.setdefault(reckoner.beside(r.sink)[0].name, []).append(place.feeds)
    return any(len(feeds) > 1 and overlap(feeds) for feeds in groups.values())


def behind_neighbours(
    reckoner: Reckoner, facts: Facts, reckonings: Sequence[Reckoning]
) -> Sequence[Reckoning]:
    """Return one product's reckonings, its raises kept back by what their neighbours show beyond their part.

    The cost follows the listings and not their pairs: what presses is summed up once for all.
    """
    pressures: dict[tuple[int, str], Pressure] = {}
    result: list[Reckoning] = []
    for mine in reckonings:
        final = mine
        if _waits(mine) and (mine.sink, mine.warehouse) in reckoner.places:
            group = reckoner.beside(mine.sink)
            feeds = reckoner.places[mine.sink, mine.warehouse].feeds
            for part, units in reckoner.book.of(facts.product_id, mine.sink):
                key = part, group[0].name
                if key not in pressures:
                    pressures[key] = _pressure(reckoner, facts, reckonings, part, group)
                pressing = [found for of, found in pressures[key].items() if share_stock(of, feeds)]
                beyond = sum(units for units, _ in pressing)
                # Of itself nobody knows either: that is no neighbour.
                unknown = sum(count for _, count in pressing) - (mine.base is None)
                final = after_neighbours(final, units, beyond, unknown > 0)
        result.append(final)
    return result


def _waits(mine: Reckoning) -> bool:
    return mine.wanted is not None and (mine.base is None or mine.wanted > mine.base)


def _pressure(
    reckoner: Reckoner, facts: Facts, reckonings: Sequence[Reckoning], part: int, group: Sequence[SinkRule]
) -> Pressure:
    now = {(r.sink, r.warehouse): r.wanted for r in reckonings}
    book, places, found = reckoner.book, reckoner.places, Pressure()
    for user in {facts.product_id, part, *book.users(part)}:
        each = {sink.name: dict(book.of(user, sink.name)).get(part, 0) for sink in group}
        itself = user == facts.product_id
        for key, listed in facts.others(user).items():
            if key not in places or not (units := each.get(key[0], 0)):
                continue
            wanted = now[key] if itself else listed.wanted
            if listed.base is None or (wanted is not None and listed.base > wanted):
                beyond = 0 if wanted is None else max((listed.base or 0) - wanted, 0) * units
                feeds = places[key].feeds
                before, unknown = found.get(feeds, (0, 0))
                found[feeds] = before + beyond, unknown + (listed.base is None)
    return found


def after_neighbours(mine: Reckoning, units: int, beyond: int, unknown: bool) -> Reckoning:
    """Keep a raise back by what its neighbours still show beyond their part, in base units.

    `units` are those of one of mine; `unknown`: of a neighbour nobody knows what it shows. Their falls may be
    held, refused, or on their way: until they land the units are promised.
    """
    if mine.wanted is None or not _waits(mine):
        return mine
    less = -(-beyond // units)
    allowed: int | None
    if mine.base is None and unknown:
        # Whatever the two of them show, that much is no raise; of what is not known at all only zero is none.
        allowed = min(mine.wanted, mine.least) if mine.least is not None else None if mine.wanted else 0
    elif mine.base is None:
        # It is sent unconditionally, whatever it shows: no higher than is certain.
        allowed = max(mine.wanted - less, 0)
    else:
        allowed = mine.base if unknown else max(mine.wanted - less, mine.base)
    if allowed is not None and allowed >= mine.wanted:
        return mine
    unlimited = mine.wanted if mine.unlimited is None else mine.unlimited
    return evolve(mine, wanted=allowed, waits=True, unlimited=unlimited)
