"""A shop that is served for real, in a thread of its own, for a browser to look at."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import uvicorn
from attrs import define, evolve

from mpstock.config import UserSettings
from mpstock.facade.asynchronous import AsyncShop
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.model import Change, Outcome
from mpstock.secret import Secret
from mpstock.service import create_app

T = TypeVar("T")

PASSWORD = "a long secret"
USERS = {
    "anna": UserSettings(Secret(PASSWORD), "operator"),
    "boris": UserSettings(Secret(PASSWORD), "viewer"),
}
SHIRTS = [
    f"TSHIRT-{colour}-{size}" for colour in ("BLACK", "WHITE", "NAVY") for size in ("S", "M", "L", "XL")
]
MUGS = [f"КРУЖКА-{number:02}" for number in range(1, 61)]
ODD = ["<script>alert(1)</script>", 'a"b&c/d?e', f"ОЧЕНЬ-ДЛИННЫЙ-АРТИКУЛ-{'С-ПОДРОБНОСТЯМИ-' * 4}1"]


class GatedSink(InMemorySink):
    """Answers a push only while its gate is open."""

    gate: asyncio.Event

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Wait for the gate."""
        await self.gate.wait()
        return await super().push(changes)


@define(eq=False)
class Stage:
    """The shop behind the pages. Whatever is done to it is done in its thread, by `play`."""

    url: str
    loop: asyncio.AbstractEventLoop
    shop: AsyncShop
    source: InMemorySource
    ozon: GatedSink
    wb: InMemorySink

    def play(self, act: Callable[[], Awaitable[T]]) -> T:
        """Let something happen in the shop, and wait for it."""

        async def whole() -> T:
            return await act()

        return asyncio.run_coroutine_threadsafe(whole(), self.loop).result(30)

    def open(self) -> None:
        """Let the marketplace answer."""
        self.loop.call_soon_threadsafe(self.ozon.gate.set)

    def shut(self) -> None:
        """Let the marketplace keep its answers to itself."""
        self.loop.call_soon_threadsafe(self.ozon.gate.clear)


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Serve a shop in which something of everything has happened."""
    made: list[Stage] = []
    server: list[uvicorn.Server] = []
    failed: list[BaseException] = []
    ready = threading.Event()

    async def serve() -> None:
        stage = await _shop(folder)
        app = create_app(stage.shop, schedule=False)
        config = uvicorn.Config(
            app, port=0, log_level="warning", lifespan="on", timeout_graceful_shutdown=1, ws="none"
        )
        socket = config.bind_socket()
        stage.url = f"http://127.0.0.1:{socket.getsockname()[1]}"
        made.append(stage)
        server.append(uvicorn.Server(config))
        ready.set()
        try:
            await server[0].serve(sockets=[socket])
        finally:
            socket.close()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(60)
    try:
        if failed:
            raise failed[0]
        yield made[0]
    finally:
        if made:
            made[0].open()
        for one in server:
            one.should_exit = True
        thread.join(60)


async def _shop(folder: Path) -> Stage:
    articles = [*SHIRTS, *MUGS, *ODD]
    source = InMemorySource({sku: 5 + 7 * rank % 40 for rank, sku in enumerate(articles)})
    ozon = GatedSink(articles, account="ozon", batch=20)
    ozon.gate = asyncio.Event()
    ozon.gate.set()
    wb = InMemorySink(articles[:-1], account="wb", warehouses=("507", "1111"), batch=50)
    wb.refuse(SHIRTS[3], "CARGO_RESTRICTION", "The warehouse does not take <b>such</b> goods", times=-1)
    shop = AsyncShop(sources={"erp": source}, sinks={"ozon": ozon, "wb": wb}, ledger=folder / "ledger.db")
    config = shop._assembly.config
    shop._assembly.config = evolve(config, service=evolve(config.service, users=USERS))
    await shop.sync(actor="service")
    for turn in range(5):
        for rank, sku in enumerate(articles[turn::6]):
            source.set(sku, 3 + (11 * turn + 5 * rank) % 60)
        await shop.sync(cause="erp", actor="service")
    await shop.stop(skus=[SHIRTS[5]], sink="wb", reason="inventory in progress", actor="anna")
    for sku in MUGS[:45]:
        source.set(sku, 0)
    await shop.sync(cause="erp", actor="service")
    return Stage("", asyncio.get_running_loop(), shop, source, ozon, wb)
