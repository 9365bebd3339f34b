"""The 1C source, held to the contract over its double."""

from __future__ import annotations

from typing import Any

from mpstock import Clock
from mpstock.testing import SourceContract
from mpstock_onec.plugin import mpstock_sources
from mpstock_onec.simulator import OnecSimulator

SPEC = next(spec for spec in mpstock_sources() if spec.name == "onec")


class TestOnec(SourceContract):
    """`GET …/hs/stocks/list`."""

    spec = SPEC

    def make_simulator(self, clock: Clock) -> OnecSimulator:
        return OnecSimulator(clock=clock)

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.remove(sku, warehouse)
        simulator.inject({"sku": sku, "warehouse": warehouse, "quantity": "нет данных"})

    def duplicate(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.inject({"sku": sku, "warehouse": warehouse, "quantity": 4})

    def reserve(self, simulator: Any, sku: str, warehouse: str, quantity: int) -> None:
        simulator.reserve(sku, quantity, warehouse)
