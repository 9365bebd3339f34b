from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.simulation import RateModel, RateWindow

MODELS: list[RateModel] = ["fixed", "sliding", "leaky"]
each_model = pytest.mark.parametrize("model", MODELS)


def admitted(window: RateWindow, times: list[float]) -> list[float]:
    return [at for at in times if window.admit(at) == 0.0]


def test_fixed_window_admits_a_double_burst_over_its_edge() -> None:
    """A fixed window begins at multiples of its period: two full loads may stand side by side at the edge."""
    window = RateWindow("fixed", 3, 60.0)
    assert len(admitted(window, [59.0] * 5)) == 3
    assert len(admitted(window, [60.0] * 5)) == 3


def test_fixed_window_tells_the_time_to_its_end() -> None:
    """Who is refused is told to wait for the next window, not for a whole period."""
    window = RateWindow("fixed", 1, 60.0)
    assert window.admit(130.0) == 0.0
    assert window.admit(140.0) == pytest.approx(40.0)


def test_sliding_window_counts_over_the_edge() -> None:
    """A sliding window never admits more than its number in any period."""
    window = RateWindow("sliding", 3, 60.0)
    assert len(admitted(window, [59.0] * 5)) == 3
    assert len(admitted(window, [60.0, 118.9])) == 0
    assert window.admit(118.9) == pytest.approx(0.1)
    assert len(admitted(window, [119.0] * 5)) == 3


def test_leaky_bucket_admits_its_burst_and_then_its_pace() -> None:
    """300 a minute with a burst of 20: twenty back to back, then one each 200 ms (Wildberries' limits)."""
    window = RateWindow("leaky", 300, 60.0, burst=20)
    assert len(admitted(window, [5.0] * 30)) == 20
    assert window.admit(5.0) == pytest.approx(0.2)
    assert window.admit(5.2) == 0.0
    assert window.admit(5.3) == pytest.approx(0.1)


def test_leaky_bucket_without_a_burst_takes_a_fifteenth() -> None:
    """The default burst is that of the servers that were seen: requests / 15."""
    assert RateWindow("leaky", 300, 60.0).capacity == 20
    assert RateWindow("leaky", 3, 30.0).capacity == 1


@pytest.mark.parametrize(("counted", "waits"), [(False, 30.0), (True, 60.0)])
def test_refused_requests_count_only_where_told(counted: bool, waits: float) -> None:
    """On a server that counts refused requests, hammering prolongs the wait."""
    window = RateWindow("sliding", 1, 60.0, count_refused=counted)
    assert window.admit(0.0) == 0.0
    assert window.admit(30.0) == pytest.approx(30.0)
    assert window.admit(30.0) == pytest.approx(waits)


@each_model
def test_a_charge_after_the_fact_holds_back_what_follows(model: RateModel) -> None:
    """An error that counts as ten requests takes nine places more from those who come next."""
    window = RateWindow(model, 20, 60.0, burst=20)
    assert window.admit(0.0) == 0.0
    assert window.remaining(0.0) == 19
    window.charge(0.0, 9)
    assert window.remaining(0.0) == 10
    window.charge(0.0, 100)
    assert window.admit(0.0) > 0.0


@each_model
def test_what_never_fits_waits_for_ever(model: RateModel) -> None:
    """A request that costs more than the whole limit is told infinity, not a wait that would not help."""
    assert RateWindow(model, 5, 60.0, burst=5).admit(0.0, 6) == math.inf


@each_model
def test_the_rest_is_whole_again_after_the_reset(model: RateModel) -> None:
    """`reset` says when the whole capacity is back."""
    window = RateWindow(model, 4, 8.0, burst=4)
    for _ in range(4):
        assert window.admit(3.0) == 0.0
    assert window.remaining(3.0) == 0
    later = 3.0 + window.reset(3.0)
    assert window.remaining(later) == 4
    assert window.reset(later) == 0.0


@pytest.mark.parametrize(("requests", "period", "burst"), [(0, 60.0, None), (1, 0.0, None), (1, 60.0, 0)])
def test_impossible_limits_are_refused(requests: int, period: float, burst: int | None) -> None:
    """A limit that admits nothing is a mistake of the caller, said at once."""
    with pytest.raises(ValueError, match="at least 1"):
        RateWindow("sliding", requests, period, burst)


def test_unknown_model_is_named() -> None:
    """A misspelt model is refused with the ones that there are."""
    with pytest.raises(ValueError, match=r"'slidding'.*fixed, sliding, leaky"):
        RateWindow("slidding", 1, 1.0)  # type: ignore[arg-type]


@given(
    model=st.sampled_from(MODELS),
    requests=st.integers(1, 50),
    period=st.floats(0.5, 3600.0),
    burst=st.integers(1, 20),
    gaps=st.lists(st.floats(0.0, 100.0), max_size=60),
)
def test_who_waits_as_long_as_told_is_admitted(
    model: RateModel, requests: int, period: float, burst: int, gaps: list[float]
) -> None:
    """On no model, at no time, is a client that obeys the wait refused again."""
    window = RateWindow(model, requests, period, burst)
    now = 1e6
    for gap in gaps:
        now += gap
        wait = window.admit(now)
        if wait > 0:
            now += wait
            assert window.admit(now) == 0.0


@given(
    requests=st.integers(1, 20),
    period=st.floats(1.0, 100.0),
    gaps=st.lists(st.floats(0.0, 20.0), max_size=100),
)
def test_no_period_ever_holds_more_than_the_sliding_limit(
    requests: int, period: float, gaps: list[float]
) -> None:
    """However requests come, any period holds at most `requests` admitted ones."""
    window = RateWindow("sliding", requests, period)
    now, taken = 0.0, []
    for gap in gaps:
        now += gap
        if window.admit(now) == 0.0:
            taken.append(now)
    for first, last in zip(taken, taken[requests:], strict=False):
        assert last - first >= period - 1e-3
