"""How much of a vendor's limit the limiter uses, and what it is refused, on a virtual clock.

One simulated hour for each of: Ozon (80 requests a minute) and Wildberries (300), against servers that count
in fixed windows, in a sliding window and in a leaky bucket (capacity: a fifteenth of the limit), with
jittered round trips and a process that is killed with requests under way every few minutes.
Efficiency is admitted requests over `hours × limit`; what a window gives at the start is in it.

    python benchmarks/pacing.py [--seeds 5] [--hours 1] [--rtt 0.4] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mpstock import Rate
from mpstock.pacing import MemoryPaceStore, Pacer
from mpstock.simulation import RateWindow
from mpstock.testing import VirtualClock, run_virtual

T = TypeVar("T")

VENDORS = {
    "ozon": Rate("stocks", 80, 60.0),
    "wb": Rate("stocks", 300, 60.0, spacing=0.2, burst=20, error_cost=10),
}
MODELS = ("fixed", "sliding", "leaky")
WORKERS = 24


class MortalStore:
    """What one process sees of the store. Once it is killed, nothing that it does arrives any more."""

    def __init__(self, shared: MemoryPaceStore) -> None:
        self._shared = shared
        self.killed = False
        self._limbo = asyncio.Event()

    async def update(
        self,
        keys: Sequence[str],
        change: Callable[[list[dict[str, Any] | None]], tuple[list[dict[str, Any]], T]],
    ) -> T:
        if self.killed:
            await self._limbo.wait()
        return await self._shared.update(keys, change)


def measure(
    rate: Rate, model: str, *, seed: int, hours: float, rtt: float, kill_every: float
) -> tuple[float, int]:
    """Return the efficiency in percent and the number of refusals."""
    chance = random.Random(seed)
    clock = VirtualClock()
    server = RateWindow(model, rate.requests, rate.period)  # type: ignore[arg-type]
    admitted = refused = 0
    end = hours * 3600.0

    async def one_request(pacer: Pacer) -> None:
        nonlocal admitted, refused
        slot = await pacer.acquire("account", ("stocks",))
        trip = chance.gammavariate(4.0, rtt / 4.0)
        there = trip * chance.uniform(0.2, 0.8)
        await clock.sleep(there)
        wait = server.admit(clock.monotonic())
        if clock.monotonic() <= end:
            admitted, refused = admitted + (wait == 0.0), refused + (wait > 0.0)
        await clock.sleep(trip - there)
        await slot.finish(429 if wait else 200, {"Retry-After": f"{wait:.0f}"} if wait else {})

    async def worker(pacer: Pacer) -> None:
        while True:
            await one_request(pacer)

    async def main() -> None:
        shared = MemoryPaceStore()
        dead: list[MortalStore] = []
        while clock.monotonic() < end:
            store = MortalStore(shared)
            pacer = Pacer(store, clock)
            pacer.declare("account", [rate])
            workers = [asyncio.create_task(worker(pacer)) for _ in range(WORKERS)]
            await clock.sleep(min(kill_every * chance.uniform(0.5, 1.5), end - clock.monotonic()))
            store.killed = True
            # Kept, for a task that is collected while it waits complains of it.
            dead.append(store)
            # What is under way still reaches the server, and its answers reach nobody.
            await clock.sleep(2.0 if clock.monotonic() < end else 0.0)
            for task in workers:
                task.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    run_virtual(main, clock=clock)
    return 100.0 * admitted / (hours * 3600.0 / rate.period * rate.requests), refused


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--rtt", type=float, nargs="+", default=[0.4])
    parser.add_argument("--kill-every", type=float, default=1200.0, help="seconds between two crashes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    rows = []
    for rtt in options.rtt:
        for vendor, rate in VENDORS.items():
            for model in MODELS:
                runs = [
                    measure(
                        rate, model, seed=seed, hours=options.hours, rtt=rtt, kill_every=options.kill_every
                    )
                    for seed in range(options.seeds)
                ]
                row = {
                    "vendor": vendor,
                    "server": model,
                    "rtt": rtt,
                    "efficiency_median": round(statistics.median(one[0] for one in runs), 2),
                    "efficiency_worst": round(min(one[0] for one in runs), 2),
                    "refused": sum(one[1] for one in runs),
                }
                rows.append(row)
                if not options.json:
                    print(
                        f"{vendor:5} {model:8} RTT {rtt:g} s: median {row['efficiency_median']:6.2f} %, "
                        f"worst {row['efficiency_worst']:6.2f} %, 429: {row['refused']}",
                        flush=True,
                    )
    if options.json:
        print(json.dumps(rows))
    return 1 if any(row["refused"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
