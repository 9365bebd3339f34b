"""The quiet hours, on the seller's clock: over midnight, within a day, and when the clock is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.config import AlertSettings

MOSCOW, BERLIN = ZoneInfo("Europe/Moscow"), ZoneInfo("Europe/Berlin")


def _until(quiet: str, hour: int, minute: int = 0, zone: ZoneInfo = MOSCOW) -> str | None:
    now = datetime(2026, 11, 26, hour, minute, tzinfo=zone)
    end = AlertSettings(quiet=quiet).quiet_until(now.astimezone(UTC), zone)
    return None if end is None else f"{end.astimezone(zone):%d %H:%M}"


def test_over_midnight() -> None:
    """They begin with their first minute and end with their last."""
    quiet = "22:00-08:00"
    assert [_until(quiet, 21, 59), _until(quiet, 8)] == [None, None]
    assert [_until(quiet, 22), _until(quiet, 0), _until(quiet, 7, 59)] == ["27 08:00", "26 08:00", "26 08:00"]


def test_within_a_day() -> None:
    """A nap after lunch."""
    assert [_until("13:00-14:30", 12, 59), _until("13:00-14:30", 13), _until("13:00-14:30", 14, 30)] == [
        None, "26 14:30", None
    ]  # fmt: skip


def test_never() -> None:
    """Without the setting nobody is spared."""
    assert _until("", 3) is None


def test_when_the_clock_is_changed() -> None:
    """The night of the change is an hour longer or shorter; the end is eight by the clock on the wall."""
    settings = AlertSettings(quiet="22:00-08:00")
    autumn, spring = datetime(2026, 10, 24, 23, tzinfo=BERLIN), datetime(2026, 3, 28, 23, tzinfo=BERLIN)
    for day, utc in ((autumn, 7), (spring, 6)):
        end = settings.quiet_until(day.astimezone(UTC), BERLIN)
        assert end is not None
        assert (end.hour, end.astimezone(BERLIN).hour) == (utc, 8)


@given(st.integers(0, 365 * 24 * 60), st.sampled_from(["22:00-08:00", "01:30-02:30"]))
def test_their_end_is_ahead_and_outside_of_them(minutes: int, quiet: str) -> None:
    """Whatever the moment: what waits for their end is not put off by them once more."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    settings = AlertSettings(quiet=quiet)
    end = settings.quiet_until(now, BERLIN)
    if end is not None:
        assert end > now
        assert settings.quiet_until(end, BERLIN) is None


@pytest.mark.parametrize("quiet", ["22-8", "25:00-08:00", "22:00", "08:00-08:00", "22:00-08:60"])
def test_what_is_no_pair_of_times_is_refused(quiet: str) -> None:
    """With how to write it."""
    with pytest.raises(ValueError, match='two times of day such as "22:00-08:00"'):
        AlertSettings(quiet=quiet)
