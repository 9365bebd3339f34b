from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.buffers import POLICIES, All, FixedShare, Standard, Threshold

amounts = st.integers(0, 10**6)
caps = st.none() | amounts
percents = st.decimals(0, 100, places=3)
policies = st.one_of(
    st.builds(Standard, absolute=amounts, percent=percents, cap=caps),
    st.builds(All, cap=caps),
    st.builds(FixedShare, percent=percents, cap=caps),
    st.builds(Threshold, minimum=amounts, cap=caps),
)
stock = st.integers(-(10**6), 10**9)


@pytest.mark.parametrize(
    ("policy", "available", "shown"),
    [
        (Standard(), 10, 8),
        (Standard(), 2, 0),
        (Standard(), 1, 0),
        (Standard(), 0, 0),
        (Standard(), -3, 0),
        (Standard(absolute=0), 5, 5),
        (Standard(absolute=2, percent=10), 20, 18),
        (Standard(absolute=2, percent=10), 21, 18),
        (Standard(absolute=2, percent=10), 100, 90),
        (Standard(absolute=2, percent=10, cap=100), 500, 100),
        (Standard(absolute=0, percent=Decimal("12.5")), 8, 7),
        (Standard(absolute=0, percent=Decimal("12.5")), 9, 7),
        (Standard(absolute=0, percent=100), 7, 0),
        (All(), 7, 7),
        (All(), -7, 0),
        (All(cap=0), 7, 0),
        (FixedShare(percent=50), 7, 3),
        (FixedShare(percent=100), 7, 7),
        (FixedShare(percent=50), -7, 0),
        (FixedShare(percent=Decimal("33.4"), cap=1), 9, 1),
        (Threshold(minimum=5), 4, 0),
        (Threshold(minimum=5), 5, 5),
        (Threshold(minimum=5, cap=3), 9, 3),
        (Threshold(minimum=0), -1, 0),
    ],
)
def test_a_policy_shows(policy: Any, available: int, shown: int) -> None:
    """The numbers of the documents, and those at their edges."""
    assert policy.advertise(available) == shown


@given(policies, stock)
def test_never_more_than_is_available(policy: Any, available: int) -> None:
    """0 ≤ result ≤ max(available, 0), a plain integer, and at most the cap."""
    shown = policy.advertise(available)
    assert type(shown) is int
    assert 0 <= shown <= max(available, 0)
    assert policy.cap is None or shown <= policy.cap


@given(policies, stock, amounts)
def test_never_more_for_less(policy: Any, available: int, more: int) -> None:
    """Monotone: a larger stock never shows less."""
    assert policy.advertise(available) <= policy.advertise(available + more)


@given(amounts, percents, amounts)
def test_standard_is_exact(absolute: int, percent: Decimal, available: int) -> None:
    """What is kept back is max(absolute, ceil(available · percent / 100)) in exact arithmetic."""
    part = int((available * percent / 100).to_integral_value(ROUND_CEILING))
    expected = max(available - max(absolute, part), 0)
    assert Standard(absolute=absolute, percent=percent).advertise(available) == expected


@given(percents, amounts)
def test_fixed_share_is_exact(percent: Decimal, available: int) -> None:
    """What is shown is floor(available · percent / 100) in exact arithmetic."""
    expected = int((available * percent / 100).to_integral_value(ROUND_FLOOR))
    assert FixedShare(percent=percent).advertise(available) == expected


def test_a_percentage_from_a_float_is_what_was_written() -> None:
    """0.7 % of 1,000 is 7 and not the 8 that the binary fraction rounds up to."""
    assert Standard(absolute=0, percent=0.7).advertise(1000) == 993


@pytest.mark.parametrize("policy", [Standard, All])
@pytest.mark.parametrize("cap", [-1, 1.5, True, "5"])
def test_a_cap_is_a_whole_number_of_units(policy: Any, cap: Any) -> None:
    """Neither negative, nor a fraction, nor yes or no."""
    with pytest.raises(ValueError, match="cap must be a whole number"):
        policy(cap=cap)


@pytest.mark.parametrize("percent", [-1, 100.5, True, "x", Decimal("NaN"), Decimal("Infinity")])
def test_a_percentage_is_from_0_to_100(percent: Any) -> None:
    """Outside of that, and what is no number, is refused."""
    with pytest.raises(ValueError, match="percent must be from 0 to 100"):
        Standard(percent=percent)
    with pytest.raises(ValueError, match="percent must be from 0 to 100"):
        FixedShare(percent=percent)


def test_every_policy_has_a_cap_and_builds_itself_from_its_settings() -> None:
    """The descriptors' settings classes are the policies."""
    for spec in POLICIES:
        needed = {"fixed_share": {"percent": 50}, "threshold": {"minimum": 1}}.get(spec.name, {})
        settings = spec.settings(**needed, cap=3)
        assert spec.factory(settings).advertise(100) == 3
