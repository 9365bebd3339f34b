"""The one formula for what is available: levels − reserves − holds, per own warehouse, with its bounds.

Signed to the end: a warehouse at −3 takes from its neighbour's 5. A quantity that is not known counts
with its last known value, as an upper bound only; one that was never known has no bound at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Literal

from attrs import frozen

__all__ = [
    "BOUNDLESS",
    "Pool",
    "Rule",
    "SourceRule",
    "Term",
    "apportion",
    "draw",
    "net",
    "pools",
    "remaining",
    "total",
]

BOUNDLESS = 10**15
"""An upper bound that bounds nothing: the quantity was never known."""

Rule = Literal["sum", "first", "max", "min"]


@frozen
class SourceRule:
    """How one source takes part: the group it belongs to, the group's rule, and its place in it.

    `trusted` is False while the source is down or stale: all it said is an upper bound then.
    `omits_zero` is True once it was read completely: what it does not list is zero, not unknown.
    """

    group: str
    rule: Rule
    order: int
    trusted: bool = True
    omits_zero: bool = True


@frozen
class Term:
    """What one source says of one own warehouse, netted: `amount` is its part of the formula."""

    source: str
    warehouse_id: int
    quantity: int | None
    reserved: int
    held: int
    known: bool

    @property
    def amount(self) -> int:
        return BOUNDLESS if self.quantity is None else self.quantity - self.reserved - self.held


@frozen
class Pool:
    """What one own warehouse has to promise: exactly `amount` if known, at most that if not."""

    amount: int
    known: bool


def net(
    levels: Iterable[tuple[str, int, int | None, int, bool]],
    holds: Mapping[int, int],
    rules: Mapping[str, SourceRule],
) -> list[Term]:
    """Net each source first: its quantity, its reserves, the holds in that warehouse.

    `levels` are (source, warehouse id, quantity, reserved, known); those of sources that are no
    longer configured are left out. `holds` are units by warehouse id.
    """
    return [
        Term(
            source,
            warehouse,
            quantity,
            reserved,
            holds.get(warehouse, 0),
            bool(known) and rules[source].trusted,
        )
        for source, warehouse, quantity, reserved, known in levels
        if source in rules
    ]


def pools(terms: Sequence[Term], rules: Mapping[str, SourceRule]) -> dict[int, Pool]:
    """Combine the sources' terms to one pool per own warehouse: within a group by its rule, groups summed."""
    grouped: dict[tuple[int, str], list[Term]] = {}
    for term in terms:
        grouped.setdefault((term.warehouse_id, rules[term.source].group), []).append(term)
    result: dict[int, Pool] = {}
    for (warehouse, _), members in grouped.items():
        pool = _combined(members, rules)
        if warehouse in result:
            other = result[warehouse]
            pool = Pool(pool.amount + other.amount, pool.known and other.known)
        result[warehouse] = pool
    return result


def _combined(members: list[Term], rules: Mapping[str, SourceRule]) -> Pool:
    rule = rules[members[0].source].rule
    if rule == "min" and _silent(members, rules):
        # What a source that was not heard would say may be lower still.
        return Pool(min(term.amount for term in members), known=False)
    if len(members) == 1:
        return Pool(members[0].amount, members[0].known)
    if rule == "sum":
        return Pool(sum(term.amount for term in members), all(term.known for term in members))
    if rule == "first":
        members = sorted(members, key=lambda term: rules[term.source].order)
        for term in members:
            if term.known:
                return Pool(term.amount, known=True)
        return Pool(members[0].amount, known=False)
    known = all(term.known for term in members)
    amounts = [term.amount for term in members]
    return Pool(max(amounts) if rule == "max" else min(amounts), known)


def _silent(members: list[Term], rules: Mapping[str, SourceRule]) -> bool:
    """Say whether a source of the group that says nothing here is down, or was never read completely."""
    group = rules[members[0].source].group
    heard = {term.source for term in members}
    return any(
        rule.group == group and name not in heard and not (rule.trusted and rule.omits_zero)
        for name, rule in rules.items()
    )


def total(own: Mapping[int, Pool], feeds: frozenset[int] | None, rules: Mapping[str, SourceRule]) -> Pool:
    """Sum the pools that feed one sink warehouse (`feeds` None = all), signed.

    A product that no source lists in these warehouses has none there, provided that every source was
    read completely once.
    """
    chosen = [pool for warehouse, pool in own.items() if feeds is None or warehouse in feeds]
    if not chosen:
        every_read = all(rule.trusted and rule.omits_zero for rule in rules.values())
        return Pool(0, known=every_read)
    return Pool(sum(pool.amount for pool in chosen), all(pool.known for pool in chosen))


def remaining(
    own: Mapping[int, Pool],
    left: Mapping[int, Pool],
    feeds: frozenset[int] | None,
    rules: Mapping[str, SourceRule],
    shown: Sequence[tuple[frozenset[int] | None, int]] = (),
) -> Pool:
    """Sum what is `left` of the pools `own` for one sink warehouse, after others of its sink have drawn.

    `shown` are the feeds and units of these. What those show that are fed by nothing else comes off the
    signed sum: that a third one has covered a shortage frees nothing here.
    """
    pool = total(left, feeds, rules)
    if not shown:
        return pool
    reach = own.keys() if feeds is None else feeds
    within = sum(units for theirs, units in shown if (own.keys() if theirs is None else theirs) <= reach)
    return Pool(min(pool.amount, total(own, feeds, rules).amount - within), pool.known)


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
    chosen = [w for w in own if feeds is None or w in feeds]
    due = taken
    for warehouse in chosen:
        pool = left[warehouse]
        if pool.amount < 0:
            due -= pool.amount
            left[warehouse] = Pool(0, pool.known)
    others = list(later)
    chosen.sort(key=lambda w: (sum(f is None or w in f for f in others), w))
    for warehouse in chosen:
        pool = left[warehouse]
        part = min(due, max(pool.amount, 0))
        left[warehouse] = Pool(pool.amount - part, pool.known)
        due -= part
    return left


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
