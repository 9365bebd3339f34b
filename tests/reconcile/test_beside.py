"""While a run reads and plans for minutes, what cannot wait for its end goes out beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mpstock import AsyncShop, Change, Level, Listing, Observation, OrderPage, Outcome, Reading
from mpstock.inmemory import InMemorySource
from mpstock.ledger.worker import Worker
from mpstock.reconcile.planning import Planner
from mpstock.testing import VirtualClock, run_virtual
from tests.reconcile.shops import REGISTRY, Account, Play, configuration, shows, skus

MINUTES = 5 * 60.0
"""How long the slow source takes for a reading."""


class SlowSource(InMemorySource):
    """A source that hands over its first page at once, and the rest after minutes."""

    slow = False

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        number = 0
        async for page in super().read(cursor):
            if self.slow and number == 2:
                await self.clock.sleep(MINUTES)
            number += 1
            yield page


def shop_of(folder: Path, levels: Mapping[str, int], **limits: Any) -> tuple[Play, SlowSource, Account]:
    """Return a seller whose source can be slow, and is read in pages of twenty."""
    clock = VirtualClock()
    source = SlowSource(levels, clock=clock, page=20)
    account = Account(list(levels), clock=clock, **limits)
    return Play(folder, {"erp": source}, {"shop": account}, clock=clock), source, account


def during(
    play: Play,
    source: SlowSource,
    account: Account,
    act: Callable[[AsyncShop], Awaitable[object]],
    *,
    at: float = 60.0,
    **run: Any,
) -> tuple[list[tuple[float, str, int]], float]:
    """Sync once, then once more slowly; `act` at so many seconds of it.

    Returns what was pushed in the second run, (seconds since `act`, article, quantity), and when it ended.
    """
    config = configuration(play.ledger, play.sources.values(), play.sinks.values())
    pushed: list[tuple[float, str, int]] = []

    async def main() -> float:
        async with AsyncShop(config, plugins=REGISTRY, clock=play.clock) as shop:
            await shop.sync()
            await play.clock.sleep(1)
            source.slow = True
            began = play.clock.monotonic()
            account.hook = lambda changes: pushed.extend(
                (play.clock.monotonic() - began - at, one.listing.external_id, one.new) for one in changes
            )

            async def later() -> None:
                await play.clock.sleep(at)
                await act(shop)

            acting = asyncio.create_task(later())
            await shop.sync(**{"full": True, **run})
            await acting
            return play.clock.monotonic() - began - at

    return pushed, run_virtual(main, clock=play.clock)


class SlowAccount(Account):
    """An account that takes minutes for each request, once it is slow."""

    slow = False

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        if self.slow:
            await self.clock.sleep(MINUTES)
        return await super().push(changes)


LEVELS = dict.fromkeys(skus(100), 10)


def test_a_row_that_is_pushed_to_us_does_not_wait_for_a_slow_reading(tmp_path: Path) -> None:
    """A webhook's zero is on the marketplace within a second or so, minutes before the source is read."""
    play, source, account = shop_of(tmp_path, LEVELS)
    pushed, ended = during(
        play, source, account, lambda shop: shop.receive("erp", [Level("P00007", "main", 0)])
    )
    assert [one[1:] for one in pushed] == [("P00007", 0)]
    assert 0 <= pushed[0][0] <= 1.1
    assert ended > 200


def test_so_it_is_with_carts_orders_and_people(tmp_path: Path) -> None:
    """Units in a cart, an order at the sink, a zero by hand: each goes out beside the run."""
    play, source, account = shop_of(tmp_path, LEVELS)

    async def act(shop: AsyncShop) -> None:
        await shop.hold("cart 1", "P00001", 4)
        await play.clock.sleep(10)
        await shop.zero(skus=["P00002"], reason="broken")
        await play.clock.sleep(10)
        account.buy("P00003", 3, "main")

    pushed, _ = during(play, source, account, act)
    assert {one[1:] for one in pushed} == {("P00001", 6), ("P00002", 0), ("P00003", 7)}
    assert next(one for one in pushed if one[1] == "P00001")[0] <= 1.1
    assert next(one for one in pushed if one[1] == "P00002")[0] <= 11.1
    # Orders are asked for once a minute.
    assert next(one for one in pushed if one[1] == "P00003")[0] <= 20 + 61.1


