"""What `mpstock certify odoo` runs: the contract, over the double."""

from __future__ import annotations

from typing import Any

from mpstock import Clock
from mpstock.testing import SourceContract
from mpstock_odoo.plugin import mpstock_sources
from mpstock_odoo.simulator import OdooSimulator

__all__ = ["TestJson2", "TestJsonRpc", "TestOnHand"]

SPEC = next(spec for spec in mpstock_sources() if spec.name == "odoo")


class TestJson2(SourceContract):
    """Odoo 19 over JSON-2."""

    spec = SPEC
    # Several pages, and an overlap that is over when the test asks again.
    options = {"page_size": 10, "protocol": "json2"}  # noqa: RUF012  (a class variable of the kit)

    def make_simulator(self, clock: Clock) -> OdooSimulator:
        return OdooSimulator(clock=clock)

    def duplicate(self, simulator: Any, sku: str, warehouse: str) -> None:
        place = simulator.warehouse(warehouse).lot_stock_id
        simulator.world.adjust(simulator.world.add_product(sku), place, 4)

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        place = simulator.warehouse(warehouse).lot_stock_id
        for quant in simulator.world.quants_of(simulator.product(sku).id):
            if quant.location_id == place:
                quant.quantity = float("nan")

    def reserve(self, simulator: Any, sku: str, warehouse: str, quantity: int) -> None:
        place = simulator.warehouse(warehouse).lot_stock_id
        simulator.world.reserve(simulator.product(sku), place, quantity)


class TestJsonRpc(TestJson2):
    """Odoo 17 over JSON-RPC."""

    options = {"page_size": 10, "protocol": "jsonrpc"}  # noqa: RUF012  (a class variable of the kit)

    def make_simulator(self, clock: Clock) -> OdooSimulator:
        return OdooSimulator(version=17, clock=clock)


class TestOnHand(TestJson2):
    """What is on hand, and what Odoo has reserved beside it."""

    options = {"page_size": 10, "field": "qty_available", "tell_reserved": True}  # noqa: RUF012  (as above)
