"""The OData source of 1C, held to the contract over its double."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from attrs import evolve

from mpstock import Clock
from mpstock.simulation import Answer, Request
from mpstock.testing import SourceContract
from mpstock_onec.plugin import mpstock_sources
from mpstock_onec.simulator_odata import OdataSimulator
from mpstock_onec.simulator_odata_world import EMPTY_REF

SPEC = next(spec for spec in mpstock_sources() if spec.name == "onec_odata")


class Rewriting(OdataSimulator):
    """A publication whose balance of one product is a word."""

    spoilt: str | None = None

    def finish(self, request: Request, answer: Answer) -> Answer:
        answer = super().finish(request, answer)
        if self.spoilt is None or answer.status != 200 or "Balance" not in request.path:
            return answer
        told = json.loads(answer.body)
        for row in told["value"]:
            if row.get("Номенклатура_Key") == self.spoilt:
                row[f"{self.infobase.configuration.quantity}Balance"] = "нет данных"
        return evolve(answer, body=json.dumps(told, ensure_ascii=False).encode())


class TestOdata(SourceContract):
    """The balance of a register, by the standard OData interface."""

    spec = SPEC
    incremental = False

    def make_simulator(self, clock: Clock) -> OdataSimulator:
        return Rewriting(clock=clock)

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.spoilt, _ = simulator.infobase.of_sku(sku)

    def duplicate(self, simulator: Any, sku: str, warehouse: str) -> None:
        product = simulator.infobase.add_product(sku, name="Другой товар с этим артикулом")
        record = simulator.infobase.record(product, EMPTY_REF, simulator.warehouse(warehouse))
        record.resources[simulator.infobase.configuration.quantity] = Decimal(4)


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
