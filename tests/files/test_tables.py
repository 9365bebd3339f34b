from __future__ import annotations

import csv
import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mpstock import Level
from mpstock.errors import UnexpectedResponseError
from tests.files.supplier import NBSP, Supplier, columns, read
from tests.specs import shared

LIST = "Артикул;Наименование;Остаток\r\nA-1;Стул;5\r\nA-2;Стол;7\r\n"


def test_a_real_price_list_is_read_rightly(tmp_path: Path) -> None:
    """windows-1251, semicolons, `>10`, `5,000`, `нет`, `до 5 шт`, read in place."""
    found = Supplier(tmp_path, path=shared() / "samples/supplier/pricelist_cp1251_semicolon.csv").read()
    assert found.quantities == {"A-001": 10, "A-002": 5, "A-003": 0, "A-004": 1}
    assert (found.last.complete, found.last.absent, found.problems) == (True, "zero", [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_encoding_and_separator_are_recognised(tmp_path: Path, encoding: str, separator: str) -> None:
    """Whatever program wrote it, nobody has to know how."""
    found = read(tmp_path, LIST.replace(";", separator).encode(encoding))
    assert found.levels == [Level("A-1", "supplier", 5), Level("A-2", "supplier", 7)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(
    rows=st.dictionaries(
        st.text(st.sampled_from('abЯжё01.-_/ ";,|\t«»'), min_size=1, max_size=12)
        .map(str.strip)
        .filter(lambda sku: sku not in ("", "Артикул")),
        st.integers(0, 10**9),
        max_size=20,
    ),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "cp1251", "utf-16"]),
    separator=st.sampled_from([";", ",", "\t", "|"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_any_table_is_read_back_the_same(
    tmp_path: Path, rows: dict[str, int], encoding: str, separator: str, end: str
) -> None:
    """A table written as CSV in any encoding, with any separator, is read as it was written."""
    body = io.StringIO()
    writer = csv.writer(body, delimiter=separator, lineterminator=end)
    writer.writerows([("Артикул", "Имя", "Остаток"), *((sku, "Ж", units) for sku, units in rows.items())])
    clean = {sku: units for sku, units in rows.items() if "\t" not in sku}
    found = read(tmp_path, body.getvalue().encode(encoding))
    assert found.quantities == clean


def test_quoted_fields_hold_separators_and_lines(tmp_path: Path) -> None:
    """A name may have a semicolon, a doubled quote and a line break in it."""
    found = read(tmp_path, 'Артикул;Имя;Остаток\n"A;1";"Стул ""Венский""\nдубовый";5\nB;;6\n')
    assert found.quantities == {"A;1": 5, "B": 6}


def test_inches_are_letters_by_setting(tmp_path: Path) -> None:
    """Quotes that are not closed are an error with its mend, and letters where the settings say so."""
    content = 'Артикул;Имя;Остаток\nA;"15 дюймов;5\nB;Болт 3";6\n'
    with pytest.raises(UnexpectedResponseError, match="quotes = false"):
        read(tmp_path, content)
    assert read(tmp_path, content, quotes=False).quantities == {"A": 5, "B": 6}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (LIST[:-1] + "\r\nA-3;По", "last one, has 2 cells instead of 3"),
        (LIST + 'A-3;"Пол', "never closed"),
        ("Всего позиций: 3;;\r\n" + LIST, "3 rows and has 2"),
        (LIST.encode()[:-1] + "\r\nA-3;Шкаф".encode()[:-1], "middle of a letter"),
        (gzip.compress(LIST.encode(), mtime=0)[:-10], "broken or cut off"),
        ("", "empty"),
        ("  \r\n", "empty"),
    ],
)
def test_list_that_is_cut_off_is_refused_whole(tmp_path: Path, content: str | bytes, says: str) -> None:
    """Half a line, an open quote, fewer rows than announced, half an archive: nothing of it is used."""
    with pytest.raises(UnexpectedResponseError, match=f"{says}.*Nothing of it is used"):
        read(tmp_path, content)


def test_last_line_without_an_end_is_a_line(tmp_path: Path) -> None:
    """Many programs write no line break after the last row."""
    assert read(tmp_path, LIST.rstrip()).quantities == {"A-1": 5, "A-2": 7}


def test_announced_rows_that_are_there(tmp_path: Path) -> None:
    """The number above the heads is kept."""
    assert len(read(tmp_path, "Всего позиций: 2;;\r\n" + LIST).levels) == 2


@pytest.mark.parametrize(
    ("head", "changed"),
    [
        ("Прайс-лист ООО «Ромашка»;;\n;;\nАртикул;Имя;Остаток\n", {}),
        ("артикул ;Имя; ОСТАТОК\n", {}),
        ("Код;Имя;Свободно\n", {"columns": columns(sku="Код", quantity="Свободно")}),
        ("Код;Имя;Свободно\n", {"columns": columns(sku="A", quantity="c")}),
        ("Код;Имя;Свободно\n", {"columns": columns(sku=1, quantity=3)}),
        ("Код;Имя;Свободно\n", {"columns": columns(sku=1, quantity="Свободно")}),
        ("", {"columns": columns(sku=1, quantity=3), "header_row": 0}),
        ("Остаток;Артикул;x\nАртикул;Имя;Остаток\n", {"header_row": 2}),
        ("Товар;;Склад\nАртикул;Имя;\n;;Остаток\n", {}),
    ],
)
def test_columns_are_found(tmp_path: Path, head: str, changed: dict[str, Any]) -> None:
    """By the text of their heads wherever they stand, by letter, by number, without heads."""
    assert read(tmp_path, f"{head}A-1;Стул;5\nA-2;Стол;7\n", **changed).quantities == {"A-1": 5, "A-2": 7}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("Код;Имя;Остаток\nA;B;5\n", r"no column is headed 'Артикул' \(sku\); the heads there are 'Код'"),
        ("Артикул;Остаток;Остаток\nA;5;6\n", r"two columns are headed 'Остаток'.*quantity = \"B\""),
    ],
)
def test_column_that_cannot_be_told_is_an_error(tmp_path: Path, content: str, says: str) -> None:
    """The heads that are there are named, and how to choose."""
    with pytest.raises(UnexpectedResponseError, match=says):
        read(tmp_path, content)


