"""Dividing what several listings may promise: by parts, or one after another; no unit is promised twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from heapq import heapify, heapreplace

from attrs import evolve

from mpstock.reconcile.availability import BOUNDLESS, Pool, fed_by
from mpstock.reconcile.drawing import Later

__all__ = ["apportion", "divide", "spend"]

_HALF = Decimal("0.5")


def apportion(amount: int, shares: Sequence[Decimal]) -> list[int]:
    """Divide whole units by shares (Σ ≤ 1; the rest goes to nobody) with Sainte-Laguë's method.

    A divisor method: with more to divide nobody gets less, which the largest remainder cannot promise.
    A shortage is divided like a surplus.
    """
    weights = [*shares, max(Decimal(1) - sum(shares, Decimal()), Decimal())]
    size = abs(amount)
    sign = 1 if amount >= 0 else -1
    # What all get by a divisor that is surely too large; the rest, a few for each, is given out one by one.
    sure = max(size - len(weights), 0)
    seats = [int(weight * sure + _HALF) if sure else 0 for weight in weights]
    queue = [(-weight / (2 * seats[i] + 1), i) for i, weight in enumerate(weights)]
    heapify(queue)
    for _ in range(size - sum(seats)):
        best = queue[0][1]
        seats[best] += 1
        heapreplace(queue, (-weights[best] / (2 * seats[best] + 1), best))
    return [sign * seat for seat in seats[:-1]]


def divide(
    own: Mapping[int, Pool],
    shares: Sequence[Decimal],
    reaches: Sequence[Sequence[frozenset[int] | None]],
    *,
    whole: bool,
) -> list[dict[int, Pool]]:
    """Divide pools between takers; returns the pools that are each one's own.

    `reaches` are, for each taker, the feeds of its listings. Warehouses that the very same listings are fed
    by are divided as one, so that small numbers do not all go to the first; the parts lie in the first of
    them. What one taker alone can reach is its own. `whole`: everything goes to those who can reach it, by
    their shares among each other; else what their shares leave goes to nobody.
    """
    fed: dict[int, list[tuple[int, int]]] = {warehouse: [] for warehouse in own}
    for taker, reach in enumerate(reaches):
        for i, feeds in enumerate(reach):
            for warehouse in fed_by(own, feeds):
                fed[warehouse].append((taker, i))
    together: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for warehouse, listings in fed.items():
        together.setdefault(tuple(listings), []).append(warehouse)
    result: list[dict[int, Pool]] = [{} for _ in shares]
    for signature, warehouses in together.items():
        reaching = list(dict.fromkeys(taker for taker, _ in signature))
        amount = sum(own[warehouse].amount for warehouse in warehouses)
        known = all(own[warehouse].known for warehouse in warehouses)
        theirs = [shares[taker] for taker in reaching]
        if amount >= BOUNDLESS // 2:
            parts = [BOUNDLESS] * len(reaching)
        elif len(reaching) == 1:
            parts = [amount]
        else:
            parts = apportion(amount, _scaled(theirs) if whole else theirs)
        for taker, part in zip(reaching, parts, strict=True):
            for index, warehouse in enumerate(warehouses):
                amount = part if index == 0 else 0
                result[taker][warehouse] = Pool(amount, known, own[warehouse].to_fetch)
    return result


def _scaled(shares: Sequence[Decimal]) -> list[Decimal]:
    """Return shares that add up to 1, exactly: what rounding leaves goes to the first."""
    whole = sum(shares, Decimal())
    scaled = [share / whole for share in shares]
    if scaled:
        scaled[0] += Decimal(1) - sum(scaled, Decimal())
    return scaled


def spend(own: Mapping[int, Pool], feeds: frozenset[int] | None, units: int, later: Later) -> dict[int, Pool]:
    """Return the pools less what somebody shows whom nothing can be taken from: signed, nothing is covered.

    Units come from the pools that the fewest of the `later` listings share; what is short, from the last.
    """
    left = dict(own)
    chosen = fed_by(own, feeds)
    chosen.sort(key=lambda w: (later.fed_by(w, own[w]), w))
    for warehouse in chosen:
        part = min(units, max(left[warehouse].amount, 0))
        left[warehouse] = evolve(left[warehouse], amount=left[warehouse].amount - part)
        units -= part
    if units and chosen:
        # Where they are short it is with those that the most are fed by: the worst for all.
        last = chosen[-1]
        left[last] = evolve(left[last], amount=left[last].amount - units)
    return left
