"""The OData source of 1C, held to the contract over its double."""

from __future__ import annotations

from typing import Any

from mpstock import Clock
from mpstock_onec.contract import Rewriting, TestOdata
from mpstock_onec.simulator_odata import OdataSimulator

__all__ = ["TestOdata"]


class WithReserves(TestOdata):
    """A register that tells what is reserved beside what is there."""

    __test__ = False

    def make_simulator(self, clock: Clock) -> OdataSimulator:
        return Rewriting(clock=clock, configuration="retail2")

    def reserve(self, simulator: Any, sku: str, warehouse: str, quantity: int) -> None:
        simulator.set_resource(sku, "Резерв", quantity, warehouse)


def test_reserves_of_a_register_that_has_them() -> None:
    """The part of the contract that another register makes different; the rest is told above."""
    WithReserves().test_reserves_are_told_as_declared()
    WithReserves().test_bad_row_is_a_problem_and_unknown()
    WithReserves().test_duplicate_rows_are_told_once()
