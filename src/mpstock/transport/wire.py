"""One exchange over httpx: what goes out, what came back, and how far it got."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from attrs import define

from mpstock.errors import ConfigurationError
from mpstock.transport.bodies import read_answer

if TYPE_CHECKING:
    import httpx

    from mpstock.clock import Clock
    from mpstock.transport.message import Message

__all__ = ["BarredError", "Passage", "exchange"]


_LEAVING = (".send_request_headers.started", ".send_request_body.started")


class BarredError(OSError):
    """The request may not go out any more."""


@define
class Passage:
    """How far an exchange got: `sent` None = cannot be told, `status` and `headers` once they are here."""

    sent: bool | None = None
    status: int | None = None
    headers: Mapping[str, str] | None = None
    response: httpx.Response | None = None
    error: Exception | None = None


async def exchange(
    client: httpx.AsyncClient,
    message: Message,
    passage: Passage,
    *,
    clock: Clock,
    timeout: float,
    connect_timeout: float,
    max_body: int,
    traced: bool,
    may_go: Callable[[], bool] | None = None,
) -> None:
    """Send `message` once and read the answer. What became of it, errors too, is written to `passage`.

    `may_go` is asked as late as can be, when the connection stands: before the headers leave and before the
    body does. A process that was stopped on its way here does not send what it may not send any more.

    `traced`: the client's transport tells when a connection stands, so that what was never sent
    is known for sure.
    """
    import httpx

    if traced:
        passage.sent = False
    loop = asyncio.get_running_loop()
    connected: asyncio.Future[None] = loop.create_future()

    def stand(_: object = None) -> None:
        if not connected.done():
            connected.set_result(None)

    streams: list[Any] = []

    async def trace(name: str, info: Mapping[str, Any]) -> None:
        if may_go is not None and name.endswith(_LEAVING):
            # A tunnel through a proxy changes nothing yet.
            tunnel = getattr(info.get("request"), "method", b"") == b"CONNECT"
            if not tunnel and not may_go():
                raise BarredError("this process may not send it any more")
        if name == "connection.connect_tcp.complete":
            streams.append(info["return_value"])
        elif name.endswith(".send_request_headers.started"):
            request = info.get("request")
            # A proxy is first asked for a tunnel; that is not our request yet.
            if getattr(request, "method", b"") != b"CONNECT":
                passage.sent = True
                stand()

    try:
        request = client.build_request(
            message.method,
            _parsed(message.url),
            headers=list(message.headers),
            content=message.content,
            extensions={"trace": trace},
        )
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise ConfigurationError(f"{message.url!r} is not a URL: {error}", place="base_url") from None

    try:
        async with clock.timeout(timeout):
            talk = loop.create_task(_converse(client, request, passage, max_body))
            talk.add_done_callback(stand)
            try:
                if traced and not await _stands(connected, clock, connect_timeout):
                    passage.error = httpx.ConnectTimeout(f"no connection within {connect_timeout:g} s")
                else:
                    passage.response = await talk
            finally:
                if not talk.done():
                    talk.cancel()
                    await asyncio.gather(talk, return_exceptions=True)
                if traced and not passage.sent:
                    # httpcore forgets a connection whose TLS handshake is cancelled.
                    for stream in streams:
                        await stream.aclose()
    except TimeoutError:
        passage.error = httpx.ReadTimeout(f"no whole answer within {timeout:g} s")
    except Exception as error:
        passage.error = error


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    """Return the URL as the client takes it. The same few are asked for again and again."""
    import httpx

    return httpx.URL(url)


async def _stands(connected: asyncio.Future[None], clock: Clock, seconds: float) -> bool:
    try:
        async with clock.timeout(seconds):
            await connected
    except TimeoutError:
        return connected.done() and not connected.cancelled()
    return True


async def _converse(
    client: httpx.AsyncClient, request: httpx.Request, passage: Passage, max_body: int
) -> httpx.Response:
    response = await client.send(request, stream=True)
    passage.sent = True
    passage.status = response.status_code
    passage.headers = response.headers
    try:
        return await read_answer(response, max_body)
    finally:
        await response.aclose()
