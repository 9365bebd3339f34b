"""What `mpstock certify moysklad` runs: the contract, over the double."""

from __future__ import annotations

from typing import Any

from mpstock import Clock
from mpstock.testing import SourceContract
from mpstock_moysklad.plugin import mpstock_sources
from mpstock_moysklad.simulator import MoyskladSimulator

__all__ = ["TestMoysklad", "TestWithReserves"]

SPEC = next(spec for spec in mpstock_sources() if spec.name == "moysklad")


class TestMoysklad(SourceContract):
    """JSON API 1.2, the short report by stores."""

    spec = SPEC

    def make_simulator(self, clock: Clock) -> MoyskladSimulator:
        return MoyskladSimulator(clock=clock)

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.set_level(sku, 0, warehouse)
        simulator.inject(sku, "нет данных", warehouse)

    def duplicate(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.inject(sku, 4, warehouse)

    def reserve(self, simulator: Any, sku: str, warehouse: str, quantity: int) -> None:
        simulator.reserve(sku, quantity, warehouse)


class TestWithReserves(TestMoysklad):
    """What is on hand, and the reserves beside it."""

    options = {"stock_type": "stock", "reserve": True}  # noqa: RUF012  (a class variable of the kit)
