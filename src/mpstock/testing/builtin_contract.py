"""What `mpstock certify builtin` runs: the adapters in memory (their own doubles), and the policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mpstock.clock import Clock
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.interfaces import Context
from mpstock.model import Problem
from mpstock.simulation import SinkSimulator, SourceSimulator
from mpstock.testing.bench import Bench
from mpstock.testing.context import adapter_context
from mpstock.testing.faults import FaultScript
from mpstock.testing.policy_contract import PolicyContract
from mpstock.testing.sink_contract import SinkContract
from mpstock.testing.source_contract import SourceContract

__all__ = ["TestAll", "TestFixedShare", "TestMemorySink", "TestMemorySource", "TestStandard", "TestThreshold"]


class MemoryWarehouse(SourceSimulator):
    """A warehouse system that is the source itself."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.source = InMemorySource(clock=clock, page=10)

    def set_level(self, sku: str, quantity: Any, warehouse: str = "main") -> None:
        self.source.set(sku, quantity, warehouse=warehouse)

    def remove(self, sku: str, warehouse: str = "main") -> None:
        self.source.remove(sku, warehouse=warehouse)

    def settings(self, url: str) -> dict[str, Any]:
        return {"plugin": "memory"}


def _bench(simulator: Any, adapter: Any, clock: Clock, codes: Sequence[str] = ()) -> Bench[Any, Any]:
    faults = FaultScript(simulator)
    context: Context = adapter_context(faults, "memory", clock, codes)
    return Bench(simulator, faults, clock, adapter, context, None, ())


class TestMemorySource(SourceContract):
    """`InMemorySource`."""

    plugin = "memory"
    http = False
    fractions = False
    pads = False
    # A dictionary of the program itself cannot fail to answer: when it is empty, there is nothing.
    empty = "zero"

    def make_simulator(self, clock: Clock) -> MemoryWarehouse:
        return MemoryWarehouse(clock)

    def make_bench(
        self, simulator: Any, clock: Clock, url: str, faults: FaultScript | None = None
    ) -> Bench[Any, Any]:
        return _bench(simulator, simulator.source, clock)

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.source.set(sku, None, warehouse=warehouse)
        simulator.source.problems.append(Problem("row 1", "quantity", "is no number", sku))

    def reserve(self, simulator: Any, sku: str, warehouse: str, quantity: int) -> None:
        simulator.source.set(sku, 12, warehouse=warehouse, reserved=quantity)


class MemoryMarket(SinkSimulator):
    """A marketplace that is the sink itself."""

    def __init__(self, clock: Clock, skus: Sequence[str]) -> None:
        super().__init__(clock=clock)
        self.sink = InMemorySink(
            skus,
            warehouses=("1", "2"),
            clock=clock,
            page=3,
            maximum=10_000,
            pair_cooldown=5.0,
            self_decrements="yes",
        )

    def shown(self) -> Mapping[tuple[str, str], int]:
        return self.sink.shown

    def set_shown(self, sku: str, warehouse_code: str, quantity: int) -> None:
        self.sink.shown[sku, warehouse_code] = quantity

    def settings(self, url: str) -> dict[str, Any]:
        return {"plugin": "memory"}

    def warehouse_codes(self) -> Sequence[str]:
        return self.sink.warehouses

    def buy(self, sku: str, warehouse_code: str, quantity: int = 1) -> list[str]:
        if self.sink.shown.get((sku, warehouse_code), 0) < quantity:
            return []
        return [self.sink.buy(sku, quantity, warehouse_code).key]

    def assemble(self, key: str) -> None:
        self.sink.assemble(key)

    def ship(self, key: str) -> None:
        self.sink.ship(key)

    def cancel(self, key: str) -> None:
        self.sink.cancel(key)


class TestMemorySink(SinkContract):
    """`InMemorySink`."""

    plugin = "memory"
    http = False

    def make_simulator(self, clock: Clock, skus: Sequence[str]) -> MemoryMarket:
        return MemoryMarket(clock, skus)

    def make_bench(
        self, simulator: Any, clock: Clock, url: str, faults: FaultScript | None = None
    ) -> Bench[Any, Any]:
        return _bench(simulator, simulator.sink, clock, simulator.warehouse_codes())


class TestAll(PolicyContract):
    """Everything that is available."""

    plugin = "all"
    tables = ({}, {"cap": 3}, {"cap": 0})
    bad_tables = ({"cap": -1}, {"absolute": 2})


class TestStandard(PolicyContract):
    """So many units, or so many percent."""

    plugin = "standard"
    tables = ({}, {"absolute": 5}, {"percent": 10}, {"absolute": 2, "percent": 33, "cap": 100})
    bad_tables = ({"absolute": -1}, {"percent": 101}, {"absolute": "many"})


class TestFixedShare(PolicyContract):
    """So many percent of what is available."""

    plugin = "fixed_share"
    tables = ({"percent": 0}, {"percent": 7}, {"percent": 100}, {"percent": 50, "cap": 9})
    bad_tables = ({}, {"percent": -1}, {"percent": 101})


class TestThreshold(PolicyContract):
    """Nothing below so many units."""

    plugin = "threshold"
    tables = ({"minimum": 0}, {"minimum": 10}, {"minimum": 10, "cap": 20})
    bad_tables = ({}, {"minimum": -1})
