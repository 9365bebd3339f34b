"""Vendors' rate limits as small models, and a crowd of workers that sends to them on a virtual clock."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mpstock import Rate
from mpstock.pacing import MemoryPaceStore, Pacer
from mpstock.testing import VirtualClock, run_virtual

T = TypeVar("T")


class Server:
    """Admits or refuses requests at the moment of their arrival; remembers when each was admitted."""

    def __init__(self, limit: int, period: float) -> None:
        self.limit = limit
        self.period = period
        self.admitted: list[float] = []
        self.refused: list[float] = []

    def ask(self, now: float, cost: int = 1) -> bool:
        """Whether a request that arrives now, and is charged `cost` if let in, is let in."""
        if self.has_room(now):
            self.admitted.append(now)
            self.charge(now, cost)
            return True
        self.refused.append(now)
        return False

    def has_room(self, now: float) -> bool:
        raise NotImplementedError

    def charge(self, now: float, cost: int) -> None:
        raise NotImplementedError


class Fixed(Server):
    """Counts in windows that begin at multiples of the period."""

    window = -1
    used = 0

    def has_room(self, now: float) -> bool:
        window = math.floor(now / self.period)
        if window != self.window:
            self.window, self.used = window, 0
        return self.used < self.limit

    def charge(self, now: float, cost: int) -> None:
        self.used += cost


class Sliding(Server):
    """Counts in the period before each request."""

    def __init__(self, limit: int, period: float) -> None:
        super().__init__(limit, period)
        self.log: list[float] = []

    def has_room(self, now: float) -> bool:
        self.log = [at for at in self.log if at > now - self.period]
        return len(self.log) < self.limit

    def charge(self, now: float, cost: int) -> None:
        self.log.extend([now] * cost)


class Leaky(Server):
    """A bucket that leaks `limit` a period; `capacity` requests fit into it."""

    def __init__(self, limit: int, period: float, capacity: float | None = None) -> None:
        super().__init__(limit, period)
        self.capacity = capacity if capacity is not None else limit / 15
        self.level = 0.0
        self.seen = 0.0

    def has_room(self, now: float) -> bool:
        self.level = max(self.level - (now - self.seen) * self.limit / self.period, 0.0)
        self.seen = now
        return self.level + 1 <= self.capacity + 1e-9

    def charge(self, now: float, cost: int) -> None:
        self.level += cost


class MortalStore:
    """What one process sees of a shared store; once killed, nothing that it does arrives any more."""

    def __init__(self, shared: MemoryPaceStore) -> None:
        self.shared = shared
        self.killed = False
        self.limbo = asyncio.Event()

    async def update(
        self,
        keys: Sequence[str],
        change: Callable[[list[dict[str, Any] | None]], tuple[list[dict[str, Any]], T]],
    ) -> T:
        if self.killed:
            await self.limbo.wait()
        return await self.shared.update(keys, change)


class Crowd:
    """Workers that send one request after the other, from one or more processes that may be killed."""

    def __init__(
        self,
        server: Server,
        rate: Rate,
        *,
        seed: int = 0,
        rtt: float = 0.4,
        workers: int = 12,
        error_share: float = 0.0,
    ) -> None:
        self.server = server
        self.rate = rate
        self.rtt = rtt
        self.workers = workers
        self.error_share = error_share
        self.chance = random.Random(seed)
        self.clock = VirtualClock()
        self.store = MemoryPaceStore()
        self.dead: list[MortalStore] = []

    def run(self, seconds: float, *, kill_every: float | None = None, processes: int = 1) -> float:
        """Send for so long; return the share of the limit that was admitted, in percent."""
        lifetime = kill_every or seconds

        async def process() -> None:
            while self.clock.monotonic() < seconds - 1e-6:
                store = MortalStore(self.store)
                pacer = Pacer(store, self.clock)
                pacer.declare("account", [self.rate])
                tasks = [asyncio.create_task(self._work(pacer)) for _ in range(self.workers)]
                await self.clock.sleep(
                    min(lifetime * self.chance.uniform(0.5, 1.5), seconds - self.clock.monotonic())
                    if kill_every
                    else seconds
                )
                store.killed = True
                self.dead.append(store)
                # Requests under way still reach the server; their answers reach nobody.
                await self.clock.sleep(5 * self.rtt if self.clock.monotonic() < seconds - 1e-6 else 0.0)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

        async def main() -> None:
            await asyncio.gather(*(process() for _ in range(processes)))

        run_virtual(main)
        allowed = seconds / self.rate.period * self.rate.requests
        return 100 * sum(at <= seconds for at in self.server.admitted) / allowed

    async def _work(self, pacer: Pacer) -> None:
        while True:
            slot = await pacer.acquire("account", [self.rate.scope], lease=60.0)
            trip = self.chance.gammavariate(4.0, self.rtt / 4) if self.rtt else 0.0
            there = trip * self.chance.uniform(0.1, 0.9)
            await self.clock.sleep(there)
            error = self.chance.random() < self.error_share
            good = self.server.ask(self.clock.monotonic(), self.rate.error_cost if error else 1)
            await self.clock.sleep(trip - there)
            await slot.finish((409 if error else 200) if good else 429)


def most_in_a_period(stamps: Sequence[float], period: float) -> int:
    """The largest number of stamps within any half-open window of that length."""
    ordered = sorted(stamps)
    most = first = 0
    for last, stamp in enumerate(ordered):
        while stamp - ordered[first] >= period:
            first += 1
        most = max(most, last - first + 1)
    return most
