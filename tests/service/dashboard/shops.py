"""A shop with its dashboard, and somebody before it: what the tests of the pages share."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
from attrs import evolve, frozen
from starlette.applications import Starlette
from starlette.routing import Mount

from mpstock.config import UserSettings
from mpstock.facade.asynchronous import AsyncShop
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.reconcile.engine import Progress
from mpstock.secret import Secret
from mpstock.service import Service, create_app
from mpstock.service.dashboard.dashboard import Dashboard
from mpstock.service.runner import LATER, Job

T = TypeVar("T")

ANNA, BORIS = "anna", "boris"
PASSWORDS = {ANNA: "anna's long secret", BORIS: "boris's long secret"}
USERS = {
    ANNA: UserSettings(Secret(PASSWORDS[ANNA]), "operator"),
    BORIS: UserSettings(Secret(PASSWORDS[BORIS]), "viewer"),
}

HOSTILE = "<script>alert('x')</script>\"&'"
"""An article that wants to be more than text."""


@frozen
class Front:
    """A shop in memory with its dashboard: what it is made of, and a client that knows no cookie yet."""

    source: InMemorySource
    sink: InMemorySink
    shop: AsyncShop
    service: Service
    client: httpx.AsyncClient

    async def log_in(self, user: str = ANNA) -> str:
        """Log in; returns the token that comes with everything that is done."""
        return await log_in(self.client, user)

    async def look(self, path: str) -> str:
        """Return a page on which all is counted that has happened so far."""
        await self.client.get(path)
        await Dashboard.of(self.service).standing.moved()
        return (await self.client.get(path)).text

    async def press(self, path: str, csrf: str, **form: str) -> httpx.Response:
        """Press a button, and wait for what it has asked for."""
        answer = await self.client.post(path, data={"csrf": csrf, **form})
        await self.settled()
        return answer

    async def settled(self) -> None:
        """Wait until nothing runs and nothing waits."""

        async def nothing(_shop: AsyncShop, _progress: Progress) -> None:
            return None

        # It comes after all that was asked for before.
        await self.service.runner.ask(Job("the last one", nothing, LATER + 1))


async def log_in(client: httpx.AsyncClient, user: str, path: str = "/login", **headers: str) -> str:
    """Log somebody in as a browser does; returns the token of the session."""
    form = await client.get(path)
    answer = await client.post(
        path,
        data={"csrf": token(form.text), "user": user, "password": PASSWORDS.get(user, "x"), "back": "/"},
        headers=headers,
    )
    assert answer.status_code == 303, answer.text
    return token((await client.get(answer.headers["location"])).text)


def token(page: str) -> str:
    """Return the token of the first form of a page."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None
    return found[1]


@asynccontextmanager
async def front(
    folder: Path,
    levels: Mapping[str, int] | None = None,
    *,
    users: Mapping[str, UserSettings] = USERS,
    public_url: str = "",
    under: str = "",
    sink: InMemorySink | None = None,
    sells: Sequence[str] | None = None,
) -> AsyncIterator[Front]:
    """Yield a shop that has synced once, with its dashboard; `under` mounts it at a path of a host."""
    levels = levels if levels is not None else {"A": 10, "B": 20}
    source = InMemorySource(levels)
    sink = sink if sink is not None else InMemorySink(list(sells if sells is not None else levels))
    shop = AsyncShop(sources={"erp": source}, sinks={"shop": sink}, ledger=folder / "ledger.db")
    config = shop._assembly.config
    settings = evolve(config.service, users=users, public_url=public_url)
    shop._assembly.config = evolve(config, service=settings)
    await shop.sync()
    app = create_app(shop, schedule=False)
    service: Service = app.state.service
    host: Any = Starlette(routes=[Mount(under, app)]) if under else app
    base = public_url or "http://shop.example"
    async with (
        service,
        httpx.AsyncClient(transport=httpx.ASGITransport(host), base_url=base) as client,
    ):
        made = Front(source, sink, shop, service, client)
        await made.settled()
        yield made


def play(
    folder: Path,
    act: Callable[[Front], Awaitable[T]],
    levels: Mapping[str, int] | None = None,
    **options: Any,
) -> T:
    """Let something be done before a shop's dashboard."""

    async def whole() -> T:
        async with front(folder, levels, **options) as made:
            return await act(made)

    return asyncio.run(whole())
