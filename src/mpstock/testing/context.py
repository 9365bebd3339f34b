"""What an adapter is given, over a double in the process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from attrs import define, field

from mpstock.interfaces import Context, SinkSpec, SourceSpec
from mpstock.secret import Secret
from mpstock.testing.virtual import VirtualClock

if TYPE_CHECKING:
    import httpx

    from mpstock.clock import Clock
    from mpstock.pacing import PaceStore
    from mpstock.transport import TransportSettings

    Message = MutableMapping[str, Any]
    App = Callable[
        [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
    ]

__all__ = ["adapter_context", "app_transport", "build_adapter"]


def adapter_context(
    app: App | httpx.AsyncBaseTransport,
    name: str = "ozon",
    clock: Clock | None = None,
    warehouses: Sequence[str] = (),
    secrets: Sequence[str | Secret] = (),
    *,
    store: PaceStore | None = None,
    settings: TransportSettings | None = None,
    network: bool = False,
) -> Context:
    """Return a context whose transport leads to `app`, an ASGI application or an httpx transport.

    Limits, retries and redaction are the real ones. `clock` defaults to the app's own (`app.clock`), else
    to a new `VirtualClock`; `store` to a new `MemoryPaceStore`. What the vendor's double does badly
    on purpose arrives as over a network: an app that ends without a whole answer, or raises
    `ConnectionError`, is a connection that was lost. With `network` requests leave the process, to wherever
    their URLs lead (a double that `mpstock.simulation.serve` serves); `app` then only lends its clock. Close
    the transport (`await context.transport.aclose()`) before the loop ends.
    """
    import httpx

    from mpstock.pacing import MemoryPaceStore, Pacer
    from mpstock.redaction import redacting_logger
    from mpstock.transport import HttpTransport, TransportSettings

    if clock is None:
        clock = cast("Clock | None", getattr(app, "clock", None)) or VirtualClock()
    way_out: httpx.AsyncBaseTransport | None = None
    if not network:
        way_out = app if isinstance(app, httpx.AsyncBaseTransport) else app_transport(app)
    transport = HttpTransport(
        name,
        pacer=Pacer(store or MemoryPaceStore(), clock),
        clock=clock,
        settings=settings or TransportSettings(),
        secrets=tuple(secrets),
        client_transport=way_out,
    )
    return Context(
        name=name,
        transport=transport,
        clock=clock,
        logger=redacting_logger(f"mpstock.adapters.{name}", secrets),
        warehouses=tuple(warehouses),
    )


def build_adapter(spec: SourceSpec | SinkSpec, settings: Any, context: Context) -> Any:
    """Build the adapter of `spec` as the core does, and declare its limits to the context's transport."""
    if isinstance(spec, SinkSpec):
        sink = spec.factory(settings, context)
        context.transport.declare(sink.limits.account, sink.limits.rates)
        return sink
    source = spec.factory(settings, context)
    context.transport.declare(context.name, source.rates)
    return source


def app_transport(app: App) -> httpx.AsyncBaseTransport:
    """Return a way to `app` in the process on which, as over a network, a connection can be lost."""
    import httpx

    class AppTransport(httpx.AsyncBaseTransport):
        """As `httpx.ASGITransport`, which looks for another kind of loop at each request; and an answer may
        break off.
        """

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            exchange = _Exchange(await request.aread())
            try:
                await app(_scope_of(request), exchange.receive, exchange.send)
                if not exchange.whole.is_set():
                    raise ConnectionResetError("the double closed the connection without a whole answer")
            except ConnectionRefusedError as error:
                raise httpx.ConnectError(str(error), request=request) from error
            except ConnectionError as error:
                raise httpx.RemoteProtocolError(str(error), request=request) from error
            content = [] if request.method == "HEAD" else exchange.parts
            return httpx.Response(exchange.status, headers=exchange.headers, stream=_Body(content))

    class _Body(httpx.AsyncByteStream):
        """A body that is read once, and decompressed by who reads it."""

        def __init__(self, parts: Sequence[bytes]) -> None:
            self._parts = parts

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for part in self._parts:
                yield part

    return AppTransport()


@define(eq=False)
class _Exchange:
    """What an application is told of one request, and what it has answered so far."""

    body: bytes
    status: int = 0
    headers: Sequence[tuple[bytes, bytes]] = ()
    parts: list[bytes] = field(factory=list[bytes])
    whole: asyncio.Event = field(factory=asyncio.Event)
    _asked: bool = False

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.whole.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            if body := message.get("body", b""):
                self.parts.append(body)
            if not message.get("more_body", False):
                self.whole.set()


def _scope_of(request: httpx.Request) -> Message:
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.split(b"?")[0],
        "query_string": url.query,
        "server": (url.host, url.port),
        "client": ("127.0.0.1", 123),
        "root_path": "",
    }
