"""When something recurs: as people write it, and the times that follow."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.config import When


@pytest.mark.parametrize(
    ("text", "when", "told"),
    [
        ("15m", When(every=timedelta(minutes=15)), "15m"),
        (90, When(every=timedelta(seconds=90)), "1m30s"),
        ("1d 2h 3m", When(every=timedelta(days=1, hours=2, minutes=3)), "1d2h3m"),
        ("02:00", When(at=time(2, 0)), "02:00"),
        (time(2, 0), When(at=time(2, 0)), "02:00"),
        (" */15  8-20 * * * ", When(cron="*/15 8-20 * * *"), "*/15 8-20 * * *"),
        ("0 9 * * MON-FRI", When(cron="0 9 * * MON-FRI"), "0 9 * * MON-FRI"),
        ("Never", When(), "never"),
    ],
)
def test_it_is_read_as_people_write_it(text: str | int | time, when: When, told: str) -> None:
    """A length of time, a time of day, a cron line or never; and it is told as it would be written."""
    assert When.of(text) == when
    assert str(when) == told
    assert When.of(str(when)) == when


def test_never_never_comes() -> None:
    """What is switched off has no next time."""
    assert When().after(datetime(2026, 1, 1, tzinfo=UTC), ZoneInfo("UTC")) is None


START = datetime(2010, 1, 1, tzinfo=UTC)
ZONES = ["Europe/Berlin", "Europe/Moscow", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kolkata"]


@given(
    start=st.integers(0, 20 * 366 * 24 * 60).map(lambda past: START + timedelta(minutes=past)),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
    at=st.times().map(lambda found: found.replace(second=0, microsecond=0)),
)
def test_a_time_of_day_comes_once_on_each_day(start: datetime, zone: ZoneInfo, at: time) -> None:
    """From any moment on, in any zone: each next time is later, on the next day, and at that time of the
    day unless the clocks leap over it.
    """
    when = When(at=at)
    times = [start]
    for _ in range(4):
        following = when.after(times[-1], zone)
        assert following is not None
        times.append(following)
    assert all(earlier < later for earlier, later in pairwise(times))
    days = [moment.astimezone(zone).date() for moment in times[1:]]
    assert days == [days[0] + timedelta(days=n) for n in range(4)]
    for moment in times[1:]:
        local = moment.astimezone(zone)
        if local.time() != at:
            meant = datetime.combine(local.date(), at, zone)
            assert meant.astimezone(UTC).astimezone(zone) != meant, "there was such a time"
            assert (
                timedelta(0) < local.replace(tzinfo=None) - meant.replace(tzinfo=None) <= timedelta(hours=1)
            )


def test_what_recurs_within_the_hour_goes_on_through_an_hour_that_comes_twice() -> None:
    """Every half hour is every half hour, whatever the clock on the wall does."""
    when, zone = When.of("*/30 * * * *"), ZoneInfo("Europe/Berlin")
    moment = datetime(2026, 10, 24, 23, 45, tzinfo=UTC)
    found = []
    for _ in range(6):
        following = when.after(moment, zone)
        assert following is not None
        found.append(f"{(moment := following):%H:%M}")
    assert found == ["00:00", "00:30", "01:00", "01:30", "02:00", "02:30"]
