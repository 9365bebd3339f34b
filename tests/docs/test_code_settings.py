"""Every TOML block is settings that mpstock takes: loaded as a file is, after what it leaves out is added."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from mpstock.config.loading import from_tables
from mpstock.fleet.settings import load as load_fleet
from mpstock.plugins import PluginRegistry
from tests.docs.markdown import PAGES, ROOT, Block, blocks

EACH = [(page, block) for page in PAGES for block in blocks(page, "toml")]
REGISTRY = PluginRegistry()
FLEET = {"fleet", "worker", "defaults"}
OTHER = {"build-system": "a plugin's pyproject.toml, which test_plugin_page.py installs"}
"""Tables that are not mpstock's, and who reads them."""

each_block = pytest.mark.parametrize(
    ("page", "block"),
    EACH,
    ids=[f"{page.relative_to(ROOT).as_posix()}-{number}" for number, (page, _) in enumerate(EACH)],
)


def variables(text: str) -> dict[str, str]:
    """Return a value for each variable that a text asks for; an address where one is asked for."""
    names = re.findall(r"\$\{(\w+)\}", text)
    return {name: "postgresql://db/x" if name.endswith("URL") else "x" * 40 for name in names}


def completed(tables: dict[str, Any]) -> dict[str, Any]:
    """Return tables with what a page leaves out because it has said it before: adapters and warehouses."""
    sources: dict[str, Any] = tables.setdefault("sources", {})
    sinks: dict[str, Any] = tables.setdefault("sinks", {})
    for source in sources.values():
        source.setdefault("plugin", "memory")
        for sink in source.get("absorbs", {}):
            sinks.setdefault(sink, {})
    for adapters in (sources, sinks):
        if not adapters:
            adapters["added"] = {}
    for adapter in (*sources.values(), *sinks.values()):
        adapter.setdefault("plugin", "memory")
    for sink in sinks.values():
        sink.setdefault("warehouses", [{"code": "1"}])
    return tables


@each_block
def test_the_settings_are_taken(page: Path, block: Block, tmp_path: Path) -> None:
    """Every table, key and value is one that loading knows: a misspelt or outdated one is named here."""
    tables = tomllib.loads(block.text)
    if tables.keys() & OTHER.keys():
        return
    if "products" in tables:
        (tmp_path / "products.csv").write_text("sku\n", encoding="utf-8")
    environ = variables(block.text)
    if tables.keys() & FLEET:
        path = tmp_path / "fleet.toml"
        path.write_text(block.text, encoding="utf-8")
        load_fleet(path, environ=environ)
        return
    from_tables(completed(tables), tmp_path / "mpstock.toml", plugins=REGISTRY, environ=environ)
