"""What comes in while a run is sending: planned, judged, and sent in its lane."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from mpstock import AsyncShop, Change, Level, Outcome, Rate, Shop
from mpstock.testing import run_virtual
from tests.reconcile.shops import REGISTRY, Account, Play, configuration, make, shows, skus, tell_ledger


def others_webhook(play: Play, **levels: int) -> None:
    """Another process is told of rows while this one sends."""
    with play.open() as shop:
        shop.receive("erp", [Level(sku, "main", quantity) for sku, quantity in levels.items()])


def test_a_zero_from_another_process_overtakes_the_raises_that_wait(tmp_path: Path) -> None:
    """Twenty batches of raises are to go, and a webhook says zero: it is in the next request."""
    names = skus(200)
    play, source, account = make(tmp_path, dict.fromkeys(names, 1), batch=10)
    play.sync()
    account.pushes.clear()
    for sku in names[:-1]:
        source.set(sku, 5)

    def told(_changes: Sequence[Change]) -> None:
        account.hook = None
        others_webhook(play, **{names[-1]: 0})

    account.hook = told
    play.sync()
    first = next(number for number, push in enumerate(account.sent) if (names[-1], 0) in push)
    assert account.sent[first][0] == (names[-1], 0), "zeros stand first in their request"
    # Batches that were under way already are no slot that it could have taken.
    assert first <= 17
    assert shows(account) == {**dict.fromkeys(names, 5), names[-1]: 0}


def test_one_at_a_time_it_is_the_next_request(tmp_path: Path) -> None:
    """Where the sink takes one request at a time, the zero is in the one after that which was under way."""
    names = skus(100)
    play, source, account = make(
        tmp_path,
        dict.fromkeys(names, 1),
        batch=10,
        rates=[Rate("push", 60, 60.0, parallel=1)],
        push_scopes=("push",),
    )
    config = configuration(play.ledger, play.sources.values(), play.sinks.values())
    sent_at: list[float] = []

    async def main() -> None:
        async with AsyncShop(config, plugins=REGISTRY, clock=play.clock) as shop:
            await shop.sync()
            await play.clock.sleep(1)
            for sku in names[:-1]:
                source.set(sku, 5)
            account.pushes.clear()
            take = account.push

            async def slow(changes: Sequence[Change]) -> Sequence[Outcome]:
                sent_at.append(play.clock.monotonic())
                await play.clock.sleep(0.4)
                if len(sent_at) == 2:
                    # In the same process: a webhook of the service, while a request is under way.
                    await shop.receive("erp", [Level(names[-1], "main", 0)])
                return await take(changes)

            account.push = slow  # type: ignore[method-assign]
            await shop.sync()

    run_virtual(main, clock=play.clock)
    first = next(number for number, push in enumerate(account.sent) if (names[-1], 0) in push)
    assert first == 2
    # On the wire within one slot and one round trip of the moment it was told.
    assert sent_at[2] - (sent_at[1] + 0.4) <= 1.0 + 0.4


def test_a_flood_that_comes_in_while_sending_is_judged_like_any_other(tmp_path: Path) -> None:
    """Forty zeros by webhooks in the middle of a run: held, told, and the run goes on with the rest."""
    names = skus(200)
    play, source, account = make(tmp_path, dict.fromkeys(names, 1), batch=10)
    play.sync()
    for sku in names[:100]:
        source.set(sku, 5)

    def told(_changes: Sequence[Change]) -> None:
        account.hook = None
        others_webhook(play, **dict.fromkeys(names[100:140], 0))

    account.hook = told
    report = play.sync()
    assert [(one.guard, one.count) for one in report.held] == [("zeroing", 40)]
    assert {shows(account)[sku] for sku in names[100:140]} == {1}
    assert {shows(account)[sku] for sku in names[:100]} == {5}


def test_a_run_for_some_products_leaves_the_others_to_others(tmp_path: Path) -> None:
    """`skus=` stays narrow, whatever comes in; the next run sends it."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5})
    play.sync()
    source.set("A", 3)
    account.hook = lambda _changes: others_webhook(play, B=2)
    play.sync(skus=["A"])
    account.hook = None
    assert shows(account) == {"A": 3, "B": 5}
    play.sync(read="nothing")
    assert shows(account) == {"A": 3, "B": 2}


