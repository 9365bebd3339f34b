"""A whole shop before doubles in the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpstock.errors import ConfigurationError
from mpstock.testing import VirtualClock, run_virtual, shop_in_process
from mpstock_onec.simulator import OnecSimulator
from mpstock_ozon.simulator import OzonSimulator

SETTINGS = """
[ledger]
url = "sqlite:///shop.db"
[sources.erp]
plugin = "onec"
base_url = "http://erp.local/trade"
user = "Робот"
password = "Пароль 1С"
[sinks.ozon]
plugin = "ozon"
client_id = "12345"
api_key = "00000000-0000-4000-8000-000000000000"
buffer = { absolute = 0 }
warehouses = [{ code = "22142605386000" }]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "mpstock.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    return path


def test_a_shop_runs_before_doubles_in_the_process(settings: Path) -> None:
    """Settings, limits and ledger are the real ones: 250 numbers are three requests of Ozon's size."""
    clock = VirtualClock()
    skus = [f"SKU-{number}" for number in range(250)]
    onec = OnecSimulator({(sku, "main"): 7 for sku in skus}, clock=clock)
    ozon = OzonSimulator(skus, ("22142605386000",), clock=clock)

    async def day() -> int:
        async with shop_in_process(settings, {"sources.erp": onec, "sinks.ozon": ozon}, clock) as shop:
            return (await shop.sync()).exit_code

    assert run_virtual(day, clock=clock) == 0
    assert set(ozon.shown().values()) == {7}
    assert ozon.count("POST", "/v2/products/stocks", 200) == 3


def test_a_double_for_nobody_is_refused(settings: Path) -> None:
    """A misspelt name would let the adapter out into the real network."""
    with pytest.raises(ConfigurationError, match=r"no sinks\.ozone .* are sinks\.ozon, sources"):
        shop_in_process(settings, {"sinks.ozone": object()}, VirtualClock())
