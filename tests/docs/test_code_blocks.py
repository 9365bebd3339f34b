"""Every fenced block of every page is run, read or parsed by something; here is what by what."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import mpstock.rows
from tests.docs.markdown import DOCS, PAGES, ROOT, Block, blocks, code_words, read

READ_BY = {
    "python": "test_code_python.py",
    "{code-cell} ipython3": "the build of the documentation, which runs the notebooks",
    "toml": "test_code_settings.py",
    "bash": "test_code_shell.py",
    "sh": "test_code_shell.py",
    "console": "test_code_shell.py",
    "ini": "test_code_shell.py",
    "json": "this file",
    "yaml": "this file",
    "sql": "this file, and test_pages.py",
    "bsl": "this file",
    "csv": "this file",
    "text": "people: what a program prints, a picture, a part of a file",
    "{eval-rst}": "the build of the documentation",
    "{toctree}": "the build of the documentation",
}
"""The languages that a block may have."""

NOT_RUN = {
    "postgresql.md": "said to PostgreSQL by its owner, in its own words",
}
"""Pages whose SQL is not for the tables of SQLite."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def whole(language: str) -> list[tuple[str, Block]]:
    """Return (page, block) of every block of a language."""
    return [(page.relative_to(ROOT).as_posix(), block) for page in PAGES for block in blocks(page, language)]


@each_page
def test_each_block_says_what_it_is(page: Path) -> None:
    """No block is without a language, or of one that nothing here looks after."""
    assert {block.language for block in blocks(page)} <= set(READ_BY)


@each_page
def test_no_block_escapes(page: Path) -> None:
    """Each line that opens or ends a fence belongs to a block that the tests see."""
    fences = re.findall(r"^ *(?:```|~~~)", read(page), re.MULTILINE)
    assert len(fences) == 2 * len(blocks(page))


def test_json_can_be_read() -> None:
    """Every JSON block is one document; rows of stock pass the reader that a sender's rows pass."""
    found = whole("json")
    assert found
    for page, block in found:
        told = json.loads(block.text)
        if "stocks" in told:
            rows = list(mpstock.rows.rows(block.text))
            assert [row["sku"] for row in rows] == [row["sku"] for row in told["stocks"]], page
            for row in rows:
                mpstock.rows.number(row["quantity"])


def test_yaml_can_be_read_and_asks_for_metrics_that_are_there() -> None:
    """Every YAML block is one document; what it asks of Prometheus is on the page about metrics."""
    known = code_words(read(DOCS / "reference/metrics.md"))
    asked: set[str] = set()
    for _, block in whole("yaml"):
        assert yaml.safe_load(block.text)
        asked |= set(re.findall(r"\b(?<!/)mpstock_[a-z_]+", block.text))
    assert asked
    assert {name for name in asked if name not in known} == set()


def test_sql_is_good_for_the_tables(ledger_tables: Callable[[str], None]) -> None:
    """Each statement runs on a new ledger; what is PostgreSQL's own is named above, with the reason."""
    for page, block in whole("sql"):
        if Path(page).name in NOT_RUN:
            continue
        for statement in filter(None, map(str.strip, block.text.split(";"))):
            ledger_tables(statement)


@pytest.fixture
def ledger_tables() -> object:
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import StaticPool

    from mpstock.ledger.schema import metadata

    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)

    def ask(statement: str) -> None:
        with engine.connect() as connection:
            connection.execute(text(statement)).fetchall()

    yield ask
    engine.dispose()


def test_products_files_can_be_read(tmp_path: Path) -> None:
    """Each table of products is one that the settings can name: its columns are known."""
    from mpstock.config import load

    found = whole("csv")
    assert found
    for number, (_, block) in enumerate(found):
        (tmp_path / f"{number}.csv").write_text(block.text, encoding="utf-8")
        path = tmp_path / "mpstock.toml"
        path.write_text(
            f'products = {{ file = "{number}.csv" }}\n[sources.erp]\nplugin = "memory"\n'
            '[sinks.ozon]\nplugin = "memory"\nwarehouses = [{ code = "1" }]\n',
            encoding="utf-8",
        )
        assert load(path).products.file is not None


def test_1c_s_language_can_be_read() -> None:
    """A block in the language of 1C is whole statements of it."""
    import tree_sitter
    import tree_sitter_bsl

    grammar: Any = tree_sitter_bsl
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    found = whole("bsl")
    assert found
    for page, block in found:
        assert not parser.parse(block.text.encode()).root_node.has_error, page