def test_reserves_and_warehouses_have_columns(tmp_path: Path) -> None:
    """A list may tell what is reserved, and several warehouses; names may be changed."""
    content = "Артикул;Остаток;Резерв;Склад\nA;5;1,5;Москва\nA;3;;СПб\nB;2;-1;\n"
    wanted = columns(reserved="Резерв", warehouse="Склад")
    found = read(tmp_path, content, columns=wanted, warehouses={"Москва": "msk"}, warehouse="main")
    assert found.levels == [Level("A", "msk", 5, 2), Level("A", "СПб", 3, 0), Level("B", "main", None)]
    assert "below zero" in found.problems[0].message


def test_repeated_heads_and_groups_are_no_goods(tmp_path: Path) -> None:
    """A printed list has its heads on each page, and heads of groups between the goods."""
    content = "Артикул;Имя;Остаток\n;Стулья;\nA-1;x;5\n\nАртикул;Имя;Остаток\nA-2;x;7\n"
    found = read(tmp_path, content)
    assert (found.quantities, found.problems) == ({"A-1": 5, "A-2": 7}, [])


def test_article_that_a_spreadsheet_has_shortened(tmp_path: Path) -> None:
    """`4,60701E+12` was a barcode once; which one cannot be told."""
    found = read(tmp_path, LIST + "4,60701E+12;x;3\r\nE+12;x;4\r\n")
    assert found.quantities == {"A-1": 5, "A-2": 7, "E+12": 4}
    assert "let the column be text" in found.problems[0].message
    assert found.last.absent == "unknown"


def test_row_with_a_number_and_no_article(tmp_path: Path) -> None:
    """It may be any product, so what is missing keeps its number; or it is a total, by setting."""
    content = LIST + ";Итого;12\r\n"
    found = read(tmp_path, content)
    assert (found.last.absent, found.problems[0].place) == ("unknown", "stock.csv, line 4")
    assert read(tmp_path, content, rows_without_sku="ignore").last.absent == "zero"


