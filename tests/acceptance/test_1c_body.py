"""What 1C really writes, from the other end: the number at the marketplace, the words of the command."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mpstock_onec.simulator import Trouble
from tests.acceptance.play import Play, shop

LEVELS: dict[Any, Any] = {"SKU-A": 1234, "SKU-B": "17.9", ("SKU-C", "main"): 5, ("SKU-C", "msk"): 8}
SHOWN = {"SKU-A": 1232, "SKU-B": 15, "SKU-C": 11}


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    with shop(tmp_path, LEVELS) as stage:
        yield stage


@pytest.mark.parametrize(
    "habits",
    [
        {"bom": True},
        {"numbers": "string"},
        {"numbers": "grouped"},
        {"numbers": "grouped", "separator": "\u202f", "bom": True},
        {"numbers": "grouped", "separator": " ", "split_rows": 3},
        {"pad_sku": True},
        {"split_rows": 4},
        {"updated_at": "local"},
    ],
    ids=str,
)
def test_the_habits_of_real_services_come_to_the_same_numbers(play: Play, habits: dict[str, Any]) -> None:
    """BOM, `"1 234,5"` with every kind of space, several rows a product, blanks: the number is the same."""
    play.onec.write(**habits)
    play.run("sync").ok()
    assert play.shown("ozon") == play.shown("wb") == SHOWN


def test_rows_without_a_warehouse_are_of_the_one_in_the_settings(tmp_path: Path) -> None:
    """The setting `warehouse` names what 1C leaves out, and a feed finds it."""
    with shop(tmp_path, {"SKU-A": 10}) as play:
        play.onec.write(omits_warehouse=True)
        play.erp["warehouse"] = "склад-1"
        play.sink("ozon")["warehouses"][0]["feeds"] = ["склад-1"]
        play.write()
        play.run("sync").ok()
        assert play.shown("ozon") == {"SKU-A": 8}


def test_parts_are_summed_before_they_are_floored(play: Play) -> None:
    """0.6 + 0.6 + 0.6 of one product in one warehouse is 1, not 0, and the loss is reported."""
    for part in ("0.6", "0.6", "1.6"):
        play.onec.inject({"sku": "SKU-C", "quantity": part, "warehouse": "spb"})
    play.run("sync").ok()
    assert play.shown("ozon")["SKU-C"] == 5 + 8 + 2 - 2


def test_a_negative_quantity_takes_from_its_neighbour(tmp_path: Path) -> None:
    """main −3 and msk 5 are 2; only the final number is clamped."""
    with shop(tmp_path, {("SKU-A", "main"): -3, ("SKU-A", "msk"): 5, ("SKU-B", "main"): -1}) as play:
        play.sink("ozon")["buffer"] = {"policy": "all"}
        play.write()
        play.run("sync").ok()
        assert play.shown("ozon") == {"SKU-A": 2, "SKU-B": 0}
        assert "below zero" in play.run("check").stdout


def test_a_reserve_of_1c_is_subtracted(play: Play) -> None:
    """quantity − reserved is what is available."""
    play.onec.call(play.onec.reserve, "SKU-C", 3)
    play.run("sync").ok()
    assert play.shown("ozon")["SKU-C"] == 5 + 8 - 3 - 2


def test_case_counts_and_blanks_do_not(tmp_path: Path) -> None:
    """`sku-a` and `SKU-A` are two products; blanks around them are nothing."""
    with shop(tmp_path, {"SKU-A": 10, "sku-a": 20}) as play:
        play.onec.write(pad_sku=True)
        play.run("sync").ok()
        assert play.shown("ozon") == {"SKU-A": 8, "sku-a": 18}


@pytest.mark.parametrize(
    "row",
    [
        {"sku": "SKU-C", "quantity": "много", "warehouse": "main"},
        {"sku": "SKU-C", "quantity": None, "warehouse": "main"},
        {"sku": "SKU-C", "quantity": [5], "warehouse": "main"},
        {"sku": "SKU-C", "warehouse": "main"},
    ],
    ids=["words", "null", "list", "left out"],
)
def test_one_bad_row_is_unknown_not_zero_and_spoils_no_other(play: Play, row: dict[str, Any]) -> None:
    """The bad row's product keeps its number, the others move, and row and field are named."""
    play.run("sync").ok()
    play.onec.inject(row, at=1)
    play.set_levels({"SKU-A": 100})
    result = play.run("sync", "--full")
    assert play.shown("ozon") == {**SHOWN, "SKU-A": 98}
    assert "row 1" in result.stdout
    assert "quantity" in result.stdout
    assert "quantity" in play.run("status").stdout
    assert "an upper bound only" in play.run("explain", "SKU-C").stdout


