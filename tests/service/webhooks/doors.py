"""What the tests of the doors share: a shop with a ledger on the disk, and who knows its secrets."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx

from mpstock.service import Service, create_app
from tests.byhand import by_hand

T = TypeVar("T")

TOKEN = "a token for the tests alone"
SECRET = "a secret for the tests alone"
BEARER = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

SHOP = """
[ledger]
url = "sqlite:///ledger.db"
[sources.erp]
plugin = "memory"
levels = {{ A = 5, B = 7 }}
{erp}
[sinks.shop]
plugin = "memory"
skus = ["A", "B"]
[sinks.shop.buffer]
policy = "all"
[[sinks.shop.warehouses]]
code = "main"
[service.webhooks]
read_after = "{read_after}"
{webhooks}
{more}
"""


def settings(
    folder: Path,
    webhooks: str = f'tokens = ["{TOKEN}"]\nsecrets = ["{SECRET}"]',
    more: str = "",
    erp: str = "",
    read_after: str = "0s",
) -> Path:
    """Write the settings of a shop, and return their file."""
    path = folder / "mpstock.toml"
    path.write_text(
        SHOP.format(read_after=read_after, webhooks=webhooks, more=more, erp=erp), encoding="utf-8"
    )
    return path


@asynccontextmanager
async def up(path: Path, clock: Any = None) -> AsyncIterator[tuple[httpx.AsyncClient, Service]]:
    """Yield a client of a service that is up, whose sources have been read once."""
    app = create_app(path, schedule=False, clock=clock)
    service: Service = app.state.service
    async with service:
        await service.shop.sync()
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client:
            yield client, service


def play(path: Path, work: Callable[[httpx.AsyncClient, Service], Awaitable[T]], clock: Any = None) -> T:
    """Run a test against a service that is up."""

    async def running() -> T:
        async with up(path, clock) as (client, service):
            return await work(client, service)

    return asyncio.run(running())


def signed(body: bytes, now: datetime | float, secret: str = "", *said: str) -> dict[str, str]:
    """Return the headers of a signed request."""
    stamp = str(int(now if isinstance(now, (int, float)) else now.timestamp()))
    text = b".".join([stamp.encode(), *(part.encode() for part in said), body])
    digest = hmac.new((secret or SECRET).encode(), text, hashlib.sha256).hexdigest()
    return {
        "Mpstock-Timestamp": stamp,
        "Mpstock-Signature": f"v1={digest}",
        "Content-Type": "application/json",
    }


def told(folder: Path) -> dict[str, tuple[int | None, int | None]]:
    """Return what the ledger has by sku: the quantity that was read, and a lower one that was heard."""
    with by_hand(folder / "ledger.db") as hand:
        rows = hand.execute(
            "SELECT sku, quantity, heard FROM stock_levels JOIN products ON products.id = product_id"
        ).fetchall()
    return {sku: (quantity, heard) for sku, quantity, heard in rows}
