from __future__ import annotations

import json
from decimal import ROUND_FLOOR, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.onec.service import NBSP, Json, read, row

# Blanks that the locales of 1C put between thousands.
BLANKS = [" ", NBSP, "\u202f", "\u2009", "'", "\u2019"]
MINUSES = ["-", "\u2212"]


def as_1c_writes(value: Decimal, blank: str, comma: str, minus: str) -> str:
    """Write a number as Строка() and Формат() of 1C do."""
    digits = format(abs(value), "f")
    whole, _, part = digits.partition(".")
    groups: list[str] = []
    while len(whole) > 3:
        whole, group = whole[:-3], whole[-3:]
        groups.insert(0, group)
    text = blank.join([whole, *groups])
    return (minus if value < 0 else "") + text + (f"{comma}{part}" if part else "")


@given(
    value=st.decimals(min_value=-(10**12), max_value=10**12, places=3),
    blank=st.sampled_from(["", *BLANKS]),
    comma=st.sampled_from([",", "."]),
    minus=st.sampled_from(MINUSES),
    around=st.sampled_from(["", " ", NBSP, "\ufeff"]),
)
@example(value=Decimal("1234.500"), blank=NBSP, comma=",", minus="-", around="")
@example(value=Decimal("-0.001"), blank="", comma=".", minus="-", around="")
def test_number_as_text_in_every_format_of_1c(
    value: Decimal, blank: str, comma: str, minus: str, around: str
) -> None:
    """A number survives every way in which 1C makes text of it, rounded down to whole units."""
    text = around + as_1c_writes(value, blank, comma, minus) + around
    assert read(row(quantity=text)).quantities == {"A-1": int(value.to_integral_value(ROUND_FLOOR))}


@given(st.decimals(min_value=-(10**12), max_value=10**12, allow_nan=False, allow_infinity=False))
def test_json_number_is_exact(value: Decimal) -> None:
    """A JSON number is taken as it is written, with no float in between."""
    level = read(Json(f'{{"sku": "A-1", "quantity": {value}}}')).levels[0]
    assert level.quantity is None or level.quantity == int(value.to_integral_value(ROUND_FLOOR))
    if value.as_tuple().exponent >= -50:  # type: ignore[operator]
        assert level.quantity is not None


@pytest.mark.parametrize(
    ("written", "quantity"),
    [
        ("0", 0),
        ('"0"', 0),
        ("-0.0", 0),
        ("5.0", 5),
        ("1e3", 1000),
        ("17.999999999999996", 17),
        ("-3", -3),
        ("-3.2", -4),
        ('"007"', 7),
        ('"+5"', 5),
        ('"- 5"', -5),
        ('",5"', 0),
        ('"1 234 567,999"', 1_234_567),
        ("1000000000000", 10**12),
    ],
)
def test_number_as_1c_writes_it(written: str, quantity: int) -> None:
    """What can be told safely is told, always rounded towards fewer units."""
    assert read(Json(f'{{"sku": "A-1", "quantity": {written}}}')).quantities == {"A-1": quantity}


@pytest.mark.parametrize(
    "written",
    [
        "true",
        "false",
        "null",
        "[]",
        "{}",
        '""',
        '"   "',
        '"есть"',
        '">10"',
        '"12 34"',
        '"1 2345"',
        '"1,234.5"',
        '"1.234,5"',
        '"1,234,567"',
        f'"1 234{NBSP}567"',
        '"5 шт"',
        '"--5"',
        '"5-"',
        '"1e3"',
        '"5,"',
        '"٣"',
        '"NaN"',
        "NaN",
        "Infinity",
        "-Infinity",
        "1000000000001",
        "-1000000000001",
        '"1000000000001"',
        "1e400",
        "1e999999999999999999999",
        "1e-999999999",
        "9" * 5000,
        '"' + "9" * 5000 + '"',
    ],
)
def test_number_that_is_none_is_unknown_not_zero(written: str) -> None:
    """What is no number, or not one for sure, is an unknown quantity with its row and field named."""
    found = read(row("B", 7), Json(f'{{"sku": "A-1", "quantity": {written}}}'), row("C", 9))
    assert found.quantities == {"A-1": None, "B": 7, "C": 9}
    (problem,) = found.problems
    assert (problem.place, problem.name, problem.sku) == ("row 2", "quantity", "A-1")
    assert problem.message.startswith("stocks[1].quantity is ") or "decimals" in problem.message
    assert len(problem.message) < 300


def test_empty_text_names_the_format_that_writes_zero_as_nothing() -> None:
    """`Формат(0)` gives an empty text: the message says so, and how to mend it."""
    (problem,) = read(row(quantity="")).problems
    assert "Формат()" in problem.message
    assert "ЧН=0" in problem.message


def test_fraction_is_rounded_down_and_the_loss_told() -> None:
    """1 234,5 becomes 1234, and a problem names the half that was dropped."""
    found = read(row("B"), row(quantity="1 234,5"))
    assert found.quantities["A-1"] == 1234
    (problem,) = found.problems
    assert (problem.place, problem.name, problem.sku) == ("row 2", "quantity", "A-1")
    assert "1234.5" in problem.message
    assert "takes 0.5 away" in problem.message


def test_fractions_are_summed_before_they_are_rounded() -> None:
    """Ten rows of 0.1 are one unit: summed as decimals, floored once."""
    found = read(*(row(quantity=json.loads("0.1")) for _ in range(10)))
    assert found.quantities == {"A-1": 1}
    assert found.problems == []


def test_negative_keeps_its_sign_and_is_told() -> None:
    """−3 stays −3: only the final number is clamped, and that is not done here."""
    found = read(row(quantity=-3))
    assert found.quantities == {"A-1": -3}
    (problem,) = found.problems
    assert "-3" in problem.message
    assert "below zero" in problem.message


def test_reserve_is_rounded_up() -> None:
    """Half a unit in reserve takes a whole one away, and that is told."""
    found = read(row(quantity=10, reserved="2,5"))
    assert found.levels[0].reserved == 3
    assert [problem.name for problem in found.problems] == ["reserved"]


@pytest.mark.parametrize("reserved", [-1, "нет", True, [], "1,234.5"])
def test_reserve_that_is_none_makes_the_row_unknown(reserved: object) -> None:
    """Without its reserve nobody knows what of a row is free."""
    found = read(row(quantity=10, reserved=reserved), row("B", 7))
    assert found.quantities == {"A-1": None, "B": 7}
    assert [problem.name for problem in found.problems] == ["reserved"]


@pytest.mark.parametrize("reserved", [None, 0, "0", 0.0])
def test_no_reserve_is_zero(reserved: object) -> None:
    """A reserve that is left empty is none."""
    assert read(row(reserved=reserved)).levels[0].reserved == 0
