from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import frozen

from mpstock.config import (
    Absorption,
    Configuration,
    LedgerSettings,
    SinkConfig,
    SinkWarehouse,
    SourceConfig,
    When,
    load,
    structure_settings,
)
from mpstock.plugins import PluginRegistry
from tests.config.shop import SINK, SOURCE, Load

WHOLE = """
[ledger]
url = "sqlite:///data/mpstock.db"
[sources.erp]
plugin = "shop"
base_url = "http://erp.local/trade"
api_key = "k"
quantity = "on_hand"
absorbs = { ozon = { books_at = "shipment", lag = "20m" }, wb = { books_at = "order" } }
max_age = "2h"
group = "main"
rule = "first"
[sources.erp.transport]
timeout = 5
[sinks.ozon]
plugin = "shop"
base_url = "https://ozon.example"
api_key = "k"
priority = 2
[[sinks.ozon.warehouses]]
code = "22142605386000"
feeds = ["main", "msk-2"]
share = 0.3
[sinks.ozon.warehouses.buffer]
absolute = 5
[[sinks.ozon.warehouses]]
code = 1020000177886000
share = 0.7
[sinks.ozon.buffer]
policy = "standard"
percent = 12.5
[sinks.wb]
plugin = "shop"
base_url = "https://wb.example"
api_key = "k"
file = "keys/wb.txt"
[[sinks.wb.warehouses]]
code = "1111"
[network]
timeout = 30
attempts = 3
ca_file = "ca.pem"
[sharing]
between_sinks = "shared"
[guards]
zeroing = { share = 0.2, count = 5, window = "30m" }
[schedule]
every = "10m"
full = "03:30"
orders = "30s"
timezone = "Europe/Moscow"
[products]
file = "products.csv"
[clock]
speed = 50
anchor = 2026-01-31T09:00:00+03:00
"""


def test_every_key_of_the_settings_file_arrives(load_text: Load, tmp_path: Path) -> None:
    """The whole file comes out typed: lengths of time, codes as texts, decimals exact, paths beside it."""
    config = load_text(WHOLE)
    assert config.ledger.path == tmp_path / "data" / "mpstock.db"
    erp = config.sources["erp"]
    assert erp.absorbs == {
        "ozon": Absorption("shipment", timedelta(minutes=20)),
        "wb": Absorption("order", timedelta(minutes=15)),
    }
    assert (erp.quantity, erp.max_age, erp.group, erp.rule) == (
        "on_hand",
        timedelta(hours=2),
        "main",
        "first",
    )
    ozon = config.sinks["ozon"]
    assert ozon.priority == 2
    assert ozon.warehouses == (
        SinkWarehouse("22142605386000", ("main", "msk-2"), Decimal("0.3"), {"absolute": 5}),
        SinkWarehouse("1020000177886000", None, Decimal("0.7"), {}),
    )
    assert ozon.buffer == {"policy": "standard", "percent": Decimal("12.5")}
    assert config.sinks["wb"].settings.file == tmp_path / "keys" / "wb.txt"
    assert config.guards.zeroing.share == Decimal("0.2")
    assert config.guards.zeroing.window == timedelta(minutes=30)
    assert config.schedule.full == When(at=time(3, 30))
    assert config.schedule.timezone.key == "Europe/Moscow"
    assert config.products.file == tmp_path / "products.csv"
    assert config.clock_speed == 50
    assert config.clock_anchor == datetime(2026, 1, 31, 6, tzinfo=UTC)


def test_an_adapters_transport_overrides_the_networks_key_by_key(load_text: Load, tmp_path: Path) -> None:
    """`[network]` is for all; what an adapter's own table says wins there alone."""
    config = load_text(WHOLE)
    erp, wb = config.sources["erp"].transport, config.sinks["wb"].transport
    assert (erp.timeout, erp.attempts) == (5, 3)
    assert (wb.timeout, wb.attempts) == (30, 3)
    assert wb.ca_file == str(tmp_path / "ca.pem")


