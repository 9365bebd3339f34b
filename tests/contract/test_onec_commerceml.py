"""The CommerceML source, held to the contract over the folder that its double exports to."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from mpstock import Clock
from mpstock.testing import SourceContract
from mpstock_onec.plugin import mpstock_sources
from mpstock_onec.simulator_commerceml import CommerceMLSimulator

SPEC = next(spec for spec in mpstock_sources() if spec.name == "onec_commerceml")


class TestCommerceML(SourceContract):
    """Files of the exchange with a site."""

    spec = SPEC
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
