"""Whatever arrives when, takes how long and counts for how much: never more than the limit in any period."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from mpstock import Rate
from mpstock.pacing import MemoryPaceStore, Pacer
from mpstock.testing import VirtualClock, run_virtual
from tests.pacing.servers import most_in_a_period

seconds = st.floats(min_value=0.0, max_value=30.0, allow_nan=False)
trips = st.tuples(st.floats(0.0, 8.0), st.floats(0.0, 1.0))
requests = st.lists(
    st.tuples(seconds, trips, st.sampled_from([200, 200, 200, 409, 429, None])), min_size=1, max_size=40
)
rates = st.builds(
    Rate,
    scope=st.just("s"),
    requests=st.integers(1, 12),
    period=st.sampled_from([1.0, 10.0, 60.0]),
    spacing=st.sampled_from([None, 0.0]),
    burst=st.sampled_from([1, 4, 20]),
    error_cost=st.sampled_from([1, 10]),
    parallel=st.sampled_from([None, 1, 3]),
)


@given(rates, requests, st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_never_more_than_the_limit_in_any_period(rate: Rate, arrivals: list, processes: int):
    """No window of one period sees more admissions than the limit, wherever in flight they happen."""
    admitted: list[float] = []
    most_under_way = under_way = 0

    async def main() -> None:
        clock, store = VirtualClock(), MemoryPaceStore()
        pacers = [Pacer(store, clock) for _ in range(processes)]
        for pacer in pacers:
            pacer.declare("acc", [rate])

        async def one(number: int, arrival: float, trip: tuple[float, float], status: int | None) -> None:
            nonlocal most_under_way, under_way
            await clock.sleep(arrival)
            slot = await pacers[number % processes].acquire("acc", ("s",), lease=60.0)
            under_way += 1
            most_under_way = max(most_under_way, under_way)
            length, share = trip
            await clock.sleep(length * share)
            admitted.append(clock.monotonic())
            await clock.sleep(length * (1 - share))
            under_way -= 1
            await slot.finish(status)

        await asyncio.gather(*(one(number, *arrival) for number, arrival in enumerate(arrivals)))

    run_virtual(main)
    assert len(admitted) == len(arrivals)
    assert most_in_a_period(admitted, rate.period) <= rate.requests
    assert rate.parallel is None or most_under_way <= rate.parallel


@given(
    st.lists(st.tuples(seconds, st.integers(1, 100), st.floats(0.0, 5.0)), min_size=1, max_size=30),
    st.sampled_from([100, 150, 1000]),
)
@settings(max_examples=60, deadline=None)
def test_never_more_items_than_the_limit_in_any_period(arrivals: list, limit: int):
    """No window of one period sees more items than the limit."""
    admitted: list[tuple[float, int]] = []

    async def main() -> None:
        clock = VirtualClock()
        pacer = Pacer(MemoryPaceStore(), clock)
        pacer.declare("acc", [Rate("s", 1000, 60.0, items=limit)])

        async def one(arrival: float, items: int, trip: float) -> None:
            await clock.sleep(arrival)
            slot = await pacer.acquire("acc", ("s",), items=items)
            admitted.append((clock.monotonic(), items))
            await clock.sleep(trip)
            await slot.finish(200)

        await asyncio.gather(*(one(*arrival) for arrival in arrivals))

    run_virtual(main)
    for start, _ in admitted:
        assert sum(items for at, items in admitted if start <= at < start + 60.0) <= limit
