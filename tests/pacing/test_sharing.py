"""The limiter's state outlives processes, crashes and clocks that are set back."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import datetime, timedelta
from typing import Any

import pytest

from mpstock import Rate
from mpstock.errors import LedgerError
from mpstock.owners import gone
from mpstock.pacing import MemoryPaceStore, Pacer
from mpstock.pacing.state import EVEN
from mpstock.testing import VirtualClock, run_virtual
from tests.pacing.servers import most_in_a_period


class Peeking(MemoryPaceStore):
    """A store that shows what it holds."""

    async def peek(self, key: str) -> dict[str, Any]:
        def look(states: list[Any]) -> tuple[list[Any], Any]:
            return states, states[0]

        return await self.update([key], look)


class Skewed(VirtualClock):
    """A clock whose wall time can be set."""

    skew = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.skew


def pacer_of(store: MemoryPaceStore, clock: VirtualClock, *rates: Rate) -> Pacer:
    pacer = Pacer(store, clock)
    pacer.declare("acc", rates)
    return pacer


def test_restart_goes_on_where_the_last_process_stopped():
    """A new process on the same store waits for what the old one has sent."""

    async def main() -> None:
        store, clock, rate = MemoryPaceStore(), VirtualClock(), Rate("s", 3, 60.0, spacing=0.0)
        old = pacer_of(store, clock, rate)
        for _ in range(3):
            await (await old.acquire("acc", ("s",))).finish(200)
        await pacer_of(store, clock, rate).acquire("acc", ("s",))
        assert clock.monotonic() >= 60.0

    run_virtual(main)


def test_request_of_a_live_process_counts_until_its_deadline():
    """A request that another process has under way keeps its place until its deadline has passed."""

    async def main() -> None:
        store, clock, rate = MemoryPaceStore(), VirtualClock(), Rate("s", 100, 1.0, parallel=1)
        other = pacer_of(store, clock, rate)
        await other.acquire("acc", ("s",), lease=40.0)
        await pacer_of(store, clock, rate).acquire("acc", ("s",))
        assert clock.monotonic() == pytest.approx(40.0, abs=1.0)

    run_virtual(main)


def test_request_of_a_dead_process_is_not_waited_for_long():
    """A place that a process took before it ended is free after seconds, not after its whole deadline."""

    async def main() -> None:
        store, clock, rate = MemoryPaceStore(), VirtualClock(), Rate("s", 100, 1.0, parallel=1)
        await pacer_of(store, clock, rate).acquire("acc", ("s",), lease=600.0)
        await pacer_of(store, clock, rate).acquire("acc", ("s",))
        assert clock.monotonic() == pytest.approx(10.0, abs=1.0)

    run_virtual(main)


def test_slot_in_flight_at_a_crash_stays_taken_a_period_longer():
    """What was under way at a crash may be admitted late: its slot is not given out at once."""

    async def main() -> None:
        store, clock, rate = MemoryPaceStore(), VirtualClock(), Rate("s", 1, 60.0)
        other = pacer_of(store, clock, rate)
        await other.acquire("acc", ("s",), lease=20.0)
        await pacer_of(store, clock, rate).acquire("acc", ("s",))
        assert clock.monotonic() == pytest.approx(80.0, abs=1.0)

    run_virtual(main)


def test_lost_first_request_does_not_hold_up_the_next_for_long():
    """Where errors are dear one goes alone after a rest; the next does not wait for its deadline."""

    async def main() -> None:
        store, clock = MemoryPaceStore(), VirtualClock()
        rate = Rate("s", 300, 60.0, spacing=0.2, burst=20, error_cost=10)
        other = pacer_of(store, clock, rate)
        await other.acquire("acc", ("s",), lease=120.0)
        await pacer_of(store, clock, rate).acquire("acc", ("s",))
        assert clock.monotonic() == pytest.approx(10.0, abs=1.0)

    run_virtual(main)


@pytest.mark.parametrize("skew", [1.5, -1.5])
def test_machines_whose_clocks_differ_a_little_keep_the_limit(skew: float):
    """Two machines on one ledger, a second and a half apart, get no refusal from a sliding window."""

    async def main() -> None:
        store, clocks, rate = MemoryPaceStore(), [VirtualClock(), Skewed()], Rate("s", 10, 60.0, spacing=0.0)
        clocks[1].skew = timedelta(seconds=skew)  # type: ignore[attr-defined]
        admitted: list[float] = []

        async def busy(clock: VirtualClock) -> None:
            pacer = pacer_of(store, clock, rate)
            while clock.monotonic() < 600:
                slot = await pacer.acquire("acc", ("s",))
                admitted.append(clock.monotonic())
                await clock.sleep(0.5)
                await slot.finish(200)

        await asyncio.gather(*(busy(clock) for clock in clocks for _ in range(3)))
        # What the clocks differ by is what a slot may be free too early.
        assert most_in_a_period(admitted, 60.0 - abs(skew)) <= 10
        assert len(admitted) >= 90

    run_virtual(main)


def test_own_process_is_alive_and_an_ended_one_is_not():
    """Whether a process still runs is asked of the system, and of other machines never assumed."""
    pacer = Pacer(MemoryPaceStore(), VirtualClock())
    name = pacer._owner
    assert not gone(name)
    host, _, rest = name.partition(":")
    ended = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    assert gone(f"{host}:{ended.stdout.decode().strip()}:0")
    assert not gone(f"another-{host}:{rest}")


def test_block_by_one_process_holds_for_the_other():
    """A 429 that one process got keeps the other from sending until the vendor's time."""

    async def main() -> None:
        store, clock, rate = MemoryPaceStore(), VirtualClock(), Rate("s", 600, 60.0)
        first, second = pacer_of(store, clock, rate), pacer_of(store, clock, rate)
        await (await first.acquire("acc", ("s",))).finish(429, {"Retry-After": "30"})
        await second.acquire("acc", ("s",))
        assert clock.monotonic() == pytest.approx(30.0, abs=0.5)

    run_virtual(main)


