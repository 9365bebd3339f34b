"""A marketplace and a warehouse system without HTTP, for tests of the market around them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from mpstock import Clock
from mpstock.simulation import SinkSimulator, SourceSimulator


class Shelf(SinkSimulator):
    """Shows numbers, sells them one order at a time, and lowers them by itself."""

    def __init__(self, clock: Clock, skus: Sequence[str], codes: Sequence[str] = ("A",)) -> None:
        super().__init__(clock=clock)
        self.numbers = {(sku, code): 0 for sku in skus for code in codes}
        self.orders: dict[str, list[str]] = {}
        self.asked = 0
        self._keys = itertools.count(1)

    def shown(self) -> Mapping[tuple[str, str], int]:
        return dict(self.numbers)

    def set_shown(self, sku: str, warehouse_code: str, quantity: int) -> None:
        self.numbers[sku, warehouse_code] = quantity

    def settings(self, url: str) -> dict[str, Any]:
        return {"plugin": "shelf"}

    def buy(self, sku: str, warehouse_code: str, quantity: int = 1) -> list[str]:
        self.asked += 1
        if self.numbers[sku, warehouse_code] < quantity:
            return []
        self.numbers[sku, warehouse_code] -= quantity
        key = f"order-{next(self._keys)}"
        self.orders[key] = ["placed"]
        return [key]

    def assemble(self, key: str) -> None:
        self.orders[key].append("assembled")

    def ship(self, key: str) -> None:
        self.orders[key].append("shipped")

    def cancel(self, key: str) -> None:
        self.orders[key].append("cancelled")


class Book(SourceSimulator):
    """A warehouse system that remembers everything it was told."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.levels: dict[tuple[str, str], int] = {}
        self.reserved: dict[tuple[str, str], int] = {}
        self.told: list[tuple[float, str, int]] = []

    def set_level(self, sku: str, quantity: Any, warehouse: str = "main") -> None:
        self.levels[sku, warehouse] = quantity
        self.told.append((self.clock.monotonic(), sku, quantity))

    def remove(self, sku: str, warehouse: str = "main") -> None:
        del self.levels[sku, warehouse]

    def settings(self, url: str) -> dict[str, Any]:
        return {"plugin": "book"}

    def reserve(self, sku: str, warehouse: str, units: int) -> None:
        self.reserved[sku, warehouse] = units
