from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.config import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200),
        ("15m", 900),
        ("60s", 60),
        ("1d", 86400),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        (" 2H ", 7200),
        ("0s", 0),
        ("1.5h", 5400),
        ("2w", 1209600),
        (90, 90),
        (Decimal("0.5"), 0.5),
    ],
)
def test_a_length_of_time_is_read(text: str | int, seconds: float) -> None:
    """Units and plain seconds are understood as a person means them."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "h", "15", "15 minutes", "-1h", "1m1m", "30m1h", "1x", "١h", True, -5, float("nan"), "1e3s"]
)
def test_what_is_no_length_of_time_is_refused_with_the_mend(text: str) -> None:
    """A text without a unit, a negative one, one unit twice: refused, and told how to write it."""
    with pytest.raises(ValueError, match="such as"):
        parse_duration(text)


def test_a_length_beyond_all_bounds_is_refused() -> None:
    """A length that no clock could count is an error of its own, no crash."""
    with pytest.raises(ValueError, match="too long"):
        parse_duration("99999999999999d")


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
def test_a_length_is_read_as_it_is_written(length: timedelta) -> None:
    """What is formatted is parsed to the same length, to the microsecond."""
    assert parse_duration(format_duration(length)) == length
