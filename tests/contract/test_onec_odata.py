"""The OData source of 1C, held to the contract over its double."""

from __future__ import annotations

from mpstock import Clock
from mpstock.testing import SourceContract
from mpstock_onec.plugin import mpstock_sources
from mpstock_onec.simulator_odata import OdataSimulator

SPEC = next(spec for spec in mpstock_sources() if spec.name == "onec_odata")


class TestOdata(SourceContract):
    """The balance of a register, by the standard OData interface."""

    spec = SPEC
    incremental = False

    def make_simulator(self, clock: Clock) -> OdataSimulator:
        return OdataSimulator(clock=clock)
