"""Fleets for the tests: a real PostgreSQL, tenants in files, accounts and warehouses in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, field, frozen

from mpstock import Change, Context, Outcome, Sink, SinkSpec, Source, SourceSpec, hookimpl
from mpstock.fleet import Fleet, FleetSettings, WorkerSettings
from mpstock.fleet.queue import Queue
from mpstock.fleet.store import FleetStore
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.plugins import PluginRegistry
from mpstock.secret import Secret
from tests import postgres

needs_postgresql = pytest.mark.usefixtures("postgresql")


@frozen
class _Stock:
    """`plugin = "play"` under `[sources]`: which of the world's warehouses it is."""

    of: str


@frozen
class _Account:
    """`plugin = "play"` under `[sinks]`: which of the world's accounts it is, and the key to it."""

    of: str
    key: Secret


async def until(condition: Callable[[], Awaitable[bool] | bool]) -> None:
    """Wait until something has come about, but not for ever."""
    async with asyncio.timeout(90):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


class Marketplace(InMemorySink):
    """An account that takes its time with each request."""

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        await asyncio.sleep(0.002)
        return await super().push(changes)


@frozen
class World:
    """Warehouses and accounts by name, which a plugin `play` reads and writes."""

    stocks: dict[str, InMemorySource] = field(factory=dict[str, InMemorySource])
    accounts: dict[str, InMemorySink] = field(factory=dict[str, InMemorySink])

    def add(self, name: str, levels: Mapping[str, int]) -> tuple[InMemorySource, InMemorySink]:
        """Add a warehouse and an account of this name that sells what is in it."""
        self.stocks[name] = InMemorySource(dict(levels))
        self.accounts[name] = Marketplace(list(levels), account=f"play:{name}", batch=10)
        return self.stocks[name], self.accounts[name]

    def registry(self) -> PluginRegistry:
        """Return the plugins of a process that reaches this world."""
        registry = PluginRegistry(entry_points=[])
        registry.register(self, "play")
        return registry

    @hookimpl
    def mpstock_sources(self) -> list[SourceSpec]:
        def build(settings: _Stock, _context: Context) -> Source:
            return self.stocks[settings.of]

        return [SourceSpec("play", "a warehouse of the tests", _Stock, build)]

    @hookimpl
    def mpstock_sinks(self) -> list[SinkSpec]:
        def build(settings: _Account, _context: Context) -> Sink:
            return self.accounts[settings.of]

        return [SinkSpec("play", "an account of the tests", _Account, build, mapping_keys=("external_id",))]


TENANT = """
[ledger]
url = "sqlite:///{name}.db"
[sources.erp]
plugin = "play"
of = "{stock}"
[sinks.shop]
plugin = "play"
of = "{account}"
key = "${{SHOP_KEY}}"
[[sinks.shop.warehouses]]
code = "main"
[sinks.shop.buffer]
policy = "all"
"""


@pytest.fixture(scope="session")
def postgresql() -> None:
    """A PostgreSQL that runs; it is not started for whoever only collects these tests."""
    if missing := postgres.why_missing():
        pytest.skip(missing)


@cache
def _template() -> str:
    """Return a database with the tables of Procrastinate and of the fleet, to be copied."""
    server = postgres.server()
    name = server.create_database()

    async def fill() -> None:
        async def nothing(_job: object) -> None:
            pass

        async with Queue(server.url(name), nothing) as queue:
            await queue.create()
            await FleetStore(queue.pool).create()

    asyncio.run(fill())
    return name


@contextmanager
def database() -> Iterator[str]:
    """Yield the URL of a new database with the fleet's tables in it."""
    server = postgres.server()
    name = server.create_database(_template())
    try:
        yield server.url(name)
    finally:
        server.drop_database(name)


class Play:
    """A fleet with its world. `tenant` writes the file of one; `open` is one process."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.world = World()
        (folder / "tenants").mkdir()
        (folder / "tenants" / ".env").write_text("SHOP_KEY=the-key-of-all\n", encoding="utf-8")
        self.settings = FleetSettings(
            Secret(url), str(folder / "tenants"), Secret("own"), worker=WorkerSettings(concurrency=4)
        )

    def change(self, **keys: Any) -> None:
        """Change the settings of a worker."""
        self.settings = evolve(self.settings, worker=evolve(self.settings.worker, **keys))

    def tenant(
        self, name: str, levels: Mapping[str, int] | None = None, *, account: str = "", more: str = ""
    ) -> tuple[InMemorySource, InMemorySink]:
        """Add a tenant, with an account of its own or another's."""
        stock, own = self.world.add(name, levels or {"A": 5})
        text = TENANT.format(name=name, stock=name, account=account or name) + more
        (self.folder / "tenants" / f"{name}.toml").write_text(text, encoding="utf-8")
        return stock, self.world.accounts[account] if account else own

    @asynccontextmanager
    async def open(self, **options: Any) -> AsyncIterator[Fleet]:
        """Open the fleet as a process of its own does."""
        async with Fleet(self.settings, plugins=self.world.registry(), **options) as fleet:
            yield fleet

    async def work_off(self, fleet: Fleet) -> None:
        """Do everything that is in the queue now, and what comes of it."""
        await fleet.queue.app.run_worker_async(
            wait=False, install_signal_handlers=False, listen_notify=False, delete_jobs="successful"
        )


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """A fleet without tenants yet."""
    with database() as url:
        yield Play(tmp_path, url)
