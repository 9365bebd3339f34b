"""What `mpstock certify yandex` runs: the contract, over the double."""

from __future__ import annotations

from collections.abc import Sequence

from mpstock import Clock
from mpstock.testing import SinkContract
from mpstock_yandex.simulator import YandexSimulator

__all__ = ["TestYandex"]


class TestYandex(SinkContract):
    """Yandex Market Partner API."""

    plugin = "yandex"
    rows = 450

    def make_simulator(self, clock: Clock, skus: Sequence[str]) -> YandexSimulator:
        return YandexSimulator(skus, (2101, 2102), clock=clock)
