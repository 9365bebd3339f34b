"""The numbers of the stores, added up to the seller's warehouses. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal

from attrs import define, field

from mpstock import Level, Problem
from mpstock_moysklad.counts import Counts
from mpstock_moysklad.quantities import DUST, Amount, add, ceil, floor

__all__ = ["Remarks", "levels"]

_EXAMPLES = 3


@define
class Remarks:
    """What was not whole or below zero, told together: a shop that sells by weight has a thousand of them."""

    rounded: int = 0
    negative: int = 0
    _roundings: list[str] = field(factory=list[str])
    _debts: list[str] = field(factory=list[str])

    def note(self, sku: str, warehouse: str, exact: Amount, whole: int) -> None:
        """Take note of a number and of what it was counted as."""
        if isinstance(exact, Decimal) and abs(exact - whole) > DUST:
            self.rounded += 1
            if len(self._roundings) < _EXAMPLES:
                self._roundings.append(f"{sku!r} in {warehouse!r}: {exact:f} is counted as {whole}")
        if whole < 0:
            self.negative += 1
            if len(self._debts) < _EXAMPLES:
                self._debts.append(f"{sku!r} in {warehouse!r}: {whole}")

    def problems(self) -> list[Problem]:
        """One problem for each kind, or none."""
        found: list[Problem] = []
        if self.rounded:
            message = (
                f"{self.rounded} numbers are not whole, and marketplaces take whole units only; quantities "
                f"are rounded down and reserves up ({'; '.join(self._roundings)})"
            )
            found.append(Problem("report", "fractions", message))
        if self.negative:
            message = (
                f"{self.negative} numbers are below zero; they are counted as they are, and take away from "
                f"the product's other warehouses ({'; '.join(self._debts)}). Look in МойСклад for what was "
                "shipped before it was received, or reserved beyond what is there"
            )
            found.append(Problem("report", "negative numbers", message))
        return found


def levels(
    feeds: Mapping[str, Sequence[str]],
    stock: Counts,
    reserve: Counts | None,
    remarks: Remarks,
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
                    yield Level(sku, warehouse, _down(sku, warehouse, amount, remarks))
            continue
        for sku in dict.fromkeys(sku for table in (*tables, *kept) for sku in table):
            quantity, reserved = _total(tables, sku), _total(kept, sku)
            if quantity is None or reserved is None or reserved < 0 or sku in clouded:
                yield Level(sku, warehouse, None)
                continue
            up = ceil(reserved)
            remarks.note(sku, warehouse, reserved, up)
            yield Level(sku, warehouse, _down(sku, warehouse, quantity, remarks), up)


def _down(sku: str, warehouse: str, amount: Amount, remarks: Remarks) -> int:
    if type(amount) is int and amount >= 0:
        return amount
    whole = floor(amount)
    remarks.note(sku, warehouse, amount, whole)
    return whole


def _total(tables: Sequence[Mapping[str, Amount | None]], sku: str) -> Amount | None:
    total: Amount = 0
    for table in tables:
        amount = table.get(sku, 0)
        if amount is None:
            return None
        total = add(total, amount)
    return total
