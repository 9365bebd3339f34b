"""What one process may send when: order, bursts, costs, headers, and places that are given back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest

from mpstock import Rate
from mpstock.errors import PluginContractError, TransientError
from mpstock.pacing import MemoryPaceStore, Pacer
from mpstock.pacing.state import EVEN
from mpstock.testing import VirtualClock, run_virtual


def paced(*rates: Rate, check: Callable[[Pacer, VirtualClock], Awaitable[Any]]) -> Any:
    """Run `check` with a pacer of the account "acc" on a virtual clock."""

    async def main() -> Any:
        clock = VirtualClock()
        pacer = Pacer(MemoryPaceStore(), clock)
        pacer.declare("acc", rates)
        return await check(pacer, clock)

    return run_virtual(main)


async def send(pacer: Pacer, clock: VirtualClock, *scopes: str, status: int = 200, **more: Any) -> float:
    """One request with an instant answer; return when it went."""
    slot = await pacer.acquire("acc", scopes or ("s",), items=more.pop("items", 1))
    went = clock.monotonic()
    await slot.finish(status, more.pop("headers", None))
    return went


def test_first_request_does_not_wait():
    """After a rest a request goes at once."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        return await send(pacer, clock)

    assert paced(Rate("s", 80, 60.0), check=check) == pytest.approx(0, abs=0.001)


def test_no_more_than_the_limit_in_a_period_counted_from_the_answers():
    """The request after the last of `requests` waits until a period after the first one's answer."""

    async def check(pacer: Pacer, clock: VirtualClock) -> tuple[float, float]:
        slots = [await pacer.acquire("acc", ("s",)) for _ in range(3)]
        await clock.sleep(2.0)
        answered = clock.monotonic()
        for slot in slots:
            await slot.finish(200)
        return answered, await send(pacer, clock)

    answered, went = paced(Rate("s", 3, 10.0, spacing=0.0), check=check)
    assert went == pytest.approx(answered + 10.0, abs=0.1)
    assert went >= answered + 10.0


def test_spacing_follows_the_plan_and_does_not_drift():
    """Sends lie one spacing apart, however late the single one is."""

    async def check(pacer: Pacer, clock: VirtualClock) -> list[float]:
        return [await send(pacer, clock) for _ in range(50)]

    stamps = paced(Rate("s", 1000, 600.0, spacing=0.6), check=check)
    assert stamps[-1] - stamps[0] == pytest.approx(49 * 0.6, abs=0.06)
    assert all(later - earlier > 0.5 for earlier, later in pairwise(stamps))


def test_gap_demanded_by_the_vendor_is_kept_after_a_rest():
    """A vendor that takes one request every 10 s and no burst never sees two within 10 s."""

    async def check(pacer: Pacer, clock: VirtualClock) -> list[float]:
        stamps = [await send(pacer, clock), await send(pacer, clock)]
        await clock.sleep(95.0)
        return [*stamps, await send(pacer, clock), await send(pacer, clock)]

    first, second, third, fourth = paced(Rate("s", 3, 30.0, spacing=10.0), check=check)
    assert second - first >= 10.0
    assert third == pytest.approx(second + 95.0, abs=0.01)
    assert fourth - third >= 10.0


@pytest.mark.parametrize("wait", ["a block", "the slot log"])
def test_gap_demanded_by_the_vendor_is_kept_after_a_wait(wait: str):
    """After waiting for something else than the gap, the gap to the next request is whole."""

    async def check(pacer: Pacer, clock: VirtualClock) -> tuple[float, float]:
        blocked = {"Retry-After": "40"} if wait == "a block" else None
        for _ in range(3):
            await send(pacer, clock, headers=blocked)
        return await send(pacer, clock), await send(pacer, clock)

    first, second = paced(Rate("s", 3, 60.0, spacing=10.0), check=check)
    assert first > 59.0
    assert second - first >= 9.97


