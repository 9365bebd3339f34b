"""Each fault of the script is on the wire as its name says, in the process and over HTTP alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from mpstock.errors import (
    AuthenticationError,
    InDoubtError,
    TransientError,
    UnexpectedResponseError,
)
from mpstock.simulation import Answer, Request, Simulator, serve
from mpstock.testing import FaultScript, VirtualClock, adapter_context, run_virtual

BODY = "Остатки: " + "x" * 1000


class Counter(Simulator):
    """Counts what it is asked, and says how often that was."""

    def __init__(self) -> None:
        super().__init__(clock=VirtualClock())
        self.done = 0
        self.route("GET", "/", self._get)
        self.route("PUT", "/", self._get)

    async def _get(self, request: Request) -> Answer:
        self.done += 1
        return Answer(200, f"{self.done} {BODY}".encode(), {"content-type": "text/plain; charset=utf-8"})


def asked(
    put: Callable[[FaultScript], None], times: int = 1, method: str = "PUT"
) -> tuple[list[httpx.Response | Exception], Counter]:
    """Return what the transport made of so many requests, one after another; pushes are not repeated."""
    double = Counter()
    script = FaultScript(double)
    put(script)
    context = adapter_context(script, "toy")

    async def one() -> httpx.Response | Exception:
        try:
            return await context.transport.request(
                method, "http://toy.test/", scopes=(), push=method == "PUT"
            )
        except Exception as error:
            return error

    async def main() -> list[httpx.Response | Exception]:
        return [await one() for _ in range(times)]

    return run_virtual(main), double


@pytest.mark.parametrize(
    ("put", "kind", "done"),
    [
        (lambda script: script.answer(401), AuthenticationError, 0),
        (lambda script: script.answer(500), InDoubtError, 0),
        (lambda script: script.answer(500, after_commit=True), InDoubtError, 1),
        (lambda script: script.drop(), InDoubtError, 0),
        (lambda script: script.drop(after_commit=True), InDoubtError, 1),
        (lambda script: script.slow(1000.0, after_commit=True), InDoubtError, 1),
        (lambda script: script.slow_body(1000.0), InDoubtError, 1),
        (lambda script: script.cut_off(), InDoubtError, 1),
        (lambda script: script.redirect("http://elsewhere.test/"), UnexpectedResponseError, 0),
        (lambda script: script.lying_gzip(), Exception, 1),
        (lambda script: script.broken_gzip(), Exception, 1),
    ],
)
def test_a_fault_is_what_its_name_says(put: Any, kind: type[Exception], done: int) -> None:
    """The transport is told what a server of that kind would tell, and the work is done or not."""
    (told,), double = asked(put)
    assert isinstance(told, kind)
    assert double.done == done


def test_the_double_s_own_answer_is_altered() -> None:
    """A mark before it, half of it, another text in it, a header over it."""

    def body(put: Callable[[FaultScript], None]) -> bytes:
        (answer,), _ = asked(put)
        assert isinstance(answer, httpx.Response)
        return answer.content

    whole = f"1 {BODY}".encode()
    assert body(lambda script: script.byte_order_mark()) == b"\xef\xbb\xbf" + whole
    assert body(lambda script: script.cut_text()) == whole[: len(whole) // 2]
    assert body(lambda script: script.text("Остатки", "Stock")) == whole.replace("Остатки".encode(), b"Stock")
    assert body(lambda script: script.slow_body(5.0)) == whole
    assert body(lambda script: script.html()).startswith(b"<!DOCTYPE html>")
    assert body(lambda script: script.deep_json(5)) == b"[[[[[]]]]]"


def test_headers_are_altered() -> None:
    """The content type is what the script says, the date so far from the double's clock."""
    (answer,), double = asked(lambda script: script.header("Content-Type", "text/html"))
    assert isinstance(answer, httpx.Response)
    assert answer.headers["content-type"] == "text/html"
    (answer,), double = asked(lambda script: script.date(timedelta(days=1)))
    assert isinstance(answer, httpx.Response)
    assert answer.headers["date"] == (double.clock.now() + timedelta(days=1)).strftime(
        "%a, %d %b %Y %H:%M:%S GMT"
    )


def test_the_first_requests_are_left_alone_and_the_last() -> None:
    """`after` and `times` say which requests go wrong; the others are answered."""
    told, double = asked(lambda script: script.answer(500, after=1, times=2), times=4)
    assert [isinstance(one, InDoubtError) for one in told] == [False, True, True, False]
    assert double.done == 2
    told, _ = asked(lambda script: script.cut_text(after=2, times=1), times=4)
    sizes = [len(one.content) for one in told if isinstance(one, httpx.Response)]
    assert sizes[0] == sizes[1] == sizes[3] > 1.9 * sizes[2]


def test_a_fault_meets_only_what_it_matches() -> None:
    """`match` looks at the request; others pass."""
    (told,), _ = asked(lambda script: script.drop(match=lambda request: request.method == "GET"))
    assert isinstance(told, httpx.Response)
    (told,), _ = asked(lambda script: script.cut_off(match=lambda request: request.method == "GET"))
    assert isinstance(told, httpx.Response)


def test_a_replayed_answer_stands_for_work_that_is_not_done() -> None:
    """The first is done and answered; from then on the same answer comes and nothing is done."""
    told, double = asked(lambda script: script.replay(), times=3)
    assert {one.content for one in told if isinstance(one, httpx.Response)} == {f"1 {BODY}".encode()}
    assert (len(told), double.done) == (3, 1)


def test_what_is_cleared_works_again() -> None:
    """After `clear` everything is answered as if nothing had been."""

    def put(script: FaultScript) -> None:
        script.answer(500)
        script.cut_off()
        script.replay()
        script.clear()

    told, double = asked(put, times=2)
    assert [isinstance(one, httpx.Response) for one in told] == [True, True]
    assert double.done == 2


@pytest.mark.parametrize("put", [lambda script: script.cut_off(), lambda script: script.drop()])
def test_over_the_network_a_connection_breaks_too(put: Any) -> None:
    """Served over HTTP the connection is closed under the request: the transport sees it lost."""
    double = Counter()
    script = FaultScript(double)
    put(script)
    apps: list[Any] = [script]
    with serve(*apps) as (url,):

        async def main() -> None:
            context = adapter_context(script, "toy", VirtualClock(), network=True)
            try:
                with pytest.raises(InDoubtError):
                    await context.transport.request("PUT", f"{url}/", scopes=(), push=True)
                script.clear()
                answer = await context.transport.request("GET", f"{url}/", scopes=())
                assert BODY in answer.text
            finally:
                await context.transport.aclose()  # type: ignore[attr-defined]  # the kit's is HttpTransport

        asyncio.run(main())


def test_a_read_that_goes_on_failing_is_given_up() -> None:
    """The script's faults last until they are cleared, however often a read is tried."""
    (told,), double = asked(lambda script: script.answer(503), method="GET")
    assert isinstance(told, TransientError)
    assert double.count("GET", "/", 503) > 1
