"""The list in the ledger: kept through restarts, told by one process only, in the shop's own words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve

from mpstock import Credential, Notice, Order, hookimpl
from mpstock.alerts.judging import judge
from mpstock.alerts.ways import Way
from mpstock.config import AlertSettings, ScheduleSettings
from mpstock.errors import ConfigurationError, TransientError
from mpstock.facade.asynchronous import AsyncShop
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.ledger.notices import QueuedNotice
from mpstock.plugins import PluginRegistry
from mpstock.testing import VirtualClock
from tests.ledgers import listen

DAY = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


class Ears:
    """A plugin that keeps the notices that it is told."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []

    @hookimpl
    def mpstock_notice(self, event: Notice) -> None:
        self.notices.append(event)

    def heard(self) -> list[tuple[str, str]]:
        """What was told since the last time: (state, subject)."""
        told: list[tuple[str, str]] = [(one.state, one.subject) for one in self.notices]
        self.notices.clear()
        return told


class Account(InMemorySink):
    """A sink that tells whatever orders a test wants."""

    def order(self, order: Order) -> None:
        """Tell this order from now on."""
        self._revision += 1
        self._orders[order.key] = (order, self._revision)


class Seller:
    """A shop whose source and sink a test can break; each `open` is a process of its own."""

    def __init__(self, folder: Path, start: datetime = DAY, **settings: Any) -> None:
        self.clock = VirtualClock(start)
        self.source = InMemorySource({"A": 5}, clock=self.clock)
        self.sink = Account(["A"], clock=self.clock)
        self.ears = Ears()
        self.settings = AlertSettings(**settings)
        self.ledger = folder / "mpstock.db"

    def open(self, ears: Ears | None = None) -> AsyncShop:
        plugins = PluginRegistry(entry_points=[])
        plugins.register(ears or self.ears, name="ears")
        shop = AsyncShop(
            sources={"erp": self.source}, sinks={"shop": self.sink}, ledger=self.ledger, plugins=plugins,
            clock=self.clock,
        )  # fmt: skip
        schedule = ScheduleSettings(timezone=ZoneInfo("Europe/Moscow"))
        shop._assembly.config = evolve(shop.config, alerts=self.settings, schedule=schedule)
        return shop

    async def wait(self, **length: float) -> None:
        await self.clock.sleep(timedelta(**length).total_seconds())

    async def sync(self, *, after: timedelta = timedelta()) -> list[tuple[str, str]]:
        """Let a new process run once; returns what people were told."""
        await self.clock.sleep(after.total_seconds())
        async with self.open() as shop:
            await shop.sync()
        return self.ears.heard()


def play(work: Callable[[], Awaitable[None]]) -> None:
    """Run a play."""
    asyncio.run(work())  # type: ignore[arg-type]


QUARTER = timedelta(minutes=15)


def test_a_run_by_cron_tells_without_a_service(tmp_path: Path) -> None:
    """Each run is a process: the second that fails is told of, the third is not, a good one ends it."""

    async def work() -> None:
        seller = Seller(tmp_path)
        assert await seller.sync() == []
        seller.source.fail(TransientError("down"), times=3)
        assert await seller.sync(after=QUARTER) == []
        assert await seller.sync(after=QUARTER) == [("new", "source_failing:erp")]
        assert await seller.sync(after=QUARTER) == []
        assert await seller.sync(after=QUARTER) == [("recovered", "source_failing:erp")]

    play(work)


def test_two_processes_tell_once(tmp_path: Path) -> None:
    """Both look at the same moment, and both see the trouble: one of them tells people."""

    async def work() -> None:
        seller, other = Seller(tmp_path), Ears()
        await seller.sync()
        seller.source.fail(TransientError("down"), times=2)
        await seller.sync(after=QUARTER)
        await seller.wait(minutes=11)
        async with seller.open() as first, seller.open(other) as second:
            listed = [await first.alerts(), await second.alerts()]
            assert [[row.trouble.subject for row in rows] for rows in listed] == [["source_failing:erp"]] * 2
            await asyncio.gather(first.send_alerts(), second.send_alerts())
            await asyncio.gather(first.send_alerts(), second.send_alerts())
        assert [*seller.ears.heard(), *other.heard()] == [("new", "source_failing:erp")]

    play(work)


def test_what_is_told_has_words_and_the_place(tmp_path: Path) -> None:
    """In the language of the settings, with moments in the seller's time zone."""

    async def work() -> None:
        seller = Seller(tmp_path, language="ru")
        await seller.sync()
        seller.source.fail(TransientError("нет связи"), times=2)
        await seller.sync(after=QUARTER)
        async with seller.open() as shop:
            await seller.wait(minutes=10)
            await shop.alerts()
            await shop.send_alerts()
        (notice,) = seller.ears.notices
        assert notice.title == "erp не читается"
        assert "26.11.2026 12:15" in notice.message
        assert "нет связи" in notice.message
        assert (notice.source, notice.severity, notice.kind) == ("erp", "warning", "source_failing")

    play(work)


