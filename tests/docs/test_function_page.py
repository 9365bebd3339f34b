"""docs/howto/from-a-function.md: its lines are run as they stand, and say what they say."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

import mpstock
from tests.docs.markdown import DOCS, blocks
from tests.ledgers import ON_POSTGRES

PAGE = DOCS / "howto/from-a-function.md"
FIRST, CHANGED, CORNER = (block.text for block in blocks(PAGE, "python"))


def run(text: str, **names: Any) -> dict[str, Any]:
    exec(compile(text, str(PAGE), "exec"), names)
    return names


def test_the_ten_lines_are_a_shop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They send what the buffer lets through and explain it; run again they send nothing."""
    monkeypatch.chdir(tmp_path)
    names = run(FIRST)
    said = capsys.readouterr().out
    assert "A-1 None → 7" in said
    assert "B-2 None → 0" in said
    assert "C-3" not in said
    assert ON_POSTGRES or (tmp_path / "kiosk.db").exists()
    shop = mpstock.Shop(sources={"shelf": names["shelf"]}, sinks={"kiosk": names["kiosk"]}, ledger="kiosk.db")
    with shop:
        assert shop.sync().pushed == 0
    assert names["shelf"]() == {"A-1": 9, "B-2": 1, "C-3": None}


def test_the_source_with_an_argument_tells_what_changed(tmp_path: Path) -> None:
    """Its query runs, in the thread that it is called in, and what did not change is not told."""

    def database() -> sqlite3.Connection:
        return sqlite3.connect(tmp_path / "stock.db")

    with database() as made:
        made.execute("CREATE TABLE stock (sku, on_hand, reserved, changed)")
        made.execute("INSERT INTO stock VALUES ('A-1', 9, 1, '2026-01-01T00:00:00+00:00')")
    names = run(CHANGED, mpstock=mpstock, database=database)
    pages: list[str] = []

    @mpstock.sink(sells=["A-1"])
    def kiosk(changes: list[mpstock.Change]) -> None:
        pages.extend(str(change.new) for change in changes)

    with mpstock.Shop(sources={"db": names["orders_database"]}, sinks={"kiosk": kiosk}) as shop:
        assert shop.sync().sources["db"].rows == 1
        assert shop.sync().sources["db"].rows == 0
    assert pages == ["6"]


def test_the_sink_tells_what_it_refused() -> None:
    """What is not there is refused in its own words, the rest is taken; its limits are those of the page."""
    names = run(CORNER, mpstock=mpstock)
    corner = names["corner"]
    assert corner.limits.batch == 50
    source = mpstock.source(lambda: {"A-1": 9})
    with mpstock.Shop(sources={"s": source}, sinks={"corner": corner}) as shop:
        assert shop.sync().pushed == 1
    assert names["shown"] == {"A-1": 7}
    strange = mpstock.Change(mpstock.Listing("Z", "main", ("Z",)), None, 1, "test")
    assert corner([strange]) == {"Z": "there is no such article"}


def test_each_argument_is_on_the_page() -> None:
    """The table names every limit that the decorator takes."""
    import inspect

    taken = set(inspect.signature(mpstock.FunctionSink.__init__).parameters) - {"self", "function", "clock"}
    text = PAGE.read_text(encoding="utf-8")
    assert {name for name in taken if f"`{name}`" not in text} == set()
