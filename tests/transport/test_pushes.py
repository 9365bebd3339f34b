"""A push is sent once; what became of it is said by the exception's type."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from mpstock import Rate
from mpstock.errors import AuthenticationError, InDoubtError, NotSentError, PluginContractError
from mpstock.pacing import MemoryPaceStore, Pacer
from mpstock.pacing.state import EVEN
from mpstock.testing import VirtualClock, run_virtual
from mpstock.transport import HttpTransport, TransportSettings
from tests.transport.wires import RATE, URL, Answers, Hurried, raw_server, read_request, transport_over

OK = httpx.Response(200, json={})


def push(answers: Answers, **settings: Any) -> httpx.Response:
    """One push over `answers` on virtual time."""

    async def main() -> httpx.Response:
        return await transport_over(answers, **settings).request(
            "PUT", URL, scopes=("s",), push=True, json={"stocks": [{"sku": "Ы", "amount": 5}]}
        )

    return run_virtual(main)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (httpx.ConnectError("refused"), NotSentError),
        (httpx.ConnectTimeout("no route"), NotSentError),
        (httpx.PoolTimeout("no connection free"), NotSentError),
        (httpx.ProxyError("407"), NotSentError),
        (httpx.Response(429), NotSentError),
        (httpx.Response(420), NotSentError),
        (httpx.WriteError("broken pipe"), InDoubtError),
        (httpx.ReadError("reset"), InDoubtError),
        (httpx.ReadTimeout("too slow"), InDoubtError),
        (httpx.RemoteProtocolError("disconnected"), InDoubtError),
        (httpx.Response(500), InDoubtError),
        (httpx.Response(502), InDoubtError),
        (httpx.Response(504), InDoubtError),
        (httpx.Response(401), AuthenticationError),
        (httpx.Response(403), AuthenticationError),
    ],
    ids=lambda value: getattr(value, "status_code", getattr(value, "__name__", type(value).__name__)),
)
def test_failed_push_is_sent_once(failure: httpx.Response | Exception, kind: type[Exception]):
    """Whatever happens to a push it is not sent again, and the type says whether it may have been applied."""
    answers = Answers(failure, OK)
    with pytest.raises(kind) as raised:
        push(answers)
    assert type(raised.value) is kind
    assert len(answers.requests) == 1


def test_refused_push_says_when_to_come_back():
    """A 429 on a push carries the vendor's seconds."""
    with pytest.raises(NotSentError) as raised:
        push(Answers(httpx.Response(429, headers={"X-Ratelimit-Retry": "11"})))
    assert raised.value.retry_after == 11


def test_push_without_an_answer_in_time_is_in_doubt():
    """A push whose answer does not come within the timeout may have been applied."""

    async def never() -> httpx.Response:
        await asyncio.sleep(10_000)
        return OK

    with pytest.raises(InDoubtError, match="no whole answer within 60 s"):
        push(Answers(never))


@pytest.mark.parametrize("status", [400, 404, 406, 409, 422])
def test_answer_to_a_push_is_returned(status: int):
    """What a refused batch means is for the adapter to say."""
    assert push(Answers(httpx.Response(status, json=[{"code": "NotFound"}]))).status_code == status


def test_body_is_compact_utf8_json():
    """The body is JSON without blanks, in UTF-8, and says so."""
    answers = Answers(OK)
    push(answers)
    (request,) = answers.requests
    assert request.content == '{"stocks":[{"sku":"Ы","amount":5}]}'.encode()
    assert request.headers["content-type"] == "application/json"


def test_nan_is_refused_before_it_is_sent():
    """A number that JSON does not have is the adapter's error, and nothing goes out."""
    answers = Answers(OK)
    with pytest.raises(PluginContractError, match="cannot be written as JSON"):
        run_virtual(
            lambda: transport_over(answers).request(
                "PUT", URL, scopes=("s",), push=True, json={"a": float("nan")}
            )
        )
    assert answers.requests == []


def test_push_to_a_closed_port_was_not_sent(unused_port: int):
    """Connection refused, on a real network: surely not sent, and the place is given back."""

    async def main() -> None:
        transport = transport_over(rates=[Rate("s", 1, 600.0)])
        for _ in range(2):
            with pytest.raises(NotSentError, match="no connection"):
                await transport.request(
                    "PUT", f"http://127.0.0.1:{unused_port}/", scopes=("s",), push=True, json=1
                )
        await transport.aclose()

    asyncio.run(main())


def test_push_that_the_server_read_and_dropped_is_in_doubt():
    """A server that takes the request and closes the connection may have applied it."""
    received: list[bytes] = []

    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await read_request(reader))

    async def main() -> None:
        async with raw_server(drop) as url:
            transport = transport_over()
            with pytest.raises(InDoubtError):
                await transport.request("PUT", url, scopes=("s",), push=True, json=[1])
            await transport.aclose()

    asyncio.run(main())
    assert len(received) == 1


