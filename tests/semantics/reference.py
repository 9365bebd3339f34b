"""The rules of semantics §3 and §4 once more: slow, obvious, and written without a look at the engine.

Everything is in base units and signed; None as a quantity or bound means that nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import product
from typing import Literal

from attrs import field, frozen

Stage = Literal["order", "assembly", "shipment"]
Rule = Literal["sum", "first", "max", "min"]

UNSAID: tuple[Stage, timedelta] = ("shipment", timedelta(minutes=15))
"""A source of which nothing is said books an order when its units leave the warehouse."""


@frozen
class Row:
    """What a source said last of one own warehouse, as of then; `known` False: it says so no longer."""

    quantity: int | None
    as_of: datetime
    reserved: int = 0
    known: bool = True


@frozen
class Src:
    """One source: its group and rule, whose orders it books when, and its rows by (sku, warehouse)."""

    name: str
    rows: Mapping[tuple[str, str], Row]
    rule: Rule = "sum"
    group: str = "main"
    absorbs: Mapping[str, tuple[Stage, timedelta]] = field(factory=dict[str, tuple[Stage, timedelta]])


@frozen
class Ord:
    """An order that was not cancelled before handover: what it takes, and when it came how far.

    `reach` are the own warehouses that it may come out of, `pick_order` these in the order of picking.
    """

    sink: str
    takes: Mapping[str, int]
    placed: datetime
    assembled: datetime | None
    shipped: datetime | None
    reach: tuple[str, ...]
    pick_order: tuple[str, ...] = ()


@frozen
class Bound:
    """So many there are, if `known`; else at most so many (None: nobody knows)."""

    amount: int | None
    known: bool


NOTHING = Bound(0, known=True)


def is_booked(order: Ord, source: Src, as_of: datetime) -> bool:
    """A reading as of then counts the order no longer: it is late enough after the stage that counts."""
    stage, lag = source.absorbs.get(order.sink, UNSAID)
    if stage == "order":
        return as_of >= order.placed + lag
    moment = order.shipped if stage == "shipment" else (order.assembled or order.shipped)
    return moment is not None and as_of > moment + lag


def hit_by(order: Ord, sku: str, sources: Sequence[Src]) -> tuple[str, ...]:
    """Which own warehouses may lose the units; the first of a pick order stands for all of them."""
    there = [w for w in order.reach if any((sku, w) in source.rows for source in sources)]
    for warehouse in order.pick_order:
        if warehouse in there:
            return (warehouse,)
    return tuple(there)


Placed = Sequence[tuple[Ord, str]]
"""Orders, each with the own warehouse that loses its units of one product."""


def netted(source: Src, sku: str, warehouse: str, placed: Placed) -> Bound:
    """A source's quantity less its reserves and the orders that hit this warehouse and are not booked."""
    row = source.rows[sku, warehouse]
    if row.quantity is None:
        return Bound(None, known=False)
    held = sum(
        order.takes.get(sku, 0)
        for order, where in placed
        if where == warehouse and not is_booked(order, source, row.as_of)
    )
    return Bound(row.quantity - row.reserved - held, row.known)


def combined(rule: Rule, bounds: Sequence[Bound]) -> Bound:
    """Combine what sources say of the same goods."""
    if len(bounds) == 1:
        return bounds[0]
    known = all(bound.known for bound in bounds)
    amounts = [bound.amount for bound in bounds if bound.amount is not None]
    some_endless = len(amounts) < len(bounds)
    if rule == "first":
        # The first that can be believed; if none can, the first there is.
        return next((bound for bound in bounds if bound.known), bounds[0])
    if rule == "min":
        return Bound(min(amounts) if amounts else None, known)
    if some_endless:
        return Bound(None, known=False)
    return Bound(sum(amounts) if rule == "sum" else max(amounts), known)


def of_warehouse(sku: str, warehouse: str, sources: Sequence[Src], placed: Placed) -> Bound | None:
    """Add up the groups of one own warehouse; None: no source speaks of it."""
    groups: dict[str, list[Src]] = {}
    for source in sources:
        if (sku, warehouse) in source.rows:
            groups.setdefault(source.group, []).append(source)
    parts = [
        combined(members[0].rule, [netted(s, sku, warehouse, placed) for s in members])
        for members in groups.values()
    ]
    return combined("sum", parts) if parts else None


def of_component(sku: str, feeds: Sequence[str], sources: Sequence[Src], orders: Sequence[Ord]) -> Bound:
    """Add up the warehouses that feed a listing, in the worst of all the cases that the orders leave open."""
    taking = [order for order in orders if order.takes.get(sku) and hit_by(order, sku, sources)]
    worst: Bound | None = None
    for where in product(*(hit_by(order, sku, sources) for order in taking)):
        placed = list(zip(taking, where, strict=True))
        fed = [of_warehouse(sku, w, sources, placed) for w in feeds]
        total = combined("sum", [bound for bound in fed if bound is not None] or [NOTHING])
        if worst is None or total.amount is None or (worst.amount or 0) > total.amount:
            worst = total
    assert worst is not None
    return worst


def of_listing(
    takes: Mapping[str, int], feeds: Sequence[str], sources: Sequence[Src], orders: Sequence[Ord]
) -> Bound:
    """The scarcest component says how many whole units of a listing there are, before any clamp."""
    parts = [(of_component(sku, feeds, sources, orders), units) for sku, units in takes.items()]
    amounts = [bound.amount // units for bound, units in parts if bound.amount is not None]
    return Bound(min(amounts) if amounts else None, all(bound.known for bound, _ in parts))


def wanted(bound: Bound, base: int) -> int:
    """What a listing that shows `base` should show: unknown never raises, and known falls get through."""
    if bound.known and bound.amount is not None:
        return max(bound.amount, 0)
    return base if bound.amount is None else min(base, max(bound.amount, 0))
