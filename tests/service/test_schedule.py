"""What the service does by itself: at its times, once, after whatever has come between."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve

from mpstock.config import ScheduleSettings
from mpstock.errors import TransientError
from mpstock.inmemory import InMemorySource
from mpstock.ledger import Ledger
from mpstock.service import Service
from mpstock.testing import VirtualClock, run_virtual
from tests.service.scheduled import never, rows, shop_of, started

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 2, 12, 0, 20, tzinfo=UTC)


def minutes(found: list[tuple[str, datetime]], name: str, start: datetime) -> list[float]:
    """When that job began, in minutes after the start."""
    return [(at - start) / timedelta(minutes=1) for job, at in found if job == name]


def test_a_night_goes_by_the_default_settings(tmp_path: Path) -> None:
    """A sync every 15 minutes, a full one, a tidying and a verification at night, the orders in between."""
    start = datetime(2026, 3, 3, 1, 55, tzinfo=UTC)
    found = started(tmp_path, ScheduleSettings(orders="10m"), start, timedelta(minutes=160))
    assert minutes(found, "every", start) == [15 * n for n in range(11)]
    assert minutes(found, "orders", start) == [10 * n for n in range(16)]
    nightly = {name: f"{at:%H:%M:%S}" for name, at in found if name not in ("every", "orders")}
    assert nightly == {"full": "02:00:00", "tidy": "03:30:00", "verify": "04:30:00"}


def test_a_full_sync_takes_the_place_of_the_one_that_is_due_with_it(tmp_path: Path) -> None:
    """At two o'clock there is one run, and it is the full one."""
    start = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
    found = started(tmp_path, never(every="15m", full="02:00"), start, timedelta(hours=1))
    assert [(name, f"{at:%H:%M}") for name, at in found] == [
        ("every", "01:30"), ("every", "01:45"), ("full", "02:00"), ("every", "02:15"),
    ]  # fmt: skip


def test_what_was_missed_is_made_up_once(tmp_path: Path) -> None:
    """After days without a process each job is done once, and then goes on at its times."""
    settings = never(every="15m", full="02:00", orders="60s")
    started(tmp_path, settings, NOON, timedelta(minutes=5))
    back = datetime(2026, 3, 5, 9, 7, 7, tzinfo=UTC)
    found = started(tmp_path, settings, back, timedelta(minutes=20))
    assert minutes(found, "full", back) == [0]
    # The full one is under way when the other would be made up; its grid is that of before.
    assert [f"{at:%H:%M:%S}" for name, at in found if name == "every"] == ["09:15:20"]
    assert [f"{at:%H:%M:%S}" for name, at in found if name == "orders"][:3] == [
        "09:07:07", "09:07:20", "09:08:20",
    ]  # fmt: skip


def test_a_short_stop_changes_nothing(tmp_path: Path) -> None:
    """A process that comes back before anything is due waits for its times, and repeats nothing."""
    settings = never(every="15m", full="02:00")
    started(tmp_path, settings, NOON, timedelta(minutes=5))
    back = NOON + timedelta(minutes=6)
    assert minutes(started(tmp_path, settings, back, timedelta(minutes=10)), "every", NOON) == [15]


class _Slow(InMemorySource):
    """Takes its time, on the clock of the test."""

    def __init__(self, seconds: float) -> None:
        super().__init__({"A": 5})
        self.seconds = seconds

    async def read(self, cursor: str | None) -> Any:
        await asyncio.sleep(self.seconds)
        async for reading in super().read(cursor):
            yield reading


def test_what_is_still_running_when_it_is_due_again_is_not_queued(tmp_path: Path) -> None:
    """A run that takes 40 minutes misses what fell due meanwhile, and the next one is on the grid."""
    found = started(tmp_path, never(every="15m"), NOON, timedelta(hours=2), source=_Slow(40 * 60))
    assert minutes(found, "every", NOON) == [0, 45, 90]


