from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from mpstock.simulation import Answer, Refusal, Request, Simulator
from mpstock.testing import VirtualClock, run_virtual
from tests.simulation.client import call


class Counter(Simulator):
    """A double with one number, to see what was done and what was not."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value = 0
        self.route("PUT", "/counters/{name}/value", self.put)
        self.route("GET", "/counters/own/value", self.own)
        self.route("GET", "/counters/{name}/value", self.get)
        self.route("GET", "/echo", self.echo)

    async def put(self, request: Request, name: str) -> Answer:
        self.value += request.json()["by"]
        return Answer(204)

    async def get(self, request: Request, name: str) -> Answer:
        if name == "nobody":
            raise Refusal(Answer.json({"error": "nobody"}, 409))
        return Answer.json({"name": name, "value": self.value})

    async def own(self, request: Request) -> Answer:
        return Answer.json({"name": "own, exactly"})

    async def echo(self, request: Request) -> Answer:
        return Answer.json({"query": dict(request.query), "raw": request.raw_query, "text": "ж" * 500})


def test_a_path_parameter_reaches_its_handler() -> None:
    """A `{name}` in a route is handed over decoded, Cyrillic and spaces too."""
    answer = call(Counter(), "GET", "/counters/склад%201/value")
    assert answer.json() == {"name": "склад 1", "value": 0}


def test_an_exact_route_wins_over_a_pattern() -> None:
    """What is written out wins over what is only matched."""
    assert call(Counter(), "GET", "/counters/own/value").json() == {"name": "own, exactly"}


def test_unknown_paths_and_methods_are_told_apart() -> None:
    """A wrong path is 404, a wrong method 405 with what is allowed; subclasses answer as their vendors do."""
    app = Counter()
    assert call(app, "GET", "/nowhere").status_code == 404
    refused = call(app, "POST", "/counters/x/value")
    assert refused.status_code == 405
    assert refused.headers["allow"] == "GET, PUT"


def test_a_refusal_ends_the_handler() -> None:
    """A handler answers early by raising `Refusal`."""
    assert call(Counter(), "GET", "/counters/nobody/value").status_code == 409


def test_the_query_is_kept_raw_beside_its_decoded_form() -> None:
    """A vendor that reads `+` as a plus can tell what stood on the wire."""
    found = call(Counter(), "GET", "/echo?a=1+2&b=&a=%D0%B6").json()
    assert found["query"] == {"a": "ж", "b": ""}
    assert found["raw"] == "a=1+2&b=&a=%D0%B6"


@pytest.mark.parametrize("body", [b"", b"{", b'{"by": NaN}', "{ж".encode("cp1251")])
def test_what_is_not_json_is_a_value_error(body: bytes) -> None:
    """Everything that is no JSON in UTF-8 is one kind of error for a handler."""
    with pytest.raises(ValueError, match=r".+"):
        Request("PUT", "/", body=body).json()


def test_gzip_is_sent_to_who_accepts_it_and_can_be_switched_off() -> None:
    """Long answers are compressed for clients that take gzip, and only for them."""
    app = Counter()
    packed = call(app, "GET", "/echo", headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    plain = call(app, "GET", "/echo", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    app.compress = False
    assert "content-encoding" not in call(app, "GET", "/echo").headers
    assert packed.json() == plain.json()


def test_a_body_too_large_is_refused_and_recorded() -> None:
    """A body over the limit is answered without being read to its end, and nothing is done."""
    app = Counter()
    app.max_body = 10
    assert call(app, "PUT", "/counters/x/value", content=b'{"by":            1}').status_code == 413
    assert app.value == 0
    assert app.count("PUT", "/counters", 413) == 1


def test_the_record_names_what_came_and_hides_credentials() -> None:
    """Requests are kept with their bodies and answers; the values of credentials are blanked."""
    clock = VirtualClock()
    app = Counter(clock=clock)
    clock.advance(5)
    call(app, "PUT", "/counters/x/value?z=1", json={"by": 2}, headers={"Api-Key": "s3cret", "X-A": "b"})
    (seen,) = app.requests
    assert (seen.at, seen.method, seen.path, seen.query, seen.status) == (
        5.0, "PUT", "/counters/x/value", {"z": "1"}, 204,
    )  # fmt: skip
    assert seen.json() == {"by": 2}
    assert seen.headers["api-key"] == "***"
    assert seen.headers["x-a"] == "b"
    assert "s3cret" not in repr(app.requests)


def test_a_fault_stands_instead_of_the_work_so_many_times() -> None:
    """A status fault answers without doing anything, as often as it says, and only where it matches."""
    app = Counter()
    app.add_fault(path="/counters", method="put", times=2, status=503, body="<html>упало</html>")
    for _ in range(2):
        refused = call(app, "PUT", "/counters/x/value", json={"by": 1})
        assert (refused.status_code, refused.text) == (503, "<html>упало</html>")
        assert refused.headers["content-type"].startswith("text/html")
    assert call(app, "GET", "/counters/x/value").status_code == 200
    assert app.value == 0
    assert call(app, "PUT", "/counters/x/value", json={"by": 1}).status_code == 204
    assert app.value == 1


def test_a_fault_without_an_end_goes_on() -> None:
    """`times=-1` is for ever, until it is taken out."""
    app = Counter()
    fault = app.add_fault(times=-1, status=429, body={"message": "slow down"}, headers={"Retry-After": "3"})
    for _ in range(3):
        refused = call(app, "GET", "/echo")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")
        assert refused.json() == {"message": "slow down"}
    app.faults.remove(fault)
    assert call(app, "GET", "/echo").status_code == 200


@pytest.mark.parametrize("fate", [{"status": 502}, {"drop": True}])
def test_after_commit_does_the_work_and_loses_the_answer(fate: dict[str, Any]) -> None:
    """The case that makes blind retries wrong: the write is applied and the client hears of no success."""
    app = Counter()
    app.add_fault(after_commit=True, **fate)
    try:
        assert call(app, "PUT", "/counters/x/value", json={"by": 3}).status_code == 502
    except httpx.RemoteProtocolError:
        assert fate == {"drop": True}
    assert app.value == 3


def test_a_dropped_connection_is_an_error_of_the_network() -> None:
    """A drop reaches an in-process client as httpx's own error for a lost connection, with nothing done."""
    app = Counter()
    app.add_fault(drop=True)
    with pytest.raises(httpx.RemoteProtocolError):
        call(app, "PUT", "/counters/x/value", json={"by": 3})
    assert app.value == 0
    assert [seen.status for seen in app.requests] == [0]


