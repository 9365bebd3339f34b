"""What `mpstock certify ozon` runs: the contract, over the double."""

from __future__ import annotations

from collections.abc import Sequence

from mpstock import Clock
from mpstock.testing import SinkContract
from mpstock_ozon.simulator import OzonSimulator

__all__ = ["TestOzon", "TestReserve"]


class TestOzon(SinkContract):
    """Ozon Seller API."""

    plugin = "ozon"
    rows = 1050

    def make_simulator(self, clock: Clock, skus: Sequence[str]) -> OzonSimulator:
        return OzonSimulator(skus, clock=clock)


class TestReserve(TestOzon):
    """An account that counts its reserve in, and tells it instead of its postings."""

    options = {"reserve": "include", "orders": "reserved"}  # noqa: RUF012  (a class variable of the kit)

    def make_simulator(self, clock: Clock, skus: Sequence[str]) -> OzonSimulator:
        return OzonSimulator(skus, clock=clock, reserve="include")
