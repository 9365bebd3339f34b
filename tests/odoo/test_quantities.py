from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock_odoo.quantities import UnreadableError, ceil, floor

WHOLE = st.integers(-(10**6), 10**6)


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        (18.0, 18),
        (17.999999999996, 18),
        (18.000000000004, 18),
        (17.6, 17),
        (17.99999, 17),
        (0.999999, 0),
        (-0.000000000002, 0),
        (-2.5, -3),
        (-3.0, -3),
        (5, 5),
    ],
)
def test_dust_is_removed_and_a_real_fraction_rounded_down(told: float, counted: int) -> None:
    """17.999999999996 units are 18, and 17.6 are 17; a fraction of the finest unit is real."""
    assert floor(told) == counted


@pytest.mark.parametrize(("told", "counted"), [(2.0000000000004, 2), (2.4, 3), (1.99999999999, 2), (0.0, 0)])
def test_a_reserve_is_rounded_up_and_its_dust_removed(told: float, counted: int) -> None:
    """What is reserved in part is not to be sold at all."""
    assert ceil(told) == counted


@given(whole=WHOLE, dust=st.floats(-1e-8, 1e-8))
def test_dust_never_changes_a_whole_number(whole: int, dust: float) -> None:
    """Whatever sums of binary fractions leave behind, the number of units is the same, both ways."""
    assert floor(whole + dust) == ceil(whole + dust) == whole


@given(whole=WHOLE, part=st.floats(1e-6, 1 - 1e-6))
def test_a_fraction_is_never_rounded_up(whole: int, part: float) -> None:
    """No unit is promised that is not all there."""
    value = whole + part
    assert floor(value) == math.floor(value)
    assert ceil(value) == math.ceil(value)


@pytest.mark.parametrize("value", [True, False, None, "18", [18], math.nan, math.inf, -math.inf, 1e13])
def test_what_is_no_number_is_not_zero(value: Any) -> None:
    """Odoo says false for what is not set; Python would count it as 0."""
    for convert in (floor, ceil):
        with pytest.raises(UnreadableError):
            convert(value)