def test_what_is_left_out_has_its_documented_default(load_text: Load, tmp_path: Path) -> None:
    """The least settings file works, with the defaults that the documents promise."""
    config = load_text(SOURCE + SINK)
    assert config.ledger.path == tmp_path / "mpstock.db"
    source = config.sources["erp"]
    assert (source.max_age, source.group, source.rule, source.transport) == (None, "main", "sum", None)
    assert config.sinks["shop"].priority == 1
    zeroing = config.guards.zeroing
    assert (zeroing.share, zeroing.count, zeroing.window) == (Decimal("0.1"), 20, timedelta(hours=1))
    assert config.sharing.between_sinks == "shared"
    assert config.products.file is None
    assert config.read_products().fingerprint("A") == ""
    assert (config.clock_speed, config.clock_anchor) == (1, None)


def test_the_plugin_says_what_its_quantity_is_by_default(load_text: Load) -> None:
    """A source whose descriptor says `free` is free unless the settings say on hand."""
    assert load_text(SOURCE).sources["erp"].quantity == "free"
    assert load_text(SOURCE + "quantity = 'on_hand'\n").sources["erp"].quantity == "on_hand"


def test_a_source_can_be_asked_for_by_its_alias(load_text: Load) -> None:
    """`plugin = "store"` is the source `shop` by its other name."""
    assert load_text(SOURCE.replace('"shop"', '"store"')).sources["erp"].spec is not None


def test_paths_are_relative_to_the_file_not_to_the_caller(
    plugins: PluginRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Called from elsewhere by a relative path, the ledger still lies beside the settings."""
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "mpstock.toml").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    config = load(os.path.join("shop", "mpstock.toml"), plugins=plugins, environ={})  # noqa: PTH118
    assert config.ledger.path == folder / "mpstock.db"
    (folder / "mpstock.toml").write_text("[ledger]\nurl = 'sqlite:////var/lib/mpstock.db'\n")
    assert load(folder / "mpstock.toml", plugins=plugins).ledger.path == Path("/var/lib/mpstock.db")


def test_each_shop_of_a_process_has_the_files_of_its_own_folder(tmp_path: Path) -> None:
    """Relative paths start at the folder of the settings that name them, and nowhere without one."""

    @frozen
    class Files:
        prices: Path
        more: Sequence[Path] = ()

    for base in (tmp_path / "one", tmp_path / "other", None, tmp_path / "one"):
        table = {"prices": "prices.csv", "more": ["a.csv", str(tmp_path / "b.csv")]}
        found = structure_settings(Files, table, "[sources.erp]", base=base)
        start = Path() if base is None else base
        assert found == Files(start / "prices.csv", (start / "a.csv", tmp_path / "b.csv"))


def test_a_configuration_can_be_made_in_code() -> None:
    """Without a file and without plugins, names are enough."""
    config = Configuration(
        sources={"erp": SourceConfig("erp")},
        sinks={"shop": SinkConfig("shop", warehouses=(SinkWarehouse("main"),))},
    )
    assert config.sinks["shop"].codes == ("main",)
    assert config.secrets == ()
    assert config.ledger.url == "sqlite:///mpstock.db"
    assert config.remarks() == []


def test_what_a_person_should_know_is_remarked(load_text: Load) -> None:
    """`check` is told of sinks that share, of warehouses fed by the same, of a clock that runs fast."""
    config = load_text(WHOLE)
    told = {finding.subject: finding.message for finding in config.remarks()}
    assert "ozon, wb show the same stock" in told["[sharing]"]
    assert "50 times as fast" in told["[clock]"]
    overlap = load_text(SINK + "feeds = ['main']\n[[sinks.shop.warehouses]]\ncode = 2\n" + SOURCE).remarks()
    assert [finding.message for finding in overlap] == [
        "main feeds the warehouses 1, 2: no unit is shown twice, so the first of them comes first"
    ]
    assert {finding.level for finding in load_text("").remarks()} == {"error"}


def test_the_ledgers_password_is_not_shown(load_text: Load) -> None:
    """No repr shows the password in the URL; the URL has it, and whose ledger it is."""
    found = load_text("[ledger]\nurl = 'postgresql://u:kept-secretly@host/db'\ntenant = 'shop-1'\n").ledger
    assert found == LedgerSettings("postgresql://u:kept-secretly@host/db", "shop-1")
    assert "kept-secretly" not in repr(found)
    assert found.path is None