def test_a_slow_write_is_applied_after_its_client_has_gone() -> None:
    """A delayed request is worked off although the client gave up, as on a real server."""
    clock = VirtualClock()
    app = Counter(clock=clock)
    app.add_fault(delay=90.0)

    async def play() -> tuple[int, int]:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://double")
        with pytest.raises(TimeoutError):
            async with clock.timeout(60.0):
                await client.put("/counters/x/value", json={"by": 3})
        before = app.value
        await clock.sleep(31.0)
        return before, app.value

    assert run_virtual(play) == (0, 3)
    assert [(seen.at, seen.answered_at) for seen in app.requests] == [(0.0, 90.0)]


def test_a_fault_that_does_nothing_is_a_mistake() -> None:
    """A fault with neither status nor drop nor delay would silently test nothing."""
    with pytest.raises(ValueError, match="does something"):
        Simulator().add_fault(after_commit=True)


def test_a_bug_in_a_handler_is_not_an_answer() -> None:
    """A double's own bug comes up in the test as itself."""
    with pytest.raises(KeyError, match="by"):
        call(Counter(), "PUT", "/counters/x/value", json={})


def test_lifespan_is_spoken() -> None:
    """The double runs under any ASGI server that starts it by the lifespan protocol."""
    sent: list[Any] = []

    async def play() -> None:
        messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive() -> Any:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message["type"])

        await Simulator()({"type": "lifespan"}, receive, send)

    asyncio.run(play())
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
