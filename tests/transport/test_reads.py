"""Reads are tried again where that may help, on the injected clock, and not for longer than agreed."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from mpstock import Rate
from mpstock.errors import AuthenticationError, PluginContractError, TransientError
from mpstock.testing import VirtualClock, run_virtual
from tests.transport.wires import URL, Answers, transport_over

OK = httpx.Response(200, json={"fine": True})


def get(answers: Answers, **more: Any) -> httpx.Response:
    """One GET over `answers` on virtual time."""
    settings = {key: more.pop(key) for key in ("attempts", "deadline", "timeout", "rates") if key in more}

    async def main() -> httpx.Response:
        return await transport_over(answers, **settings).request("GET", URL, scopes=("s",), **more)

    return run_virtual(main)


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.Response(500),
        httpx.Response(503),
        httpx.Response(429),
        httpx.Response(420),
    ],
    ids=lambda failure: getattr(failure, "status_code", type(failure).__name__),
)
def test_read_is_tried_again(failure: httpx.Response | Exception):
    """After a connection error, 5xx, 429 or 420 a read is sent again and its good answer returned."""
    answers = Answers(failure, failure, OK)
    assert get(answers).json() == {"fine": True}
    assert len(answers.requests) == 3


@pytest.mark.parametrize("status", [200, 204, 304, 400, 404, 406, 409, 422])
def test_other_answers_are_returned(status: int):
    """What a 400, 404, 406 or 409 means is for the adapter to say: it gets the answer, and no retry."""
    answers = Answers(httpx.Response(status, content=b"" if status in (204, 304) else b"words"))
    assert get(answers).status_code == status
    assert len(answers.requests) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_told_in_the_vendors_words(status: int):
    """401 and 403 are not tried again and carry what the vendor said, Russian text unharmed."""
    answers = Answers(httpx.Response(status, json={"code": 16, "message": "Ключ не найден"}))
    with pytest.raises(
        AuthenticationError, match=rf"ozon: GET api\.example\.test/v2/stocks.*{status}: Ключ не найден"
    ) as raised:
        get(answers)
    assert "credentials that the settings have for ozon" in str(raised.value)
    assert raised.value.adapter == "ozon"
    assert len(answers.requests) == 1


def test_header_in_russian_passes_unharmed():
    """Headers are not always ASCII (МойСклад explains a 401 in one); their bytes stay what they were."""
    words = "Токен отозван"
    answers = Answers(
        httpx.Response(200, headers=[(b"X-Lognex-Auth-Message", words.encode())], content=b"{}")
    )
    assert get(answers).headers["x-lognex-auth-message"] == words


def test_adapter_describes_its_vendors_errors():
    """`describe` puts an error answer into words; when it fails itself the error is told all the same."""
    answers = Answers(httpx.Response(403, json={"a": {"b": "base token is not allowed"}}))
    with pytest.raises(AuthenticationError, match="base token is not allowed"):
        get(answers, describe=lambda response: response.json()["a"]["b"])
    with pytest.raises(AuthenticationError, match="refused with 403"):
        get(answers, describe=lambda response: response.json()["missing"])


def test_html_error_page_is_told_without_its_markup():
    """A web server's HTML error page is quoted as text, shortly."""
    page = "<html><head><style>p {color: red}</style></head><body><h1>Нет лицензии</h1>" + "x" * 5000
    answers = Answers(httpx.Response(500, content=page.encode()))
    with pytest.raises(TransientError, match="Нет лицензии") as raised:
        get(answers, attempts=1)
    assert "<h1>" not in str(raised.value)
    assert "color" not in str(raised.value)
    assert len(str(raised.value)) < 500


def test_pauses_grow_and_are_jittered():
    """Between attempts the pause doubles from half a second, each somewhere in its upper half."""
    answers = Answers(httpx.Response(500))
    with pytest.raises(TransientError, match="given up after 6 attempts"):
        get(answers)
    gaps = [later - earlier for earlier, later in zip(answers.times, answers.times[1:], strict=False)]
    assert len(gaps) == 5
    for number, gap in enumerate(gaps):
        assert 0.25 * 2**number <= gap <= 0.5 * 2**number + 0.2
    assert len({round(gap / 2**number, 4) for number, gap in enumerate(gaps)}) > 1


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "20"}, 20),
        (503, {"Retry-After": "20"}, 20),
        (429, {"X-Ratelimit-Retry": "13"}, 13),
        (420, {"Retry-After": "7"}, 7),
        (429, {"X-Lognex-Retry-After": "2500"}, 2.5),
    ],
)
def test_vendors_time_to_come_back_is_kept(status: int, headers: dict[str, str], seconds: float):
    """The next attempt is made when the vendor said, not earlier and not much later."""
    answers = Answers(httpx.Response(status, headers=headers), OK)
    get(answers)
    assert answers.times[1] - answers.times[0] == pytest.approx(seconds, abs=0.3)
    assert answers.times[1] - answers.times[0] >= seconds