def test_a_product_that_moves_while_it_is_on_the_wire_is_sent_again(tmp_path: Path) -> None:
    """Ten webhooks while one push is under way cost one more push, of the last number."""
    play, source, account = make(tmp_path, {"A": 5})
    play.sync()
    source.set("A", 9)
    account.pushes.clear()

    def told(_changes: Sequence[Change]) -> None:
        account.hook = None
        for quantity in range(8, -1, -1):
            tell_ledger(play, A=quantity)

    account.hook = told
    play.sync()
    assert account.sent == [[("A", 9)], [("A", 0)]]


def test_a_cart_in_the_same_shop_wakes_who_waits_for_a_cooldown(tmp_path: Path) -> None:
    """The pusher waits for one pair's cooldown; a hold on another product does not wait with it."""
    play, source, account = make(tmp_path, {"A": 5, "B": 5}, pair_cooldown=30.0)
    config = configuration(play.ledger, play.sources.values(), play.sinks.values())
    at: dict[str, float] = {}

    async def main() -> None:
        async with AsyncShop(config, plugins=REGISTRY, clock=play.clock) as shop:
            await shop.sync()
            await play.clock.sleep(1)
            begun = play.clock.monotonic()
            source.set("A", 3)
            account.hook = lambda changes: at.update(
                (change.listing.external_id, play.clock.monotonic() - begun) for change in changes
            )
            run = asyncio.create_task(shop.sync())
            await play.clock.sleep(15)
            await shop.hold("cart", "B", 5)
            await run

    run_virtual(main, clock=play.clock)
    assert shows(account) == {"A": 3, "B": 0}
    assert 29.0 <= at["A"] <= 32.0
    # B was written half a minute ago as well: it goes with its own cooldown, not after A's run.
    assert at["B"] <= 32.0


def test_nothing_idles_for_a_zero_that_may_come(tmp_path: Path) -> None:
    """There is no budget kept back: raises use every slot while nothing else is there."""
    names = skus(30)
    play, _, account = make(tmp_path, dict.fromkeys(names, 5), batch=10)
    play.sync()
    assert [len(push) for push in account.sent] == [10, 10, 10]


def test_the_quantity_is_that_of_the_moment_of_sending(tmp_path: Path) -> None:
    """What is told between planning and sending is in the request, not the number of the plan."""
    names = skus(30)
    play, source, account = make(tmp_path, dict.fromkeys(names, 1), batch=10)
    play.sync()
    account.pushes.clear()
    for sku in names:
        source.set(sku, 9)

    def told(_changes: Sequence[Change]) -> None:
        account.hook = None
        tell_ledger(play, "main", **dict.fromkeys(names[20:], 4))

    account.hook = told
    play.sync()
    final = {sku: quantity for push in account.sent for sku, quantity in push}
    assert {final[sku] for sku in names[20:]} == {4}
    assert {final[sku] for sku in names[:20]} == {9}


def test_shops_stay_usable_after_a_broken_run(tmp_path: Path) -> None:
    """A run that breaks leaves nobody registered to be woken."""
    play, source, account = make(tmp_path, {"A": 5})
    with play.open() as shop:
        assert isinstance(shop, Shop)
        account.hook = lambda _changes: (_ for _ in ()).throw(RuntimeError("a defect of the plugin"))
        shop.sync()
        account.hook = None
        source.set("A", 4)
        play.clock.advance(1)
        shop.receive("erp", [Level("A", "main", 3)])
        shop.sync(read="nothing")
    assert isinstance(account, Account)
    assert shows(account) == {"A": 3}
