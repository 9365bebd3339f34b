"""How long sending takes against what a vendor's limits allow: whole shops before the doubles, in no time.

Every number of a shop rises at once. Counted are the requests, and the seconds from the moment at which a
slice was judged to its last outcome: until then nothing takes time here but requests, so that it is the end
of the last one that was read before the first was written.
"""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

from attrs import define, evolve, field, frozen

from benchmarks.table.figures import Figure
from mpstock.simulation import Simulator
from mpstock.testing import VirtualClock, run_virtual, shop_in_process
from mpstock_onec.simulator import OnecSimulator
from mpstock_ozon.simulator import OzonSimulator
from mpstock_wb import rates
from mpstock_wb.simulator import WbSimulator

__all__ = ["figures"]

ALLOWANCE = 1.02
"""How much longer than the bound of the limit sending may take."""

TRIP = 0.4
"""The mean round trip, in seconds."""

_SETTINGS = """
[ledger]
url = "sqlite:///pushing.db"
[sources.erp]
plugin = "onec"
base_url = "http://erp.local/trade"
user = "robot"
password = "a password"
[sinks.shop]
{sink}
orders = {orders}
buffer = {{ absolute = 0 }}
warehouses = [{{ code = "{code}" }}]
[guards]
zeroing = {{ share = 1.0, count = 10000000, window = "1h" }}
"""


FEW = 10
"""The changes of a request where many requests are wanted, and few rows."""


@frozen
class _Account:
    """A marketplace: its batch, seconds for a request, from how many requests on the bound is promised.

    `within` holds while it is measured.
    """

    name: str
    code: str
    batch: int
    seconds: float
    enough: int
    orders: str
    settings: str
    make: Callable[[list[str], VirtualClock], Simulator]
    writes: Callable[[str, str], bool]
    within: Callable[[], AbstractContextManager[Any]] = nullcontext


def _ozon(skus: list[str], clock: VirtualClock) -> Simulator:
    return OzonSimulator(skus, ("22142605386000",), clock=clock)


def _wb(skus: list[str], clock: VirtualClock) -> Simulator:
    return WbSimulator(skus, [1111], clock=clock)


_WB = _Account(
    "Wildberries", "1111", rates.BATCH, 60 / 300, 1_000, "false", 'plugin = "wb"\ntoken = "{token}"',
    _wb, lambda method, path: method == "PUT" and path.startswith("/api/v3/stocks/"),
)  # fmt: skip

ACCOUNTS = (
    _Account(
        "Ozon", "22142605386000", 100, 60 / 80, 100, '"none"',
        'plugin = "ozon"\nclient_id = "12345"\napi_key = "00000000-0000-4000-8000-000000000000"',
        _ozon, lambda method, path: (method, path) == ("POST", "/v2/products/stocks"),
    ),
    _WB,
    # In full batches a thousand requests are a million rows.
    evolve(
        _WB, name=f"Wildberries, {FEW} changes a request", batch=FEW,
        within=lambda: patch.object(rates, "BATCH", FEW),
    ),
)  # fmt: skip


@define
class _Line:
    """The way to a double, half a round trip to each side; it notes when was read and when written."""

    double: Simulator
    clock: VirtualClock
    writes: Callable[[str, str], bool]
    chance: random.Random = field(factory=lambda: random.Random(1))
    read_until: float = 0.0
    written: list[float] = field(factory=list[float])
    refused: int = 0

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        trip = self.chance.gammavariate(4.0, TRIP / 4.0)
        await self.clock.sleep(trip / 2)
        await self.double(scope, receive, send)
        await self.clock.sleep(trip / 2)
        self.refused += sum(one.status == 429 for one in self.double.requests)
        # A million rows are kept nowhere.
        self.double.requests.clear()
        if self.writes(scope["method"], scope["path"]):
            self.written.append(self.clock.monotonic())
        elif not self.written:
            self.read_until = self.clock.monotonic()


def measure(account: _Account, products: int, folder: Path) -> dict[str, Any]:
    """Let every number of a shop rise; return how many requests that took, and how many seconds."""
    clock = VirtualClock()
    skus = [f"SKU-{number:07d}" for number in range(products)]
    onec = OnecSimulator({(sku, "main"): 9 for sku in skus}, password="a password", clock=clock)
    onec.user = "robot"
    line = _Line(account.make(skus, clock), clock, account.writes)
    path = folder / "mpstock.toml"
    sink = account.settings.replace("{token}", getattr(line.double, "token", ""))
    path.write_text(_SETTINGS.format(sink=sink, code=account.code, orders=account.orders), encoding="utf-8")

    async def play() -> int:
        async with shop_in_process(path, {"sources.erp": onec, "sinks.shop": line}, clock) as shop:
            return (await shop.sync()).exit_code

    with account.within():
        code = run_virtual(play, clock=clock, threads=False)
    if code:
        raise AssertionError(f"{account.name}: the run ended with {code}")
    return {
        "requests": len(line.written),
        "least": math.ceil(products / account.batch),
        "seconds": line.written[-1] - line.read_until,
        "refused": line.refused,
    }


def figures(folder: Path, products: int) -> Iterator[Figure]:
    """Yield the requests beyond the least, the time over the bound, and the refusals, of each marketplace.

    As many products as make Ozon's hundred requests; of Wildberries, whose thousand need a million rows, as
    many as the table is made for, and once more in requests so small that they are a thousand.
    """
    for account in ACCOUNTS:
        size = min(account.enough * account.batch + 1, max(products, 10_001))
        place = folder / f"pushing-{account.name}"
        place.mkdir()
        found = measure(account, size, place)
        bound = (found["requests"] - 1) * account.seconds
        name, counts = account.name, found["requests"] >= account.enough
        took = f"{found['requests']:,} requests in {found['seconds']:.1f} s ÷ {bound:.1f} s"
        yield Figure(
            "pushing", f"{name}: from the verdict to the last outcome ÷ the limit's bound",
            found["seconds"] / bound, "×", ALLOWANCE,
            f"{took}; round trip {TRIP} s",
            counts=counts,
        )  # fmt: skip
        yield Figure(
            "pushing", f"{name}: requests beyond Σ ⌈changes ÷ batch⌉",
            found["requests"] - found["least"], "", 0, f"{size:,} changes",
        )  # fmt: skip
        yield Figure("pushing", f"{name}: answers of 429", found["refused"], "", 0)
