"""What `mpstock certify files` runs: the contract, over the double."""

from __future__ import annotations

from typing import Any

from mpstock import Clock
from mpstock.testing import SourceContract
from mpstock_files.plugin import mpstock_sources
from mpstock_files.simulator import SupplierSimulator, Writing

__all__ = ["TestCsv", "TestYml"]

(SPEC,) = mpstock_sources()


class TestCsv(SourceContract):
    """A table that the server does not say more of than ETag and Last-Modified."""

    spec = SPEC
    half_shows = False

    def make_simulator(self, clock: Clock) -> SupplierSimulator:
        writing = Writing(encoding="utf-8")
        return SupplierSimulator(clock=clock, writing=writing, user="партнёр", password="Пароль поставщика")

    def spoil(self, simulator: Any, sku: str, warehouse: str) -> None:
        # Written as it is: a word where a number should be.
        simulator.set_level(sku, "NaN", warehouse)

    def duplicate(self, simulator: Any, sku: str, warehouse: str) -> None:
        # A row of its own in the list; a blank at the end makes no other article.
        simulator.set_level(f"{sku} ", 4, warehouse)


class TestYml(TestCsv):
    """YML, which has an end."""

    half_shows = True

    def make_simulator(self, clock: Clock) -> SupplierSimulator:
        writing = Writing(format="yml", encoding="utf-8")
        return SupplierSimulator(clock=clock, writing=writing, user="партнёр", password="Пароль поставщика")
