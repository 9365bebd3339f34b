"""What the shop does in its simulated day, as `mpstock run` does it."""

from __future__ import annotations

import argparse
import asyncio
import gc
import math
import multiprocessing
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.day.events import faults, ring, write_offs
from benchmarks.day.world import HOUR, MIDNIGHT, SETTINGS, Kind, World, make
from mpstock import AsyncShop, Report
from mpstock.simulation import MarketReport, Oracle
from mpstock.testing import VirtualClock, run_virtual, shop_in_process

__all__ = ["foreseen", "live"]


@contextmanager
def undisturbed(name: str) -> Iterator[Path]:
    """Yield a folder for the ledger of a day; the world that is made by now is no garbage.

    It is no part of the shop, and not looked through all the time. The folder is in memory where that is
    possible: a day's waiting for the disk is no part of what is looked at.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        prefix=f"mpstock-{name}-", dir=memory if memory.is_dir() else None
    ) as folder:
        yield Path(folder)


async def run(world: World, shop: AsyncShop, kind: str, **how: Any) -> Report:
    """Let the shop run once, and count what it took."""
    before, began, computed = time.perf_counter(), world.clock.monotonic(), time.process_time()
    report = await shop.sync(**how)
    took = time.perf_counter() - before
    found = world.kinds.setdefault(kind, Kind())
    found.runs += 1
    found.cpu += time.process_time() - computed
    found.wall += took
    found.longest = max(found.longest, took)
    found.virtual += world.clock.monotonic() - began
    found.pushed += report.pushed
    world.count(report)
    return report


async def work(world: World, shop: AsyncShop) -> None:
    """Orders every minute, changes every 15, everything at 02:00, and webhooks at once."""
    minute = 0
    while world.hour < world.options.hours:
        due = world.started + 60.0 * minute
        timer = asyncio.create_task(world.clock.sleep(max(due - world.clock.monotonic(), 0.0)))
        bell = asyncio.create_task(world.rung.wait())
        await asyncio.wait([timer, bell], return_when=asyncio.FIRST_COMPLETED)
        rings = bell.done()
        for task in (timer, bell):
            task.cancel()
        world.rung.clear()
        if world.clock.monotonic() >= due - 1e-6:
            if minute == 120:
                await run(world, shop, "full", full=True, cause="schedule")
            elif minute % 15 == 0:
                await run(world, shop, "changes", cause="schedule")
            else:
                await run(world, shop, "orders", read="orders", cause="schedule")
            minute = max(minute + 1, math.ceil((world.clock.monotonic() - world.started) / 60.0))
        elif rings:
            await run(world, shop, "webhook", read="nothing", cause="webhook")


async def live(world: World, folder: Path) -> None:
    """Open the shop, bring both accounts level, then let the day pass."""
    path = folder / "mpstock.toml"
    path.write_text(SETTINGS.format(token=world.wb.token, buffer=world.options.buffer), encoding="utf-8")
    doubles = {
        f"{'sources' if name == 'erp' else 'sinks'}.{name}": line for name, line in world.lines.items()
    }
    async with shop_in_process(path, doubles, world.clock) as shop:
        before = time.process_time()
        report = await shop.sync(full=True, cause="opening")
        world.opened = {"cpu": round(time.process_time() - before, 2), "pushed": report.pushed}
        world.begin()
        gc.freeze()
        chance = random.Random(world.options.seed + 20)
        rings: set[asyncio.Task[None]] = set()

        def webhook(sku: str, own: str) -> None:
            if chance.random() < world.options.webhooks:
                task = asyncio.create_task(ring(world, shop, sku, own, chance))
                rings.add(task)
                task.add_done_callback(rings.discard)

        beside = [
            asyncio.create_task(world.market.advance(world.options.hours * HOUR)),
            asyncio.create_task(write_offs(world, webhook)),
        ]
        if world.options.faults:
            beside.append(asyncio.create_task(faults(world)))
        await work(world, shop)
        for task in [*beside, *rings]:
            task.cancel()
        ended = await asyncio.gather(*beside, *rings, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error


@contextmanager
def foreseen(options: argparse.Namespace) -> Iterator[Callable[[], MarketReport]]:
    """Let the oracle live the same day in another process; yields what waits for its report."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool.submit(_foresee, options).result


def _foresee(options: argparse.Namespace) -> MarketReport:
    clock = VirtualClock(MIDNIGHT)
    world = make(options, clock, Oracle)

    async def day() -> None:
        world.begin()
        beside = asyncio.create_task(write_offs(world, lambda _sku, _own: None))
        await world.market.advance(options.hours * HOUR)
        beside.cancel()

    run_virtual(day, clock=clock)
    return world.market.report()
