"""When tasks are due: spread over their interval, at the same moments for ever, whoever reckons."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpstock.config import ScheduleSettings
from mpstock.fleet.timetable import TASKS, Recurring, next_time, offset, recurring, uncovered

NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
moments = st.integers(1_700_000_000, 1_900_000_000).map(lambda at: datetime.fromtimestamp(at + 0.5, UTC))
names = st.text("abcdefgh", min_size=1, max_size=8)


def test_ten_thousand_tenants_are_spread_over_the_interval() -> None:
    """No herd at :00 and :15: in no second of a quarter of an hour begin more than a handful of runs."""
    seconds = Counter(
        int(offset(f"shop-{number}", "pull", timedelta(minutes=15)).total_seconds())
        for number in range(10_000)
    )
    assert len(seconds) == 900
    assert max(seconds.values()) < 11_000 / 900 * 2.5


@given(names, moments, st.integers(1, 100_000))
def test_a_length_of_time_lies_on_a_grid_of_the_tenant_s_own(
    tenant: str, moment: datetime, seconds: int
) -> None:
    """The next time is later than now, within one interval, and followed by one that is an interval later."""
    every = timedelta(seconds=seconds)
    recurs = f"{seconds}s"
    first = next_time(tenant, "pull", recurs, "UTC", timedelta(0), moment)
    assert first is not None
    assert moment < first <= moment + every
    again = next_time(tenant, "pull", recurs, "UTC", timedelta(0), first)
    assert again == first + every
    # Asked at any other moment before it, the answer is the same: a restart moves nothing.
    assert next_time(tenant, "pull", recurs, "UTC", timedelta(0), first - timedelta(microseconds=1)) == first


@given(names, moments)
def test_a_time_of_day_comes_within_the_spread_after_it(tenant: str, moment: datetime) -> None:
    """Each night, in the tenant's zone, at its own moment between 02:00 and 04:00; once in a night."""
    zone, spread = ZoneInfo("Asia/Yekaterinburg"), timedelta(hours=2)
    first = next_time(tenant, "full", "02:00", zone.key, spread, moment)
    assert first is not None
    assert first > moment
    assert 2 <= first.astimezone(zone).hour < 4
    again = next_time(tenant, "full", "02:00", zone.key, spread, first)
    assert again == first + timedelta(days=1)


def test_a_cron_line_and_never_are_kept() -> None:
    """Other ways to say when work as in any shop; what does not recur has no next time."""
    line = next_time("a", "pull", "*/15 8-20 * * *", "Europe/Moscow", timedelta(0), NOON)
    assert line == NOON + timedelta(minutes=15)
    assert next_time("a", "push", "", "UTC", timedelta(0), NOON) is None


def test_the_schedule_of_a_tenant_becomes_its_tasks() -> None:
    """Each key of `[schedule]` is a task; what never comes is none."""
    schedule = ScheduleSettings(every="10m", full="never", orders="2m", verify="05:00", tidy="never")
    assert recurring(schedule) == [
        Recurring("orders", "2m", "UTC"),
        Recurring("pull", "10m", "UTC"),
        Recurring("verify", "05:00", "UTC"),
    ]


@pytest.mark.parametrize(
    ("due", "apart"),
    [
        (["orders", "pull", "full"], {"full"}),
        (["orders", "push"], {"orders"}),
        (["verify", "pull"], {"verify", "pull"}),
        (TASKS, {"full", "verify", "tidy"}),
    ],
)
def test_what_comes_along_with_another_is_not_done_apart(due: list[str], apart: set[str]) -> None:
    """A full run reads the orders and pushes; with a verification nothing comes along."""
    assert uncovered(due) == apart
