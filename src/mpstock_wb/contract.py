"""What `mpstock certify wb` runs: the contract, over the double."""

from __future__ import annotations

from collections.abc import Sequence

from mpstock import Clock
from mpstock.testing import SinkContract
from mpstock_wb.simulator import WbSimulator

__all__ = ["TestWb"]


class TestWb(SinkContract):
    """Wildberries Marketplace and Content API."""

    plugin = "wb"
    rows = 1050

    def make_simulator(self, clock: Clock, skus: Sequence[str]) -> WbSimulator:
        return WbSimulator(skus, (1111, 2222), clock=clock)
