"""A service with a source that is fed by an exchange, and infobases that are pointed at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from attrs import define, field

from mpstock.inmemory import InMemorySink
from mpstock.service import Service, create_app
from mpstock.testing import VirtualClock, run_virtual
from mpstock_onec.simulator_exchange import ExchangeClient
from tests.onec_commerceml.exchange import catalogue, offer, package, rest, total

__all__ = [
    "CATALOGUE",
    "NAME",
    "PASSWORD",
    "Site",
    "bad",
    "catalogue",
    "offer",
    "opened",
    "package",
    "play",
    "rest",
    "stock",
]

NAME, PASSWORD = "Робот", "тайна и 100%"

SETTINGS = """
[ledger]
url = "sqlite:///ledger.db"

[sources.erp]
plugin = "onec_commerceml"
path = "received"

[sinks.shop]
plugin = "memory"
skus = ["A-1", "A-2", "A-3"]
buffer = { policy = "all" }
[[sinks.shop.warehouses]]
code = "w"

[service.webhooks]
users = { "Робот" = "тайна и 100%", other = "other-secret" }
"""

CATALOGUE = catalogue(("p1", "A-1"), ("p2", "A-2"), ("p3", "A-3"))


def stock(*numbers: int, changes: bool = False) -> bytes:
    """Write offers of A-1, A-2, … with these quantities."""
    offers = [
        offer(f"p{at}", total(str(number)), article=f"A-{at}") for at, number in enumerate(numbers, start=1)
    ]
    return package(*offers, changes=changes).encode()


def bad() -> bytes:
    """Write offers that end in the middle."""
    return stock(1, 2, 3)[:-40]


def play(scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Play a scene on time that jumps."""
    run_virtual(scene)


@define
class Site:
    """One process of the service."""

    folder: Path
    http: httpx.AsyncClient
    service: Service
    path: str = "/exchange/erp"
    clients: list[ExchangeClient] = field(factory=list[ExchangeClient])

    def client(self, user: str = NAME, password: str = PASSWORD, **habits: object) -> ExchangeClient:
        """An infobase; `habits` are fields of `ExchangeClient`."""
        return ExchangeClient(self.http, self.path, user, password, **habits)  # type: ignore[arg-type]

    @property
    def shown(self) -> dict[str, int]:
        """What the marketplace shows, by product."""
        return {sku: self.shows(sku) for sku in ("A-1", "A-2", "A-3")}

    def shows(self, sku: str) -> int:
        """What the marketplace shows of a product."""
        sink = next(built.sink for built in self.service.engine.sinks)
        assert isinstance(sink, InMemorySink)
        return sink.shown.get((sku, "w"), 0)

    @property
    def lying(self) -> list[str]:
        """The files that the source can see, without the folders of their exchanges."""
        received = self.folder / "received"
        return sorted(
            path.relative_to(received).as_posix().split("/", 1)[-1]
            for path in received.rglob("*")
            if path.is_file() and ".exchange" not in path.parts
        )

    @property
    def staged(self) -> list[str]:
        """What lies in the hidden folder."""
        return sorted(path.name for path in (self.folder / "received" / ".exchange").glob("*"))

    async def settled(self) -> None:
        """Wait until nothing runs and nothing waits to be run."""
        while self.service.runner.running or self.service.runner.waiting:
            await self.service.engine.clock.sleep(0.05)


@asynccontextmanager
async def opened(folder: Path, more: str = "", *, settings: str = SETTINGS) -> AsyncIterator[Site]:
    """Start a service in a folder, on time that jumps; a second one there is the next process."""
    (folder / "mpstock.toml").write_text(settings + more, encoding="utf-8")
    app = create_app(folder / "mpstock.toml", schedule=False, clock=VirtualClock())
    service: Service = app.state.service
    async with service:
        transport = httpx.ASGITransport(app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as http:
            yield Site(folder, http, service)