def test_a_reading_that_is_not_judged_yet_sends_nothing_beside(tmp_path: Path) -> None:
    """The first page of a broken reading says zero of forty; a webhook meanwhile sends its own alone."""
    play, source, account = shop_of(tmp_path, LEVELS)

    async def act(shop: AsyncShop) -> None:
        await shop.receive("erp", [Level("P00099", "main", 4)])

    real = source.read

    def broken(cursor: str | None) -> AsyncIterator[Reading]:
        if source.slow:
            for sku in skus(60):
                source.set(sku, 0)
        return real(cursor)

    source.read = broken  # type: ignore[method-assign]
    pushed, _ = during(play, source, account, act)
    assert [one[1:] for one in pushed if one[0] < 100] == [("P00099", 4)]
    # All in all it is a catalogue that falls to zero, and held.
    assert [one for one in pushed if one[2] == 0] == []
    assert sum(quantity == 10 for quantity in shows(account).values()) == 99


def test_a_raise_beside_does_not_put_back_what_was_just_sold(tmp_path: Path) -> None:
    """The orders are read once more before a row with a time of its own raises a number."""
    play, source, account = shop_of(tmp_path, LEVELS)

    async def act(shop: AsyncShop) -> None:
        account.buy("P00005", 2, "main")
        await shop.receive(
            "erp", [Level("P00005", "main", 12, updated_at=play.clock.now() - timedelta(seconds=1))]
        )

    pushed, _ = during(play, source, account, act)
    assert [one[1:] for one in pushed] == []  # 12 less the two that were ordered is what is shown
    assert account.shown["P00005", "main"] == 10


def test_a_dry_run_and_a_run_for_some_send_nothing_beside(tmp_path: Path) -> None:
    """Who asked for a plan, or for one product, has not asked for anything else to be pushed."""
    for run in ({"dry_run": True}, {"skus": ["P00001"]}):
        folder = tmp_path / str(len(str(run)))
        folder.mkdir()
        play, source, account = shop_of(folder, LEVELS)
        pushed, _ = during(
            play, source, account, lambda shop: shop.receive("erp", [Level("P00007", "main", 0)]), **run
        )
        assert pushed == []


def test_a_sink_that_is_down_beside_is_tried_again_by_the_run(tmp_path: Path) -> None:
    """What could not be sent beside is sent by the run itself when its turn comes."""
    from mpstock.errors import NotSentError

    play, source, account = shop_of(tmp_path, LEVELS)

    async def act(shop: AsyncShop) -> None:
        account.fail_push(NotSentError("no way", adapter="shop", retry_after=120.0), times=1)
        await shop.receive("erp", [Level("P00007", "main", 0)])

    during(play, source, account, act)
    assert account.shown["P00007", "main"] == 0


def test_what_falls_is_sent_to_a_sink_that_is_done_while_another_is_still_served(tmp_path: Path) -> None:
    """The slow sink needs many minutes for its raises; a zero meanwhile is on the quick one in seconds."""
    levels = dict.fromkeys(skus(100), 1)
    clock = VirtualClock()
    source = InMemorySource(levels, clock=clock)
    quick = Account(list(levels), clock=clock)
    slow = SlowAccount(list(levels), clock=clock, account="slow", batch=5)
    play = Play(tmp_path, {"erp": source}, {"quick": quick, "slow": slow}, clock=clock)
    config = configuration(play.ledger, play.sources.values(), play.sinks.values())

    async def main() -> tuple[float, float]:
        async with AsyncShop(config, plugins=REGISTRY, clock=clock) as shop:
            await shop.sync()
            await clock.sleep(1)
            for sku in levels:
                source.set(sku, 5)
            slow.slow = True
            began = clock.monotonic()
            found: list[float] = []

            async def later() -> None:
                await clock.sleep(120)
                quick.hook = lambda changes: found.append(clock.monotonic() - began - 120)
                await shop.receive("erp", [Level("P00099", "main", 0)])

            acting = asyncio.create_task(later())
            await shop.sync()
            await acting
            return found[0], clock.monotonic() - began

    waited, lasted = run_virtual(main, clock=clock)
    assert waited <= 1.1
    assert lasted > 500
    assert quick.shown["P00099", "main"] == slow.shown["P00099", "main"] == 0


