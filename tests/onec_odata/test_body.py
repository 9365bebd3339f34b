"""The body of an answer, read in a window that moves on."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.rows import MalformedError
from mpstock_onec import odata_body
from mpstock_onec.odata_body import rows

ROW = {"Номенклатура_Key": "cbcf4968-55bc-11d9-848a-00112f43529a", "КоличествоBalance": 12}
BOM = b"\xef\xbb\xbf"

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.text(max_size=20),
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9),
)
lists = st.lists(st.dictionaries(st.text(max_size=10), values, max_size=4), max_size=12)


def body(*given_rows: Any, **more: Any) -> bytes:
    return json.dumps({"odata.metadata": "x", **more, "value": list(given_rows)}, ensure_ascii=False).encode()


@given(lists, st.integers(1, 40), st.booleans(), st.booleans())
def test_wherever_the_window_ends_the_rows_are_the_same(
    expected: list[dict[str, Any]], step: int, bom: bool, spaced: bool
) -> None:
    """Read a few bytes at a time, in the middle of letters, numbers and names, nothing is lost or changed."""
    text = json.dumps(
        {"odata.metadata": "http://база/$metadata", "odata.count": "19", "value": expected},
        ensure_ascii=False,
        indent=1 if spaced else None,
        separators=None if spaced else (",", ":"),
        default=lambda value: _Bare(value),
    )
    # Decimals are written as numbers with all their digits.
    text = _with_decimals(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(odata_body, "_STEP", step)
        found = list(rows((BOM if bom else b"") + text.encode()))
    assert found == expected


def test_a_number_is_not_cut_where_the_window_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """12 is no 1, also where its second digit has not been read yet."""
    monkeypatch.setattr(odata_body, "_STEP", 1)
    assert list(rows(b'{"odata.count": 12345, "value": [123, 45.67, -8, 1e+2]}')) == [
        123,
        Decimal("45.67"),
        -8,
        100,
    ]


class _Bare(dict[str, str]):
    """Stands for a decimal until the text is written."""

    def __init__(self, value: object) -> None:
        super().__init__({"\ue000": str(value)})


def _with_decimals(text: str) -> str:
    import re

    return re.sub(r'\{\s*"\ue000":\s*"([^"]*)"\s*\}', r"\1", text)


@given(lists.filter(bool), st.data())
def test_a_body_that_is_cut_is_never_taken_for_a_whole_one(
    expected: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Cut off anywhere, it is an error, however many rows had been read by then."""
    whole = json.dumps({"value": expected}, ensure_ascii=False, default=float).encode()
    length = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(MalformedError):
        list(rows(whole[:length]))


def test_a_cut_body_says_so() -> None:
    """The message names the row and that nothing is used."""
    whole = body(ROW, ROW, ROW)
    with pytest.raises(MalformedError, match="ends in the middle in row 3"):
        list(rows(whole[:-5]))


@pytest.mark.parametrize("marks", [BOM, BOM + BOM, b" \r\n", BOM + b"\n"])
def test_byte_order_mark_may_stand_before_any_body(marks: bytes) -> None:
    """What 1C and web servers put before the JSON is passed over."""
    assert list(rows(marks + body(ROW))) == [ROW]


def test_int64_stays_text_and_double_is_exact() -> None:
    """`Edm.Int64` comes as text, a fraction as an exact decimal."""
    (row,) = rows(b'{"value":[{"a":"12","b":0.1,"c":-3,"d":17.999999999999996}]}')
    assert row == {"a": "12", "b": Decimal("0.1"), "c": -3, "d": Decimal("17.999999999999996")}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (b"", "the body is empty"),
        (BOM, "the body is empty"),
        (b"<html><head><title>1C</title></head></html>", "a page or XML instead of JSON: '1C'"),
        (b"[1]", "an object is expected"),
        (b"{}", 'no list "value"'),
        (b'{"value": {"a": 1}}', 'no list "value"'),
        (b'{"stocks": []}', "'stocks'"),
        (b'{"value": [], "value": []}', "twice"),
        (b'{"value": []} tail', "after the end"),
        (b'{"value": [1 2]}', "a comma or"),
        (b'{"value": [{"a": 1 234,5, "b": 2}], "c": 3}', "row 1.*around"),
        ('{"value": ["Кружка"]}'.encode("windows-1251"), "not UTF-8"),
        (b'{"value": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", "lists within lists"),
    ],
)
def test_what_is_no_list_is_refused_with_a_reason(wrong: bytes, says: str) -> None:
    """Whatever else answers is an error that says what it is."""
    with pytest.raises(MalformedError, match=says):
        list(rows(wrong))


def test_a_row_without_an_end_does_not_swallow_the_memory() -> None:
    """A text that never ends is given up after a few megabytes, and not at the end of half a gigabyte."""
    endless = b'{"value":[{"a":"' + b"x" * 12_000_000
    with pytest.raises(MalformedError, match=r"row 1|in the middle"):
        list(rows(endless))


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", b"1e999999999999", b"9" * 5000])
def test_numbers_that_are_none_are_kept_as_they_stand(number: bytes) -> None:
    """One impossible number is its row's defect and breaks no other."""
    first, second = rows(b'{"value":[{"a":' + number + b'},{"a":1}]}')
    assert second == {"a": 1}
    assert first["a"] != 0