def test_time_to_come_back_beyond_the_deadline_is_told_at_once():
    """A vendor that says "in an hour" is not waited for: the caller is told, with the time, at once."""
    answers = Answers(httpx.Response(429, headers={"Retry-After": "3600"}), OK)
    with pytest.raises(TransientError, match="too many requests") as raised:
        get(answers)
    assert raised.value.retry_after == 3600
    assert len(answers.requests) == 1


def test_blocked_scope_is_told_at_once_to_the_next_request():
    """While the vendor's "in an hour" lasts, the next request does not wait an hour for its place."""
    answers = Answers(httpx.Response(429, headers={"Retry-After": "3600"}), OK)

    async def main() -> float:
        transport = transport_over(answers)
        for _ in range(2):
            with pytest.raises(TransientError) as raised:
                await transport.request("GET", URL, scopes=("s",))
        assert raised.value.retry_after == pytest.approx(3600, abs=2)
        assert raised.value.adapter == "ozon"
        return asyncio.get_running_loop().time()

    assert run_virtual(main) < 2.0
    assert len(answers.requests) == 1


def test_one_attempt_ends_at_its_timeout():
    """An answer that does not come within `timeout` is given up, and asked for again."""
    clock = VirtualClock()

    async def never() -> httpx.Response:
        await clock.sleep(10_000)
        return OK

    answers = Answers(never, OK)
    assert get(answers, timeout=7.0).status_code == 200
    assert 7.0 <= answers.times[1] <= 8.0


def test_whole_call_ends_at_its_deadline():
    """Attempts that each hang end when the deadline of the whole call has passed."""
    clock = VirtualClock()

    async def never() -> httpx.Response:
        await clock.sleep(10_000)
        return OK

    answers = Answers(never)
    with pytest.raises(TransientError, match="no whole answer within"):
        get(answers, deadline=100.0, timeout=45.0, attempts=50)
    assert len(answers.requests) == 3
    assert answers.times[-1] < 100.0


def test_waiting_for_the_limiter_is_not_counted():
    """A read that waits ten minutes for its turn still has its whole deadline."""
    answers = Answers(OK)

    async def main() -> None:
        transport = transport_over(answers, rates=[Rate("s", 1, 600.0)], deadline=60.0)
        for _ in range(2):
            await transport.request("GET", URL, scopes=("s",))

    run_virtual(main)
    assert answers.times[1] >= 600.0


def test_every_attempt_takes_a_place_of_its_own():
    """A retry counts under the limit like any request."""
    answers = Answers(httpx.Response(500), OK)
    get(answers, rates=[Rate("s", 100, 1000.0)])
    assert answers.times[1] >= 9.8


def test_undeclared_scope_names_itself_and_the_declared():
    """A scope that was not declared is an error of the adapter that names it and those that are."""
    with pytest.raises(PluginContractError, match=r"ozon.*'stoks'.*declared: s\)"):
        run_virtual(lambda: transport_over(Answers(OK)).request("GET", URL, scopes=("stoks",)))


def test_request_without_scopes_needs_an_adapter_without_limits():
    """No scope is fine where no limit was declared, and an error of the adapter where one was."""
    answers = Answers(OK)
    with pytest.raises(PluginContractError, match="names no rate scope"):
        run_virtual(lambda: transport_over(answers).request("GET", URL, scopes=()))
    run_virtual(lambda: transport_over(answers, rates=()).request("GET", URL, scopes=()))
    assert len(answers.requests) == 1


def test_error_of_a_double_is_not_taken_for_the_networks():
    """An exception that is no network error (a bug in a double) comes through as it is, and only once."""
    answers = Answers(ZeroDivisionError("bug"))
    with pytest.raises(ZeroDivisionError):
        get(answers)
    assert len(answers.requests) == 1


def test_failed_connection_gives_its_place_back():
    """A request that never reached the vendor does not count under its limit."""
    answers = Answers(httpx.ConnectError("refused"), OK)
    get(answers, rates=[Rate("s", 1, 600.0)])
    assert answers.times[1] < 2.0
