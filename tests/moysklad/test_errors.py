"""What МойСклад says when it refuses comes through in its own words, with what helps."""

from __future__ import annotations

import json

import httpx
import pytest

from mpstock.errors import AdapterError, AuthenticationError, RejectedError, TransientError
from mpstock_moysklad.refusals import read_refusals
from tests.moysklad.account import TOKEN, Told, World, refusal

LEVELS = {("A", "main"): 5}


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (refusal(401, 1056, "Ошибка входа"), AuthenticationError, r"Ошибка входа \(code 1056\); mend token"),
        (refusal(403, 1016, "Доступ запрещен"), AuthenticationError, r"\(code 1016\); give this user"),
        (refusal(403, 1061, "Нет доступа к API"), AuthenticationError, "Нет доступа к API.*support"),
        (refusal(403, 13004, "Нет пермиссии"), AuthenticationError, "Нет пермиссии.*«Остатки»"),
        (refusal(413, 13005, "Слишком большой"), RejectedError, 'Слишком большой.*report = "all"'),
        (refusal(400, 1062, "Неверное значение заголовка"), RejectedError, "заголовка.*header Accept"),
        (refusal(400, 424242, "Что-то новое"), RejectedError, r"Что-то новое \(code 424242\)"),
        (refusal(412, None, "Не указан параметр"), RejectedError, "Не указан параметр"),
        (httpx.Response(415), RejectedError, "415, without words.*Accept-Encoding: gzip.*proxy"),
        (httpx.Response(404, content=b""), RejectedError, "answered 404. Look at base_url"),
        (httpx.Response(400, content=b"<html>"), RejectedError, "refused with 400: no words"),
        (httpx.Response(401, headers={"X-Lognex-Auth-Message": "bad one"}), AuthenticationError, "bad one"),
        (
            httpx.Response(401, headers=[(b"X-Lognex-Auth-Message", "Токен отозван".encode())]),
            AuthenticationError,
            "Токен отозван",
        ),
        (httpx.Response(502, content="<html><h1>Плохой шлюз</h1>".encode()), TransientError, "Плохой шлюз"),
        (httpx.Response(504), TransientError, "answered 504"),
        (httpx.Response(204), RejectedError, "refused with 204"),
        (httpx.Response(302, headers={"Location": "https://evil.example/"}), AdapterError, "evil.example"),
    ],
)  # fmt: skip
def test_refusal_is_told_in_its_own_words_with_a_mend(
    answer: httpx.Response, error: type[AdapterError], says: str
) -> None:
    """The code and the Russian text stand in the message, and what to do about it."""
    with pytest.raises(error, match=says) as caught:
        Told(answer).read()
    assert str(caught.value).startswith("ms: ")


def test_code_of_the_vendor_is_kept() -> None:
    """A program may look at it."""
    with pytest.raises(RejectedError) as caught:
        Told(refusal(413, 13005, "Слишком большой отчёт")).read()
    assert caught.value.code == "13005"


def test_several_errors_parameters_and_messages_are_told() -> None:
    """`errors` is a list; a bulk answer mixes results and errors."""
    one = {"error": "Ошибка", "parameter": "filter", "error_message": "подробно", "code": 7}
    found = read_refusals(json.dumps([{"id": "x"}, {"errors": [one, {"error": "Ещё"}]}]).encode())
    assert [str(refusal) for refusal in found] == ["Ошибка: подробно: parameter filter (code 7)", "Ещё"]


@pytest.mark.parametrize(
    "body", [b"", b"x", b"5", b"{}", b'{"errors": 5}', b'{"errors": [5, null]}', b"[" * 50_000]
)
def test_body_that_is_no_error_says_nothing(body: bytes) -> None:
    """And breaks nothing."""
    assert list(read_refusals(body)) == []


@pytest.mark.parametrize("status", [400, 401, 404])
def test_no_secret_is_in_a_message(status: int) -> None:
    """Also if the answer repeats it."""
    with pytest.raises(AdapterError) as caught:
        Told(refusal(status, 1, f"token {TOKEN} is bad")).read()
    assert TOKEN not in str(caught.value)
    assert "***" in str(caught.value)


def test_double_refuses_a_wrong_token() -> None:
    """The whole way: 401 with the vendor's words."""
    world = World(LEVELS)
    world.double.gate.token = "another"
    with pytest.raises(AuthenticationError, match="Ошибка аутентификации"):
        world.read()


def test_double_refuses_without_the_permission() -> None:
    """The short report wants «Остатки»."""
    world = World(LEVELS)
    world.double.gate.stock_right = False
    with pytest.raises(AuthenticationError, match=r"code 13004.*«Остатки»"):
        world.read()


def test_double_refuses_too_large_a_report() -> None:
    """13005: the message names the setting that may help."""
    world = World(LEVELS)
    world.double.report_too_large = True
    with pytest.raises(RejectedError, match="code 13005"):
        world.read()


def test_failure_that_passes_is_waited_for() -> None:
    """502 once, then it works."""
    world = World(LEVELS)
    world.double.add_fault(status=502, times=2, body="<html>Bad gateway</html>")
    assert world.read().quantities == {"A": 5}
