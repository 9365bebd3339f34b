"""The one formula for what is available: levels − reserves − holds, per own warehouse, with its bounds.

Signed to the end: a warehouse at −3 takes from its neighbour's 5. A quantity that is not known counts
with its last known value, as an upper bound only; one that was never known has no bound at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from attrs import evolve, field, frozen

from mpstock.reconcile.absorbing import Booking, Held, booked

__all__ = [
    "BOUNDLESS",
    "Pool",
    "Rule",
    "SourceRule",
    "Stated",
    "Term",
    "lower",
    "net",
    "pools",
    "total",
]

BOUNDLESS = 10**15
"""An upper bound that bounds nothing: the quantity was never known."""

Rule = Literal["sum", "first", "max", "min"]


@frozen
class SourceRule:
    """How one source takes part: the group it belongs to, the group's rule, and its place in it.

    `trusted`      False while the source is down, stale or was never read: what it said is an upper bound.
    `stale`        it was read too long ago to be believed.
    `omits_zero`   True once it was read completely: what it does not list is zero, not unknown.
    `confirmed_at` as of when it has last confirmed the rows that it did not repeat.
    `fresh_since`  a row that was confirmed before that is an upper bound only.
    `books`        whose holds it books itself, and when; of the others it books nothing before they end.
    `share`        this part of a level counts.
    `to_fetch`     its goods have to be fetched first: they feed only what names their warehouse.
    """

    group: str
    rule: Rule
    order: int
    trusted: bool = True
    omits_zero: bool = True
    confirmed_at: datetime | None = None
    fresh_since: datetime | None = None
    books: Mapping[str, Booking] = field(factory=dict[str, Booking])
    share: Decimal = Decimal(1)
    to_fetch: bool = False
    stale: bool = False


@frozen
class Stated:
    """What one source says of one own warehouse, as of when; `quantity` None: it was never known.

    `dated`: the as-of is the row's own, not that of the reading. `heard` is a lower number, less its reserve,
    that was pushed to us at `heard_at`; it counts until the source was read later. `confirmed_at`: of what is
    not known any more, as of when a reading had confirmed it last.
    """

    source: str
    warehouse_id: int
    quantity: int | None
    reserved: int = 0
    known: bool = True
    as_of: datetime | None = None
    dated: bool = False
    heard: int | None = None
    confirmed_at: datetime | None = None


@frozen
class Term:
    """What one source says of one own warehouse, netted: `amount` is its part of the formula.

    `held` are the units of the placed holds that the source has not booked. `counted` is what counts of
    quantity − reserved, where the source is discounted or has said less since. `as_of` is the time of the
    number, `confirmed_at` the last reading that did not take it back.
    """

    source: str
    warehouse_id: int
    quantity: int | None
    reserved: int
    held: int
    known: bool
    counted: int = BOUNDLESS
    as_of: datetime | None = None
    confirmed_at: datetime | None = None

    @property
    def amount(self) -> int:
        return BOUNDLESS if self.quantity is None else self.counted - self.held


@frozen
class Pool:
    """What one own warehouse has to promise: exactly `amount` if known, at most that if not.

    `to_fetch`: only what names the warehouse may promise it.
    """

    amount: int
    known: bool
    to_fetch: bool = False


def net(
    levels: Iterable[Stated], holds: Mapping[int, Sequence[Held]], rules: Mapping[str, SourceRule]
) -> list[Term]:
    """Net each source first: its quantity, its reserves, the holds in that warehouse that it has not booked.

    Levels of sources that are no longer configured are left out. `holds` are those whose warehouse is known.
    """
    terms = []
    for stated in levels:
        rule = rules.get(stated.source)
        if rule is None:
            continue
        as_of = confirmed_at = stated.as_of
        # What is not known any more counts as it was known last: no reading has confirmed it since.
        last = rule.confirmed_at if stated.known else stated.confirmed_at
        if last is not None and (confirmed_at is None or last > confirmed_at):
            confirmed_at = last
            if not stated.dated:
                as_of = confirmed_at
        known = (
            stated.known
            and rule.trusted
            and (rule.fresh_since is None or (confirmed_at is not None and confirmed_at >= rule.fresh_since))
        )
        placed = holds.get(stated.warehouse_id)
        held = 0
        if placed:
            held = sum(h.quantity for h in placed if not booked(h, rule.books, as_of, confirmed_at))
        quantity = stated.quantity
        counted = BOUNDLESS if quantity is None else quantity - stated.reserved
        if stated.heard is not None:
            counted = min(counted, stated.heard)
        if rule.share != 1 and 0 < counted < BOUNDLESS:
            counted = math.floor(counted * rule.share)
        terms.append(
            Term(
                stated.source, stated.warehouse_id, quantity, stated.reserved, held, known, counted, as_of,
                confirmed_at,
            )
        )  # fmt: skip
    return terms


def pools(
    terms: Sequence[Term], rules: Mapping[str, SourceRule], holds: Mapping[int, Sequence[Held]] | None = None
) -> dict[int, Pool]:
    """Combine the sources' terms to one pool per own warehouse: within a group by its rule, groups summed.

    Where goods of several sources add up, a hold is in one of them: it is subtracted once, until the source
    that says it books such holds has done so, or else until all have (`holds`, as given to `net`).
    """
    of_warehouse: dict[int, list[Term]] = {}
    for term in terms:
        of_warehouse.setdefault(term.warehouse_id, []).append(term)
    result: dict[int, Pool] = {}
    for warehouse, members in of_warehouse.items():
        pool = _of_warehouse(members, rules, (holds or {}).get(warehouse, ()))
        if any(rules[term.source].to_fetch for term in members):
            pool = evolve(pool, to_fetch=True)
        result[warehouse] = pool
    return result


def _of_warehouse(members: list[Term], rules: Mapping[str, SourceRule], holds: Sequence[Held]) -> Pool:
    groups: dict[str, list[Term]] = {}
    for term in members:
        groups.setdefault(rules[term.source].group, []).append(term)
    alone = len(groups) == 1 and (len(members) == 1 or rules[members[0].source].rule != "sum")
    if alone:
        return _combined(members, rules)
    unheld = [_combined([evolve(term, held=0) for term in group], rules) for group in groups.values()]
    held = sum(hold.quantity for hold in holds if not booked_here(hold, members, rules))
    return Pool(sum(pool.amount for pool in unheld) - held, all(pool.known for pool in unheld))


def booked_here(hold: Held, members: Sequence[Term], rules: Mapping[str, SourceRule]) -> bool:
    """Say whether the sources that speak of a warehouse count a hold's units no longer.

    Where goods of several sources add up, one that says it books such holds is enough. Of sources that
    describe the same goods any may be the one that counts, so all must have booked it; and where nobody says
    that he books it, all must have been read late enough after its end.
    """
    groups: dict[str, list[Term]] = {}
    for term in members:
        groups.setdefault(rules[term.source].group, []).append(term)
    verdicts = [_booked_in(hold, group, rules) for group in groups.values()]
    return any(done and said for done, said in verdicts) or all(done for done, _ in verdicts)


def _booked_in(hold: Held, group: Sequence[Term], rules: Mapping[str, SourceRule]) -> tuple[bool, bool]:
    """Return whether one group has booked a hold, and whether one of it says that it books such holds."""
    done = {t.source: booked(hold, rules[t.source].books, t.as_of, t.confirmed_at) for t in group}
    said = [source for source in done if hold.origin in rules[source].books]
    adds_up = rules[group[0].source].rule == "sum"
    return (adds_up and any(done[source] for source in said)) or all(done.values()), bool(said)


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


def fed_by(own: Mapping[int, Pool], feeds: frozenset[int] | None) -> list[int]:
    """Return which of the pools feed one sink warehouse: the named ones or, with None, all that are here."""
    if feeds is None:
        return [warehouse for warehouse, pool in own.items() if not pool.to_fetch]
    if len(feeds) < len(own):
        # Of a thousand own warehouses one feeds it: the others are not looked at.
        return sorted(warehouse for warehouse in feeds if warehouse in own)
    return [warehouse for warehouse in own if warehouse in feeds]


def total(own: Mapping[int, Pool], feeds: frozenset[int] | None, rules: Mapping[str, SourceRule]) -> Pool:
    """Sum the pools that feed one sink warehouse (`feeds` None = all), signed.

    What no source lists in these warehouses is none, provided that every source was read completely once.
    One that was never read may know of more, or of a shortage.
    """
    chosen = fed_by(own, feeds)
    if chosen:
        amount, known = 0, True
        for warehouse in chosen:
            pool = own[warehouse]
            amount += pool.amount
            known = known and pool.known
        return Pool(amount, known and all(rule.trusted or rule.omits_zero for rule in rules.values()))
    if all(rule.omits_zero for rule in rules.values()):
        return Pool(0, known=all(rule.trusted for rule in rules.values()))
    return Pool(BOUNDLESS, known=False)


def lower(pool: Pool, bound: Pool) -> Pool:
    """Return a pool that is not above another."""
    return pool if pool.amount <= bound.amount else evolve(pool, amount=bound.amount)
