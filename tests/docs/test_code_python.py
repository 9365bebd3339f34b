"""Every Python block is run: here, or by the test of its page."""

from __future__ import annotations

import importlib
import types
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import mpstock
from mpstock.plugins import PluginRegistry
from tests.docs.markdown import DOCS, PAGES, ROOT, blocks

RUN_BY = {
    "README.md": "tests.docs.test_readme_code",
    "README.ru.md": "tests.docs.test_pages",  # it has README.md's
    "docs/howto/fleet.md": "tests.fleet.test_engines",
    "docs/howto/from-a-function.md": "tests.docs.test_function_page",
    "docs/howto/test-a-plugin.md": "tests.testing.test_howto",
    "docs/howto/write-a-plugin.md": "tests.docs.test_plugin_page",
}
"""The page's own tests, where it has some; docs/ru has the blocks of the English pages.

Of the pages for plugin authors, what begins a test of a plugin that is only made up is compiled, not run.
"""

HERE = ("alerts", "by-hand", "carts", "replay", "saved-plans", "verify")

SETTINGS = """
[sources.erp]
plugin = "memory"
levels = { SKU-1 = 5, SKU-2 = 7 }

[sources.carts]
plugin = "carts"

[sinks.ozon]
plugin = "memory"
skus = ["SKU-1", "SKU-2"]
warehouses = [{ code = "1" }]
"""


def test_each_block_is_run_by_something() -> None:
    """A page with Python is in one of the lists, and the test that is named is there."""
    with_python = {page.relative_to(ROOT).as_posix() for page in PAGES if blocks(page, "python")}
    english = {page for page in with_python if not page.startswith("docs/ru/")}
    assert english == {*RUN_BY, *(f"docs/howto/{name}.md" for name in HERE)}
    for module in RUN_BY.values():
        importlib.import_module(module)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a shop that has run once, and its tapes."""
    (tmp_path / "mpstock.toml").write_text(SETTINGS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with mpstock.open("mpstock.toml") as shop:
        shop.sync(tape="tapes")
    return tmp_path


def run(name: str) -> dict[str, Any]:
    """Run the block of a page as it stands, and return what it defines."""
    page = DOCS / f"howto/{name}.md"
    (block,) = blocks(page, "python")
    names: dict[str, Any] = {"__name__": name.replace("-", "_")}
    exec(compile(block.text, str(page), "exec"), names)
    return names


def test_by_hand(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is zeroed and stopped is listed, and stands in the ledger."""
    run("by-hand")
    said = capsys.readouterr().out
    assert "SKU-1" in said
    assert "ozon" in said
    with mpstock.open() as shop:
        assert {one.kind for one in shop.interventions()} == {"zero", "stop"}


def test_carts(folder: Path) -> None:
    """The cart becomes an order, and the order is let go: nothing is held at the end."""
    assert run("carts")["held"] is True
    with mpstock.open() as shop:
        assert not shop.release("cart-17")
        assert not shop.release("order-17")


def test_replay(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The function of the page says a line for each buffer."""
    run("replay")["compare"]("tapes")
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["0", "1", "2", "5"]


def test_saved_plans(folder: Path) -> None:
    """The plan is saved, loaded and applied."""
    names = run("saved-plans")
    with names["shop"] as shop:
        assert names["report"].run
        assert shop.status().runs[0]["reason"] == "agreed with Anna"


def test_verify(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An account that has forgotten everything shows less than was sent, and each listing is told."""
    names = run("verify")
    assert set(names["result"].sinks) == {"ozon"}
    assert "SKU-1" in capsys.readouterr().out


def test_alerts(capsys: pytest.CaptureFixture[str]) -> None:
    """The hook of the page is given a notice by the registry, and says it."""
    plugin = types.ModuleType("told")
    plugin.__dict__.update(run("alerts"))
    registry = PluginRegistry(entry_points=[])
    assert registry.register(plugin).hooks == ("mpstock_notice",)
    at = datetime(2026, 1, 12, tzinfo=UTC)
    notice = mpstock.Notice(at, "new", "critical", "down:ozon", "down", "Ozon", "it is down.", "Wait.")
    registry.tell("mpstock_notice", notice)
    assert capsys.readouterr().out == "critical new Ozon it is down. Wait.\n"
