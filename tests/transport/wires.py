"""A transport over a handler on virtual time, and a raw server on loopback that misbehaves as told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx

from mpstock import Clock, Rate, SystemClock
from mpstock.gate import Gate
from mpstock.pacing import MemoryPaceStore, Pacer
from mpstock.testing import VirtualClock
from mpstock.transport import HttpTransport, TransportSettings

URL = "https://api.example.test/v2/stocks"
RATE = Rate("s", 600, 60.0)

Handler = Callable[[httpx.Request], Any]
Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def transport_over(
    handler: Handler | None = None,
    *,
    clock: Clock | None = None,
    rates: Sequence[Rate] = (RATE,),
    secrets: Sequence[Any] = (),
    gate: Gate | None = None,
    **settings: Any,
) -> HttpTransport:
    """A transport named "ozon" that asks `handler`, or goes to the real network when there is none."""
    clock = clock or (VirtualClock() if handler else SystemClock())
    transport = HttpTransport(
        "ozon",
        pacer=Pacer(MemoryPaceStore(), clock),
        clock=clock,
        settings=TransportSettings(**settings),
        secrets=secrets,
        client_transport=httpx.MockTransport(handler) if handler else None,
        gate=gate,
    )
    transport.declare("account", rates)
    return transport


class Hurried(SystemClock):
    """The machine's clock, where a second of waiting takes a hundredth: for pauses over real connections."""

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / 100)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        return super().timeout(None if seconds is None else seconds / 100)


class Answers:
    """A handler that gives one answer after the other, and the last one for ever; remembers the requests."""

    def __init__(
        self, *answers: httpx.Response | Exception | Callable[[], Awaitable[httpx.Response]]
    ) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self.clock: Clock = VirtualClock()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.times.append(self.clock.monotonic())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if callable(answer):
            return await answer()
        # A response can be read once: each request gets a fresh one.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


@asynccontextmanager
async def raw_server(script: Script) -> AsyncIterator[str]:
    """Serve `script` on a free port of loopback, once for each connection; yield the base URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        yield f"http://127.0.0.1:{port}"


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read one request, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return head + await reader.readexactly(int(value))
    return head


def answering(raw: bytes, *, then: Script | None = None) -> Script:
    """A script that reads a request, writes `raw`, does `then`, and closes the connection."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(raw)
        await writer.drain()
        if then is not None:
            await then(reader, writer)

    return script
