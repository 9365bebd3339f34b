"""The formula of semantics §4 once more: slow, obvious, and written without a look at the engine's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from attrs import frozen


@frozen
class Row:
    """What one source says of one own warehouse. `quantity` None: never known."""

    source: str
    warehouse: str
    quantity: int | None
    reserved: int = 0
    known: bool = True


@frozen
class Member:
    """A source's part in its group: sources of one warehouse and group are combined by the rule."""

    group: str
    rule: str
    order: int


Bound = int | None
"""The most that there can be; None: nothing bounds it."""


def of_warehouse(rows: Sequence[Row], members: Mapping[str, Member], held: int = 0) -> tuple[Bound, bool]:
    """Combine what the sources say of one warehouse; returns the number or its bound, and which it is."""
    parts: list[tuple[Bound, bool]] = []
    for group in {members[row.source].group for row in rows}:
        mine = sorted(
            (row for row in rows if members[row.source].group == group),
            key=lambda row: members[row.source].order,
        )
        bounds = [None if row.quantity is None else row.quantity - row.reserved - held for row in mine]
        sure = [row.known and row.quantity is not None for row in mine]
        parts.append(_group(members[mine[0].source].rule, bounds, sure))
    if any(bound is None for bound, _ in parts):
        return None, False
    return sum(bound or 0 for bound, _ in parts), all(known for _, known in parts)


def _group(rule: str, bounds: list[Bound], sure: list[bool]) -> tuple[Bound, bool]:
    numbers = [bound for bound in bounds if bound is not None]
    endless = len(numbers) < len(bounds)
    if rule == "sum":
        return (None if endless else sum(numbers)), all(sure)
    if rule == "max":
        return (None if endless else max(numbers)), all(sure)
    if rule == "min":
        return (min(numbers) if numbers else None), all(sure)
    for bound, known in zip(bounds, sure, strict=True):
        if known:
            return bound, True
    return bounds[0], False


def of_listing(
    rows: Sequence[Row], members: Mapping[str, Member], feeds: Sequence[str] | None
) -> tuple[Bound, bool]:
    """Add up the warehouses that feed a listing, signed to the end. No row at all: nothing is there."""
    total, known = 0, True
    for warehouse in {row.warehouse for row in rows if feeds is None or row.warehouse in feeds}:
        amount, sure = of_warehouse([row for row in rows if row.warehouse == warehouse], members)
        if amount is None:
            return None, False
        total, known = total + amount, known and sure
    return total, known


def advertised(amount: Bound, known: bool, shown: int) -> int:
    """What a listing that shows so much should show, without a buffer: unknown only ever lowers it."""
    if known and amount is not None:
        return max(amount, 0)
    return shown if amount is None else min(shown, max(amount, 0))


def promised_twice(shown: Sequence[int], feeds: Sequence[set[str]], stock: Mapping[str, int]) -> bool:
    """Say whether some listings together show more than the warehouses that feed them have."""
    for size in range(1, len(shown) + 1):
        for chosen in combinations(range(len(shown)), size):
            reach = set().union(*(feeds[i] for i in chosen))
            if sum(shown[i] for i in chosen) > sum(max(stock.get(w, 0), 0) for w in reach):
                return True
    return False
