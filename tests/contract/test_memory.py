"""The adapters in memory, held to the contract: they are their own doubles, and there is no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mpstock import Clock
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.interfaces import Context
from mpstock.simulation import SinkSimulator, SourceSimulator
from mpstock.testing import Bench, FaultScript, SinkContract, SourceContract, adapter_context


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


def bench_in_memory(simulator: Any, adapter: Any, clock: Clock, codes: Sequence[str] = ()) -> Bench[Any, Any]:
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
        return bench_in_memory(simulator, simulator.source, clock)

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        from mpstock import Problem

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
        return bench_in_memory(simulator, simulator.sink, clock, simulator.warehouse_codes())
