"""The double of a warehouse system that keeps stock by itself; the vendor's methods are left to write."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from attrs import evolve, frozen

from mpstock.clock import Clock
from mpstock.interfaces import Rate
from mpstock.simulation.application import SourceSimulator
from mpstock.simulation.limiting import Limiter
from mpstock.simulation.rates import RateModel

__all__ = ["StockRow", "StockroomSimulator"]


@frozen
class StockRow:
    """What the system has of one article in one warehouse.

    `quantity` is whatever a test has put there, also what is no number. `revision` rises with every change in
    the system, `changed_at` is the moment of this row's last one.
    """

    sku: str
    warehouse: str
    quantity: Any
    reserved: int
    revision: int
    changed_at: datetime


class StockroomSimulator(SourceSimulator):
    """A warehouse system: articles by warehouse, their reserves, when each changed, and limits.

    A subclass adds routes whose handlers answer with `rows()`, or with those of `rows(since=…)`.

    Args:
        clock: by default the machine's.
        rates: the vendor's limits; routes name their scopes.
        rate_model: how the server counts them; `limits.use` changes it.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        rates: Sequence[Rate] = (),
        rate_model: RateModel = "sliding",
    ) -> None:
        super().__init__(clock=clock)
        self.limits = Limiter(self.clock, rates, rate_model)
        self.revision = 0
        self.__rows: dict[tuple[str, str], StockRow] = {}
        self.__twice: set[tuple[str, str]] = set()

    def rows(self, *, since: datetime | None = None, after: int | None = None) -> list[StockRow]:
        """Return the rows in the order in which they came to be.

        `since` leaves those that changed at that moment or later, `after` those that changed after that
        revision.
        """
        found: list[StockRow] = []
        for key, row in self.__rows.items():
            if (since is None or row.changed_at >= since) and (after is None or row.revision > after):
                found += [row, row] if key in self.__twice else [row]
        return found

    def set_level(self, sku: str, quantity: Any, warehouse: str = "main") -> None:
        """Let the system have `quantity` in `warehouse`: a number, or what a test wants to be there."""
        self.call(self.__set, sku, warehouse, {"quantity": quantity})

    def reserve(self, sku: str, quantity: int, warehouse: str = "main") -> None:
        """Let the system keep so many units for its own orders."""
        self.call(self.__set, sku, warehouse, {"reserved": quantity})

    def tell_twice(self, sku: str, warehouse: str = "main") -> None:
        """Let the system tell this row twice from now on."""
        self.call(self.__twice.add, (sku, warehouse))

    def remove(self, sku: str, warehouse: str = "main") -> None:
        self.call(self.__remove, sku, warehouse)

    def __set(self, sku: str, warehouse: str, change: dict[str, Any]) -> None:
        self.revision += 1
        now = self.clock.now()
        row = self.__rows.get((sku, warehouse)) or StockRow(sku, warehouse, 0, 0, self.revision, now)
        self.__rows[sku, warehouse] = evolve(row, revision=self.revision, changed_at=now, **change)

    def __remove(self, sku: str, warehouse: str) -> None:
        self.revision += 1
        self.__rows.pop((sku, warehouse), None)