def test_quarter_of_the_documented_burst_goes_back_to_back():
    """Of a burst of 20, five requests may go together after a rest; the sixth keeps its distance."""

    async def check(pacer: Pacer, clock: VirtualClock) -> list[float]:
        return [await send(pacer, clock) for _ in range(7)]

    stamps = paced(Rate("s", 300, 60.0, spacing=0.2, burst=20), check=check)
    assert stamps[4] - stamps[0] < 0.01
    assert stamps[5] - stamps[4] == pytest.approx(0.2, abs=0.03)


def test_burst_is_cut_where_errors_are_dear():
    """Where an error counts as ten, no more go together than could all be errors within the burst: two."""

    async def check(pacer: Pacer, clock: VirtualClock) -> list[float]:
        return [await send(pacer, clock) for _ in range(4)]

    stamps = paced(Rate("s", 300, 60.0, spacing=0.2, burst=20, error_cost=10), check=check)
    assert stamps[1] - stamps[0] < 0.01
    assert stamps[2] - stamps[1] == pytest.approx(0.2, abs=0.03)


def test_error_answer_costs_its_price():
    """After an answer 409 where it counts as ten, the next request waits ten spacings, not one."""

    async def check(pacer: Pacer, clock: VirtualClock) -> tuple[float, float]:
        error = await send(pacer, clock, status=409)
        return error, await send(pacer, clock)

    error, went = paced(Rate("s", 300, 60.0, spacing=0.2, error_cost=10), check=check)
    assert went - error == pytest.approx(2.0, abs=0.1)


def test_error_cost_fills_the_slot_log():
    """Thirty errors of ten are the whole minute's budget: the next request waits for the minute."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        for _ in range(3):
            await send(pacer, clock, status=400)
        return await send(pacer, clock)

    assert paced(Rate("s", 30, 60.0, spacing=0.0, error_cost=10), check=check) >= 60.0


def test_parallel_requests_are_bounded_and_an_answer_wakes_the_next():
    """With two allowed at once the third goes in the moment one of them is answered."""

    async def check(pacer: Pacer, clock: VirtualClock) -> tuple[float, float]:
        first = await pacer.acquire("acc", ("s",))
        await pacer.acquire("acc", ("s",))
        third = asyncio.create_task(send(pacer, clock))
        await clock.sleep(7.5)
        assert not third.done()
        answered = clock.monotonic()
        await first.finish(200)
        return answered, await third

    answered, went = paced(Rate("s", 1000, 1.0, parallel=2), check=check)
    assert went == pytest.approx(answered, abs=0.01)


def test_items_are_counted_beside_requests():
    """Of 1000 items a minute, the third request of 400 waits until the first one's are free again."""

    async def check(pacer: Pacer, clock: VirtualClock) -> list[float]:
        return [await send(pacer, clock, items=400) for _ in range(3)]

    stamps = paced(Rate("s", 100, 60.0, items=1000), check=check)
    assert stamps[1] == pytest.approx(24.0, abs=1.0)
    assert stamps[2] == pytest.approx(60.0, abs=1.0)


def test_finish_corrects_the_number_of_items():
    """A place taken for a full batch and used for one item leaves the rest to others."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        slot = await pacer.acquire("acc", ("s",), items=1000)
        await slot.finish(200, items=1)
        await clock.sleep(61.0)
        before = clock.monotonic()
        slot = await pacer.acquire("acc", ("s",), items=1000)
        await slot.finish(200, items=1)
        await send(pacer, clock, items=10)
        return clock.monotonic() - before

    assert paced(Rate("s", 100, 60.0, items=1000), check=check) <= 60.0


def test_large_request_is_not_starved_by_small_ones():
    """A request that needs most of the items gets them, though small ones keep coming after it."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        await send(pacer, clock, items=500)
        large = asyncio.create_task(send(pacer, clock, items=900))

        async def trickle() -> None:
            while not large.done():
                await send(pacer, clock, items=10)
                await clock.sleep(0.5)

        small = asyncio.create_task(trickle())
        went = await large
        small.cancel()
        return went

    assert paced(Rate("s", 1000, 60.0, items=1000), check=check) <= 62.0


