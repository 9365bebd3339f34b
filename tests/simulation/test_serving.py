from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from mpstock.clock import ScaledClock
from mpstock.errors import ConfigurationError
from mpstock.simulation import Answer, RateWindow, Request, Simulator, serve

SRC = Path(__file__).resolve().parents[2] / "src"


class Threads(Simulator):
    """Says in which thread it works, and limits itself to two requests a minute."""

    def __init__(self, speed: float = 1.0) -> None:
        super().__init__(clock=ScaledClock(speed))
        self.window = RateWindow("sliding", 2, 60.0)
        self.route("GET", "/thread", self.thread)
        self.route("GET", "/limited", self.limited)
        self.route("POST", "/size", self.size)

    async def thread(self, request: Request) -> Answer:
        return Answer.json(threading.get_ident())

    async def limited(self, request: Request) -> Answer:
        wait = self.window.admit(self.clock.monotonic())
        return Answer.json(wait, 429 if wait else 200)

    async def size(self, request: Request) -> Answer:
        return Answer.json(len(request.body))


def test_several_doubles_live_in_one_thread() -> None:
    """All doubles of one `serve` share a thread that is not the caller's, and stop with the block."""
    with serve(Threads(), Threads()) as urls:
        idents = {httpx.get(f"{url}/thread").json() for url in urls}
        assert len(urls) == 2
        assert len(idents) == 1
        assert threading.get_ident() not in idents
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{urls[0]}/thread")


def test_serving_starts_and_stops_at_once() -> None:
    """A test can afford a real server, also one that a client holds a connection to."""
    took = []
    with httpx.Client() as client:
        for _ in range(5):
            begun = time.monotonic()
            with serve(Threads(), Threads()) as (url, _other):
                assert client.get(f"{url}/thread").status_code == 200
            took.append(time.monotonic() - begun)
    # The quickest says what serving costs, on a busy machine too; one look in a tenth of a second is more.
    assert min(took) < 0.1


def test_answers_do_not_wait_for_the_acknowledgement_of_their_head() -> None:
    """Nagle's algorithm is off: a row of requests costs far less than 40 ms each."""
    with serve(Threads()) as (url,), httpx.Client() as client:
        client.get(f"{url}/thread")
        begun = time.monotonic()
        for _ in range(50):
            client.post(f"{url}/size", content=b"x" * 100)
        assert time.monotonic() - begun < 50 * 0.030


def test_a_request_under_way_does_not_hold_the_stop_up() -> None:
    """Leaving the block does not wait for a delayed answer."""
    app = Threads()
    app.add_fault(delay=3600.0)
    begun = time.monotonic()
    with serve(app) as (url,), pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{url}/thread", timeout=0.2)
    assert time.monotonic() - begun < 3.0


def test_a_call_runs_where_the_state_lives() -> None:
    """`call` hands a function over to the double's thread, with its result and its exceptions."""
    app = Threads()
    with serve(app) as (url,):
        ident = httpx.get(f"{url}/thread").json()
        assert app.call(threading.get_ident) == ident
        with pytest.raises(ZeroDivisionError):
            app.call(lambda: 1 // 0)
    assert app.call(threading.get_ident) == threading.get_ident()


def test_a_drop_closes_the_connection_without_an_answer() -> None:
    """Over real HTTP a drop is a connection closed under the request, not an error page."""
    app = Threads()
    app.add_fault(drop=True)
    with serve(app) as (url,):
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            httpx.get(f"{url}/thread")
        assert httpx.get(f"{url}/thread").status_code == 200


def test_scaled_time_scales_the_limits() -> None:
    """At a speed of 60 a minute's limit is free again after a second."""
    with serve(Threads(speed=60.0)) as (url,), httpx.Client() as client:
        client.get(f"{url}/thread")
        answers = [client.get(f"{url}/limited") for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert 0.0 < answers[2].json() <= 60.0
        deadline = time.monotonic() + 10.0
        while client.get(f"{url}/limited").status_code != 200:
            assert time.monotonic() < deadline


def test_a_large_body_is_read_whole() -> None:
    """Bodies that come in many pieces arrive as one."""
    with serve(Threads()) as (url,):
        assert httpx.post(f"{url}/size", content=b"x" * 3_000_000).json() == 3_000_000


def test_a_taken_port_is_named() -> None:
    """A port that is in use is a configuration error with its number and the mend."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigurationError, match=rf"{port}.*another port"),
            serve(Threads(), ports=[port]),
        ):
            pass


def test_without_uvicorn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The core has no server: without uvicorn the error says what to install."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "mpstock.simulation.server", raising=False)
    with pytest.raises(ConfigurationError, match=r"mpstock\[simulation\]"), serve(Threads()):
        pass


def test_the_base_needs_neither_uvicorn_nor_test_tools() -> None:
    """Importing the base of the doubles brings in no server, client or test tool."""
    heavy = ["uvicorn", "httpx", "pytest", "hypothesis", "sqlalchemy"]
    code = f"import sys, mpstock.simulation; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": os.pathsep.join([str(SRC), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