class LateTeller(Account):
    """An account that takes half a minute to tell its orders."""

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        await self.clock.sleep(30)
        async for page in super().orders(cursor):
            yield page


def test_a_run_that_plans_for_long_leaves_what_is_urgent_to_be_sent_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run comes to a product while orders are read before it is sent: it does not wait for the end."""
    clock = VirtualClock()
    source = SlowSource(LEVELS, clock=clock, page=20)
    account = LateTeller(list(LEVELS), clock=clock)
    play = Play(tmp_path, {"erp": source}, {"shop": account}, clock=clock)
    config = configuration(play.ledger, play.sources.values(), play.sinks.values())
    pushed: list[tuple[float, str, int]] = []
    page = Worker.run_page

    async def slow_page(self: Worker, function: Callable[..., Any], /, *args: Any, **keys: Any) -> Any:
        if function.__qualname__ == Planner.plan_page.__qualname__:
            await clock.sleep(10)
        return await page(self, function, *args, **keys)

    async def main() -> float:
        async with AsyncShop(config, plugins=REGISTRY, clock=clock) as shop:
            await shop.sync()
            await clock.sleep(1)
            for sku in LEVELS:
                source.set(sku, 20)
            monkeypatch.setattr("mpstock.reconcile.planning.PAGE", 10)
            monkeypatch.setattr(Worker, "run_page", slow_page)
            # What is read takes until 60; from 70 on ten products are planned every ten seconds.
            at = clock.monotonic() + 105
            account.hook = lambda changes: pushed.extend(
                (clock.monotonic() - at, one.listing.external_id, one.new) for one in changes
            )

            async def later() -> None:
                await clock.sleep(105)
                await shop.receive("erp", [Level("P00045", "main", 3)])

            acting = asyncio.create_task(later())
            await shop.sync(full=True)
            await acting
            return clock.monotonic() - at

    ended = run_virtual(main, clock=clock)

    first = pushed[0]
    assert first[1:] == ("P00045", 3)
    # One reading of the orders may be under way already: its own follows it.
    assert first[0] <= 61
    assert min(at for at, sku, _ in pushed if sku != "P00045") > 60
    assert ended > 60
    assert set(shows(account).values()) == {3, 20}


def test_a_quick_run_sends_all_in_one_request_as_before(tmp_path: Path) -> None:
    """A run that has read and planned within a moment sends what it heard meanwhile with all else."""
    play, source, account = shop_of(tmp_path, LEVELS)
    config = configuration(play.ledger, play.sources.values(), play.sinks.values())

    async def main() -> None:
        async with AsyncShop(config, plugins=REGISTRY, clock=play.clock) as shop:
            await shop.sync()
            await play.clock.sleep(1)
            account.pushes.clear()
            source.set("P00000", 3)
            await shop.receive("erp", [Level("P00007", "main", 0)])
            await shop.sync()

    run_virtual(main, clock=play.clock)
    assert len(account.pushes) == 1


class SlowToRead(Account):
    """An account that takes minutes to say what it shows, once it is slow."""

    slow = False

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        if self.slow and listings is None:
            await self.clock.sleep(MINUTES)
        async for page in super().observe(listings):
            yield page


@pytest.mark.parametrize("urgent", [True, False])
def test_a_verification_of_everything_sends_what_is_urgent_if_it_may(tmp_path: Path, urgent: bool) -> None:
    """The nightly reading back keeps no zero waiting; who only wants to verify sends nothing."""
    clock = VirtualClock()
    account = SlowToRead(list(LEVELS), clock=clock)
    play = Play(tmp_path, {"erp": InMemorySource(LEVELS, clock=clock)}, {"shop": account}, clock=clock)
    config = configuration(play.ledger, play.sources.values(), play.sinks.values())

    async def main() -> int:
        async with AsyncShop(config, plugins=REGISTRY, clock=clock) as shop:
            await shop.sync()
            await clock.sleep(60)
            account.slow = True
            verifying = asyncio.create_task(shop.verify(urgent=urgent))
            await clock.sleep(60)
            await shop.receive("erp", [Level("P00007", "main", 0)])
            await clock.sleep(2)
            assert not verifying.done()
            shown = account.shown["P00007", "main"]
            await verifying
            return shown

    assert run_virtual(main, clock=clock) == (0 if urgent else 10)