def test_two_processes_do_a_job_once(tmp_path: Path) -> None:
    """Each job is done by whichever of two services takes it, and by one of them only."""
    clock = VirtualClock(NOON)
    begun: list[str] = []

    async def count(service: Service) -> None:
        with service.news.listen() as events:
            async for event in events:
                if event.kind == "job_started" and event.data["name"] == "verify":
                    begun.append(f"{event.at:%M:%S}")

    async def play() -> None:
        settings = never(verify="5m")
        async with (
            Service(shop_of(tmp_path, settings, clock)) as one,
            Service(shop_of(tmp_path, settings, clock)) as other,
        ):
            counting = [asyncio.create_task(count(one)), asyncio.create_task(count(other))]
            await asyncio.sleep(16 * 60)
            for task in counting:
                task.cancel()

    run_virtual(play, clock=clock, threads=False)
    assert begun == ["05:20", "10:20", "15:20"]


def _left_running(path: Path, *, owner: str, alive_at: datetime) -> None:
    """A full sync was begun at night by a process that is not there any more."""
    night = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    ledger = Ledger(f"sqlite:///{path / 'ledger.db'}")
    with ledger.transaction():
        ledger.timetable.put("full", "02:00 UTC", night)
        ledger.timetable.take(ledger.timetable.jobs()["full"], night + timedelta(days=1), owner, night)
        ledger.timetable.still_alive(owner, alive_at)
    ledger.close()


@pytest.mark.parametrize(
    ("silent_for", "made_up_after"),
    [(timedelta(hours=10), timedelta(0)), (timedelta(seconds=40), timedelta(seconds=150))],
)
def test_what_a_dead_process_had_begun_is_made_up(
    tmp_path: Path, silent_for: timedelta, made_up_after: timedelta
) -> None:
    """A full sync that was cut off on another machine is begun again once its process has been silent."""
    _left_running(tmp_path, owner="elsewhere:7:1.ab", alive_at=NOON - silent_for)
    ((name, at),) = started(tmp_path, never(full="02:00"), NOON, timedelta(hours=1))
    assert (name, at - NOON) == ("full", made_up_after)
    assert rows(tmp_path)["full"].due_at == datetime(2026, 3, 3, 2, 0, tzinfo=UTC)


def test_what_the_end_of_the_service_cuts_off_is_made_up(tmp_path: Path) -> None:
    """A full sync under way when the service is stopped is done when it is back."""
    start = datetime(2026, 3, 2, 1, 59, tzinfo=UTC)
    settings = never(full="02:00")
    started(tmp_path, settings, start, timedelta(minutes=2), source=_Slow(600))
    row = rows(tmp_path)["full"]
    assert (row.status, row.due_at) == ("stopped", datetime(2026, 3, 2, 2, 0, tzinfo=UTC))
    back = datetime(2026, 3, 2, 2, 3, tzinfo=UTC)
    assert minutes(started(tmp_path, settings, back, timedelta(minutes=1)), "full", back) == [0]


class _Failing(InMemorySource):
    """Cannot be read before a certain time."""

    def __init__(self, clock: VirtualClock, until: datetime) -> None:
        super().__init__({"A": 5})
        self.clock, self.until = clock, until

    async def read(self, cursor: str | None) -> Any:
        if self.clock.now() < self.until:
            raise TransientError("1C is being backed up", adapter="erp")
        async for reading in super().read(cursor):
            yield reading


def test_a_nightly_run_that_fails_is_tried_again_the_same_night(tmp_path: Path) -> None:
    """A warehouse system that is down at two is read in full when it is back, not a day later."""
    start = datetime(2026, 3, 2, 1, 59, tzinfo=UTC)
    clock = VirtualClock(start)
    source = _Failing(clock, start.replace(hour=2, minute=30))
    begun: list[str] = []

    async def play() -> None:
        async with Service(shop_of(tmp_path, never(full="02:00"), clock, source=source)) as service:
            with service.news.listen() as events:
                async for event in events:
                    if event.kind == "job_started" and event.data["name"] == "full":
                        begun.append(f"{event.at:%H:%M}")
                    if event.kind == "job_finished" and len(begun) == 4:
                        break
            await asyncio.sleep(1)

    run_virtual(play, clock=clock, threads=False)
    assert begun == ["02:00", "02:05", "02:15", "02:35"]
    row = rows(tmp_path)["full"]
    assert (row.status, row.failures, row.due_at) == ("done", 0, datetime(2026, 3, 3, 2, 0, tzinfo=UTC))


