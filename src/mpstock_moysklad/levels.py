"""The numbers of the stores, added up to the seller's warehouses. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal

from attrs import define, field

from mpstock import Level, Problem
from mpstock_moysklad.counts import Counts
from mpstock_moysklad.quantities import Amount, add, ceil, floor

__all__ = ["Rounding", "levels"]

_EXAMPLES = 3


@define
class Rounding:
    """What was not whole, told together: by weight or length such goods are many."""

    count: int = 0
    examples: list[str] = field(factory=list[str])

    def note(self, sku: str, warehouse: str, exact: Amount, whole: int) -> None:
        """Take note of a number that was rounded."""
        if isinstance(exact, Decimal) and abs(exact - whole) > Decimal("0.000001"):
            self.count += 1
            if len(self.examples) < _EXAMPLES:
                self.examples.append(f"{sku!r} in {warehouse!r}: {exact.normalize():f} is counted as {whole}")

    def problems(self) -> list[Problem]:
        """One problem for all of them, or none."""
        if not self.count:
            return []
        message = (
            f"{self.count} numbers are not whole, and marketplaces take whole units only; quantities are "
            f"rounded down and reserves up ({'; '.join(self.examples)})"
        )
        return [Problem("report", "quantity", message)]


def levels(
    feeds: Mapping[str, Sequence[str]],
    stock: Counts,
    reserve: Counts | None,
    rounding: Rounding,
    clouded: Collection[str] = (),
) -> Iterator[Level]:
    """Yield one level for each article and warehouse that a row told of.

    `feeds` are the stores of each warehouse. `clouded` are articles whose number is unknown everywhere.
    """
    for warehouse, stores in feeds.items():
        tables = [stock.by_store[store] for store in stores if store in stock.by_store]
        kept = [reserve.by_store[store] for store in stores if store in reserve.by_store] if reserve else []
        if len(tables) == 1 and not kept:
            # Nearly always; and a full report may have a million rows.
            for sku, amount in tables[0].items():
                if amount is None or sku in clouded:
                    yield Level(sku, warehouse, None)
                else:
                    yield Level(sku, warehouse, _down(sku, warehouse, amount, rounding))
            continue
        for sku in dict.fromkeys(sku for table in (*tables, *kept) for sku in table):
            quantity, reserved = _total(tables, sku), _total(kept, sku)
            if quantity is None or reserved is None or reserved < 0 or sku in clouded:
                yield Level(sku, warehouse, None)
                continue
            up = ceil(reserved)
            rounding.note(sku, warehouse, reserved, up)
            yield Level(sku, warehouse, _down(sku, warehouse, quantity, rounding), up)


def _down(sku: str, warehouse: str, amount: Amount, rounding: Rounding) -> int:
    if type(amount) is int:
        return amount
    whole = floor(amount)
    rounding.note(sku, warehouse, amount, whole)
    return whole


def _total(tables: Sequence[Mapping[str, Amount | None]], sku: str) -> Amount | None:
    total: Amount = 0
    for table in tables:
        amount = table.get(sku, 0)
        if amount is None:
            return None
        total = add(total, amount)
    return total
