"""How soon a zero is on the wire: bounds on the virtual clock, before Ozon's double with its real limits.

A slot is 0.75 s (80 requests a minute), a round trip 0.3 s, a pair may be written once in 30 s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from mpstock import AsyncShop, Level
from mpstock.reconcile.safety import TimeToSafe
from mpstock.testing import VirtualClock, run_virtual, shop_in_process
from mpstock_onec.simulator import OnecSimulator
from mpstock_ozon.simulator import OzonSimulator
from tests.reconcile.shops import skus

CODE = "22142605386000"
SLOT, TRIP, COOLDOWN, SOON = 0.75, 0.3, 30.0, 0.05
SETTINGS = """
[ledger]
url = "sqlite:///shop.db"
[sources.erp]
plugin = "onec"
base_url = "http://erp.local/trade"
user = "Робот"
password = "Пароль 1С"
[sinks.ozon]
plugin = "ozon"
client_id = "12345"
api_key = "00000000-0000-4000-8000-000000000000"
orders = "{orders}"
writes_per_minute = {writes}
buffer = {{ absolute = 0 }}
warehouses = [{{ code = "22142605386000" }}]
[guards]
zeroing = {{ share = 1.0, count = 100000, window = "1h" }}
"""


class Scene:
    """1C and Ozon in the process, a round trip away."""

    def __init__(
        self, folder: Path, levels: Mapping[str, int], *, shown: int, orders: str = "none", writes: int = 80
    ) -> None:
        self.clock = VirtualClock()
        self.onec = OnecSimulator({(sku, "main"): n for sku, n in levels.items()}, clock=self.clock)
        stock = {(sku, CODE): shown for sku in levels}
        self.ozon = OzonSimulator(
            list(levels), (CODE,), clock=self.clock, stock=stock, writes_per_minute=writes
        )
        self.path = folder / "mpstock.toml"
        self.path.write_text(SETTINGS.format(orders=orders, writes=writes), encoding="utf-8")

    def play(self, story: Callable[[AsyncShop], Awaitable[None]]) -> None:
        """Tell a story on the virtual clock."""

        async def told() -> None:
            doubles = {"sources.erp": self.onec, "sinks.ozon": self._far}
            async with shop_in_process(self.path, doubles, self.clock) as shop:
                await story(shop)

        run_virtual(told, clock=self.clock, threads=False)

    async def _far(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        await self.clock.sleep(TRIP / 2)
        await self.ozon(scope, receive, send)
        await self.clock.sleep(TRIP / 2)

    def written(self) -> list[tuple[float, dict[str, int]]]:
        """Return when each request that writes arrived, and what it wrote."""
        return [
            (one.at, {row["offer_id"]: row["stock"] for row in one.json()["stocks"]})
            for one in self.ozon.requests
            if one.path == "/v2/products/stocks"
        ]

    def zero_at(self, sku: str) -> float:
        """Return when the first zero of a product arrived."""
        return next(at for at, rows in self.written() if rows.get(sku) == 0)


def test_an_idle_pair_is_safe_within_a_slot_and_a_round_trip(tmp_path: Path) -> None:
    """A webhook's zero arrives at once: nothing is read before it that need not be."""
    scene = Scene(tmp_path, {"A": 5, "B": 5}, shown=5)

    async def story(shop: AsyncShop) -> None:
        await shop.sync()
        told = scene.clock.monotonic()
        await shop.receive("erp", [Level("A", "main", 0)])
        await shop.sync(read="nothing")
        assert scene.zero_at("A") - told <= SLOT + TRIP

    scene.play(story)


def test_a_sink_that_tells_orders_is_asked_for_them_before_the_zero(tmp_path: Path) -> None:
    """That is two requests more, a round trip each; the bound holds from there."""
    scene = Scene(tmp_path, {"A": 5, "B": 5}, shown=5, orders="postings")

    async def story(shop: AsyncShop) -> None:
        await shop.sync()
        told = scene.clock.monotonic()
        await shop.receive("erp", [Level("A", "main", 0)])
        await shop.sync(read="nothing")
        assert scene.zero_at("A") - told <= 2 * TRIP + SLOT + TRIP

    scene.play(story)


def test_a_cooling_pair_is_safe_when_its_cooldown_is_over(tmp_path: Path) -> None:
    """Raised a moment ago, the pair takes nothing for 30 s; then the zero has the next slot, in this run."""
    scene = Scene(tmp_path, {"A": 5, "B": 5}, shown=2)

    async def story(shop: AsyncShop) -> None:
        await shop.sync()
        (raised, _), *_ = scene.written()
        await scene.clock.sleep(5.0)
        await shop.receive("erp", [Level("A", "main", 0)])
        report = await shop.sync(read="nothing")
        assert COOLDOWN <= scene.zero_at("A") - raised <= COOLDOWN + TRIP + SLOT + TRIP
        assert report.sinks["ozon"].requests == 1

    scene.play(story)


def test_a_thousand_zeros_at_once_are_ten_requests(tmp_path: Path) -> None:
    """Full batches, one a slot, and nothing else in between."""
    levels = dict.fromkeys(skus(1000), 5)
    scene = Scene(tmp_path, levels, shown=5)

    async def story(shop: AsyncShop) -> None:
        await shop.sync()
        told = scene.clock.monotonic()
        await shop.receive("erp", [Level(sku, "main", 0) for sku in levels])
        report = await shop.sync(read="nothing")
        assert report.sinks["ozon"].requests == len(scene.written()) == 10
        assert scene.written()[-1][0] - told <= 10 * SLOT + TRIP

    scene.play(story)


