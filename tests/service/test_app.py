"""The application starts its shop with a lifespan or with the first request, and closes it when it ends."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from attrs import evolve
from starlette.applications import Starlette
from starlette.routing import Mount

from mpstock.errors import ConfigurationError
from mpstock.facade.asynchronous import AsyncShop
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.model import Level
from mpstock.service import Service, create_app


def _shop(tmp_path: Path) -> tuple[AsyncShop, InMemorySink]:
    sink = InMemorySink(["A"])
    source = InMemorySource({"A": 5})
    return AsyncShop(sources={"erp": source}, sinks={"shop": sink}, ledger=tmp_path / "ledger.db"), sink


def test_what_is_brought_is_pushed_at_once(tmp_path: Path) -> None:
    """A row that was put into the ledger is on the marketplace without anybody asking for a run."""

    async def play() -> int:
        shop, sink = _shop(tmp_path)
        await shop.sync()
        async with Service(shop, schedule=False) as service:
            with service.news.listen() as events:
                await shop.receive("erp", [Level("A", "main", 3)])
                service.act()
                async for event in events:
                    if event.kind == "pushed":
                        break
        return sink.shown["A", "main"]

    # Three are left, and two of them are kept back.
    assert asyncio.run(play()) == 1


def test_what_a_process_left_is_acted_on_when_the_next_one_starts(tmp_path: Path) -> None:
    """A row that was taken in and not pushed before the end is pushed at the beginning."""

    async def play() -> int:
        shop, sink = _shop(tmp_path)
        await shop.sync()
        await shop.receive("erp", [Level("A", "main", 0)])
        async with Service(shop, schedule=False) as service:
            with service.news.listen() as events:
                async for event in events:
                    if event.kind == "run_finished":
                        break
        return sink.shown["A", "main"]

    assert asyncio.run(play()) == 0


def test_a_debounce_gathers_what_follows_and_never_delays_the_first(tmp_path: Path) -> None:
    """The first push goes at once, what comes in the pause after it goes together in one run."""

    async def play() -> int:
        shop, _ = _shop(tmp_path)
        config = shop._assembly.config
        webhooks = evolve(config.service.webhooks, debounce=timedelta(hours=1))
        shop._assembly.config = evolve(config, service=evolve(config.service, webhooks=webhooks))
        async with Service(shop, schedule=False) as service:
            with service.news.listen() as events:
                for _ in range(5):
                    service.act()
                runs = 0
                async for event in events:
                    runs += event.kind == "job_started"
                    if event.kind == "job_finished":
                        break
                assert service.runner.waiting == []
        return runs

    assert asyncio.run(play()) == 1


def test_a_host_that_tells_of_no_lifespan_gets_a_service_with_the_first_request(tmp_path: Path) -> None:
    """Mounted in another application it starts when it is first asked something."""

    async def play() -> None:
        shop, _ = _shop(tmp_path)
        app = create_app(shop, schedule=False)
        host = Starlette(routes=[Mount("/stock", app)])
        assert not app.state.service.up
        async with httpx.AsyncClient(transport=httpx.ASGITransport(host), base_url="http://host") as client:
            assert (await client.get("/stock/no-such-page")).status_code == 404
        assert app.state.service.up
        await app.state.service.stop()

    asyncio.run(play())


def test_wrong_settings_are_told_before_anything_is_served(tmp_path: Path) -> None:
    """What is wrong in the table of the service is told with its place."""
    path = tmp_path / "mpstock.toml"
    path.write_text('[service]\nhosts = "here"\n[service.users.ann]\nrole = "boss"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        create_app(path)
    assert "[service] hosts" in str(caught.value)
    assert "[service.users.ann]" in str(caught.value)
