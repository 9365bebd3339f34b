from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock_files.quantities import LARGEST, Quantities, UnreadableError, ceil, floor
from tests.files.supplier import NBSP

read = Quantities({}, None)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("12", 12),
        (12, 12),
        (12.0, 12),
        (4.5, Decimal("4.5")),
        (f"1{NBSP}234,50", Decimal("1234.50")),
        ("1 234 567", 1234567),
        ("10'000", 10000),
        ("5,000", 5),
        ("-2", -2),
        ("−2", -2),
        ("5 шт", 5),
        ("5шт.", 5),
        ("5 штук", 5),
        ("12 pcs", 12),
        (">10", 10),
        ("> 10 шт.", 10),
        (">= 10", 10),
        ("10+", 10),
        ("10 шт +", 10),
        ("более 100", 100),
        ("Больше 5", 5),
        ("свыше 1 000", 1000),
        ("от 5", 5),
        ("от 5 до 10", 5),
        ("10 и более", 10),
        ("5-10", 5),
        ("5 – 10 шт", 5),
        ("до 5", 1),
        ("До 5 шт", 1),
        ("<5", 1),
        ("менее 5", 1),
        ("<1", 0),
        ("до 1", 0),
        ("есть", 1),
        ("ЕСТЬ", 1),
        (" в  наличии ", 1),
        ("Много", 1),
        ("нет", 0),
        ("Нет в наличии", 0),
        ("под заказ", 0),
        ("In stock", 1),
        ("out of stock", 0),
        ("", None),
        (None, None),
        ("   ", None),
    ],
)
def test_cells_as_suppliers_write_them(cell: Any, expected: Any) -> None:
    """Numbers for people, bounds by what they promise at least, words."""
    assert read(cell) == expected


@pytest.mark.parametrize(
    "cell",
    [
        "1,234.50",
        "1.234.567",
        "уточняйте",
        "?",
        "-",
        "10-5",
        "1e3",
        "#Н/Д",
        "5 кг",
        "2 упак",
        "12a",
        True,
        float("nan"),
    ],
)
def test_what_cannot_be_told_is_refused(cell: Any) -> None:
    """No guess is made."""
    with pytest.raises(UnreadableError):
        read(cell)


@pytest.mark.parametrize("cell", [10**13, "99999999999999", -(10**13), 1e15])
def test_what_no_warehouse_holds_is_refused(cell: Any) -> None:
    """A number beyond a trillion is a defect."""
    with pytest.raises(UnreadableError, match="beyond"):
        read(cell)


def test_thousands_of_digits_are_refused() -> None:
    """Python would not convert them, and nobody counts so far."""
    with pytest.raises(UnreadableError, match="too long"):
        read("9" * 5_000)
    with pytest.raises(UnreadableError, match="beyond"):
        read("9" * 50)


def test_date_is_named_as_what_spreadsheets_do() -> None:
    """`1-5` that became a date says so."""
    with pytest.raises(UnreadableError, match="makes dates"):
        read(date(2026, 5, 1))


def test_own_words_come_first() -> None:
    """Case and blanks do not count; `unknown` takes a known word away."""
    own = Quantities({"> 10": 25, "Мало": 3, "есть": "unknown", "-": 0, "под заказ": "unknown"}, 0)
    assert [own(cell) for cell in (">10", "мало", "ЕСТЬ", "-", "Под  заказ", "нет", "")] == [
        25,
        3,
        None,
        0,
        None,
        0,
        0,
    ]


@given(st.integers(-(10**12), 10**12), st.sampled_from([" ", NBSP, "\u202f", "'", ""]))
def test_grouped_numbers_are_read_back(value: int, separator: str) -> None:
    """However thousands are divided."""
    assert read(f"{value:,}".replace(",", separator)) == value


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_is_refused(text: str) -> None:
    """Nothing else can happen, and no word promises what is not counted."""
    try:
        found = read(text)
    except UnreadableError:
        return
    assert found is None or -LARGEST <= found <= LARGEST


@given(st.decimals(-1000, 1000, places=4))
def test_rounding_promises_no_more_than_there_is(value: Decimal) -> None:
    """Quantities down, reserves up, dust apart."""
    assert value - 1 < floor(value) <= value + Decimal("0.000001")
    assert value - Decimal("0.000001") <= ceil(value) < value + 1