def test_more_items_than_the_scope_ever_takes_is_an_error():
    """A request that could never go says so instead of waiting for ever."""

    async def check(pacer: Pacer, clock: VirtualClock) -> None:
        with pytest.raises(PluginContractError, match=r"2001 items can never go.*2000"):
            await pacer.acquire("acc", ("s",), items=2001)

    paced(Rate("s", 100, 60.0, items=2000), check=check)


def test_waiters_go_in_the_order_of_asking():
    """Ten that wait for the same scope go in the order in which they asked."""

    async def check(pacer: Pacer, clock: VirtualClock) -> list[int]:
        order: list[int] = []

        async def one(number: int) -> None:
            await send(pacer, clock)
            order.append(number)

        await asyncio.gather(*(one(number) for number in range(10)))
        return order

    assert paced(Rate("s", 60, 60.0), check=check) == list(range(10))


def test_request_counts_in_all_its_scopes():
    """A request of two scopes waits for the slower one, and takes a place in the other too."""

    async def check(pacer: Pacer, clock: VirtualClock) -> tuple[float, float]:
        await send(pacer, clock, "account", "stocks")
        stocks = await send(pacer, clock, "account", "stocks")
        return stocks, await send(pacer, clock, "account")

    stocks, account = paced(Rate("account", 10, 10.0), Rate("stocks", 10, 100.0), check=check)
    assert stocks == pytest.approx(10.0, abs=0.1)
    assert account - stocks == pytest.approx(1.0, abs=0.1)


def test_waiting_for_one_scope_does_not_hold_up_the_others():
    """While a push waits for its method's limit, a read that counts only in the account's passes it."""

    async def check(pacer: Pacer, clock: VirtualClock) -> tuple[float, float]:
        await send(pacer, clock, "account", "stocks")
        push = asyncio.create_task(send(pacer, clock, "account", "stocks"))
        await clock.sleep(0.5)
        read = await send(pacer, clock, "account")
        return read, await push

    read, push = paced(Rate("account", 50, 1.0), Rate("stocks", 6, 60.0), check=check)
    assert read == pytest.approx(0.5, abs=0.05)
    assert push == pytest.approx(10.0, abs=0.1)


def test_push_is_not_starved_by_reads_of_its_account():
    """With reads that saturate the account, a push goes one place after its method allows it."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        await send(pacer, clock, "account", "stocks")

        async def reads() -> None:
            while True:
                await send(pacer, clock, "account")

        readers = [asyncio.create_task(reads()) for _ in range(5)]
        went = await send(pacer, clock, "account", "stocks")
        for reader in readers:
            reader.cancel()
        return went

    assert paced(Rate("account", 60, 60.0), Rate("stocks", 6, 60.0), check=check) <= 11.1


def test_cancelled_waiter_gives_its_turn_to_the_next():
    """A waiter that leaves does not keep the one behind it waiting for a place that nobody uses."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        await send(pacer, clock)
        leaving = asyncio.create_task(send(pacer, clock))
        staying = asyncio.create_task(send(pacer, clock))
        await clock.sleep(0.3)
        leaving.cancel()
        return await staying

    assert paced(Rate("s", 60, 60.0), check=check) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("later", [False, True], ids=["before it is told", "after it is told"])
def test_waiter_cancelled_as_its_turn_comes_gives_the_place_back(later: bool):
    """Cancelled at the very moment at which it is given its place, a waiter leaves none taken behind."""

    class Telling(MemoryPaceStore):
        told: Callable[[], object] | None = None

        async def update(self, keys: Any, change: Any) -> Any:
            result = await super().update(keys, change)
            if self.told is not None and getattr(result, "granted", None):
                told, self.told = self.told, None
                told()
            return result

    async def main() -> None:
        clock, store = VirtualClock(), Telling()
        pacer = Pacer(store, clock)
        pacer.declare("acc", [Rate("s", 2, 60.0, spacing=20.0)])
        await send(pacer, clock)
        leaving = asyncio.create_task(pacer.acquire("acc", ("s",)))
        loop = asyncio.get_running_loop()
        store.told = (lambda: loop.call_soon(leaving.cancel)) if later else leaving.cancel
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert clock.monotonic() == pytest.approx(20.0, abs=0.1)
        assert await send(pacer, clock) == pytest.approx(20.0, abs=0.1)

    run_virtual(main)


