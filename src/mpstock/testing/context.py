"""What an adapter is given, over a double in the process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, cast

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
        """`httpx.ASGITransport`, where an answer may also break off."""

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            whole = False

            async def watched(
                scope: Message,
                receive: Callable[[], Awaitable[Message]],
                send: Callable[[Message], Awaitable[None]],
            ) -> None:
                async def sending(message: Message) -> None:
                    nonlocal whole
                    if message["type"] == "http.response.body" and not message.get("more_body", False):
                        whole = True
                    await send(message)

                await app(scope, receive, sending)
                if not whole:
                    raise ConnectionResetError("the double closed the connection without a whole answer")

            try:
                return await httpx.ASGITransport(app=cast("Any", watched)).handle_async_request(request)
            except ConnectionRefusedError as error:
                raise httpx.ConnectError(str(error), request=request) from error
            except ConnectionError as error:
                raise httpx.RemoteProtocolError(str(error), request=request) from error

    return AppTransport()
