from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import attrs
import pytest

import mpstock.errors
from mpstock import hookspecs
from mpstock.buffers import POLICIES
from mpstock.ledger.schema import metadata
from tests.docs.markdown import (
    DOCS,
    PAGES,
    ROOT,
    Block,
    blocks,
    code_words,
    links,
    marked,
    read,
    tables,
    uncommented,
)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
SETTINGS_PAGES = {
    "mpstock.carts:CartsSettings": "howto/carts.md",
    "mpstock_files.settings:FilesSettings": "howto/supplier-files.md",
    "mpstock_moysklad.settings:MoyskladSettings": "howto/moysklad.md",
    "mpstock_odoo.settings:OdooSettings": "howto/odoo.md",
    "mpstock_onec.commerceml_settings:CommerceMLSettings": "howto/1c-commerceml.md",
    "mpstock_onec.odata_settings:OdataSettings": "howto/1c-odata.md",
    "mpstock_onec.settings:OnecSettings": "howto/1c.md",
    "mpstock_ozon.settings:OzonSettings": "howto/ozon.md",
    "mpstock_wb.settings:WbSettings": "howto/wildberries.md",
    "mpstock_yandex.settings:YandexSettings": "howto/yandex-market.md",
}
COMMON_SETTINGS = (
    "LedgerSettings",
    "SourceConfig",
    "SinkConfig",
    "SinkWarehouse",
    "Absorption",
    "SharingSettings",
    "GuardSettings",
    "ZeroingGuard",
    "VerifySettings",
    "ScheduleSettings",
    "ProductsSettings",
    "RetentionSettings",
    "TapeSettings",
    "ServiceSettings",
    "AlertSettings",
    "WebhookSettings",
    "ExchangeSettings",
    "MonitoringSettings",
    "UserSettings",
)


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to a file of this repository leads to one, and every link to a heading to a heading."""
    for target in links(page):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        assert aim.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", read(aim), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}, target


def programs(page: Path) -> list[Block]:
    """Return a page's Python, the cells of a notebook too."""
    return [*blocks(page, "python"), *blocks(page, "{code-cell} ipython3")]


@each_page
def test_code_on_a_page_can_be_read(page: Path) -> None:
    """Python compiles: no example breaks on its first line."""
    for block in programs(page):
        compile(block.text, f"{page.name}: {block.before}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@each_page
def test_a_page_speaks_only_of_public_modules(page: Path) -> None:
    """A Python example imports public names only, and such as are there."""
    for block in programs(page):
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "mpstock":
                assert str(node.module) in {
                    "mpstock",
                    "mpstock.errors",
                    "mpstock.fleet",
                    "mpstock.plugins",
                    "mpstock.simulation",
                    "mpstock.testing",
                    "mpstock.rows",
                    "mpstock.validators",
                }
                module = importlib.import_module(str(node.module))
                assert [alias.name for alias in node.names if alias.name not in module.__all__] == []


def test_the_readmes_are_level() -> None:
    """README.ru.md has the same sections, the same code and the same plugins as README.md."""
    english, russian = ROOT / "README.md", ROOT / "README.ru.md"
    assert [uncommented(block) for block in blocks(english)] == [
        uncommented(block) for block in blocks(russian)
    ]
    assert [len(table) for table in tables(english)] == [len(table) for table in tables(russian)]
    assert [row[:2] for row in tables(english)[0][1:]] == [row[:2] for row in tables(russian)[0][1:]]
    assert len(re.findall(r"^## ", read(english), re.MULTILINE)) == len(
        re.findall(r"^## ", read(russian), re.MULTILINE)
    )
    for mark in ("demo", "tests"):
        assert marked(english, mark) == marked(russian, mark)
        assert "\n" not in marked(english, mark), "it is one line"


def test_the_readme_lists_each_plugin() -> None:
    """README's table names every plugin of the workspace, with its package."""
    listed = {(row[0].strip("`"), row[1].strip("`")) for row in tables(ROOT / "README.md")[0][1:]}
    there = {path.parent.name for path in ROOT.glob("src/mpstock_*/pyproject.toml")}
    assert listed == {(name.removeprefix("mpstock_"), name.replace("_", "-")) for name in there}


@pytest.mark.parametrize(("settings", "page"), SETTINGS_PAGES.items(), ids=lambda value: str(value))
def test_each_setting_of_a_plugin_is_documented(settings: str, page: str) -> None:
    """A plugin's page has every key of its settings, and no key that is not there."""
    module, _, name = settings.partition(":")
    keys = {field.name for field in attrs.fields(getattr(importlib.import_module(module), name))}
    (table,) = [table for table in tables(DOCS / page) if table[0][0] == "key"]
    told = {key for row in table[1:] for key in code_words(row[0])}
    assert told == keys


@pytest.mark.parametrize("name", COMMON_SETTINGS)
def test_each_common_setting_is_documented(name: str) -> None:
    """The settings reference has every key that all sources, sinks and tables have."""
    keys = {field.name for field in attrs.fields(getattr(importlib.import_module("mpstock.config"), name))}
    # Filled in by loading, not by the file.
    keys -= {"name", "spec", "settings"}
    assert keys <= code_words(read(DOCS / "reference/configuration.md")) | {"share", "count", "window"}


def test_each_buffer_policy_is_documented() -> None:
    """The page on buffers has every built-in policy with its keys."""
    (table,) = [table for table in tables(DOCS / "howto/buffers.md") if table[0][0] == "policy"]
    told = {row[0].strip("`"): code_words(" ".join(row[1:])) for row in table[1:]}
    assert set(told) == {policy.name for policy in POLICIES}
    for policy in POLICIES:
        assert {field.name for field in attrs.fields(policy.settings)} <= told[policy.name]


def test_each_hook_is_documented() -> None:
    """The page for plugin authors speaks of every hook."""
    hooks = {name for name in vars(hookspecs) if name.startswith("mpstock_")}
    text = read(DOCS / "howto/write-a-plugin.md")
    assert {hook for hook in hooks if hook not in text} == set()


def test_each_error_is_documented() -> None:
    """The page on errors has every exception with when it is raised."""
    text = code_words(read(DOCS / "reference/errors.md"))
    errors = set(mpstock.errors.__all__) - {"MpstockError"}
    assert {name for name in errors if name not in text} == set()


@pytest.mark.parametrize("name", ["stock_levels", "marketplace_stocks", "stock_sync_log"])
def test_the_tables_for_queries_by_hand_are_as_documented(name: str) -> None:
    """The ledger's page names only columns that are there, and misses none that a person would query."""
    text = read(DOCS / "reference/ledger.md")
    section = text.split(f"### `{name}`", 1)[1].split("\n#", 1)[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    told = {column for row in rows for column in code_words(row)}
    columns = {column.name for column in metadata.tables[name].columns}
    assert told <= columns
    inner = {"id", "listing_id", "expected", "lane", "ready", "cause", "in_flight"}
    assert columns - inner <= told


def test_each_table_of_the_ledger_is_documented() -> None:
    """The ledger's page names every table."""
    assert set(metadata.tables) <= code_words(read(DOCS / "reference/ledger.md"))


def test_the_queries_on_the_ledger_s_page_run() -> None:
    """Each SQL query of the page is good for the tables as they are."""
    from sqlalchemy import create_engine, text

    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        queries = blocks(DOCS / "reference/ledger.md", "sql")
        assert queries
        for query in queries:
            assert connection.execute(text(query.text)).fetchall() == []
    engine.dispose()
