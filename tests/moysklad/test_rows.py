"""Rows of the short report as they come: numbers, defects, things that are told twice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.errors import UnexpectedResponseError
from mpstock_moysklad.quantities import ceil, floor
from tests.moysklad.account import TOKEN, Told, good, row, store
from tests.reading import Read


def read(*rows: Any, body: bytes | None = None, **changed: Any) -> Read:
    """Read rows of the goods g1 (A) and g2 (B) in the store s1 (main)."""
    goods = [good("g1", "A"), good("g2", "B")]
    return Told(list(rows) if body is None else body, goods, [store("s1", "main")], **changed).read()


@pytest.mark.parametrize(
    ("number", "units"),
    [
        ("46.5", 46),
        ("-3", -3),
        ("-0.5", -1),
        ("2.9999999999999996", 3),
        ("3.0000000000000004", 3),
        ("-2.0000000000000004", -2),
        ("1E+3", 1000),
        ("0.0", 0),
        ("1000000000000", 10**12),
    ],
)
def test_numbers_are_rounded_down_without_dust(number: str, units: int) -> None:
    """Half a unit is none; what a float adds or takes away is nothing."""
    body = f'[{{"assortmentId":"g1","storeId":"s1","freeStock":{number}}}]'.encode()
    assert read(body=body).quantities == {"A": units}


@given(st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=4))
def test_rounding_never_promises_more(value: Decimal) -> None:
    """A quantity is never rounded up and a reserve never down, beyond dust."""
    assert floor(value) <= value < floor(value) + 1
    assert ceil(value) - 1 < value <= ceil(value)


@given(st.integers(-(10**6), 10**6), st.floats(-1e-7, 1e-7))
def test_dust_is_no_unit(whole: int, dust: float) -> None:
    """A float that is a whole number but for its dust is that number, either way."""
    value = Decimal(whole) + Decimal(dust)
    assert (floor(value), ceil(value)) == (whole, whole)


@pytest.mark.parametrize(
    "number", ['"5"', "true", "1e400", "-1e400", "NaN", "Infinity", "10000000000000", "[5]", "9" * 5000]
)
def test_number_that_is_none_makes_its_product_unknown(number: str) -> None:
    """It is told with its row, its product is unknown, its neighbour is read; and it is asked for again."""
    bad = f'{{"assortmentId":"g1","storeId":"s1","freeStock":{number}}}'
    body = f'[{bad},{{"assortmentId":"g2","storeId":"s1","freeStock":4}}]'
    found = read(body=body.encode())
    assert found.quantities == {"A": None, "B": 4}
    (problem,) = found.problems
    assert (problem.place, problem.name, problem.sku) == ("row 1", "freeStock", "A")
    assert '"again": true' in found.cursor


def test_row_without_the_number_that_was_asked_for_is_unknown() -> None:
    """`quantity` counts what is in transit: it is not taken for free stock."""
    found = read(row("g1", 5, key="quantity"))
    assert found.quantities == {"A": None}
    assert "missing" in found.problems[0].message


def test_stock_may_be_called_quantity() -> None:
    """So it stands in the vendor's own example of `changedSince`."""
    assert read(row("g1", 5, key="quantity"), stock_type="stock").quantities == {"A": 5}


@pytest.mark.parametrize(
    "bad",
    [
        5,
        "row",
        None,
        [],
        {"storeId": "s1", "freeStock": 5},
        {"assortmentId": 7, "storeId": "s1"},
        {"assortmentId": "g1", "freeStock": 5},
        {"assortmentId": "g1", "storeId": 5, "freeStock": 5},
    ],
)
def test_row_of_no_good_or_no_store_spoils_no_other(bad: Any) -> None:
    """It may be about any product: what is missing is not taken for sold out, and all else is read."""
    found = read(row("g2", 4), bad)
    assert found.quantities == {"B": 4}
    assert found.problems[0].place == "row 2"
    assert found.last.absent == "unknown"


def test_row_that_comes_twice_counts_once() -> None:
    """МойСклад tells a good once for each store; the same again is the same."""
    assert read(row("g1", 5), row("g1", 5)).quantities == {"A": 5}


def test_rows_that_contradict_each_other_are_unknown() -> None:
    """They are neither added up nor chosen from."""
    found = read(row("g1", 5), row("g1", 7))
    assert found.quantities == {"A": None}
    assert "told twice" in found.problems[0].message


def test_rounded_numbers_are_told_together() -> None:
    """A shop that sells by weight has a thousand of them: one problem, not a thousand."""
    found = read(row("g1", 1.5), row("g2", 2.25))
    (problem,) = found.problems
    assert "2 numbers are not whole" in problem.message
    assert "1.5 is counted as 1" in problem.message


def test_negative_numbers_are_told_together() -> None:
    """They are kept with their sign, and told: they take from the product's other warehouses."""
    found = read(row("g1", -3), row("g2", -1))
    assert found.quantities == {"A": -3, "B": -1}
    (problem,) = found.problems
    assert "2 numbers are below zero" in problem.message
    assert "'A' in 'main': -3" in problem.message


def test_row_of_an_unlisted_good_is_left_out_and_told() -> None:
    """Deleted, a series, or not to be seen by this user: no article, no product."""
    found = read(row("g1", 5), row("gone", 3), row("gone-too", 0))
    assert found.quantities == {"A": 5}
    assert "1 rows with stock" in found.problems[0].message
    assert "gone" in found.problems[0].message


def test_byte_order_mark_does_no_harm() -> None:
    """Some proxies add one."""
    body = b'\xef\xbb\xbf[{"assortmentId":"g1","storeId":"s1","freeStock":5}]\r\n'
    assert read(body=body).quantities == {"A": 5}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not an array: it is empty"),
        (b"{}", "not an array"),
        (b"5", "not an array"),
        ("<html><title>Техработы</title></html>".encode(), "a page instead of JSON: 'Техработы'"),
        (b'[{"assortmentId":"g1","storeId":"s1","freeStock":5}', "cut off"),
        (b'[{"assortmentId":"g1","storeId":"s1","fre', "cut off"),
        (b'[{"assortmentId":"g1","storeId":"s1","freeStock":5},', "cut off"),
        (b"[", "cut off"),
        (b"[5 5]", "row 1 is no JSON"),
        (b"[5,]", "row 2 is no JSON"),
        (b"[] []", "more after the end"),
        (b'[{"assortmentId":"g1"}]x', "more after the end"),
        (b"[" + b"[" * 100_000 + b"]" * 100_000 + b"]", "lists within lists"),
        ("[]".encode("utf-16"), "not UTF-8"),
    ],
)
def test_body_that_is_no_report_is_refused_as_a_whole(body: bytes, says: str) -> None:
    """Nothing of it is used, and the message says what it is."""
    with pytest.raises(UnexpectedResponseError, match=says):
        read(body=body)


def test_answer_that_repeats_the_token_is_told_without_it() -> None:
    """An answer is quoted, the secret in it is not."""
    with pytest.raises(UnexpectedResponseError) as caught:
        read(body=f'{{"token": "{TOKEN}"}}'.encode())
    assert TOKEN not in str(caught.value)


def test_body_of_a_list_that_is_none_is_refused() -> None:
    """A list without meta and rows is no list of goods."""
    told = Told([row("g1", 5)], [], [store("s1", "main")])
    for body in (b"[]", b'{"rows": []}', b'{"rows": [', b"<html>"):
        told.routes["/entity/assortment"] = httpx.Response(200, content=body)
        with pytest.raises(UnexpectedResponseError):
            told.read()
