"""How long a zero waits behind a full push, on the virtual clock, before Ozon's double with its real limits.

So many raises wait for Ozon (80 requests a minute, 100 pairs each: 100,000 take 12.5 minutes); while they are
sent a zero comes in every so often, as a webhook of the warehouse system to another task. Its time is that
from the webhook to the arrival of the zero. The bound: one slot (0.75 s) and one round trip where the pair is
idle; the rest of its cooldown (30 s) and one slot where it has just been raised.

    python benchmarks/time_to_safe.py [--products 100000] [--every 10] [--rtt 0.3] [--json]

Ends with 1 if a zero was later than its bound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from mpstock import AsyncShop, Level
from mpstock.testing import VirtualClock, run_virtual, shop_in_process
from mpstock_onec.simulator import OnecSimulator
from mpstock_ozon.simulator import OzonSimulator

CODE = "22142605386000"
SLOT, COOLDOWN, GRACE = 0.75, 30.0, 0.1
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
orders = "none"
buffer = { absolute = 0 }
warehouses = [{ code = "22142605386000" }]
[guards]
zeroing = { share = 1.0, count = 1000000, window = "1h" }
"""


def measure(products: int, every: float, rtt: float, folder: Path) -> dict[str, Any]:
    """Return how long the zeros took, those of idle pairs and those of cooling ones."""
    clock = VirtualClock()
    skus = [f"SKU-{number:06d}" for number in range(products)]
    onec = OnecSimulator({(sku, "main"): 9 for sku in skus}, clock=clock)
    ozon = OzonSimulator(skus, (CODE,), clock=clock, stock={(sku, CODE): 5 for sku in skus})
    path = folder / "mpstock.toml"
    path.write_text(SETTINGS, encoding="utf-8")
    written: dict[str, float] = {}
    told: dict[str, tuple[float, float | None]] = {}
    zeroed: dict[str, float] = {}
    begun = asyncio.Event()

    async def far(
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        await clock.sleep(rtt / 2)
        await ozon(scope, receive, send)
        for one in ozon.requests:
            if one.path == "/v2/products/stocks":
                begun.set()
                for row in one.json()["stocks"]:
                    sku = row["offer_id"]
                    if row["stock"] == 0:
                        zeroed.setdefault(sku, one.at)
                    written[sku] = one.at
        ozon.requests.clear()
        await clock.sleep(rtt / 2)

    async def webhooks(shop: AsyncShop) -> None:
        chance = random.Random(1)
        await begun.wait()
        while True:
            await clock.sleep(every * chance.uniform(0.5, 1.5))
            # Every other one is of a pair that was raised a moment ago, and cools.
            recent = [sku for sku, at in written.items() if clock.monotonic() - at < 20.0]
            sku = chance.choice(recent) if recent and len(told) % 2 else chance.choice(skus)
            if sku not in told:
                told[sku] = clock.monotonic(), written.get(sku)
                await shop.receive("erp", [Level(sku, "main", 0)])

    async def play() -> float:
        async with shop_in_process(path, {"sources.erp": onec, "sinks.ozon": far}, clock) as shop:
            before = clock.monotonic()
            beside = asyncio.create_task(webhooks(shop))
            await shop.sync()
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
            took = clock.monotonic() - before
            await shop.sync(read="nothing")
            return took

    took = run_virtual(play, clock=clock, threads=False)
    waits: dict[str, list[float]] = {"idle": [], "cooling": []}
    late = 0
    for sku, (at, raised) in told.items():
        rest = 0.0 if raised is None else max(raised + COOLDOWN - at, 0.0)
        wait = zeroed[sku] - at
        waits["cooling" if rest else "idle"].append(wait - rest)
        late += wait > rest + SLOT + rtt + GRACE
    return {
        "products": products,
        "push_seconds": round(took, 1),
        "late": late,
        **{
            kind: {"zeros": len(found), "longest_beyond_the_cooldown": round(max(found, default=0.0), 2)}
            for kind, found in waits.items()
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two zeros")
    parser.add_argument("--rtt", type=float, default=0.3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="mpstock-safe-") as folder:
        figures = measure(options.products, options.every, options.rtt, Path(folder))
    if options.json:
        print(json.dumps(figures))
    else:
        print(f"{figures['products']} raises went out in {figures['push_seconds']} s")
        for kind in ("idle", "cooling"):
            found = figures[kind]
            print(f"{kind}: {found['zeros']} zeros, the slowest {found['longest_beyond_the_cooldown']} s")
        print(f"later than the bound: {figures['late']}")
    return 1 if figures["late"] else 0


if __name__ == "__main__":
    sys.exit(main())