def test_slowness_after_a_refusal_survives_a_restart():
    """The lowered rate is stored: a restart does not win back the full one."""

    async def main() -> None:
        store, clock, rate = MemoryPaceStore(), VirtualClock(), Rate("s", 60, 60.0)
        await (await pacer_of(store, clock, rate).acquire("acc", ("s",))).finish(429, {"Retry-After": "1"})
        again = pacer_of(store, clock, rate)
        await (await again.acquire("acc", ("s",))).finish(200)
        before = clock.monotonic()
        await again.acquire("acc", ("s",))
        assert 0.98 * 1.1 - 0.05 <= clock.monotonic() - before <= 0.98 * 1.1 * EVEN + 0.05

    run_virtual(main)


def test_two_processes_take_turns():
    """Of two processes that both always have something to send, neither is starved."""

    async def main() -> None:
        store, clock, rate = MemoryPaceStore(), VirtualClock(), Rate("s", 60, 60.0)
        counts = [0, 0]

        async def busy(number: int) -> None:
            pacer = pacer_of(store, clock, rate)
            while True:
                slot = await pacer.acquire("acc", ("s",))
                counts[number] += 1
                await clock.sleep(0.1)
                await slot.finish(200)

        tasks = [asyncio.create_task(busy(number)) for number in (0, 0, 0, 1, 1, 1)]
        await clock.sleep(55.0)
        for task in tasks:
            task.cancel()
        assert min(counts) >= 0.3 * sum(counts)

    run_virtual(main)


@pytest.mark.parametrize("back", [5.0, 3600.0, 400 * 86400.0])
def test_clock_set_back_costs_a_period_at_most(back: float):
    """After the wall clock was set back nobody waits for a time that is far ahead, and nobody bursts."""

    async def main() -> None:
        store, clock, rate = MemoryPaceStore(), Skewed(), Rate("s", 5, 60.0, spacing=0.0)
        pacer = pacer_of(store, clock, rate)
        for _ in range(5):
            await (await pacer.acquire("acc", ("s",))).finish(200)
        clock.skew = -timedelta(seconds=back)
        await pacer.acquire("acc", ("s",))
        assert 60.0 <= clock.monotonic() <= 60.0 + min(back, 60.0) + 1.0

    run_virtual(main)


def test_clock_set_back_does_not_prolong_a_block():
    """A vendor's "not before" that was noted on a clock an hour ahead lasts its seconds, not an hour more."""

    async def main() -> None:
        store, clock, rate = MemoryPaceStore(), Skewed(), Rate("s", 60, 60.0)
        pacer = pacer_of(store, clock, rate)
        await (await pacer.acquire("acc", ("s",))).finish(429, {"Retry-After": "20"})
        clock.skew = -timedelta(hours=1)
        await pacer.acquire("acc", ("s",))
        assert clock.monotonic() <= 62.0

    run_virtual(main)


@pytest.mark.parametrize(
    "rubbish", [{"next": "x"}, {"log": [[1]]}, {"log": ["a"]}, {"open": [1]}, {"blocked": []}]
)
def test_state_that_cannot_be_read_counts_as_a_limit_just_used_up(rubbish: dict[str, Any]):
    """A damaged state neither stops us for good nor lets us burst: we wait one period."""

    async def main() -> None:
        store, clock, rate = MemoryPaceStore(), VirtualClock(), Rate("s", 60, 60.0)

        def damage(states: list[Any]) -> tuple[list[Any], None]:
            return [rubbish], None

        await store.update(["acc/s"], damage)
        await pacer_of(store, clock, rate).acquire("acc", ("s",))
        assert clock.monotonic() == pytest.approx(60.0, abs=1.0)

    run_virtual(main)


def test_state_is_small_and_plain():
    """A full state of 300 requests is JSON of a few kilobytes, with one entry for a request at most."""

    async def main() -> None:
        store, clock = Peeking(), VirtualClock()
        pacer = pacer_of(store, clock, Rate("s", 300, 60.0))
        for _ in range(700):
            await (await pacer.acquire("acc", ("s",))).finish(200)
        state = await store.peek("acc/s")
        assert len(state["log"]) <= 300
        assert len(json.dumps(state)) < 10_000

    run_virtual(main)