def test_slot_that_is_cancelled_gives_the_place_back():
    """When nothing was sent the next request goes as if nobody had asked."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        slot = await pacer.acquire("acc", ("s",))
        await slot.cancel()
        await slot.cancel()
        return await send(pacer, clock)

    assert paced(Rate("s", 1, 60.0), check=check) == pytest.approx(0.0, abs=0.01)


def test_refusal_blocks_the_scope_for_all_and_makes_it_slower():
    """After 429 nobody sends until the vendor's time has passed, and then a tenth slower than before."""

    async def check(pacer: Pacer, clock: VirtualClock) -> list[float]:
        await send(pacer, clock, status=429, headers={"X-Ratelimit-Retry": "17"})
        return [await send(pacer, clock) for _ in range(3)]

    first, second, third = paced(Rate("s", 60, 60.0), check=check)
    assert first == pytest.approx(17.0, abs=0.1)
    assert second - first == pytest.approx(0.98 * 1.1, abs=0.05)
    assert third - second == pytest.approx(0.98 * 1.1, abs=0.05)


def test_slowness_after_a_refusal_passes():
    """An hour after a refusal the spacing is what it was."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        await send(pacer, clock, status=429)
        await clock.sleep(2 * 3600.0)
        return -await send(pacer, clock) + await send(pacer, clock)

    assert paced(Rate("s", 60, 60.0), check=check) == pytest.approx(0.98, abs=0.03)


def test_refusals_without_a_word_are_waited_out_longer_each_time():
    """Where the vendor does not say when, each further refusal is waited out twice as long."""

    async def check(pacer: Pacer, clock: VirtualClock) -> list[float]:
        return [await send(pacer, clock, status=429) for _ in range(4)]

    stamps = paced(Rate("s", 60, 60.0), check=check)
    gaps = [later - earlier for earlier, later in pairwise(stamps)]
    assert gaps == [pytest.approx(7.5, abs=0.2), pytest.approx(15, abs=0.2), pytest.approx(30, abs=0.2)]


def test_refusals_of_one_moment_count_once():
    """Five requests that were under way together and are all refused slow us down once, not five times."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        slots = [await pacer.acquire("acc", ("s",)) for _ in range(5)]
        await clock.sleep(5.0)
        for slot in slots:
            await slot.finish(429, {"Retry-After": "1"})
        await send(pacer, clock)
        return -await send(pacer, clock) + await send(pacer, clock)

    slower = 0.98 * 1.1
    assert slower - 0.02 <= paced(Rate("s", 60, 60.0), check=check) <= slower * EVEN + 0.02


@pytest.mark.parametrize("trip", [0.1, 0.3, 1.0])
def test_a_full_window_has_no_gap(trip: float):
    """A slot is taken for a period and a round trip: what is sent is spread over both.

    Sent as fast as the limit has it, the last slot would be gone before the first is free again, and what
    falls would wait for three sends once a period. The time for all of it is the same.
    """

    async def check(pacer: Pacer, clock: VirtualClock) -> list[float]:
        sent: list[float] = []

        async def one() -> None:
            slot = await pacer.acquire("acc", ("s",))
            sent.append(clock.monotonic())
            await clock.sleep(trip)
            await slot.finish(200)

        await asyncio.gather(*(one() for _ in range(400)))
        return sent

    sent = paced(Rate("s", 80, 60.0), check=check)
    gaps = [after - before for before, after in pairwise(sent)]
    assert max(gaps) <= 0.75 * EVEN
    assert sent[-1] - sent[0] <= 399 * (60.0 + trip + 0.1) / 80