def test_in_quiet_hours_what_is_critical_passes_and_the_rest_waits(tmp_path: Path) -> None:
    """At half past eleven in Moscow lost writes are told at once, an unknown article at eight."""

    async def work() -> None:
        evening = datetime(2026, 11, 26, 20, 15, tzinfo=UTC)
        seller = Seller(tmp_path, evening, quiet="22:00-08:00")
        await seller.sync()
        seller.sink.order(Order("1", "X", 1, seller.clock.now()))
        assert await seller.sync(after=QUARTER) == []
        async with seller.open() as shop:
            engine = await shop._assembly.start()
            await engine.worker.run(engine.ledger.runs.remember, "lost_writes:shop", "3")
            standing = [row.trouble.subject for row in await shop.alerts()]
            await shop.send_alerts()
            assert standing[0] == "lost_writes:shop"
            assert seller.ears.heard() == [("new", "lost_writes:shop")]
            await seller.wait(hours=8, minutes=29)
            await shop.send_alerts()
            assert seller.ears.notices == []
            await seller.wait(minutes=1)
            await shop.send_alerts()
        assert {one.held_back for one in seller.ears.notices} == {True}
        assert seller.ears.heard() == [("new", "unknown_order:shop:X")]

    play(work)


def test_a_listing_that_shows_zero_is_told_after_two_hours_and_not_before(tmp_path: Path) -> None:
    """Judged by what is read back: it was sent and accepted, and the marketplace shows nothing."""

    async def work() -> None:
        seller = Seller(tmp_path)
        await seller.sync()
        async with seller.open() as shop:
            engine = await shop._assembly.start()

            def shown(number: int) -> Callable[[], Any]:
                def set_() -> None:
                    engine.ledger.database.execute(
                        "UPDATE marketplace_stocks SET base = ?, lane = 2, sync_status = 'pending'",
                        (number,),
                    )

                return set_

            await engine.worker.run(shown(0))
            assert await shop.alerts() == []
            await seller.wait(minutes=119)
            assert await shop.alerts() == []
            await seller.wait(minutes=1)
            (row,) = await shop.alerts()
            assert row.trouble.subject == "shows_zero:shop"
            assert "A (main): 0 → 3" in row.message
            await engine.worker.run(shown(1))
            assert await shop.alerts() == []
            # The clock of the next time begins anew.
            await engine.worker.run(shown(0))
            assert await shop.alerts() == []

    play(work)


def test_what_a_buffer_keeps_back_is_no_trouble(tmp_path: Path) -> None:
    """One unit is left under a buffer of two: zero is wanted, and zero is shown."""

    async def work() -> None:
        seller = Seller(tmp_path)
        seller.source.set("A", 1)
        await seller.sync()
        await seller.wait(hours=3)
        async with seller.open() as shop:
            assert await shop.alerts() == []

    play(work)


def test_a_subject_can_be_silenced_and_told_again(tmp_path: Path) -> None:
    """Who silenced it is known; a misspelt subject gets a hint."""

    async def work() -> None:
        seller = Seller(tmp_path, remind=timedelta(hours=1))
        await seller.sync()
        seller.sink.order(Order("1", "X", 1, seller.clock.now()))
        assert await seller.sync(after=QUARTER) == [("new", "unknown_order:shop:X")]
        async with seller.open() as shop:
            row = await shop.silence("unknown_order:shop:X", lasts=timedelta(hours=3), actor="ann")
            assert (row.trouble.silenced_by, row.trouble.silenced_until is not None) == ("ann", True)
            await seller.wait(hours=2)
            await shop.alerts()
            await shop.send_alerts()
            assert seller.ears.heard() == []
            await shop.silence("unknown_order:shop:X", lasts=timedelta())
            await shop.alerts()
            await shop.send_alerts()
            assert seller.ears.heard() == [("reminder", "unknown_order:shop:X")]
            with pytest.raises(ConfigurationError, match="did you mean unknown_order:shop:X"):
                await shop.silence("unknown_order:shop:Y")

    play(work)


def test_orders_sold_without_stock_are_counted_once(tmp_path: Path) -> None:
    """Told again and again it is one order; it is over when a day has passed without another."""

    async def work() -> None:
        seller = Seller(tmp_path)
        await seller.sync()
        seller.sink.order(Order("1", "A", 2, seller.clock.now(), oversold=True))
        assert await seller.sync(after=QUARTER) == [("new", "oversold:shop")]
        assert await seller.sync(after=QUARTER) == []
        async with seller.open() as shop:
            (sink,) = (await shop.status()).sinks
            assert sink.oversold == {"2026-11-26": 2}
            await seller.wait(hours=23, minutes=31)
            assert await shop.alerts() == []

    play(work)