def test_state_of_a_very_large_limit_stays_small():
    """With a hundred thousand requests a minute the log holds about a thousand entries."""

    async def main() -> None:
        store, clock = Peeking(), VirtualClock()
        pacer = pacer_of(store, clock, Rate("s", 100_000, 60.0, spacing=0.0))
        for _ in range(1500):
            await (await pacer.acquire("acc", ("s",))).finish(200)
            await clock.sleep(0.02)
        state = await store.peek("acc/s")
        assert len(state["log"]) <= 1030
        assert sum(units for _, units, _ in state["log"]) >= 1450

    run_virtual(main)


class Counting(MemoryPaceStore):
    """Counts what is written, can fail, and can begin a step anew as PostgreSQL does."""

    writes = 0
    fails = 0
    twice = False

    async def update(self, keys: Any, change: Any) -> Any:
        def counted(states: list[Any]) -> Any:
            if self.twice:
                change([state and dict(state) for state in states])
            after, result = change(states)
            if self.fails:
                self.fails -= 1
                raise LedgerError("the ledger is busy")
            self.writes += sum(new is not old for new, old in zip(after, states, strict=True))
            return after, result

        return await super().update(keys, counted)


async def free(pacer: Pacer) -> int:
    """Return how many places are left, as this pacer sees it."""
    [budget] = await pacer.budgets()
    return budget.free


def test_an_answer_is_written_with_the_next_place():
    """A request costs one write, and a look that gives out no place hands the state back untouched."""

    async def main() -> None:
        store, clock = Counting(), VirtualClock()
        pacer = pacer_of(store, clock, Rate("s", 600, 60.0, spacing=0.0))
        for _ in range(10):
            await (await pacer.acquire("acc", ("s",))).finish(200)
        assert store.writes == 10
        await pacer.aclose()
        assert store.writes == 11

    run_virtual(main)


def test_the_last_answer_is_written_soon():
    """Nobody asks for another place: after a second other processes know of the answer all the same."""

    async def main() -> None:
        store, clock = Counting(), VirtualClock()
        rate = Rate("s", 10, 60.0, parallel=1)
        first, second = pacer_of(store, clock, rate), pacer_of(store, clock, rate)
        await (await first.acquire("acc", ("s",))).finish(200)
        began = clock.monotonic()
        await (await second.acquire("acc", ("s",))).finish(200)
        # By the spacing alone, for the one place that may be under way is free long before.
        assert clock.monotonic() - began == pytest.approx(6.0, abs=0.5)

    run_virtual(main)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (429, {}),
        (503, {}),
        (409, {}),
        (None, {}),
        (200, {"Retry-After": "30"}),
        (200, {"X-Ratelimit-Remaining": "0"}),
    ],
)
def test_what_slows_down_is_written_at_once(status: int | None, headers: dict[str, str]):
    """An error, no answer at all, or a hint to wait: every other process has to know before it sends."""

    async def main() -> None:
        store, clock = Counting(), VirtualClock()
        pacer = pacer_of(store, clock, Rate("s", 10, 60.0, error_cost=3))
        await (await pacer.acquire("acc", ("s",))).finish(status, headers)
        assert store.writes == 2

    run_virtual(main)


def test_an_answer_survives_a_ledger_that_fails():
    """What could not be written waits on and is written with what comes next, once."""

    async def main() -> None:
        store, clock = Counting(), VirtualClock()
        pacer = pacer_of(store, clock, Rate("s", 10, 60.0))
        slot = await pacer.acquire("acc", ("s",))
        store.fails = 1
        with pytest.raises(LedgerError):
            await slot.finish(503)
        store.fails = 1
        with pytest.raises(LedgerError):
            await pacer.acquire("acc", ("s",))
        assert await free(pacer) == 9
        await clock.sleep(50.0)
        assert await free(pacer) == 9
        await clock.sleep(11.0)
        assert await free(pacer) == 10

    run_virtual(main)


def test_a_step_that_begins_anew_books_an_answer_once():
    """PostgreSQL may have a step done again from its beginning: the same answers, and none twice."""

    async def main() -> None:
        store, clock = Counting(), VirtualClock()
        store.twice = True
        pacer = pacer_of(store, clock, Rate("s", 10, 60.0))
        await (await pacer.acquire("acc", ("s",))).finish(200)
        await (await pacer.acquire("acc", ("s",))).finish(200)
        await pacer.aclose()
        assert await free(pacer) == 8

    run_virtual(main)


def test_answers_of_other_scopes_are_written_too():
    """The next place is of another scope of the account: what waits for its own is not left behind."""

    async def main() -> None:
        store, clock = Counting(), VirtualClock()
        pacer = pacer_of(store, clock, Rate("s", 10, 60.0), Rate("t", 10, 60.0))
        await (await pacer.acquire("acc", ("s",))).finish(200)
        await pacer.acquire("acc", ("t",))
        assert store.writes == 3
        await pacer.aclose()
        assert store.writes == 3

    run_virtual(main)
