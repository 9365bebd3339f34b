"""Alerts while the service is up: at once when a run meets something, each minute else."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from mpstock import Clock, Notice, SystemClock, hookimpl
from mpstock.alerts.messages import Message
from mpstock.errors import TransientError
from mpstock.facade.asynchronous import AsyncShop
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.plugins import PluginRegistry
from mpstock.service import Service
from mpstock.testing import VirtualClock, run_virtual


class Ears:
    """A plugin that keeps when it was told what, in seconds since it began to listen."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.told: list[tuple[float, str, str]] = []
        self.since = clock.now()

    @hookimpl
    def mpstock_notice(self, event: Notice) -> None:
        seconds = (self.clock.now() - self.since).total_seconds()
        self.told.append((seconds, event.state, event.subject))


def _shop(folder: Path, clock: Clock) -> tuple[AsyncShop, InMemorySource, InMemorySink, Ears]:
    source = InMemorySource({"A": 5}, clock=clock)
    sink = InMemorySink(["A", "B"], clock=clock, shown={("B", "main"): 3})
    ears = Ears(clock)
    plugins = PluginRegistry(entry_points=[])
    plugins.register(ears, name="ears")
    shop = AsyncShop(
        sources={"erp": source}, sinks={"shop": sink}, ledger=folder / "ledger.db", plugins=plugins,
        clock=clock,
    )  # fmt: skip
    return shop, source, sink, ears


def test_what_a_run_meets_is_told_within_seconds(tmp_path: Path) -> None:
    """An order of an unknown article, a moment after the run that read it; its end after the next look."""

    async def play() -> None:
        clock = VirtualClock()
        shop, _, sink, ears = _shop(tmp_path, clock)
        await shop.sync()
        async with Service(shop, schedule=False):
            await clock.sleep(5)
            sink.buy("B", 1, "main", key="1")
            ears.since = clock.now()
            await shop.sync(read="orders")
            await clock.sleep(30)
            (told,) = ears.told
            assert told[1:] == ("new", "unknown_order:shop:B")
            assert told[0] <= 5

    run_virtual(play)


def test_what_only_time_brings_is_seen_within_a_minute(tmp_path: Path) -> None:
    """Nothing runs any more: the source that fails is found by the clock alone."""

    async def play() -> None:
        clock = VirtualClock()
        shop, source, _, ears = _shop(tmp_path, clock)
        await shop.sync()
        source.fail(TransientError("down"))
        async with Service(shop, schedule=False):
            await shop.sync()
            ears.since = clock.now()
            await clock.sleep(540)
            assert ears.told == []
            await clock.sleep(180)
            (told,) = ears.told
            assert told[1:] == ("new", "source_failing:erp")
            assert 600 <= told[0] <= 661

    run_virtual(play)


class Hanging:
    """A messenger that takes a message and never answers."""

    name = "hanging"

    def __init__(self) -> None:
        self.begun, self.over = threading.Event(), threading.Event()

    def send(self, message: Message) -> str:
        self.begun.set()
        self.over.wait(20)
        return ""


def test_a_dead_messenger_keeps_nobody_from_looking_and_stopping(tmp_path: Path) -> None:
    """While it hangs the list can be read, runs go on, and the service stops when it is told to."""
    hanging = Hanging()

    async def play() -> None:
        shop, _, sink, _ = _shop(tmp_path, SystemClock())
        await shop.build()
        desk = shop._assembly.desk
        desk._ways, desk.background = [hanging], True
        await shop.sync()
        sink.buy("B", 1, "main", key="1")
        await shop.sync(read="orders")
        service = Service(shop, schedule=False)
        async with asyncio.timeout(10), service:
            assert await asyncio.to_thread(hanging.begun.wait, 10)
            await shop.sync(read="orders")
            assert [row.trouble.subject for row in await shop.alerts()] == ["unknown_order:shop:B"]
        assert not hanging.over.is_set()
        # The thread that asyncio waits for at its end.
        hanging.over.set()

    asyncio.run(play())