class Keyed(Account):
    """A sink whose token ends."""

    ends: datetime | None = None
    asked = 0

    async def credentials(self) -> list[Credential]:
        self.asked += 1
        return [Credential("token", self.ends)]


def test_a_key_is_asked_once_a_day_and_often_when_it_ends_soon(tmp_path: Path) -> None:
    """So that a new one ends the alert within a quarter of an hour."""

    async def work() -> None:
        seller = Seller(tmp_path)
        seller.sink = sink = Keyed(["A"], clock=seller.clock)
        sink.ends = DAY + timedelta(days=15)
        for _ in range(3):
            assert await seller.sync(after=QUARTER) == []
        assert sink.asked == 1
        assert await seller.sync(after=timedelta(days=1)) == [("new", "credential_ends:shop:token")]
        sink.ends = DAY + timedelta(days=90)
        assert await seller.sync(after=QUARTER) == [("recovered", "credential_ends:shop:token")]
        assert sink.asked == 3

    play(work)


class Line:
    """A way to people that may be dead."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self.titles: list[str] = []

    def send(self, message: Any) -> str:
        if self.dead:
            return "no answer"
        self.titles.append(message.title)
        return ""


def test_a_dead_line_gets_it_later_and_the_others_not_twice(tmp_path: Path) -> None:
    """What is not taken is sent again after a pause, by a process that begins later as well."""

    async def work() -> None:
        seller = Seller(tmp_path)
        good, bad = Line("good"), Line("bad")
        bad.dead = True
        ways: list[Way] = [good, bad]
        await seller.sync()
        async with seller.open() as shop:
            shop._assembly.desk._ways = ways
            seller.sink.order(Order("1", "X", 1, seller.clock.now()))
            await shop.sync()
            assert await shop.send_alerts() == 0
            await seller.wait(minutes=5)
            bad.dead = False
        async with seller.open() as shop:
            shop._assembly.desk._ways = ways
            assert await shop.send_alerts() == 1
            assert await shop.send_alerts() == 0
        assert good.titles == bad.titles == ["mpstock: shop: an order of X, which nobody knows"]
        assert seller.ears.heard() == [("new", "unknown_order:shop:X")]

    play(work)


@pytest.mark.sqlite("what it says of its plans")
def test_a_look_asks_indexes_and_not_the_catalogue(tmp_path: Path) -> None:
    """A hundred thousand listings in step cost what ten do: no query of a look goes over all of a table."""

    async def work() -> None:
        seller = Seller(tmp_path)
        await seller.sync()
        async with seller.open() as shop:
            engine = await shop._assembly.start()
            database = engine.ledger.database
            asked: list[str] = []

            def look() -> list[str]:
                listen(database, asked.append)
                judge(engine, ())
                listen(database, None)
                return [
                    f"{row[3]}: {sql}"
                    for sql in asked
                    if sql.startswith(("SELECT", "DELETE", "INSERT", "UPDATE"))
                    for row in database.query(f"EXPLAIN QUERY PLAN {sql}")
                ]

            plans = await engine.worker.run(look)
        assert plans
        # These tables have a row for each listing, product, line or order; the others have a few rows.
        large = (
            "marketplace_stocks",
            "s",
            "products",
            "p",
            "listings",
            "l",
            "stock_sync_log",
            "drifts",
            "orders",
        )
        scans = [plan for plan in plans if plan.split()[0] == "SCAN" and plan.split()[1].strip(":") in large]
        # What is open, and the orders that are not settled or unknown, have an index of their own rows alone.
        partial = ("ix_marketplace_stocks_open", "ix_orders_open", "ix_orders_unknown")
        assert [plan for plan in scans if not any(index in plan for index in partial)] == []

    play(work)


def test_who_comes_back_too_late_takes_nothing_from_another(tmp_path: Path) -> None:
    """A process hangs longer than its claim: what the ledger gave to others meanwhile stays theirs."""

    async def work() -> None:
        seller = Seller(tmp_path)
        await seller.sync()
        async with seller.open() as shop:
            engine = await shop._assembly.start()
            notices = engine.ledger.notices

            def play_it() -> int:
                now, minutes = seller.clock.now(), timedelta(minutes=1)
                notices.add([(QueuedNotice("a:b", "new", "warning", now), now)])
                slow = notices.claim(now, minutes)
                assert notices.claim(now, minutes) == []
                quick = notices.claim(now + 2 * minutes, minutes)
                assert [one.id for one in quick] == [one.id for one in slow]
                notices.told(quick)
                # The number is free again, and the next notice gets it.
                notices.add([(QueuedNotice("c:d", "new", "warning", now), now)])
                notices.told(slow)
                notices.put_off([(one, ["x"], now + timedelta(days=1)) for one in slow])
                return len(notices.claim(now + 3 * minutes, minutes))

            assert await engine.worker.run(play_it) == 1

    play(work)
