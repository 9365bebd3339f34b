"""What may not be sent any more is not sent, however far it had come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from mpstock.errors import InDoubtError, NotSentError
from tests.transport.wires import Hurried, raw_server, read_request, transport_over


def _saying(*words: bool) -> Iterator[bool]:
    yield from words


async def _push(*words: bool) -> tuple[list[bytes], int]:
    """Push once; return what the server got, and how often it was asked whether that may go."""
    got: list[bytes] = []
    heard: list[bool] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            got.append(await read_request(reader))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()

    said = _saying(*words)

    def may_go() -> bool:
        heard.append(next(said))
        return heard[-1]

    async with raw_server(script) as url:
        transport = transport_over(clock=Hurried())
        try:
            async with transport.slot(("s",), may_go=may_go):
                await transport.request("PUT", url, scopes=("s",), push=True, json=[1])
        finally:
            await transport.aclose()
    return got, len(heard)


def test_it_is_asked_when_the_connection_stands_and_before_the_body_leaves() -> None:
    """Allowed to the end, the push is sent as it is."""
    got, asked = asyncio.run(_push(True, True))
    assert [request.endswith(b"[1]") for request in got] == [True]
    assert asked == 2


def test_a_no_before_the_headers_left_is_surely_not_sent() -> None:
    """The connection took longer than was left: nothing of the request goes out."""
    with pytest.raises(NotSentError, match="not sent: this process may not send it any more"):
        asyncio.run(_push(False))


def test_a_no_before_the_body_left_is_doubt() -> None:
    """Some of the request is out: no server applies that, but only the server knows."""
    with pytest.raises(InDoubtError):
        asyncio.run(_push(True, False))


def test_the_body_does_not_leave_after_a_no() -> None:
    """Of a push that was stopped between headers and body no whole request arrives."""

    async def main() -> bytes:
        arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def script(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
            arrived.set_result(await reader.read())

        words = _saying(True, False)
        async with raw_server(script) as url:
            transport = transport_over(clock=Hurried())
            with pytest.raises(InDoubtError):
                async with transport.slot(("s",), may_go=lambda: next(words)):
                    await transport.request("PUT", url, scopes=("s",), push=True, json=["body"])
            await transport.aclose()
            return await arrived

    arrived = asyncio.run(main())
    assert b"PUT" in arrived
    assert b"body" not in arrived


def test_a_further_push_inside_a_place_is_asked_about_too() -> None:
    """What a plugin sends after its first push may have waited for a place of its own, and long."""
    got: list[bytes] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            got.append(await read_request(reader))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()

    async def main() -> None:
        words = _saying(True, True, False)
        async with raw_server(script) as url:
            transport = transport_over(clock=Hurried())
            async with transport.slot(("s",), may_go=lambda: next(words)):
                await transport.request("PUT", url, scopes=("s",), push=True, json=[1])
                with pytest.raises(NotSentError):
                    await transport.request("DELETE", url, scopes=("s",), push=True, json=[2])
            await transport.aclose()

    asyncio.run(main())
    assert [request.split()[0] for request in got] == [b"PUT"]


def test_reads_inside_a_place_are_not_asked_about() -> None:
    """Reading changes nothing: it needs nobody's leave."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()

    def never() -> bool:
        raise AssertionError("a read was asked about")

    async def main() -> None:
        async with raw_server(script) as url:
            transport = transport_over(clock=Hurried())
            async with transport.slot(("s",), may_go=never):
                await transport.request("GET", url, scopes=("s",))
            await transport.aclose()

    asyncio.run(main())
