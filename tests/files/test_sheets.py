from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from mpstock.errors import UnexpectedResponseError
from mpstock_files.simulator_formats import xlsx
from tests.files.supplier import columns, read

HEADS = ("Артикул", "Имя", "Остаток")


def sheet(*rows: tuple[Any, ...], **changed: Any) -> bytes:
    return xlsx({"Лист1": [HEADS, *rows]}, **changed)


def test_numbers_of_a_spreadsheet(tmp_path: Path) -> None:
    """Numbers come as floats; an article without a fraction is whole, a text keeps its zeros."""
    rows = ((123, "x", 5), ("00123", "x", 7.0), (4.5, "x", 2.9), ("A 1", "x", "8 шт"), ("B", "x", "нет"))
    found = read(tmp_path, sheet(*rows), "p.xlsx")
    assert found.quantities == {"123": 5, "00123": 7, "4.5": 2, "A 1": 8, "B": 0}


@pytest.mark.parametrize("empty", ["unknown", "zero"])
def test_error_cell_is_unknown_and_never_zero(tmp_path: Path, empty: str) -> None:
    """A formula that failed is told as what it is, also where an empty cell is zero."""
    found = read(
        tmp_path, sheet(("A", "x", "#N/A"), ("B", "x", None), ("#REF!", "x", 5)), "p.xlsx", empty=empty
    )
    assert found.quantities == {"A": None, "B": None if empty == "unknown" else 0}
    assert ["the error #N/A" in problem.message for problem in found.problems] == [True, False]
    assert (found.problems[1].place, found.last.absent) == ("p.xlsx, row 4", "unknown")


def test_article_with_too_many_digits_for_a_number(tmp_path: Path) -> None:
    """A spreadsheet keeps fifteen digits of a number: a longer article has lost its end."""
    found = read(tmp_path, sheet((4607012345678, "x", 1), (46070123456789012345, "x", 2)), "p.xlsx")
    assert found.quantities == {"4607012345678": 1}
    assert "last digits are lost" in found.problems[0].message


def test_truth_is_no_number(tmp_path: Path) -> None:
    """TRUE is neither one nor an article."""
    found = read(tmp_path, sheet(("A", "x", True), (True, "x", 1)), "p.xlsx")
    assert found.quantities == {"A": None}
    assert "is TRUE" in found.problems[0].message


def test_heads_may_be_merged_and_stand_below_a_title(tmp_path: Path) -> None:
    """A title, a merged head over two columns, the sheet moved to the right."""
    rows: list[tuple[Any, ...]] = [
        (None, "Прайс-лист"),
        (),
        (None, "Артикул", "Склады", None),
        (None, None, "Остаток", "В пути"),
        (None, "A", 5, 9),
    ]
    found = read(tmp_path, xlsx({"Л": rows}, merged=["C3:D3"]), "p.xlsx")
    assert found.quantities == {"A": 5}


def test_letters_count_from_the_first_column_of_the_sheet(tmp_path: Path) -> None:
    """Also where the columns before are empty."""
    rows: list[tuple[Any, ...]] = [(None, "x", "y", "z"), (None, "A", None, 5)]
    found = read(tmp_path, xlsx({"Л": rows}), "p.xlsx", columns=columns(sku="B", quantity="D"))
    assert found.quantities == {"A": 5}


@pytest.mark.parametrize(
    ("wanted", "expected"), [(None, {"A": 5}), ("СКЛАД ", {"A": 5}), (3, {"B": 6}), ("Архив", {"B": 6})]
)
def test_sheet_is_found(tmp_path: Path, wanted: Any, expected: dict[str, int]) -> None:
    """The first that has the columns, or by its name or number."""
    book = xlsx(
        {
            "Контакты": [("Телефон", "+7 495")],
            "Склад": [HEADS, ("A", "x", 5)],
            "Архив": [HEADS, ("B", "x", 6)],
        }
    )
    assert read(tmp_path, book, "p.xlsx", sheet=wanted).quantities == expected


@pytest.mark.parametrize("wanted", ["Остатки", 7])
def test_sheet_that_is_not_there_is_an_error(tmp_path: Path, wanted: Any) -> None:
    """The sheets that are there are named."""
    with pytest.raises(UnexpectedResponseError, match=r"the sheets are 'Лист1'"):
        read(tmp_path, sheet(("A", "x", 5)), "p.xlsx", sheet=wanted)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_spreadsheet_that_is_cut_off_is_refused(tmp_path: Path, share: float) -> None:
    """Half a file is an error, whatever the reader makes of it."""
    body = sheet(*[(f"A-{n}", "x", n) for n in range(200)])
    with pytest.raises(UnexpectedResponseError, match=r"p\.xlsx.*Nothing of it is used"):
        read(tmp_path, body[: int(len(body) * share)], "p.xlsx")


def test_spreadsheet_in_a_zip(tmp_path: Path) -> None:
    """A zip of a spreadsheet is not taken for the spreadsheet."""
    body = BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("Прайс.xlsx", sheet(("A", "x", 5)))
    assert read(tmp_path, body.getvalue(), "p.zip").quantities == {"A": 5}


def test_open_document(tmp_path: Path) -> None:
    """ODS is read as well."""
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="{"string" if isinstance(value, str) else "float"}" '
            + (f'office:value="{value}"' if not isinstance(value, str) else "")
            + f"><text:p>{value}</text:p></table:table-cell>"
            for value in row
        )
        + "</table:table-row>"
        for row in (HEADS, ("A", "x", 5), ("007", "y", 6.5))
    )
    space = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<office:document-content xmlns:office="{space}:office:1.0" xmlns:table="{space}:table:1.0" '
        f'xmlns:text="{space}:text:1.0"><office:body><office:spreadsheet><table:table table:name="Л">{cells}'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    body = BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr("content.xml", content)
    assert read(tmp_path, body.getvalue(), "p.ods").quantities == {"A": 5, "007": 6}
