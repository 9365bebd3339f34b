"""What happens in the simulated day beside buying: goods break, 1C rings, and everything fails once."""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks.day.world import HOUR, World
from mpstock import AsyncShop, Level

__all__ = ["faults", "ring", "write_offs"]


async def write_offs(world: World, webhook: Callable[[str, str], None]) -> None:
    """Let goods break and be miscounted, by chance, and 1C hear of it; it rings where it is asked to."""
    chance = random.Random(world.options.seed + 10)
    places = world.market.stock.places
    rate = world.options.write_offs / 24 / HOUR
    while rate > 0:
        await world.clock.sleep(chance.expovariate(rate))
        sku, own = chance.choice(places)
        units = chance.choice([1, 1, 2, 1000])
        there = world.market.stock.free(sku, [own])
        if there > 0:
            world.market.restock(sku, own, -min(units, there), book_lag=30.0)
            webhook(sku, own)


async def ring(world: World, shop: AsyncShop, sku: str, own: str, chance: random.Random) -> None:
    """Ring after 1C has booked: at times twice, at times late, and with what was true when it was written."""
    await world.clock.sleep(30.0 + chance.uniform(0.5, 3.0))
    level = Level(sku, own, int(world.onec.levels[sku, own]))
    for delay in chance.choice([(0.0,), (0.0,), (0.0, 5.0), (20.0,)]):
        await world.clock.sleep(delay)
        await shop.receive("erp", [level])
        world.webhooks += 1
        world.rung.set()


async def faults(world: World) -> None:
    """What goes wrong, at its hour."""
    ozon, wb, lines = world.ozon, world.wb, world.lines

    async def at(hour: float) -> bool:
        if hour >= world.options.hours:
            return False
        await world.until(hour)
        return True

    if await at(1.99):
        # The full read at 02:00 is answered with nothing at all.
        world.onec.fail("no_rows", 1)
    if await at(10.0):
        world.onec.fail("error")
        await world.until(10.5)
        world.onec.recover()
    if await at(11.33):
        ozon.add_fault(status=503, times=20)
    if await at(13.5):
        ozon.add_fault(path="/v2/products/stocks", times=3, drop=True, after_commit=True)
        wb.add_fault(method="PUT", times=3, drop=True, after_commit=True)
    if await at(15.67):
        wb.add_fault(status=502, times=20)
    if await at(17.0):
        # Somebody else writes with the same key, as fast as he can.
        end = world.clock.monotonic() + 180.0
        lines["ozon"].foreign = end + 61.0
        while world.clock.monotonic() < end:
            if ozon._per_minute is not None:
                ozon._per_minute.admit(world.clock.monotonic())
            await world.clock.sleep(0.5)
