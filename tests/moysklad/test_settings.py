from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import mpstock
from mpstock import Secret
from mpstock.errors import ConfigurationError
from mpstock.plugins import PluginRegistry
from mpstock_moysklad import plugin
from tests.moysklad.account import SPEC, settings


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"base_url": "api.moysklad.ru"}, "^base_url must be the address"),
        ({"base_url": "https://x/?a=1"}, "^base_url must be the address"),
        ({"base_url": "https://a:hunter2@x/"}, "^base_url must not carry"),
        ({"stock_type": "quantity"}, '^stock_type must not be "quantity": .*in transit.*"freeStock"'),
        ({"stock_type": "inTransit"}, '^stock_type must be "freeStock" or "stock"'),
        ({"reserve": True}, '^reserve = true goes with stock_type = "stock" alone'),
        ({"warehouse": " main"}, "^warehouse must be a name"),
        ({"unassigned_store": "main "}, "^unassigned_store must have no blanks"),
        ({"stores": {"Юг": ""}}, "^stores must give each store"),
        ({"stores": {" ": "x"}}, "^stores must give each store"),
        ({"report": "all", "stores": {"Юг": "x"}}, '^stores has no meaning with report = "all"'),
        ({"report": "all", "unassigned_store": "x"}, "^unassigned_store has no meaning"),
        ({"overlap": timedelta(seconds=-1)}, "^overlap must not be negative"),
        ({"full_every": timedelta(seconds=-1)}, "^full_every must not be negative"),
        ({"goods_every": timedelta(seconds=-1)}, "^goods_every must not be negative"),
        ({"timeout": timedelta(0)}, "^timeout must be above 0"),
        ({"weight": 0}, "^weight must be from 1 to 45"),
        ({"weight": 46}, "^weight must be from 1 to 45"),
        ({"token": None}, "^token is missing"),
        ({"token": Secret("x"), "login": "a", "password": Secret("b")}, "^token stands beside login"),
        ({"token": Secret("x"), "password": Secret("b")}, "^token stands beside login"),
        ({"login": "a"}, "^password is missing beside login"),
        ({"login": "a:b", "password": Secret("x")}, "^login must not contain a colon"),
    ],
)
def test_setting_that_is_wrong_is_named(changed: dict[str, Any], says: str) -> None:
    """Each message begins with the setting's name and says what it has to be."""
    with pytest.raises(ValueError, match=says) as caught:
        settings(**changed)
    assert "hunter2" not in str(caught.value)


def test_secrets_are_not_shown() -> None:
    """The settings can be printed."""
    shown = repr(settings(token=Secret("hunter2"))) + repr(settings(login="a", password=Secret("hunter2")))
    assert "hunter2" not in shown


def test_defaults() -> None:
    """What the plugin's page promises."""
    found = settings()
    assert (found.report, found.stock_type, found.sku_by) == ("bystore", "freeStock", "article")
    assert (found.overlap, found.full_every, found.goods_every) == (
        timedelta(minutes=5),
        timedelta(hours=1),
        timedelta(hours=24),
    )


def test_descriptor() -> None:
    """Free stock, and an incremental read that may miss a reserve."""
    assert (SPEC.name, SPEC.quantity, SPEC.incremental) == ("moysklad", "free", "advisory")
    assert SPEC.tells_reserved is not None
    assert not SPEC.tells_reserved(settings())
    assert SPEC.tells_reserved(settings(stock_type="stock"))
    assert SPEC.tells_reserved(settings(stock_type="stock", reserve=True))


def opened(file: Path) -> None:
    registry = PluginRegistry(entry_points=[])
    registry.register(plugin, "moysklad")
    mpstock.open(file, plugins=registry).close()


def toml(tmp_path: Path, more: str) -> Path:
    file = tmp_path / "mpstock.toml"
    file.write_text(f'[sources.ms]\nplugin = "moysklad"\ntoken = "hunter2"\n{more}\n', encoding="utf-8")
    return file


@pytest.mark.parametrize(
    "more", ['stock_type = "stock"', 'stock_type = "stock"\nreserve = true\nquantity = "free"']
)
def test_stock_on_hand_must_not_pretend_to_be_free(tmp_path: Path, more: str) -> None:
    """The core refuses it at start, and names the mend."""
    with pytest.raises(ConfigurationError, match=r"quantity.*on_hand"):
        opened(toml(tmp_path, more))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('stock_type = "quantity"', "in transit"),
        ('sku_by = "name"', "sku_by"),
        ('warehose = "main"', "warehouse"),
        ("[sources.ms.stores]\nx = 5", "stores"),
    ],
)
def test_settings_file_that_is_wrong_is_told(tmp_path: Path, more: str, says: str) -> None:
    """With the key and what it has to be, and never with the token."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        opened(toml(tmp_path, more))
    assert "hunter2" not in str(caught.value)


def test_settings_file_that_is_right_is_taken(tmp_path: Path) -> None:
    """Lengths of time, a table of stores, stock on hand."""
    more = """
        stock_type = "stock"
        quantity = "on_hand"
        full_every = "30m"
        [sources.ms.stores]
        "Основной склад" = "main"
    """
    opened(toml(tmp_path, more))


def test_plugin_imports_nothing_heavy() -> None:
    """A shop without МойСклад pays nothing for this plugin."""
    code = "import sys, json, mpstock_moysklad.plugin; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"httpx", "asyncio", "mpstock_moysklad.source", "mpstock_moysklad.simulator"}
