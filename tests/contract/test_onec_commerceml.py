"""The CommerceML source, held to the contract over the folder that its double exports to."""

from __future__ import annotations

import itertools
from pathlib import Path

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
