"""README.md's settings and README.md's Python, run as they stand against the vendors' doubles."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mpstock import ScaledClock
from mpstock.simulation import serve
from mpstock_onec.simulator import OnecSimulator
from mpstock_ozon.simulator import OzonSimulator
from mpstock_wb.simulator import WbSimulator
from tests.docs.markdown import ROOT, blocks, read

README = ROOT / "README.md"
SPEED = 50


@pytest.fixture
def vendors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[OnecSimulator, OzonSimulator, WbSimulator]]:
    """A folder with README's mpstock.toml, its addresses changed to doubles that have what it names."""
    clock = ScaledClock(SPEED)
    onec = OnecSimulator({("SKU-1", "main"): 12, ("SKU-2", "main"): 2}, user="robot", clock=clock)
    ozon = OzonSimulator(["SKU-1", "SKU-2"], ["22142605386000"], client_id="12345", clock=clock)
    wb = WbSimulator(["SKU-1", "SKU-2"], [1111], clock=clock)
    with serve(onec, ozon, wb) as (erp_url, ozon_url, wb_url):
        monkeypatch.setenv("ONEC_PASSWORD", onec.password)
        monkeypatch.setenv("OZON_API_KEY", str(ozon.settings(ozon_url)["api_key"]))
        monkeypatch.setenv("WB_TOKEN", str(wb.settings(wb_url)["token"]))
        (toml,) = blocks(README, "toml")
        text = (
            toml.text.replace("http://erp.local/trade", erp_url)
            .replace('plugin = "ozon"\n', f'plugin = "ozon"\nbase_url = "{ozon_url}"\n')
            .replace(
                'plugin = "wb"\n',
                f'plugin = "wb"\nmarketplace_url = "{wb_url}"\ncontent_url = "{wb_url}"\n',
            )
        )
        (tmp_path / "mpstock.toml").write_text(f"{text}\n[clock]\nspeed = {SPEED}\n", encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        yield onec, ozon, wb


def shown(ozon: OzonSimulator, wb: WbSimulator) -> dict[str, dict[str, int]]:
    return {
        "ozon": {sku: quantity for (sku, _), quantity in ozon.shown().items()},
        "wb": {sku: quantity for (sku, _), quantity in wb.shown().items()},
    }


def test_the_library_in_ten_lines(
    vendors: tuple[OnecSimulator, OzonSimulator, WbSimulator], capsys: pytest.CaptureFixture[str]
) -> None:
    """README's Python runs as it stands, and both marketplaces then show what the formula says."""
    _, ozon, wb = vendors
    (python,) = blocks(README, "python")
    exec(compile(python.text, "README.md", "exec"), {"__name__": "readme"})
    # 12 and 2, of which 2 are kept back where nothing else is said.
    assert shown(ozon, wb) == {"ozon": {"SKU-1": 10, "SKU-2": 0}, "wb": {"SKU-1": 10, "SKU-2": 0}}
    assert "SKU-1" in capsys.readouterr().out


def test_the_library_with_await(vendors: tuple[OnecSimulator, OzonSimulator, WbSimulator]) -> None:
    """README's line for asynchronous code runs as it stands."""
    _, ozon, wb = vendors
    (line,) = re.findall(r"`(async with mpstock\.aopen.*?)`", read(README))
    code = compile(f"import mpstock\n{line}", "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    coroutine = eval(code, {"__name__": "readme"})
    asyncio.run(coroutine)
    assert shown(ozon, wb)["wb"] == {"SKU-1": 10, "SKU-2": 0}
