"""The source against the double over real HTTP, and the double as a program of its own."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

import mpstock
from mpstock.plugins import PluginRegistry
from mpstock.simulation import serve
from mpstock_moysklad import plugin
from mpstock_moysklad.simulator import MoyskladSimulator
from tests.programs import running, tables

SETTINGS = """
[ledger]
url = "sqlite:///ledger.db"
[sources.ms]
plugin = "moysklad"
base_url = "{base_url}"
token = "{token}"
"""


def test_shop_reads_the_double_over_http(tmp_path: Path) -> None:
    """Gzip, Cyrillic, pages, two runs: what the ledger knows is what the double has."""
    levels = {(f"Товар {number}", "main"): number for number in range(1_100)}
    with serve(double := MoyskladSimulator(levels)) as (url,):
        file = tmp_path / "mpstock.toml"
        file.write_text(SETTINGS.format(**double.settings(url)), encoding="utf-8")
        registry = PluginRegistry(entry_points=[])
        registry.register(plugin, "moysklad")
        with mpstock.open(file, plugins=registry) as shop:
            first = shop.sync().sources["ms"]
            assert (first.rows, first.complete, first.error) == (1_099, True, "")
            double.call(double.set_level, "Товар 7", 70)
            second = shop.sync().sources["ms"]
            assert (second.rows, second.changed, second.complete) == (1, 1, False)
    compressed = [one for one in double.requests if one.headers["accept-encoding"] == "gzip"]
    assert len(compressed) == len(double.requests)


def test_it_runs_alone_and_says_how_to_reach_it() -> None:
    """`python -m mpstock_moysklad.simulator` prints a table for mpstock.toml that opens the account."""
    arguments = ("--products", "5", "--warehouse", "Юг")
    with running("mpstock_moysklad.simulator", *arguments, until="token") as printed:
        settings = tables(printed)["sources"]["moysklad"]
        answer = httpx.get(
            f"{settings['base_url']}/report/stock/bystore/current",
            headers={"Authorization": f"Bearer {settings['token']}", "Accept-Encoding": "gzip"},
        )
        assert sorted(row["stock"] for row in answer.json()) == sorted([37, 74, 10, 47, 84])
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/api/remap/1\.2", settings["base_url"])
