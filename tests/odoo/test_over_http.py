"""The source against the double over real HTTP, through the library's own door."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

import mpstock
from mpstock.plugins import PluginRegistry
from mpstock.simulation import serve
from mpstock_odoo import plugin
from mpstock_odoo.simulator import OdooSimulator
from tests.programs import running, tables


@pytest.mark.parametrize("version", [17, 19])
def test_a_shop_reads_odoo_and_notices_a_sale(version: int, tmp_path: Path) -> None:
    """Settings as they stand in the file, a ledger, two runs: levels go in, and a sell-out is found."""
    odoo = OdooSimulator({("MUG", "main"): 5.0, ("TEA", "main"): 2.0}, version=version)
    with serve(odoo) as (url,):
        config = tmp_path / "mpstock.toml"
        table = [f'{key} = "{value}"' for key, value in odoo.settings(url).items()]
        sink = '[sinks.here]\nplugin = "memory"\n[[sinks.here.warehouses]]\ncode = "1"'
        config.write_text("\n".join(["[sources.erp]", *table, sink]), encoding="utf-8")
        registry = PluginRegistry(entry_points=[])
        registry.register(plugin, "odoo")
        with mpstock.open(config, plugins=registry) as shop:
            first = shop.sync()
            assert first.sources["erp"].rows == 2
            odoo.set_level("MUG", 0)
            second = shop.sync()
            assert second.sources["erp"].rows == 1
            assert not second.sources["erp"].complete


def test_the_double_runs_alone_and_says_how_to_reach_it() -> None:
    """`python -m mpstock_odoo.simulator` prints a table for mpstock.toml that opens the server."""
    arguments = ("--products", "5", "--warehouse", "a", "--warehouse", "b")
    with running("mpstock_odoo.simulator", *arguments, until="api_key") as printed:
        erp = tables(printed)["sources"]["odoo"]
        answer = httpx.post(
            f"{erp['base_url']}/json/2/product.product/search_read",
            json={"domain": [], "fields": ["free_qty"], "order": "id", "context": {"warehouse_id": 2}},
            headers={"authorization": f"bearer {erp['api_key']}"},
        )
        assert [row["free_qty"] for row in answer.json()] == [37.0, 74.0, 10.0, 47.0, 84.0]
