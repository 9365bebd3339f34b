"""The sums of shadow mode against a reckoning minute by minute, which is slow and obvious."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.ledger.shadows import Point
from mpstock.reconcile.shadow_report import Delays
from mpstock.reconcile.shadow_sums import Sums

Moves = dict[int, tuple[int, int]]
"""What a listing showed and would have shown, from which minute on."""

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = 90


def minute(number: int) -> datetime:
    return BEGIN + timedelta(minutes=number)


def point(at: int, shown: int, ours: int, *, product: int = 1, warehouse: str = "1") -> Point:
    return Point(product, f"P{product}", warehouse, minute(at), shown, ours, None, "1c")


numbers = st.integers(0, 4)
listings = st.lists(
    st.dictionaries(st.integers(0, MINUTES), st.tuples(numbers, numbers), min_size=1, max_size=6),
    min_size=1,
    max_size=3,
)


def made(moves: list[Moves]) -> list[Point]:
    return [
        point(at, *listing[at], product=product)
        for product, listing in enumerate(moves, 1)
        for at in sorted(listing)
    ]


@given(listings, st.integers(0, MINUTES))
def test_hours_add_up_as_if_each_minute_were_counted(moves: list[Moves], since: int) -> None:
    """Too many, too few and the same, from `since` on; before its first point a listing is not counted."""
    sums = Sums(minute(since), {}, {})
    sums.add(made(moves), minute(MINUTES))
    over = hidden = same = watched = 0
    for listing in moves:
        for now in range(since, MINUTES):
            if (at := max((at for at in listing if at <= now), default=None)) is None:
                continue
            shown, ours = listing[at]
            watched += 1
            over += max(shown - ours, 0)
            hidden += max(ours - shown, 0)
            same += shown == ours
    assert sums.over == pytest.approx(over / 60)
    assert sums.hidden == pytest.approx(hidden / 60)
    assert sums.same_hours == pytest.approx(same / 60)
    assert sums.hours == pytest.approx(watched / 60)
    assert sum(one.over_unit_hours for one in sums.worst(9)) == pytest.approx(over / 60)


@given(listings)
def test_each_fall_of_ours_is_followed_open_or_overtaken_once(
    moves: list[Moves],
) -> None:
    """Without sales: no fall is counted twice, and what was overtaken by a raise of ours is not counted."""
    sums = Sums(BEGIN, {}, {})
    sums.add(made(moves), minute(MINUTES))
    falls = sum(
        later[1] < before[1]
        for listing in moves
        for before, later in zip(
            [listing[at] for at in sorted(listing)], [listing[at] for at in sorted(listing)][1:], strict=False
        )
    )
    assert sums.after_stock.count <= falls
    assert sums.after_sale.count == sums.ours_after_sale.count == 0


@pytest.mark.parametrize(
    ("points", "followed", "still_open"),
    [
        ([point(0, 5, 5), point(10, 5, 3), point(40, 3, 3)], [1800.0], 0),
        ([point(0, 5, 5), point(10, 5, 3)], [], 1),
        ([point(0, 5, 5), point(10, 5, 3), point(20, 5, 6)], [], 0),  # overtaken
        ([point(0, 5, 5), point(5, 2, 5), point(10, 2, 3)], [0.0], 0),  # they were first
        ([point(0, 5, 5), point(10, 4, 3), point(20, 2, 3)], [600.0], 0),  # not far enough at first
    ],
)
def test_how_long_they_take_to_follow(points: list[Point], followed: list[float], still_open: int) -> None:
    """From the moment at which ours fell to the first at which theirs is no higher."""
    sums = Sums(BEGIN, {}, {})
    sums.add(points, minute(MINUTES))
    assert sums.after_stock == Delays.of(followed, still_open)


def test_a_sale_counts_from_the_order_and_only_where_it_explains_the_fall() -> None:
    """An order of minute 4 that we learned of at 10: they followed after 36 minutes, we after 6."""
    sums = Sums(BEGIN, {}, {1: [minute(4)]})
    sums.add([point(0, 5, 5), point(10, 5, 3), point(40, 3, 3), point(50, 3, 2), point(55, 2, 2)], minute(60))
    assert sums.after_sale == Delays.of([36 * 60.0])
    assert sums.ours_after_sale == Delays.of([6 * 60.0])
    assert sums.after_stock == Delays.of([5 * 60.0])


def test_delays_are_told_by_their_middle_and_their_end() -> None:
    """Ten delays: the fifth, the tenth of a hundred, the longest; and what has not come about."""
    told = Delays.of([float(one) for one in range(1, 11)], 2)
    assert (told.count, told.open, told.median, told.p90, told.longest) == (12, 2, 5.0, 10.0, 10.0)
    assert str(Delays.of([], 3)) == "none of 3 so far"
    assert str(Delays()) == "never needed"
    assert str(Delays.of([90.0, 7200.0])) == "median 90 s, 9 of 10 within 2:00:00, longest 2:00:00"