def test_an_order_that_comes_during_a_long_push_falls_at_the_next_slot(tmp_path: Path) -> None:
    """While 1,500 raises go out, 10 requests a minute, the last unit of one product is sold.

    The orders are read every minute, and what was a raise in the queue is a raise no more.
    """
    levels = dict.fromkeys(skus(1500), 5)
    last = skus(1500)[-1]
    scene = Scene(tmp_path, levels, shown=1, orders="postings", writes=10)

    async def story(shop: AsyncShop) -> None:
        sold: list[float] = []

        async def buys() -> None:
            while not scene.written():
                await scene.clock.sleep(0.1)
            scene.onec.set_level(last, 1)
            await shop.receive("erp", [Level(last, "main", 1)])
            assert scene.ozon.buy(last, CODE)
            sold.append(scene.clock.monotonic())

        buyer = asyncio.create_task(buys())
        await shop.sync()
        await buyer
        assert not any(rows.get(last, 0) > 0 for _, rows in scene.written())
        assert len(scene.written()) == 15
        assert scene.written()[-1][0] - sold[0] > 60.0

    scene.play(story)


def test_a_zero_from_another_process_goes_before_the_raises_that_wait(tmp_path: Path) -> None:
    """In the middle of 1,200 raises somebody else takes in a webhook: its zero has the next slot."""
    levels = dict.fromkeys(skus(1200), 5)
    first, last = skus(1200)[0], skus(1200)[-1]
    scene = Scene(tmp_path, levels, shown=1)

    async def story(shop: AsyncShop) -> None:
        told: dict[str, float] = {}

        async def webhook() -> None:
            doubles = {"sources.erp": scene.onec, "sinks.ozon": scene._far}
            async with shop_in_process(scene.path, doubles, scene.clock) as other:
                while len(scene.written()) < 3:
                    await scene.clock.sleep(0.1)
                for sku in (first, last):
                    told[sku] = scene.clock.monotonic()
                    await other.receive("erp", [Level(sku, "main", 0)])

        beside = asyncio.create_task(webhook())
        await shop.sync()
        await beside
        assert len(scene.written()) == 13
        assert scene.zero_at(last) - told[last] <= SLOT + TRIP
        # The other one was raised by the first request, and cools.
        raised = scene.written()[0][0]
        assert COOLDOWN <= scene.zero_at(first) - raised <= COOLDOWN + SLOT + TRIP

    scene.play(story)


def test_the_report_and_the_status_say_how_long_falls_took(tmp_path: Path) -> None:
    """From the webhook, not from the run: a zero that waited 20 s for its run says so."""
    scene = Scene(tmp_path, {"A": 5, "B": 5, "C": 1}, shown=5)

    async def story(shop: AsyncShop) -> None:
        await shop.sync()
        await scene.clock.sleep(60.0)
        await shop.receive("erp", [Level("A", "main", 0)])
        await scene.clock.sleep(10.0)
        # Told once more, and of another product: the first telling counts for each.
        await shop.receive("erp", [Level("A", "main", 0), Level("B", "main", 2)])
        await scene.clock.sleep(10.0)
        report = await shop.sync(read="nothing")
        told = report.sinks["ozon"].time_to_safe
        assert told is not None
        assert told.falls == 2
        assert told.longest == pytest.approx(20.0, abs=SOON)
        assert told.p50 == pytest.approx(10.0, abs=SOON)
        status = (await shop.status()).sinks[0].time_to_safe
        assert status is not None
        # The fall of C to its 1 in the first run is one of the day's.
        assert (status.falls, status.longest) == (3, told.longest)
        assert "in 24 hours 3 falls" in repr(await shop.status())
        assert (await shop.sync(read="nothing")).sinks["ozon"].time_to_safe is None

    scene.play(story)


def test_a_fall_that_has_to_be_sent_again_counts_from_its_first_telling(tmp_path: Path) -> None:
    """A sink that is down for a while makes the time long, and nothing starts it anew."""
    scene = Scene(tmp_path, {"A": 5, "B": 5}, shown=5)

    async def story(shop: AsyncShop) -> None:
        await shop.sync()
        await shop.receive("erp", [Level("A", "main", 0)])
        told = scene.clock.monotonic()
        scene.ozon.add_fault(path="/v2/products/stocks", status=503, times=1)
        reports = [await shop.sync(read="nothing")]
        while scene.ozon.shown()["A", CODE]:
            await scene.clock.sleep(30.0)
            reports.append(await shop.sync(read="nothing"))
        waited = [one.sinks["ozon"].time_to_safe for one in reports]
        found = [one for one in waited if one is not None]
        assert [one.falls for one in found] == [1]
        assert found[0].longest == pytest.approx(scene.written()[-1][0] - told, abs=TRIP)

    scene.play(story)


def test_times_of_several_runs_add_up() -> None:
    """Shares of a whole day are told by classes; the longest is exact, and nobody invents falls."""
    morning, noon = TimeToSafe.of([0.4] * 98), TimeToSafe.of([44.0, 700.0])
    assert morning is not None
    assert noon is not None
    day = TimeToSafe.together([{"classes": one.classes, "longest": one.longest} for one in (morning, noon)])
    assert day is not None
    assert (day.falls, day.p50, day.p99, day.longest) == (100, 1.0, 45.0, 700.0)
    assert TimeToSafe.of([]) is None
