"""Dividing what several listings may promise: by parts, or one after another; no unit is promised twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from attrs import evolve

from mpstock.reconcile.availability import BOUNDLESS, Pool, fed_by

__all__ = ["apportion", "divide", "draw", "spend"]


def apportion(amount: int, shares: Sequence[Decimal]) -> list[int]:
    """Divide whole units by shares (Σ ≤ 1; the rest goes to nobody) with Sainte-Laguë's method.

    A divisor method: with more to divide nobody gets less, which the largest remainder cannot promise.
    A shortage is divided like a surplus.
    """
    weights = [*shares, max(Decimal(1) - sum(shares, Decimal()), Decimal())]
    size = abs(amount)
    sign = 1 if amount >= 0 else -1
    # Each seat count starts a few below its quota; the rest is given out one by one.
    seats = [max(int(weight * size) - len(weights), 0) for weight in weights]
    for _ in range(size - sum(seats)):
        best = max(range(len(weights)), key=lambda i: (weights[i] / (2 * seats[i] + 1), -i))
        seats[best] += 1
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
    takers = range(len(shares))
    together: dict[tuple[frozenset[int], ...], list[int]] = {}
    fed = [[frozenset(fed_by(own, feeds)) for feeds in reach] for reach in reaches]
    for warehouse in own:
        signature = tuple(
            frozenset(i for i, reached in enumerate(fed[taker]) if warehouse in reached) for taker in takers
        )
        together.setdefault(signature, []).append(warehouse)
    result: list[dict[int, Pool]] = [{} for _ in takers]
    for signature, warehouses in together.items():
        reaching = [taker for taker in takers if signature[taker]]
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
                result[taker][warehouse] = evolve(
                    own[warehouse], amount=part if index == 0 else 0, known=known
                )
    return result


def _scaled(shares: Sequence[Decimal]) -> list[Decimal]:
    """Return shares that add up to 1, exactly: what rounding leaves goes to the first."""
    whole = sum(shares, Decimal())
    scaled = [share / whole for share in shares]
    if scaled:
        scaled[0] += Decimal(1) - sum(scaled, Decimal())
    return scaled


def draw(
    own: Mapping[int, Pool], feeds: frozenset[int] | None, taken: int, later: Iterable[frozenset[int] | None]
) -> dict[int, Pool]:
    """Return the pools that are left for the next sink warehouse after one has advertised `taken`.

    What a warehouse is short of is covered first. Units come from the pools that the fewest of the
    `later` feeds share, so that no one is refused what nobody else could have.
    """
    if taken <= 0:
        return dict(own)
    left = dict(own)
    chosen = fed_by(own, feeds)
    due = taken
    for warehouse in chosen:
        pool = left[warehouse]
        if pool.amount < 0:
            due -= pool.amount
            left[warehouse] = evolve(pool, amount=0)
    others = [set(fed_by(own, other)) for other in later]
    chosen.sort(key=lambda w: (sum(w in fed for fed in others), w))
    for warehouse in chosen:
        pool = left[warehouse]
        part = min(due, max(pool.amount, 0))
        left[warehouse] = evolve(pool, amount=pool.amount - part)
        due -= part
    return left


def spend(
    own: Mapping[int, Pool], feeds: frozenset[int] | None, units: int, later: Iterable[frozenset[int] | None]
) -> dict[int, Pool]:
    """Return the pools less what somebody shows whom nothing can be taken from: signed, nothing is covered.

    Units come from the pools that the fewest of the `later` feeds share; what is short, from the last.
    """
    left = dict(own)
    chosen = fed_by(own, feeds)
    others = [set(fed_by(own, other)) for other in later]
    chosen.sort(key=lambda w: (sum(w in fed for fed in others), w))
    for warehouse in chosen:
        part = min(units, max(left[warehouse].amount, 0))
        left[warehouse] = evolve(left[warehouse], amount=left[warehouse].amount - part)
        units -= part
    if units and chosen:
        # Where they are short it is with those that the most are fed by: the worst for all.
        last = chosen[-1]
        left[last] = evolve(left[last], amount=left[last].amount - units)
    return left
