"""The context that adapters' tests use is the real thing but for the network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from mpstock import Context, Level, Rate, Reading, SourceSpec
from mpstock.errors import InDoubtError, NotSentError, PluginContractError
from mpstock.pacing import MemoryPaceStore
from mpstock.simulation import Answer, Request, Simulator
from mpstock.testing import VirtualClock, adapter_context, build_adapter, run_virtual


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """A plain ASGI application."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


def test_context_leads_to_an_application():
    """Requests reach the ASGI application, and name and warehouses are the adapter's."""
    context = adapter_context(hello, name="wb", warehouses=["1111"])

    async def main() -> bytes:
        return (await context.transport.request("GET", "https://wb.test/ping", scopes=())).content

    assert run_virtual(main) == b"/ping"
    assert asyncio.run(main()) == b"/ping"
    assert (context.name, context.warehouses) == ("wb", ("1111",))


def test_an_application_hears_as_from_a_server():
    """The whole body, then the end of the exchange; an answer in parts is one answer, to HEAD none."""
    heard: list[Any] = []

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        heard.append(await receive())
        await send({"type": "http.response.start", "status": 201, "headers": [(b"x-way", b"home")]})
        await send({"type": "http.response.body", "body": b"one ", "more_body": True})
        await send({"type": "http.response.body", "body": scope["query_string"]})
        heard.append(await receive())

    async def main() -> None:
        transport = adapter_context(slow).transport
        answer = await transport.request(
            "POST", "http://double/path?a=1", scopes=(), push=True, content=b"said"
        )
        assert (answer.status_code, answer.headers["x-way"], answer.content) == (201, "home", b"one a=1")
        assert (await transport.request("HEAD", "http://double/path?a=1", scopes=())).content == b""

    run_virtual(main)
    assert heard[:2] == [
        {"type": "http.request", "body": b"said", "more_body": False},
        {"type": "http.disconnect"},
    ]


@pytest.mark.parametrize("half", [False, True])
def test_application_that_breaks_off_is_a_lost_connection(half: bool):
    """A double that ends without a whole answer looks as over a network: the push is in doubt."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        if half:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"{", "more_body": True})

    async def main() -> None:
        with pytest.raises(InDoubtError):
            await adapter_context(broken).transport.request("PUT", "http://x", scopes=(), push=True, json=1)

    run_virtual(main)


@pytest.mark.parametrize(
    ("error", "kind"), [(ConnectionRefusedError, NotSentError), (ConnectionResetError, InDoubtError)]
)
def test_application_may_raise_what_a_network_does(error: type[Exception], kind: type[Exception]):
    """`ConnectionRefusedError` from a double was not sent, any other `ConnectionError` is in doubt."""

    async def raising(scope: Any, receive: Any, send: Any) -> None:
        raise error("as told")

    async def main() -> None:
        with pytest.raises(kind):
            await adapter_context(raising).transport.request("PUT", "http://x", scopes=(), push=True, json=1)

    run_virtual(main)


def test_fault_of_an_application_is_not_hidden():
    """An assertion that fails in a double fails the test."""

    async def wrong(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("the adapter sent a wrong body")

    async def main() -> None:
        with pytest.raises(AssertionError, match="wrong body"):
            await adapter_context(wrong).transport.request("GET", "http://x", scopes=())

    run_virtual(main)


def test_simulators_clock_is_taken():
    """Without a clock of its own the context goes by the double's, so that both agree on the limits."""
    clock = VirtualClock()
    simulator = Simulator(clock=clock)

    async def pong(request: Request) -> Answer:
        return Answer.json("pong")

    simulator.route("GET", "/ping", pong)
    context = adapter_context(simulator)
    assert context.clock is clock
    context.transport.declare("account", [Rate("ping", 3, 30.0, spacing=10.0)])

    async def main() -> list[float]:
        for _ in range(3):
            await context.transport.request("GET", "http://sim.test/ping", scopes=("ping",))
        return [recorded.at for recorded in simulator.requests]

    assert run_virtual(main) == [pytest.approx(at, abs=0.1) for at in (0, 10, 20)]


def test_contexts_on_one_store_share_their_limits():
    """Two contexts on one store are two processes on one ledger."""

    async def main() -> float:
        clock, store = VirtualClock(), MemoryPaceStore()
        for _ in range(2):
            context = adapter_context(hello, clock=clock, store=store)
            context.transport.declare("account", [Rate("s", 1, 60.0)])
            await context.transport.request("GET", "http://x/", scopes=("s",))
        return clock.monotonic()

    assert run_virtual(main) >= 60.0


def test_built_adapter_has_its_limits_declared():
    """`build_adapter` does what the core does: builds by the factory and declares the limits."""

    class Warehouse:
        def __init__(self, context: Context) -> None:
            self.context = context

        @property
        def rates(self) -> Sequence[Rate]:
            return [Rate("list", 1, 60.0)]

        async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
            now = self.context.clock.now()
            response = await self.context.transport.request("GET", "http://erp/list", scopes=("list",))
            yield Reading([Level(response.text, "main", 1)], now, complete=True)

    spec = SourceSpec("erp", "a test's", dict, lambda settings, context: Warehouse(context))
    context = adapter_context(hello, name="erp")
    source = build_adapter(spec, {}, context)

    async def main() -> list[Reading]:
        with pytest.raises(PluginContractError, match="declared: list"):
            await context.transport.request("GET", "http://erp/", scopes=("other",))
        return [reading async for reading in source.read(None)]

    (reading,) = run_virtual(main)
    assert reading.levels[0].sku == "/list"


def test_httpx_transport_is_taken_as_it_is():
    """`httpx.MockTransport` does in place of an application."""
    context = adapter_context(httpx.MockTransport(lambda request: httpx.Response(418)))

    async def main() -> int:
        return (await context.transport.request("GET", "http://x/", scopes=())).status_code

    assert run_virtual(main) == 418
