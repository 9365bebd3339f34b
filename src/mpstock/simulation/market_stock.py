"""What a seller really has, and what his warehouse system says that he has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mpstock.simulation.application import SourceSimulator
from mpstock.simulation.market_sales import Sale

__all__ = ["Books", "Place", "TrueStock"]

Place = tuple[str, str]
"""An article and an own warehouse."""


class TrueStock:
    """Units by article and own warehouse: there, promised to buyers, and set aside for some of these.

    `skus` and `warehouses` are those that it was opened with, in their order.
    """

    def __init__(self, there: Mapping[Place, int]) -> None:
        self.there: dict[Place, int] = dict(there)
        self.promised: dict[Place, int] = dict.fromkeys(there, 0)
        self.aside: dict[Place, int] = dict.fromkeys(there, 0)
        self.skus: list[str] = list(dict.fromkeys(sku for sku, _ in there))
        self._known = frozenset(self.skus)
        self.warehouses: list[str] = list(dict.fromkeys(warehouse for _, warehouse in there))

    @property
    def places(self) -> list[Place]:
        """Every article in every warehouse that has it."""
        return list(self.there)

    def free(self, sku: str, warehouses: Iterable[str] | None = None) -> int:
        """Return what is there and promised to nobody; below zero when more was promised than is there."""
        found = self.warehouses if warehouses is None else warehouses
        return sum(self._free((sku, warehouse)) for warehouse in found)

    def _free(self, place: Place) -> int:
        return self.there.get(place, 0) - self.promised.get(place, 0)

    def arrive(self, sku: str, warehouse: str, units: int) -> None:
        """Put units there, or with a negative number take them out.

        Raises:
            ValueError: the market has no such article or warehouse: it was not opened with it.
        """
        if sku not in self._known or warehouse not in self.warehouses:
            raise ValueError(f"{sku!r} in {warehouse!r} is not in this market; open it with 0 units of it")
        self.there[sku, warehouse] = self.there.get((sku, warehouse), 0) + units

    def promise(self, sale: Sale) -> None:
        """Promise an order's units, from where most is free; what is nowhere, from the first warehouse."""
        sale.taken = self._spread(sale, {feed: self._free((sale.sku, feed)) for feed in sale.feeds})
        self._add(self.promised, sale, 1)

    def set_aside(self, sale: Sale) -> bool:
        """Pack an order's units, from elsewhere if need be; return whether they are all there."""
        left = {
            feed: self.there.get((sale.sku, feed), 0) - self.aside.get((sale.sku, feed), 0)
            for feed in sale.feeds
        }
        if sum(max(units, 0) for units in left.values()) < sale.units:
            return False
        if any(left[warehouse] < units for warehouse, units in sale.taken.items()):
            self._add(self.promised, sale, -1)
            sale.taken = self._spread(sale, left)
            self._add(self.promised, sale, 1)
        self._add(self.aside, sale, 1)
        return True

    def ship(self, sale: Sale) -> None:
        """Let an order's units leave the warehouse."""
        for counted in (self.there, self.promised, self.aside):
            self._add(counted, sale, -1)

    def release(self, sale: Sale) -> None:
        """Promise an order's units no longer."""
        self._add(self.promised, sale, -1)
        if sale.state == "assembled":
            self._add(self.aside, sale, -1)

    @staticmethod
    def _spread(sale: Sale, left: Mapping[str, int]) -> dict[str, int]:
        taken: dict[str, int] = {}
        wanted = sale.units
        for feed in sorted(left, key=lambda feed: -left[feed]):
            units = min(wanted, max(left[feed], 0))
            if units:
                taken[feed] = units
                wanted -= units
        if wanted:
            taken[sale.feeds[0]] = taken.get(sale.feeds[0], 0) + wanted
        return taken

    @staticmethod
    def _add(counted: dict[Place, int], sale: Sale, sign: int) -> None:
        for warehouse, units in sale.taken.items():
            counted[sale.sku, warehouse] = counted.get((sale.sku, warehouse), 0) + sign * units


class Books:
    """What the warehouse system says: it books late, and only what it is told."""

    def __init__(
        self,
        stock: TrueStock,
        source: SourceSimulator | None,
        reserve: Callable[[Any, str, str, int], None] | None,
    ) -> None:
        self._source = source
        self._reserve = reserve
        self.quantity: dict[Place, int] = dict(stock.there)
        self.reserved: dict[Place, int] = {}
        for place in self.quantity:
            self._tell(place)

    def arrive(self, sku: str, warehouse: str, units: int) -> None:
        """Book goods that came in."""
        self._add((sku, warehouse), units)

    def book(self, sale: Sale) -> None:
        """Book an order, unless it was cancelled meanwhile."""
        if sale.state == "cancelled" or sale.booked:
            return
        sale.booked = dict(sale.taken)
        for warehouse, units in sale.booked.items():
            if self._reserve is not None and sale.state != "shipped":
                self._keep((sale.sku, warehouse), units)
            else:
                self._add((sale.sku, warehouse), -units)
        if sale.state == "shipped":
            sale.written_off = True

    def move(self, sale: Sale) -> None:
        """Book an order that was booked where it was packed in the end."""
        if sale.booked and sale.booked != sale.taken:
            self.cancel(sale)
            self.book(sale)

    def ship(self, sale: Sale) -> None:
        """Turn the reserve of an order that was handed over into a write-off."""
        if self._reserve is None or not sale.booked or sale.written_off:
            return
        sale.written_off = True
        for warehouse, units in sale.booked.items():
            self._keep((sale.sku, warehouse), -units)
            self._add((sale.sku, warehouse), -units)

    def cancel(self, sale: Sale) -> None:
        """Take back what was booked for an order that was cancelled in the warehouse."""
        booked, sale.booked = sale.booked, {}
        for warehouse, units in booked.items():
            if self._reserve is not None:
                self._keep((sale.sku, warehouse), -units)
            else:
                self._add((sale.sku, warehouse), units)

    def _add(self, place: Place, units: int) -> None:
        self.quantity[place] = self.quantity.get(place, 0) + units
        self._tell(place)

    def _tell(self, place: Place) -> None:
        if self._source is not None:
            sku, warehouse = place
            self._source.call(self._source.set_level, sku, self.quantity[place], warehouse)

    def _keep(self, place: Place, units: int) -> None:
        self.reserved[place] = self.reserved.get(place, 0) + units
        if self._source is not None and self._reserve is not None:
            self._source.call(self._reserve, self._source, *place, self.reserved[place])
