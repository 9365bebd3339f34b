"""A gate that is shut: no request that changes something leaves, whoever asks the transport for it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from mpstock.errors import NotSentError, ShadowError
from mpstock.gate import Gate
from tests.transport.wires import URL, Answers, Hurried, raw_server, read_request, transport_over


def test_a_push_is_refused_and_a_reading_is_not() -> None:
    """An adapter that writes outside of `push`, in a reading or a check, gets no further than `push` does."""

    async def play() -> list[str]:
        answers = Answers(httpx.Response(200, json={}))
        transport = transport_over(answers, gate=Gate("ozon", shut=True))
        await transport.request("POST", URL, scopes=("s",), json={})
        with pytest.raises(ShadowError, match="ozon: it is in shadow mode"):
            await transport.request("PUT", URL, scopes=("s",), push=True, json={})
        with pytest.raises(ShadowError):
            async with transport.slot(("s",)):
                await transport.request("PUT", URL, scopes=("s",), push=True, json={})
        return [request.method for request in answers.requests]

    assert asyncio.run(play()) == ["POST"]


def test_a_gate_that_is_shut_while_a_push_waits_keeps_it_in() -> None:
    """It stood open when the push was asked for; it is shut by the time the connection stands."""
    got: list[bytes] = []
    gate = Gate("ozon")

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await read_request(reader))

    async def play() -> None:
        async with raw_server(script) as url:
            transport = transport_over(clock=Hurried(), gate=gate)
            pushing = asyncio.create_task(transport.request("PUT", url, scopes=("s",), push=True, json=[1]))
            await asyncio.sleep(0)
            gate.shut = True
            try:
                await pushing
            finally:
                await transport.aclose()

    with pytest.raises(NotSentError, match="may not send it any more"):
        asyncio.run(play())
    assert got == []