def test_push_cut_off_in_its_answers_body_is_in_doubt():
    """A 200 whose body breaks off leaves the push in doubt: the items' outcomes are not known."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"result":[')
        await writer.drain()

    async def main() -> None:
        async with raw_server(cut) as url:
            transport = transport_over()
            with pytest.raises(InDoubtError, match="the answer is missing"):
                await transport.request("PUT", url, scopes=("s",), push=True, json=[1])
            await transport.aclose()

    asyncio.run(main())


def test_connection_that_never_stands_was_not_sent():
    """A push that got no connection within `connect_timeout` was not sent, however long a timeout it has."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def main() -> None:
        # The server accepts and never greets: a TLS connection to it never stands.
        async with raw_server(silent) as url:
            transport = transport_over(clock=Hurried(), timeout=3000.0)
            with pytest.raises(NotSentError, match="no connection within 15 s"):
                await transport.request(
                    "PUT", url.replace("http:", "https:"), scopes=("s",), push=True, json=[1]
                )
            await transport.aclose()

    asyncio.run(main())


def test_cancelled_push_books_its_place():
    """A push that is cancelled on its way (Ctrl-C) counts as sent, and no place stays under way."""

    async def main() -> None:
        clock = VirtualClock()
        started = asyncio.Event()

        async def hang(request: httpx.Request) -> httpx.Response:
            started.set()
            await clock.sleep(10_000)
            return OK

        transport = transport_over(hang, clock=clock, rates=[Rate("s", 100, 1.0, parallel=1)])
        task = asyncio.create_task(transport.request("PUT", URL, scopes=("s",), push=True, json=1))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with transport.slot(("s",)):
            assert clock.monotonic() < 1.0

    run_virtual(main)


class Slots:
    """A transport whose place-taking can be watched: the times at which requests arrive."""

    def __init__(self, rate: Rate = RATE) -> None:
        self.clock = VirtualClock()
        self.answers = Answers(OK)
        self.transport = HttpTransport(
            "wb",
            pacer=Pacer(MemoryPaceStore(), self.clock),
            clock=self.clock,
            settings=TransportSettings(),
            client_transport=httpx.MockTransport(self.answers),
        )
        self.transport.declare("account", [rate])

    async def push(self) -> None:
        await self.transport.request("PUT", URL, scopes=("s",), push=True, json=1)


def test_push_uses_the_place_that_was_taken_for_it():
    """Within `slot` the first push goes at once, on the place that was waited for before computing."""

    async def main() -> list[float]:
        slots = Slots(Rate("s", 2, 100.0))
        async with slots.transport.slot(("s",)):
            await slots.push()
        async with slots.transport.slot(("s",)):
            assert slots.clock.monotonic() >= 50.0
            await slots.clock.sleep(3.0)
            await slots.push()
        return slots.answers.times

    first, second = run_virtual(main)
    assert second - first == pytest.approx(53.0, abs=0.1)


def test_second_push_in_a_slot_takes_its_own_place():
    """A slot is for one request: the second one waits for its turn."""

    async def main() -> list[float]:
        slots = Slots(Rate("s", 2, 100.0))
        async with slots.transport.slot(("s",)):
            await slots.push()
            await slots.push()
        return slots.answers.times

    first, second = run_virtual(main)
    assert second - first >= 50.0


def test_slot_that_was_not_used_is_given_back():
    """When there is nothing left to push, or computing failed, the place is free again."""

    async def main() -> list[float]:
        slots = Slots(Rate("s", 1, 1000.0))
        async with slots.transport.slot(("s",)):
            pass
        with pytest.raises(ZeroDivisionError):
            async with slots.transport.slot(("s",)):
                raise ZeroDivisionError
        await slots.push()
        return slots.answers.times

    assert run_virtual(main) == [pytest.approx(0.0, abs=0.1)]


def test_read_in_a_slot_does_not_take_the_pushs_place():
    """A read within the slot waits for a place of its own and leaves the push's alone."""

    async def main() -> list[float]:
        slots = Slots(Rate("s", 2, 100.0))
        async with slots.transport.slot(("s",)):
            await slots.transport.request("GET", URL, scopes=("s",))
            await slots.push()
        return slots.answers.times

    read, pushed = run_virtual(main)
    assert read >= 50.0
    assert pushed - read < 0.1


def test_slots_of_two_tasks_do_not_mix():
    """Two warehouses pushed side by side each use their own place."""

    async def main() -> list[float]:
        slots = Slots(Rate("s", 4, 100.0))

        async def one() -> None:
            async with slots.transport.slot(("s",)):
                await slots.clock.sleep(1.0)
                await slots.push()

        await asyncio.gather(one(), one(), one())
        return slots.answers.times

    first, second, third = run_virtual(main)
    assert second - first == pytest.approx(25.0, abs=0.1)
    # Spread a little wider: a slot is taken for longer than the period.
    assert 25.0 <= third - second <= 25.0 * EVEN


def test_slot_of_a_blocked_scope_says_not_sent():
    """When the vendor wants nothing for an hour, taking a place for a push says so at once."""

    async def main() -> None:
        slots = Slots()
        slots.answers.answers = [httpx.Response(429, headers={"Retry-After": "3600"})]
        with pytest.raises(NotSentError):
            await slots.push()
        with pytest.raises(NotSentError) as raised:
            async with slots.transport.slot(("s",)):
                raise AssertionError("no place was to be had")
        assert raised.value.retry_after == pytest.approx(3600, abs=2)

    run_virtual(main)
