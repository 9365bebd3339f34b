"""docs/howto/write-a-plugin.md, followed to the letter: its files are written, installed and run."""

from __future__ import annotations

import asyncio
import sys
import textwrap
import tomllib
import types
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import NOTHING, fields

import mpstock
from mpstock.errors import ConfigurationError
from mpstock.plugins import PluginRegistry
from mpstock.simulation import Answer, Request, Simulator, serve
from mpstock.testing import adapter_context, build_adapter
from tests.docs.markdown import DOCS, blocks, tables

PAGE = DOCS / "howto/write-a-plugin.md"


class KioskDouble(Simulator):
    """The marketplace of the page: three goods, of which one is refused."""

    def __init__(self) -> None:
        super().__init__()
        self.left = {"1": 0, "2": 0, "3": 7}
        self.route("GET", "/goods", self._list)
        self.route("PUT", "/goods", self._set)

    async def _list(self, request: Request) -> Answer:
        return Answer.json([{"id": i, "article": f"SKU-{i}", "left": n} for i, n in self.left.items()])

    async def _set(self, request: Request) -> Answer:
        refused = {}
        for item in request.json():
            if item["id"] == "2":
                refused["2"] = "not moderated yet"
            else:
                self.left[item["id"]] = item["left"]
        return Answer.json({"refused": refused})


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The page's files in an installed distribution, as `pip install` leaves it."""
    files = {block.before.strip("`:"): block.text for block in blocks(PAGE) if block.before.endswith("`:")}
    site = tmp_path / "site"
    for name, text in files.items():
        if name != "pyproject.toml":
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).write_text(text, encoding="utf-8")
    project = tomllib.loads(files["pyproject.toml"])["project"]
    info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    entries = "\n".join(f"{name} = {where}" for name, where in project["entry-points"]["mpstock"].items())
    (info / "entry_points.txt").write_text(f"[mpstock]\n{entries}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(site))
    yield site
    for module in [name for name in sys.modules if name.partition(".")[0] == "mpstock_kiosk"]:
        del sys.modules[module]


def test_the_plugin_of_the_page_is_found(installed: Path) -> None:
    """The page's plugin is found by its entry point alone, and brings what the page says."""
    (plugin,) = [one for one in PluginRegistry().installed() if one.distribution == "mpstock-kiosk"]
    assert (plugin.state, plugin.error) == ("ok", "")
    assert plugin.sources == ("pricelist",)
    assert plugin.sinks == ("kiosk",)
    assert plugin.policies == ("last_units",)


def settings(tmp_path: Path, url: str, extra: str = "") -> Path:
    (tmp_path / "list.csv").write_text("sku;quantity\nSKU-1;5\nSKU-2;9\nSKU-3;a few\n", encoding="utf-8")
    file = tmp_path / "mpstock.toml"
    file.write_text(
        textwrap.dedent(
            f"""
            [sources.list]
            plugin = "pricelist"
            file = "{(tmp_path / "list.csv").as_posix()}"
            {extra}

            [sinks.kiosk]
            plugin = "kiosk"
            base_url = "{url}"
            token = "a-secret-token"
            [[sinks.kiosk.warehouses]]
            code = "stall"
            [sinks.kiosk.buffer]
            policy = "last_units"
            keep = 2
            """
        ),
        encoding="utf-8",
    )
    return file


def test_the_plugin_of_the_page_works(installed: Path, tmp_path: Path) -> None:
    """Source, sink and policy of the page carry numbers: a refused one is told, an unknown one left."""
    double = KioskDouble()
    with serve(double) as (url,), mpstock.open(settings(tmp_path, url)) as shop:
        report = shop.sync()
        assert double.left == {"1": 3, "2": 0, "3": 7}
        assert report.exit_code == 1
        assert "not moderated yet" in str(shop.explain("SKU-2"))
        assert "a-secret-token" not in str(report)


def test_an_unknown_key_of_the_plugin_is_named(installed: Path, tmp_path: Path) -> None:
    """The page promises it: an unknown key is an error that names the key and the nearest right one."""
    file = settings(tmp_path, "http://127.0.0.1:1", extra='wharehouse = "main"')
    with pytest.raises(ConfigurationError, match=r"wharehouse.*warehouse"):
        mpstock.open(file).close()


def test_the_source_of_the_page_tells_problems(installed: Path, tmp_path: Path) -> None:
    """A row that cannot be read is a problem with its line, and its product is unknown, not zero."""
    settings(tmp_path, "http://127.0.0.1:1")
    from mpstock_kiosk.plugin import (  # type: ignore[import-not-found]  # the fixture writes it
        PriceListSettings,
        mpstock_sources,
    )

    context = adapter_context(KioskDouble(), name="list")
    source = build_adapter(mpstock_sources()[0], PriceListSettings(str(tmp_path / "list.csv")), context)

    async def read() -> list[mpstock.Reading]:
        return [reading async for reading in source.read(None)]

    (reading,) = asyncio.run(read())
    assert {level.sku: level.quantity for level in reading.levels} == {"SKU-1": 5, "SKU-2": 9, "SKU-3": None}
    assert [(problem.place, problem.sku) for problem in reading.problems] == [("line 4", "SKU-3")]


def test_two_keys_of_the_sink_of_the_page_are_two_accounts(installed: Path) -> None:
    """Accounts that are told apart by their keys alone share no limits, and the key is in neither's name."""
    from mpstock_kiosk.plugin import (
        KioskSettings,
        mpstock_sinks,
    )

    def account(key: str) -> str:
        context = adapter_context(KioskDouble(), name="kiosk")
        settings = KioskSettings("http://kiosk.example", mpstock.Secret(key))
        return str(build_adapter(mpstock_sinks()[0], settings, context).limits.account)

    one, other = account("the key of one"), account("the key of another")
    assert one == account("the key of one") != other
    assert "the key of one" not in one


@pytest.mark.parametrize("kind", [mpstock.Limits, mpstock.Rate])
def test_each_field_of_the_limits_is_on_the_page(kind: type) -> None:
    """The tables have every field, in its order and with its default."""
    (rows,) = [rows for rows in tables(PAGE) if rows[0][0] == f"{{class}}`mpstock.{kind.__name__}`"]
    told = [(cells[0], cells[1]) for cells in rows[1:]]
    assert told == [
        (f"`{one.name}`", "obligatory" if one.default is NOTHING else f"`{one.default!r}`".replace("'", '"'))
        for one in fields(kind)
    ]


def test_the_hook_of_the_page_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """The page's hook is given an alert by the registry, as a run gives it, and says what it says."""
    (block,) = [block for block in blocks(PAGE, "python") if "mpstock_alert" in block.text]
    plugin = types.ModuleType("told")
    exec(compile(block.text, str(PAGE), "exec"), plugin.__dict__)
    registry = PluginRegistry(entry_points=[])
    assert registry.register(plugin).hooks == ("mpstock_alert",)
    at = datetime(2026, 1, 15, 10, tzinfo=UTC)
    registry.tell("mpstock_alert", mpstock.Alert(1, at, "critical", "ozon", "it is down.", "Wait."))
    assert "critical: it is down. Wait." in capsys.readouterr().out
