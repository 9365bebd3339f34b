"""How long a row that is pushed takes to the request on the wire, while nothing else goes on."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import define, field

from benchmarks.reconciling.shop import Account, Warehouses, sku, write_feed
from benchmarks.table.figures import Figure
from mpstock import AsyncShop, Level
from mpstock.clock import SystemClock
from mpstock.model import Change, Outcome

__all__ = ["figures"]

GOAL = 50.0


@define
class Listening(Account):
    """An account that notes when a request reached it."""

    at: list[float] = field(factory=list[float])

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Note the moment, and take everything."""
        self.at.append(time.perf_counter())
        return await Account.push(self, changes)


def figures(folder: Path, products: int = 1_000, posts: int = 40) -> Iterator[Figure]:
    """Yield the time from the row to the request, in this process: taken in, planned, judged, composed."""
    took = asyncio.run(_measure(folder, products, posts))
    yield Figure(
        "webhook", "from the row to the request on the wire, median", statistics.median(took), "ms", GOAL,
        f"{posts} rows, each alone, {products:,} products; slowest {max(took):.0f} ms; without HTTP",
    )  # fmt: skip


async def _measure(folder: Path, products: int, posts: int) -> list[float]:
    feed, account = folder / "webhook.csv", Listening("ozon", products)
    write_feed(feed, products, {})
    took: list[float] = []
    async with AsyncShop(
        sources={"erp": Warehouses(products, SystemClock(), feed)},
        sinks={"ozon": account},
        ledger=folder / "webhook.db",
    ) as shop:
        await shop.sync()
        for post in range(posts):
            seen, began = len(account.at), time.perf_counter()
            await shop.receive("erp", [Level(sku(post), "north", 0)])
            await shop.sync(read="nothing", cause="webhook")
            if len(account.at) != seen + 1:
                raise AssertionError(f"post {post} took {len(account.at) - seen} requests")
            took.append((account.at[-1] - began) * 1000)
    return took
