"""A trouble from look to look: told once, when it is worse, as a reminder, when it is over; damped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from mpstock.alerts.following import Manner, follow
from mpstock.alerts.found import Found
from mpstock.ledger.troubles import Severity, Trouble

START = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BAD = Found("drift:wb", "warning")
WORSE = Found("drift:wb", "critical")


def _told(looks: list[tuple[float, Found | None]], manner: Manner | None = None) -> list[tuple[float, str]]:
    """Look at these minutes; returns (minute, what people were told)."""
    kept: Trouble | None = None
    told: list[tuple[float, str]] = []
    for minute, found in looks:
        kept, state = follow(kept, found, START + minute * MINUTE, manner or Manner())
        if state is not None:
            told.append((minute, state))
    return told


def test_it_is_told_once_and_again_when_it_is_over() -> None:
    """However often it is seen in between."""
    assert _told([(0, BAD), (1, BAD), (2, BAD), (3, None), (4, None)]) == [(0, "new"), (3, "recovered")]


def test_it_is_told_again_when_it_becomes_critical_and_not_when_it_is_less() -> None:
    """Up is news, down is none, up once more has been told."""
    assert _told([(0, BAD), (1, WORSE), (2, BAD), (3, WORSE)]) == [(0, "new"), (1, "worse")]


def test_it_is_told_again_when_there_is_twice_as_much_of_it() -> None:
    """Each doubling is news, counted from what was told and not from what it fell to."""
    sizes = [1, 2, 3, 4, 1, 7, 8]
    looks: list[tuple[float, Found | None]] = [
        (minute, evolve(BAD, size=size)) for minute, size in enumerate(sizes)
    ]
    assert _told(looks) == [(0, "new"), (1, "worse"), (3, "worse"), (6, "worse")]


def test_people_are_reminded() -> None:
    """After the time that the settings say, and again after as long."""
    looks: list[tuple[float, Found | None]] = [(minute, BAD) for minute in range(0, 130, 10)]
    assert _told(looks, Manner(remind=timedelta(hours=1))) == [
        (0, "new"), (60, "reminder"), (120, "reminder")
    ]  # fmt: skip


def test_below_the_severity_nothing_is_told() -> None:
    """Neither that it is there nor that it is over; when it becomes critical it is new to them."""
    manner = Manner("critical")
    assert _told([(0, BAD), (1, None)], manner) == []
    assert _told([(0, BAD), (1, WORSE), (2, None)], manner) == [(1, "new"), (2, "recovered")]


def _silenced(*looks: tuple[float, Found | None]) -> list[tuple[float, str]]:
    kept, _ = follow(None, BAD, START, Manner())
    assert kept is not None
    kept = evolve(kept, silenced_until=START + 60 * MINUTE, silenced_by="ann")
    told: list[tuple[float, str]] = []
    for minute, found in looks:
        kept, state = follow(kept, found, START + minute * MINUTE, Manner(remind=10 * MINUTE))
        if state is not None:
            told.append((minute, state))
    return told


def test_a_silenced_trouble_is_told_when_it_becomes_critical() -> None:
    """No reminder and no recovery; but what was silenced as a warning is not silent as a critical one."""
    assert _silenced((30, BAD), (40, None)) == []
    assert _silenced((30, WORSE)) == [(30, "worse")]
    assert _silenced((30, BAD), (60, BAD)) == [(60, "reminder")]


def test_silence_outlives_a_recovery() -> None:
    """What comes back while it is silenced is not told, and is told when the silence is over."""
    assert _silenced((10, None), (20, BAD), (59, BAD), (60, BAD)) == [(60, "new")]


def test_what_flickers_has_to_be_away_for_longer_each_time() -> None:
    """Back after a moment it is new once; then five minutes, ten, twenty have to pass before it is over."""
    looks: list[tuple[float, Found | None]] = [
        (0, BAD), (1, None), (2, BAD), (3, None), (7, None), (8, None), (9, BAD), (10, None), (19, None),
        (20, None),
    ]  # fmt: skip
    assert _told(looks) == [
        (0, "new"), (1, "recovered"), (2, "new"), (8, "recovered"), (9, "new"), (20, "recovered")
    ]  # fmt: skip


def test_what_comes_back_after_a_day_is_a_new_trouble() -> None:
    """It is over at once again when it is away."""
    looks: list[tuple[float, Found | None]] = [
        (0, BAD),
        (1, None),
        (2, BAD),
        (10, None),
        (15, None),
        (1500, BAD),
        (1501, None),
    ]
    assert _told(looks)[-2:] == [(1500, "new"), (1501, "recovered")]


def test_what_only_happens_is_told_once_a_day_and_its_end_never() -> None:
    """Nobody can look whether it still stands: it leaves the list when it was not met for a day."""
    happened = Found("sink_renamed:a:b", "warning")
    assert _told([(0, happened), (1, None), (2, happened), (1442, None), (1443, None)]) == [(0, "new")]
    kept, _ = follow(None, happened, START, Manner())
    for minute, stands in ((1439, True), (1440, False)):
        after, state = follow(kept, None, START + minute * MINUTE, Manner())
        assert after is not None
        assert (after.stands, state) == (stands, None)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 300),
            st.sampled_from(["warning", "critical", None]),
            st.integers(1, 40),
        ),
        min_size=1,
        max_size=120,
    )
)
def test_whatever_its_rhythm_it_is_told_and_not_too_often(
    steps: list[tuple[int, Severity | None, int]],
) -> None:
    """New and over take turns, nothing that stands goes untold, and no day has more than a few of either."""
    kept: Trouble | None = None
    now = START
    told: list[tuple[datetime, str]] = []
    for minutes, severity, size in steps:
        now += minutes * MINUTE
        one = None if severity is None else Found("drift:wb", severity, size=size)
        kept, state = follow(kept, one, now, Manner())
        if state is not None:
            told.append((now, state))
        assert kept is None or not kept.stands or kept.told_at is not None
        assert one is None or (kept is not None and kept.stands and kept.severity == severity)
    turns = [state for _, state in told if state in ("new", "recovered")]
    assert turns == [("new", "recovered")[number % 2] for number in range(len(turns))]
    for moment, _ in told:
        day = [state for at, state in told if moment <= at < moment + timedelta(days=1)]
        assert day.count("new") <= 12
        assert day.count("reminder") <= 1


@settings(max_examples=12, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200))
def test_a_steady_flicker_is_told_a_few_times_in_three_days(there: int, away: int) -> None:
    """So many minutes there and so many away, make some ten messages a day and no flood."""
    told, kept = 0, None
    for minute in range(3 * 24 * 60):
        one = BAD if minute % (there + away) < there else None
        kept, state = follow(kept, one, START + minute * MINUTE, Manner())
        told += state is not None
    assert told <= 30