@pytest.mark.parametrize(
    ("duplicates", "content", "expected"),
    [
        ("lowest", "A;5\nA;3\n", 3),
        ("sum", "A;5,5\nA;3,5\n", 9),
        ("lowest", "A;5\nA;?\n", None),
        ("sum", "A;?\nA;3\n", None),
    ],
)
def test_repeated_articles(tmp_path: Path, duplicates: str, content: str, expected: int | None) -> None:
    """The lowest by default, the sum by setting; unknown if one of them is."""
    found = read(tmp_path, f"Артикул;Остаток\n{content}", duplicates=duplicates)
    assert found.quantities == {"A": expected}


def test_unrecognised_word_is_unknown_with_its_place(tmp_path: Path) -> None:
    """The row, the column and the mend are told; other rows are not touched."""
    found = read(tmp_path, LIST + "A-3;x;уточняйте\r\n")
    assert found.quantities == {"A-1": 5, "A-2": 7, "A-3": None}
    (problem,) = found.problems
    assert (problem.place, problem.name, problem.sku) == ("stock.csv, line 4", "quantity", "A-3")
    assert 'words = { "уточняйте" = 1 }' in problem.message


def test_empty_cell_is_unknown_or_zero(tmp_path: Path) -> None:
    """Nothing is not none, unless the settings say so."""
    content = f"Артикул;Остаток\nA;\nB;{NBSP}\nC;1\n"
    assert read(tmp_path, content).quantities == {"A": None, "B": None, "C": 1}
    assert read(tmp_path, content, empty="zero").quantities == {"A": 0, "B": 0, "C": 1}


def test_empty_list_zeroes_nothing(tmp_path: Path) -> None:
    """A list with heads and no goods is told, and what is absent is unknown."""
    found = read(tmp_path, "Артикул;Остаток\n")
    assert (found.levels, found.last.complete, found.last.absent) == ([], True, "unknown")
    assert "zeroes nothing" in found.problems[0].message


def test_missing_may_be_unchanged(tmp_path: Path) -> None:
    """A supplier who sends only what has changed can be told so."""
    assert not read(tmp_path, LIST, missing="unchanged").last.complete


def test_archive_with_one_list(tmp_path: Path) -> None:
    """A zip may hold a readme beside the list, but no second list."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("list/Прайс.csv", LIST.encode("cp1251"))
        archive.writestr("readme.md", "x")
    assert read(tmp_path, body.getvalue(), "p.zip").quantities == {"A-1": 5, "A-2": 7}
    with zipfile.ZipFile(body, "a") as archive:
        archive.writestr("second.csv", LIST)
    with pytest.raises(UnexpectedResponseError, match="there are 2"):
        read(tmp_path, body.getvalue(), "p.zip")


def test_web_page_is_no_list(tmp_path: Path) -> None:
    """A login page that was saved as a list is named by its title."""
    page = "<!DOCTYPE html><html><head><title>Вход для партнёров</title></head></html>"
    for encoding in ("utf-8", "cp1251"):
        with pytest.raises(UnexpectedResponseError, match="web page, 'Вход для партнёров'"):
            read(tmp_path, page.encode(encoding))


def test_a_thousand_bad_rows_are_told_in_a_hundred_lines(tmp_path: Path) -> None:
    """Problems do not grow with the list; the rest is counted."""
    content = "Артикул;Остаток\n" + "".join(f"A-{n};?\n" for n in range(1000))
    problems = read(tmp_path, content).problems
    assert (len(problems), "900 more" in problems[-1].message) == (101, True)


def test_many_levels_come_in_pages(tmp_path: Path) -> None:
    """Twelve thousand levels are three readings; only the last is complete and has the cursor."""
    found = read(tmp_path, "Артикул;Остаток\n" + "".join(f"A-{n};{n}\n" for n in range(12_000)))
    assert [len(reading.levels) for reading in found.readings] == [5_000, 5_000, 2_000]
    assert [reading.complete for reading in found.readings] == [False, False, True]
    assert [reading.cursor is not None for reading in found.readings] == [False, False, True]
    assert found.quantities == {f"A-{n}": n for n in range(12_000)}