def test_nothing_remaining_waits_for_the_reset():
    """`X-Ratelimit-Remaining: 0` with a reset time, on a good answer, holds the next request until then."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        await send(pacer, clock, headers={"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "9"})
        return await send(pacer, clock)

    assert paced(Rate("s", 600, 60.0), check=check) == pytest.approx(9.0, abs=0.1)


def test_much_remaining_never_speeds_us_up():
    """Headers may only slow us down: a vendor that promises plenty is sent to at the declared rate."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        promising = {"X-Ratelimit-Remaining": "5000", "X-Ratelimit-Limit": "5000"}
        for _ in range(10):
            last = await send(pacer, clock, headers=promising)
        return last

    assert paced(Rate("s", 60, 60.0), check=check) >= 8.8


def test_remaining_zero_at_full_use_does_not_stall():
    """A window that says 0 remaining because we use it wholly, as planned, does not make us slower."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        for _ in range(240):
            last = await send(
                pacer,
                clock,
                headers={"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "60"}
                if clock.monotonic() > 58
                else None,
            )
        return last

    assert paced(Rate("s", 80, 60.0), check=check) <= 181.0


def test_blocked_for_longer_than_patience_is_told_at_once():
    """Who has no time for the vendor's "not before" is told how long it is, without waiting."""

    async def check(pacer: Pacer, clock: VirtualClock) -> tuple[float, float | None]:
        await send(pacer, clock, status=429, headers={"Retry-After": "900"})
        with pytest.raises(TransientError) as raised:
            await pacer.acquire("acc", ("s",), patience=300.0)
        return clock.monotonic(), raised.value.retry_after

    at, retry_after = paced(Rate("s", 60, 60.0), check=check)
    assert at < 1.0
    assert retry_after == pytest.approx(900, abs=1)


def test_undeclared_scope_names_the_declared_ones():
    """A request in a scope that nobody declared is an error of the adapter, which names those that are."""

    async def check(pacer: Pacer, clock: VirtualClock) -> None:
        with pytest.raises(PluginContractError, match=r"'stoks'.*declared: cards, stocks"):
            await pacer.acquire("acc", ("stoks",))

    paced(Rate("stocks", 1, 1.0), Rate("cards", 1, 1.0), check=check)


def test_senseless_rate_is_refused_when_declared():
    """A limit of no requests, or of no period, is an error where it is declared."""
    pacer = Pacer(MemoryPaceStore(), VirtualClock())
    with pytest.raises(PluginContractError, match="requests, period must be positive"):
        pacer.declare("acc", [Rate("s", 0, 0.0)])


def test_slower_of_two_declarations_holds():
    """Two adapters of one account that disagree on a limit are both held to the slower one."""

    async def check(pacer: Pacer, clock: VirtualClock) -> float:
        pacer.declare("acc", [Rate("s", 600, 60.0)])
        await send(pacer, clock)
        return await send(pacer, clock)

    assert paced(Rate("s", 60, 60.0), check=check) >= 0.9


def test_failing_store_fails_those_who_wait():
    """When the ledger cannot be read, whoever waits gets its error, and the next one a fresh try."""

    class Broken(MemoryPaceStore):
        broken = True

        async def update(self, keys: Any, change: Any) -> Any:
            if self.broken:
                raise OSError("disk I/O error")
            return await super().update(keys, change)

    async def main() -> None:
        store, clock = Broken(), VirtualClock()
        pacer = Pacer(store, clock)
        pacer.declare("acc", [Rate("s", 60, 60.0)])
        results = await asyncio.gather(
            *(pacer.acquire("acc", ("s",)) for _ in range(3)), return_exceptions=True
        )
        assert [type(result) for result in results] == [OSError] * 3
        store.broken = False
        await (await pacer.acquire("acc", ("s",))).finish(200)

    run_virtual(main)
