"""The world of a simulated day: the vendors' doubles, the way to them, and the market around them."""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

from attrs import define, field

from mpstock import Report
from mpstock.simulation import Demand, Market, Oracle, Outlet, Simulator, Watch
from mpstock.testing import VirtualClock
from mpstock_onec.simulator import OnecSimulator
from mpstock_ozon.simulator import OzonSimulator
from mpstock_wb.simulator import WbSimulator

__all__ = ["BATCH", "HOUR", "MIDNIGHT", "SETTINGS", "Kind", "Line", "World", "make"]

HOUR = 3600.0
MIDNIGHT = datetime(2026, 1, 12, 21, 0, tzinfo=UTC)
"""00:00 in Moscow: the day begins."""

OZON_MAIN, OZON_MSK, WB_CODE = "22142605386000", "1020003080073000", "1111"
OWN = ("main", "msk")
FEEDS: Mapping[str, tuple[str, ...]] = {OZON_MAIN: ("main",), OZON_MSK: ("msk",), WB_CODE: OWN}
BATCH = {"ozon": 100, "wb": 1000}

SETTINGS = """
[ledger]
url = "sqlite:///day.db"
[sources.erp]
plugin = "onec"
base_url = "http://erp.local/trade"
user = "Робот"
password = "Пароль 1С"
# Longer than from one full read to the next: what 1C's changes leave out they do not confirm.
max_age = "26h"
[sources.erp.absorbs]
ozon = {{ books_at = "shipment", lag = "30m" }}
wb = {{ books_at = "shipment", lag = "30m" }}
[sinks.ozon]
plugin = "ozon"
client_id = "12345"
api_key = "00000000-0000-4000-8000-000000000000"
buffer = {{ policy = "standard", absolute = {buffer} }}
warehouses = [
    {{ code = "22142605386000", feeds = ["main"] }},
    {{ code = "1020003080073000", feeds = ["msk"] }},
]
[sinks.wb]
plugin = "wb"
token = "{token}"
buffer = {{ policy = "standard", absolute = {buffer} }}
warehouses = [{{ code = "1111" }}]
[schedule]
timezone = "Europe/Moscow"
"""


@define(eq=False)
class Line:
    """The way to one double: a round trip long, and counting what comes over it.

    `wrote` is told of each article that a request has written. `foreign` is until when somebody else spends
    the account's limits, so that a refusal is no fault of the shop.
    """

    double: Simulator
    clock: VirtualClock
    rtt: float
    wrote: Callable[[str], None] = lambda _sku: None
    foreign: float = -1.0
    statuses: Counter[int] = field(factory=Counter[int])
    pushes: int = 0
    rows: int = 0
    refused: int = 0
    excused: int = 0
    _chance: random.Random = field(factory=lambda: random.Random(7))

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        trip = self.rtt * self._chance.uniform(0.5, 1.5)
        await self.clock.sleep(trip / 2)
        try:
            await self.double(scope, receive, send)
        finally:
            self.count()
            await self.clock.sleep(trip / 2)

    def count(self) -> None:
        """Take note of what has come since, and let the double forget it."""
        for one in self.double.requests:
            self.statuses[one.status] += 1
            if one.status == 429:
                mine = one.answered_at > self.foreign
                self.refused += mine
                self.excused += not mine
            written = _written(self.double, one.method, one.path, one.body)
            if written is not None:
                self.pushes += 1
                self.rows += len(written)
                for sku in written:
                    self.wrote(sku)
        self.double.requests.clear()


def _written(double: Simulator, method: str, path: str, body: bytes) -> list[str] | None:
    """Return the articles that a request wrote, None for one that writes nothing."""
    if isinstance(double, OzonSimulator) and path == "/v2/products/stocks":
        return [row["offer_id"] for row in json.loads(body)["stocks"]]
    if isinstance(double, WbSimulator) and method == "PUT":
        sizes = double.catalogue.sizes
        return [sizes[row["chrtId"]].key for row in json.loads(body)["stocks"]]
    return None


@define
class Kind:
    """One kind of run: how many there were, and what they took in seconds.

    `cpu` is what this process computed, doubles and all, `wall` what passed here, `virtual` what there.
    """

    runs: int = 0
    cpu: float = 0.0
    wall: float = 0.0
    longest: float = 0.0
    virtual: float = 0.0
    pushed: int = 0


