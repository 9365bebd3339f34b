"""How long each page of the dashboard takes in a shop of 100,000 products on two marketplaces.

The log has ten lines for each of them, in 2,000 runs; every fifth listing is held by a guard. A page is
asked for through the application itself, in this process: sessions, ledger, template and headers are in its
time, the network is not.

    python benchmarks/dashboard.py [PRODUCTS]
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from attrs import evolve

from mpstock.config import UserSettings
from mpstock.facade.asynchronous import AsyncShop
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.ledger import Ledger
from mpstock.ledger.database import as_text
from mpstock.reconcile.engine import Progress
from mpstock.secret import Secret
from mpstock.service import create_app
from mpstock.service.dashboard.dashboard import Dashboard
from mpstock.service.runner import LATER, Job

SINKS = ("ozon", "wb")
RUNS = 2_000
TIMES = 20
NOW = datetime.now(UTC)
PAGES = {
    "overview": "/",
    "products": "/products",
    "products, in the middle": "/products?after=SKU-{middle:06}",
    "products, a part of an article": "/products?q=-09",
    "products, found nowhere": "/products?q=nothing",
    "a product": "/product?sku=SKU-{middle:06}",
    "log": "/log",
    "log, deep": "/log?before={half}",
    "log, by article": "/log?sku=SKU-{middle:06}",
    "log, refused on one marketplace": "/log?sink=wb&status=error",
    "log, what is rare": "/log?cause=never",
    "log, a day": "/log?since={day}&until={day}T23:59",
    "runs": "/runs",
    "a run": "/run?number=1990",
    "held": "/held",
    "held listings": "/held/listings?sink=wb&warehouse=1111&cause=erp&guard=zeroing",
    "failing": "/failing?sink=wb",
    "by hand": "/by-hand",
    "orphans": "/orphans",
}


def fill(url: str, products: int, lines: int) -> None:
    """Write what runs would have left there."""
    # What the run at the start has to say of made-up listings is of no interest.
    logging.disable(logging.CRITICAL)
    ledger, chance = Ledger(url), random.Random(1)
    database, now = ledger.database, as_text(NOW)
    ids = range(1, products + 1)
    with ledger.transaction():
        database.executemany(
            "INSERT INTO products (id, sku, first_seen_at) VALUES (?, ?, ?)",
            [(one, f"SKU-{one:06}", now) for one in ids],
        )
        database.executemany("INSERT INTO warehouses (id, code) VALUES (?, ?)", [(1, "main"), (2, "msk")])
        database.executemany(
            "INSERT INTO stock_levels (source, product_id, warehouse_id, quantity, updated_at, as_of) "
            "VALUES ('erp', ?, ?, ?, ?, ?)",
            [(one, place, chance.randrange(100), now, now) for one in ids for place in (1, 2)],
        )
        for rank, sink in enumerate(SINKS):
            first = rank * products
            database.executemany(
                "INSERT INTO listings (id, marketplace, warehouse_code, external_id, product_id, skus, keys) "
                "VALUES (?, ?, '1111', ?, ?, '[]', '{}')",
                [(first + one, sink, f"{one:06}", one) for one in ids],
            )
            states = []
            for one in ids:
                lane, status, held, failures = None, "ok", None, 0
                if one % 400 == 0:
                    lane, status, failures = 2, "error", 1
                elif one % 5 == 0:
                    lane, status, held = 0, "pending", "zeroing"
                wanted = 0 if held else chance.randrange(1, 90)
                states.append(
                    (one, sink, first + one, wanted + (lane is not None), now, status, wanted, lane, held,
                     failures)
                )  # fmt: skip
            database.executemany(
                "INSERT INTO marketplace_stocks (product_id, marketplace, warehouse_code, listing_id, base, "
                "last_synced_at, sync_status, wanted, lane, held, failures, cause) "
                "VALUES (?, ?, '1111', ?, ?, ?, ?, ?, ?, ?, ?, 'erp')",
                states,
            )
        begun = [NOW - timedelta(minutes=15 * (RUNS - number)) for number in range(RUNS)]
        database.executemany(
            "INSERT INTO runs (id, kind, cause, started_at, finished_at, status, exit_code) "
            "VALUES (?, 'sync', 'schedule', ?, ?, 'done', 0)",
            [(rank + 1, as_text(at), as_text(at + timedelta(seconds=40))) for rank, at in enumerate(begun)],
        )
        each = lines // RUNS
        for rank, at in enumerate(begun):
            database.executemany(
                "INSERT INTO stock_sync_log (product_id, marketplace, warehouse_code, old_qty, new_qty, "
                "source, run, push, status, synced_at) VALUES (?, ?, '1111', 5, ?, 'erp', ?, ?, ?, ?)",
                [
                    (chance.randint(1, products), chance.choice(SINKS), chance.randrange(90), rank + 1,
                     rank + 1, "error" if chance.random() < 0.01 else "ok", as_text(at))
                    for _ in range(each)
                ],
            )  # fmt: skip
    ledger.close()


async def measure(folder: Path, products: int, lines: int) -> dict[str, Any]:
    """Ask for each page; return its milliseconds, and the seconds of what is counted beside them."""
    path = folder / "dashboard.db"
    fill(f"sqlite:///{path}", products, lines)
    shop = AsyncShop(
        sources={"erp": InMemorySource()}, sinks={name: InMemorySink() for name in SINKS}, ledger=path
    )
    config = shop._assembly.config
    users = {"anna": UserSettings(Secret("a long secret"), "operator")}
    shop._assembly.config = evolve(config, service=evolve(config.service, users=users))
    app = create_app(shop, schedule=False)
    async with (
        app.state.service as service,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client,
    ):
        await service.runner.ask(_nothing())
        form = (await client.get("/login")).text
        csrf = re.findall(r'name="csrf" value="([^"]+)"', form)[0]
        await client.post("/login", data={"csrf": csrf, "user": "anna", "password": "a long secret"})
        standing = Dashboard.of(service).standing
        started = time.perf_counter()
        await client.get("/")
        await standing.moved()
        counted = time.perf_counter() - started
        pages: dict[str, dict[str, float]] = {}
        words = {"day": f"{NOW - timedelta(days=7):%Y-%m-%d}", "middle": products // 2, "half": lines // 2}
        for name, address in PAGES.items():
            took = []
            for _ in range(TIMES):
                started = time.perf_counter()
                answer = await client.get(address.format(**words))
                took.append((time.perf_counter() - started) * 1000)
                assert answer.status_code == 200, (name, answer.status_code)
            pages[name] = {"median": statistics.median(took), "slowest": max(took)}
    return {"counted_seconds": counted, "pages": pages}


def _nothing() -> Job:
    async def nothing(_shop: AsyncShop, _progress: Progress) -> None:
        return None

    return Job("the first run has ended", nothing, LATER)


def main() -> None:
    products = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as temporary:
        found = asyncio.run(measure(Path(temporary), products, 10 * products))
    print(f"{products:,} products; counted beside the pages in {found['counted_seconds']:.2f} s\n")
    print(f"{'page':34} {'median':>9} {'slowest':>9}")
    for name, took in found["pages"].items():
        print(f"{name:34} {took['median']:6.1f} ms {took['slowest']:6.1f} ms")


if __name__ == "__main__":
    main()
