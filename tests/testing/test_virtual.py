"""Time that jumps: what waits is passed over, what works is waited for."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from mpstock.testing import VirtualClock, run_virtual


def test_simulated_day_takes_no_time():
    """A day of sleeping passes in well under a second, and every clock of the loop has seen it."""

    async def main() -> tuple[float, datetime]:
        clock = VirtualClock(start=datetime(2026, 1, 1, tzinfo=UTC))
        await asyncio.gather(asyncio.sleep(86_400), clock.sleep(3600))
        return clock.monotonic(), clock.now()

    before = time.perf_counter()
    assert run_virtual(main) == (86_400.0, datetime(2026, 1, 2, tzinfo=UTC))
    assert time.perf_counter() - before < 1.0


def test_sleepers_wake_in_the_order_of_their_times():
    """Timers fire in order, each at its own time."""

    async def main() -> list[tuple[float, int]]:
        clock, woken = VirtualClock(), []

        async def sleeper(seconds: int) -> None:
            await clock.sleep(seconds)
            woken.append((clock.monotonic(), seconds))

        await asyncio.gather(*(sleeper(seconds) for seconds in (30, 10, 20, 0)))
        return woken

    assert run_virtual(main) == [(0, 0), (10, 10), (20, 20), (30, 30)]


def test_timeouts_are_virtual():
    """`clock.timeout` and `asyncio.timeout` cancel their body after virtual seconds."""

    async def main() -> float:
        clock = VirtualClock()
        with pytest.raises(TimeoutError):
            async with clock.timeout(300):
                await asyncio.sleep(10_000)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300):
                await clock.sleep(10_000)
        return clock.monotonic()

    assert run_virtual(main) == pytest.approx(600)


def test_thread_takes_no_virtual_time():
    """Time does not jump past work that a thread still does, and its clock is the loop's."""

    async def main() -> tuple[float, float]:
        clock = VirtualClock()
        await clock.sleep(5)
        seen: list[float] = []
        release = threading.Event()

        def work() -> None:
            release.wait(5)
            seen.append(clock.monotonic())

        async with clock.timeout(0.5):
            job = asyncio.get_running_loop().run_in_executor(None, work)
            threading.Timer(0.05, release.set).start()
            await job
        await asyncio.to_thread(work)
        return seen[0], clock.monotonic()

    assert run_virtual(main) == (5, 5)


def test_waiting_for_nothing_is_told():
    """A program in which everything waits for ever ends with an error, not with a hanging test."""

    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="everything waits"):
        run_virtual(main)


def test_time_goes_on_in_the_next_run():
    """The next process, after a crash, begins where the clock of the last one stood."""
    clock = VirtualClock()
    run_virtual(lambda: clock.sleep(100))
    assert clock.monotonic() == pytest.approx(100)

    async def main() -> float:
        await clock.sleep(20)
        return VirtualClock().monotonic()

    assert run_virtual(main, clock=clock) == pytest.approx(120)


def test_result_and_exception_come_through():
    """What `main` returns is returned, what it raises is raised."""

    async def good() -> str:
        return "done"

    async def bad() -> None:
        raise LookupError("told")

    assert run_virtual(good) == "done"
    with pytest.raises(LookupError, match="told"):
        run_virtual(bad)


def test_without_a_virtual_loop_a_sleep_passes_at_once():
    """On `asyncio.run` a sleep does not wait and moves the clock, so that no test ever sleeps."""
    clock = VirtualClock()
    start = clock.now()

    async def main() -> None:
        await clock.sleep(3600)

    before = time.perf_counter()
    asyncio.run(main())
    assert time.perf_counter() - before < 1.0
    assert clock.now() - start == timedelta(hours=1)
    clock.advance(-60)
    assert clock.monotonic() == 3540


def test_start_needs_a_zone():
    """A start without a timezone is refused where it is given."""
    with pytest.raises(ValueError, match="timezone-aware"):
        VirtualClock(start=datetime(2026, 1, 1))  # noqa: DTZ001


def test_inside_a_running_loop_it_has_a_thread_of_its_own() -> None:
    """A notebook's cell runs on a loop already: a day passes there all the same, and its errors come out."""
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))

    async def day() -> datetime:
        await clock.sleep(86_400)
        return clock.now()

    async def fails() -> None:
        raise KeyError("told")

    async def cell() -> datetime:
        with pytest.raises(KeyError, match="told"):
            run_virtual(fails, clock=clock)
        return run_virtual(day, clock=clock, threads=False)

    assert asyncio.run(cell()) == datetime(2026, 1, 2, tzinfo=UTC)
    assert clock.now() == datetime(2026, 1, 2, tzinfo=UTC)