@define(eq=False)
class World:
    """The day: who buys, what goes wrong, and what the shop does about it."""

    options: argparse.Namespace
    clock: VirtualClock
    onec: OnecSimulator
    ozon: OzonSimulator
    wb: WbSimulator
    lines: dict[str, Line]
    opens: Callable[[], Market]
    kinds: dict[str, Kind] = field(factory=dict[str, Kind])
    bound: Counter[str] = field(factory=Counter[str])
    requests: Counter[str] = field(factory=Counter[str])
    changes: Counter[str] = field(factory=Counter[str])
    drift: int = 0
    held: Counter[str] = field(factory=Counter[str])
    exit_codes: Counter[int] = field(factory=Counter[int])
    webhooks: int = 0
    rung: asyncio.Event = field(factory=asyncio.Event)
    over: bool = False
    started: float = 0.0
    opened: Any = None
    _market: Market | None = None

    @property
    def market(self) -> Market:
        """The market of the day that has begun."""
        assert self._market is not None
        return self._market

    @property
    def watch(self) -> Watch:
        """What looks after it."""
        assert self.market.watch is not None
        return self.market.watch

    def begin(self) -> None:
        """Let the day begin: from now on there are buyers."""
        self.started = self.clock.monotonic()
        self._market = self.opens()
        for line in self.lines.values():
            line.wrote = self.watch.wrote

    @property
    def hour(self) -> float:
        """The hours since the day began."""
        return (self.clock.monotonic() - self.started) / HOUR

    def count(self, report: Report) -> None:
        """Add up what a run sent, found and held back."""
        self.exit_codes[report.exit_code] += 1
        for name, sink in report.sinks.items():
            changes = sink.pushed + sink.failed
            self.requests[name] += sink.requests
            self.changes[name] += changes
            self.bound[name] += math.ceil(changes / BATCH[name])
            self.drift += sink.drifted
        for held in report.held:
            self.held[f"{held.guard} {held.sink} {held.source}"] += held.count

    async def until(self, hour: float) -> None:
        """Wait until so many hours of the day have passed."""
        await self.clock.sleep((hour - self.hour) * HOUR)


def make(options: argparse.Namespace, clock: VirtualClock, cls: type[Market]) -> World:
    """Return the day's world before it begins: the same for the shop and for the oracle."""
    skus = [f"SKU-{number:05d}" for number in range(1, options.products + 1)]
    chance = random.Random(options.seed)
    stock = Market.assortment(skus, OWN, options.seed)
    weights = [chance.lognormvariate(0.0, 1.5) for _ in skus]
    share = options.buyers / 24 / sum(weights)
    demand = Demand(
        per_item={sku: weight * share for sku, weight in zip(skus, weights, strict=True)},
        deliveries=options.deliveries / 24,
        cancel_share=0.05,
        cancelled=(60.0, 10 * HOUR),
        shipped=(1 * HOUR, 8 * HOUR),
    )
    real = cls is not Oracle
    ozon = OzonSimulator(skus, (OZON_MAIN, OZON_MSK), clock=clock, limits=real)
    # What is handed over is on its way, and nobody here brings it to its buyer.
    ozon.posting_reading.delivering_is_unfulfilled = False
    wb = WbSimulator(skus, (int(WB_CODE),), clock=clock, limits=real)
    onec = OnecSimulator(stock if real else {}, clock=clock)
    kept: int = options.buffer

    def allows(free: int) -> int:
        return max(free - kept, 0)

    more: dict[str, Any] = {} if real else {"advertise": allows}

    def opens() -> Market:
        return cls(
            clock,
            stock,
            [Outlet(ozon, feeds=FEEDS), Outlet(wb, feeds=FEEDS)],
            source=onec if real else None,
            demand=demand,
            seed=options.seed,
            books_at="shipment",
            book_lag=options.book_lag,
            watch=Watch(allows),
            **more,
        )

    for sku in skus:
        for code, feeds in FEEDS.items():
            outlet = wb if code == WB_CODE else ozon
            outlet.set_shown(sku, code, allows(sum(stock[sku, feed] for feed in feeds)))
    doubles: dict[str, Simulator] = {"erp": onec, "ozon": ozon, "wb": wb}
    for double in doubles.values():
        # What the vendors spend on packing their answers is not looked at.
        double.compress = False
    lines = {name: Line(double, clock, options.rtt) for name, double in doubles.items()}
    lines["erp"].rtt = 2.0
    return World(options, clock, onec, ozon, wb, lines, opens)