class _Set:
    """A virtual clock whose wall time somebody sets."""

    def __init__(self, start: datetime) -> None:
        self.inner = VirtualClock(start)
        self.moved = timedelta()

    def now(self) -> datetime:
        return self.inner.now() + self.moved

    def monotonic(self) -> float:
        return self.inner.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self.inner.sleep(seconds)

    def timeout(self, seconds: float | None) -> Any:
        return self.inner.timeout(seconds)


@pytest.mark.parametrize(
    ("moved", "full", "every"),
    [
        # A step back over two o'clock, a moment after: nothing is done twice.
        (timedelta(seconds=-90), 1, 4),
        # A clock that was a year ahead: all goes on within one pause, not in a year.
        (timedelta(days=-365), 1, 4),
        # And one that was a year behind: what was missed is made up once.
        (timedelta(days=365), 2, 5),
    ],
    ids=["a step", "was ahead", "was behind"],
)
def test_a_clock_that_is_set_does_no_harm(tmp_path: Path, moved: timedelta, full: int, every: int) -> None:
    """Set a minute after two o'clock; in the hour that follows nothing is left out, nothing repeated."""
    clock = _Set(datetime(2026, 3, 2, 1, 59, tzinfo=UTC))
    begun: list[str] = []

    async def play() -> None:
        async with Service(shop_of(tmp_path, never(full="02:00", every="15m"), clock)) as service:
            with service.news.listen() as events:

                async def note() -> None:
                    async for event in events:
                        if event.kind == "job_started":
                            begun.append(event.data["name"])

                noting = asyncio.create_task(note())
                await asyncio.sleep(120)
                clock.moved = moved
                await asyncio.sleep(3600)
                noting.cancel()

    run_virtual(play, clock=clock.inner, threads=False)
    assert begun.count("full") == full
    assert abs(begun.count("every") - every) <= 1


@pytest.mark.parametrize(
    ("at", "start", "expected", "following"),
    [
        # 29 March: the clock leaps from 2 to 3. What falls into the gap comes right after it, once.
        ("02:00", datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "29 01:00", "30 00:00"),
        ("02:30", datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "29 01:00", "30 00:30"),
        ("30 2 * * *", datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "29 01:00", "30 00:30"),
        # 25 October: the hour from 2 to 3 comes twice.
        ("02:00", datetime(2026, 10, 24, 23, 30, tzinfo=UTC), "25 00:00", "26 01:00"),
        ("02:30", datetime(2026, 10, 24, 23, 30, tzinfo=UTC), "25 00:30", "26 01:30"),
    ],
)
def test_a_time_of_day_comes_once_a_day_also_when_the_clocks_change(
    tmp_path: Path, at: str, start: datetime, expected: str, following: str
) -> None:
    """An hour that is left out, and one that comes twice, bring one full sync."""
    settings = evolve(never(full=at), timezone=BERLIN)
    found = started(tmp_path, settings, start, timedelta(hours=3))
    assert [f"{when:%d %H:%M}" for _, when in found] == [expected]
    assert f"{rows(tmp_path)['full'].due_at:%d %H:%M}" == following


def test_new_settings_count_from_when_it_last_ran(tmp_path: Path) -> None:
    """What recurs more often from now on is not kept waiting by what was reckoned before."""
    started(tmp_path, never(every="6h"), NOON, timedelta(minutes=5))
    back = NOON + timedelta(minutes=20)
    found = started(tmp_path, never(every="15m"), back, timedelta(minutes=16))
    assert minutes(found, "every", back) == [0, 10]
    started(tmp_path, never(verify="02:00"), back, timedelta(minutes=1))
    assert set(rows(tmp_path)) == {"verify"}


def test_without_a_schedule_nothing_is_done_by_itself(tmp_path: Path) -> None:
    """Another process has it: the ledger's rows are left alone."""
    clock = VirtualClock(NOON)

    async def play() -> None:
        async with Service(shop_of(tmp_path, never(every="1m"), clock), schedule=False) as service:
            await asyncio.sleep(600)
            assert service.scheduler is None

    run_virtual(play, clock=clock, threads=False)
    assert rows(tmp_path) == {}
