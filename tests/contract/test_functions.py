"""Sources and sinks made of plain functions, held to the contract of every adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import mpstock
from mpstock import Change, Clock
from mpstock.simulation import AccountSimulator, StockroomSimulator
from mpstock.testing import Bench, FaultScript, SinkContract, SourceContract, adapter_context


class Stockroom(StockroomSimulator):
    """A warehouse system that a function asks in the same process."""

    def settings(self, url: str) -> dict[str, Any]:
        return {"plugin": "memory"}


def bench(simulator: Any, adapter: Any, clock: Clock, codes: Sequence[str] = ()) -> Bench[Any, Any]:
    faults = FaultScript(simulator)
    return Bench(simulator, faults, clock, adapter, adapter_context(faults, "mine", clock, codes), None, ())


class TestFunctionSource(SourceContract):
    """A function that returns rows, all of them each time."""

    plugin = "memory"
    http = False
    checks = False
    incremental = False

    def make_simulator(self, clock: Clock) -> Stockroom:
        return Stockroom(clock=clock)

    def make_adapter(self, simulator: Any, clock: Clock) -> Any:
        @mpstock.source(clock=clock)
        def stock() -> Any:
            for row in simulator.rows():
                yield {
                    "sku": row.sku,
                    "warehouse": row.warehouse,
                    "quantity": row.quantity,
                    "reserved": row.reserved,
                }

        return stock

    def make_bench(
        self, simulator: Any, clock: Clock, url: str, faults: FaultScript | None = None
    ) -> Bench[Any, Any]:
        return bench(simulator, self.make_adapter(simulator, clock), clock)

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.set_level(sku, "нет данных", warehouse)

    def duplicate(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.tell_twice(sku, warehouse)

    def reserve(self, simulator: Any, sku: str, warehouse: str, quantity: int) -> None:
        simulator.reserve(sku, quantity, warehouse)

    # The descriptor is another's: what it declares of reserves is not said of a function.
    def test_reserves_are_told_as_declared(self) -> None:
        """A function tells reserves where it has them."""
        super().test_reserves_are_told_as_declared()


class TestSince(TestFunctionSource):
    """An asynchronous function that is told since when."""

    incremental = True

    def make_adapter(self, simulator: Any, clock: Clock) -> Any:
        @mpstock.source(clock=clock)
        async def stock(since: Any) -> Any:
            for row in simulator.rows(since=since):
                yield mpstock.Level(row.sku.strip(), row.warehouse, *number_of(row.quantity, row.reserved))

        return stock

    # What makes levels itself has nobody to find a bad row for it.
    spoil = SourceContract.spoil
    duplicate = SourceContract.duplicate
    reserve = SourceContract.reserve


def number_of(quantity: Any, reserved: int) -> tuple[int, int]:
    import math

    return math.floor(quantity), reserved


class Account(AccountSimulator):
    """A marketplace that a function writes to in the same process."""

    def settings(self, url: str) -> dict[str, Any]:
        return {"plugin": "memory"}


class TestFunctionSink(SinkContract):
    """A function that sends a list of changes, and says what was wrong by article."""

    plugin = "memory"
    http = False
    checks = False

    def make_simulator(self, clock: Clock, skus: Sequence[str]) -> Account:
        return Account(skus, ["main"], clock=clock, pair_cooldown=5.0)

    def make_bench(
        self, simulator: Any, clock: Clock, url: str, faults: FaultScript | None = None
    ) -> Bench[Any, Any]:
        @mpstock.sink(batch=50, maximum=9999, pair_cooldown=5.0, sells=lambda: simulator.skus, clock=clock)
        def kiosk(changes: list[Change]) -> Any:
            return [write(change) for change in changes]

        @kiosk.shows
        async def shown() -> Mapping[str, int]:
            return {sku: number for (sku, _), number in simulator.shown().items()}

        def write(change: Change) -> Any:
            sku = change.listing.external_id
            if not simulator.sells(sku, "main"):
                return "there is no such article"
            wait = simulator.write(sku, "main", change.new)
            if wait:
                return mpstock.Outcome(mpstock.OutcomeStatus.WAIT, "too often", retry_after=wait)
            return None

        return bench(simulator, kiosk, clock, simulator.warehouse_codes())
