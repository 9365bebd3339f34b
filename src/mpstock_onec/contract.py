"""What `mpstock certify onec` runs: the contract, over the doubles of the three ways into 1C."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from mpstock import Clock
from mpstock.simulation import Answer, Request
from mpstock.testing import SourceContract
from mpstock_onec.plugin import mpstock_sources
from mpstock_onec.simulator import OnecSimulator
from mpstock_onec.simulator_commerceml import CommerceMLSimulator
from mpstock_onec.simulator_odata import OdataSimulator
from mpstock_onec.simulator_odata_world import EMPTY_REF

__all__ = ["Rewriting", "TestCommerceML", "TestOdata", "TestOnec"]

SPECS = {spec.name: spec for spec in mpstock_sources()}


class TestOnec(SourceContract):
    """`GET …/hs/stocks/list`."""

    spec = SPECS["onec"]

    def make_simulator(self, clock: Clock) -> OnecSimulator:
        return OnecSimulator(clock=clock)

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.remove(sku, warehouse)
        simulator.inject({"sku": sku, "warehouse": warehouse, "quantity": "нет данных"})

    def duplicate(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.inject({"sku": sku, "warehouse": warehouse, "quantity": 4})

    def reserve(self, simulator: Any, sku: str, warehouse: str, quantity: int) -> None:
        simulator.reserve(sku, quantity, warehouse)


class TestCommerceML(SourceContract):
    """Files of the exchange with a site."""

    spec = SPECS["onec_commerceml"]
    http = False

    @pytest.fixture(autouse=True)
    def _folders(self, tmp_path: Path) -> None:
        self.folders = (tmp_path / f"exchange-{number}" for number in itertools.count())

    def make_simulator(self, clock: Clock) -> CommerceMLSimulator:
        return CommerceMLSimulator(clock=clock, folder=next(self.folders))

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        # Written as it is: a word where a number should be.
        simulator.set_level(sku, "NaN", warehouse)

    def duplicate(self, simulator: Any, sku: str, warehouse: str) -> None:
        # A product of its own, with an Ид of its own; a blank at the end makes no other article.
        simulator.set_level(f"{sku} ", 4, warehouse)


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

    spec = SPECS["onec_odata"]
    incremental = False

    def make_simulator(self, clock: Clock) -> OdataSimulator:
        return Rewriting(clock=clock)

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        simulator.spoilt, _ = simulator.infobase.of_sku(sku)

    def duplicate(self, simulator: Any, sku: str, warehouse: str) -> None:
        product = simulator.infobase.add_product(sku, name="Другой товар с этим артикулом")
        record = simulator.infobase.record(product, EMPTY_REF, simulator.warehouse(warehouse))
        record.resources[simulator.infobase.configuration.quantity] = Decimal(4)