def test_a_bad_row_lets_a_known_fall_of_its_neighbour_through(play: Play) -> None:
    """SKU-C: main cannot be read (last 5), msk falls from 8 to 0: at most 5 − 2 are shown."""
    play.run("sync").ok()
    play.onec.call(play.onec.remove, "SKU-C")
    play.onec.inject({"sku": "SKU-C", "quantity": "??", "warehouse": "main"})
    play.onec.call(play.onec.set_level, "SKU-C", 0, "msk")
    play.run("sync", "--full")
    assert play.shown("ozon")["SKU-C"] == play.shown("wb")["SKU-C"] == 3


def test_a_row_without_an_article_keeps_what_is_missing(play: Play) -> None:
    """While some row may be any product, a product that is missing keeps its number."""
    play.run("sync").ok()
    play.onec.call(play.onec.remove, "SKU-A")
    play.onec.inject({"quantity": 4, "warehouse": "main"})
    play.run("sync", "--full")
    assert play.shown("ozon")["SKU-A"] == 1232
    assert "sku" in play.run("status").stdout


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("html", "1С:Предприятие"),
        ("cut", "nothing of it is used"),
        ("no_stocks", "Нет данных"),
        ("empty", "empty"),
    ],
)
def test_an_answer_that_is_no_stock_is_told_and_changes_nothing(
    play: Play, trouble: Trouble, words: str
) -> None:
    """HTML, a body that is cut off, a missing `stocks`, nothing at all: a clear error, no number moves."""
    play.run("sync").ok()
    play.forget_requests()
    play.onec.fail(trouble)
    result = play.run("sync", "--full")
    assert result.code != 0
    assert "erp" in result.stdout
    assert words in result.stdout
    assert "Traceback" not in result.said
    assert play.pushes("ozon") == play.pushes("wb") == 0
    assert play.shown("ozon") == SHOWN


def test_an_error_page_is_told_in_russian(play: Play) -> None:
    """500 with the words of 1C, 404 of the web server: told as they are."""
    play.onec.fail("error")
    assert "Справочник.Номенклатура" in play.run("sync").stdout
    play.onec.fail("unpublished")
    result = play.run("sync")
    assert result.code != 0
    assert "Файл или каталог не найден" in result.stdout
    assert "published" in result.stdout


def test_a_service_that_ignores_changed_after_does_no_harm(play: Play) -> None:
    """It answers everything: only what moved is pushed, and `check` says what it does."""
    play.onec.ignores_changed_after = True
    play.run("sync").ok()
    play.forget_requests()
    play.set_levels({"SKU-A": 50})
    play.run("sync").ok()
    assert play.pushed("ozon") == [("SKU-A", 48)]
    assert "whatever changedAfter says" in play.run("check").stdout


def test_absent_in_an_incremental_read_is_unchanged_and_in_a_full_one_zero(play: Play) -> None:
    """A product that 1C forgot stays until a full read says that it is gone."""
    play.run("sync").ok()
    play.onec.call(play.onec.remove, "SKU-A")
    play.run("sync").ok()
    assert play.shown("ozon")["SKU-A"] == 1232
    play.run("sync", "--full").ok()
    assert play.shown("ozon")["SKU-A"] == play.shown("wb")["SKU-A"] == 0


def test_the_second_read_asks_only_for_what_changed_with_an_overlap(play: Play) -> None:
    """The first request has no `changedAfter`; the second asks from five minutes before the first began."""
    play.run("sync").ok()
    play.run("sync").ok()
    first, second = (one.query for one in play.onec.requests)
    assert "changedAfter" not in first
    assert first["format"] == second["format"] == "json"
    asked = datetime.fromisoformat(second["changedAfter"])
    read = datetime.fromisoformat(play.json("status")["sources"][0]["full_at"])
    assert abs(read - asked - timedelta(minutes=5)) < timedelta(seconds=2)
