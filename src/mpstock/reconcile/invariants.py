"""What must hold of every number before it is recorded: looked at each time, for a defect must not sell.

All of it follows from the formula. So where it does not hold, the formula has a defect, and what the listing
shows now is kept, or lowered: it is never raised, and never zeroed by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from mpstock.reconcile.availability import BOUNDLESS

if TYPE_CHECKING:
    from mpstock.reconcile.components import Component
    from mpstock.reconcile.reckoned import Reckoning
    from mpstock.reconcile.reckoning import Reckoner

__all__ = ["broken", "hold_to"]

ABOVE_AVAILABLE = "advertised above what is available"
ABOVE_MAXIMUM = "advertised above what the sink takes"
UNKNOWN_TO_ZERO = "zeroed by what is not known"
UNKNOWN_RAISED = "raised by what is not known"
SHARED_TWICE = "the same units promised twice"


def broken(reckoning: Reckoning, maximum: int) -> str:
    """Say which invariant a reckoning breaks; empty if none."""
    wanted, pool = reckoning.wanted, reckoning.available
    if wanted is None or (reckoning.ruling is not None and reckoning.ruling.kind == "adopted"):
        # For a number of which no source speaks any more a person answers.
        return ""
    if pool.amount < BOUNDLESS // 2 and wanted > max(pool.amount, 0):
        return ABOVE_AVAILABLE
    if wanted > maximum:
        return ABOVE_MAXIMUM
    if pool.known or reckoning.by_hand:
        return ""
    if wanted == 0 and reckoning.base != 0 and reckoning.advertised != 0:
        return UNKNOWN_TO_ZERO
    if wanted > ((reckoning.least or 0) if reckoning.base is None else reckoning.base):
        return UNKNOWN_RAISED
    return ""


def hold_to(
    reckoner: Reckoner, reckonings: Sequence[Reckoning], stock: Component | None
) -> tuple[Sequence[Reckoning], tuple[str, ...]]:
    """Return the reckonings of one product as they may be recorded, and what was broken, in words.

    `stock` is what there is of the product itself, where its listings take nothing else.
    """
    maxima = {sink.name: sink.maximum for sink in reckoner.sinks}
    found = {id(r): why for r in reckonings if (why := broken(r, maxima[r.sink]))}
    if stock is not None and len(reckonings) > 1:
        found.update(_shared(reckoner, reckonings, stock))
    if not found:
        return reckonings, ()
    told = tuple(
        f"{r.sink} {r.warehouse}: {found[id(r)]} ({r.wanted} of {r.available.amount}, shows {r.base})"
        for r in reckonings
        if id(r) in found
    )
    return [_safe(r) if id(r) in found else r for r in reckonings], told


def _safe(reckoning: Reckoning) -> Reckoning:
    # What is not known takes nothing to zero, also not by way of a defect.
    least = 0 if reckoning.available.known or reckoning.advertised == 0 else 1
    bound = max(reckoning.available.amount, least)
    return evolve(
        reckoning, wanted=None if reckoning.base is None else min(reckoning.base, bound), waits=True
    )


def _shared(reckoner: Reckoner, reckonings: Sequence[Reckoning], stock: Component) -> Mapping[int, str]:
    if not all(pool.known for pool in stock.pools.values()):
        return {}
    there = sum(max(pool.amount, 0) for pool in stock.pools.values())
    found = {}
    for group in reckoner.groups():
        names = {sink.name for sink in group}
        mine = [r for r in reckonings if r.sink in names and r.wanted is not None]
        if sum(r.wanted or 0 for r in mine) > there:
            found.update({id(r): SHARED_TWICE for r in mine if (r.wanted or 0) > (r.base or 0)})
    return found
