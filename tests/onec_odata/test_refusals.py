"""How it fails, and in whose words."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import httpx
import pytest

from mpstock import Secret
from mpstock.errors import (
    AdapterError,
    AuthenticationError,
    RejectedError,
    TransientError,
    UnexpectedResponseError,
)
from mpstock_onec.odata_errors import read_error
from tests.onec_odata.world import PASSWORD, Canned, Source, World


def world(**changed: Any) -> World:
    return World({("MUG", "main"): 4, ("LID", "main"): 2}, **changed)


@pytest.mark.parametrize(
    ("trouble", "error", "says"),
    [
        ("html", UnexpectedResponseError, "1С:Предприятие"),
        ("error", TransientError, r"внутренняя ошибка.*1C code -1.*журнал регистрации"),
        ("licence", TransientError, "свободной лицензии.*reuseSessions"),
        ("unpublished", UnexpectedResponseError, "not 1C but the web server.*published.*base_url right"),
        ("empty", UnexpectedResponseError, "metadata"),
    ],
)
def test_every_trouble_is_a_clear_error(trouble: Any, error: type[AdapterError], says: str) -> None:
    """Whatever fails, it is an error in 1C's words and ours, and never an empty stock."""
    failing = world()
    failing.base.fail(trouble)
    with pytest.raises(error, match=says):
        failing.read()


@pytest.mark.parametrize(
    ("trouble", "error", "says"),
    [
        ("html", UnexpectedResponseError, "a page or XML instead of JSON: '1С:Предприятие'"),
        ("unpublished", UnexpectedResponseError, "not 1C but the web server"),
        ("empty", UnexpectedResponseError, "the body is empty"),
        ("cut", UnexpectedResponseError, "in the middle.*nothing of it is used"),
    ],
)
def test_what_fails_later_is_an_error_too(trouble: Any, error: type[AdapterError], says: str) -> None:
    """The same with a catalogue that is known: a page in place of the balance is not "no rows"."""
    failing = world()
    failing.read()
    failing.base.fail(trouble)
    with pytest.raises(error, match=says):
        failing.read()
    failing.base.recover()
    assert failing.read().quantities == {"MUG": 4, "LID": 2}


def test_a_licence_that_comes_free_is_waited_for() -> None:
    """A server without a free licence answers 503 for a while; a read is tried again."""
    waiting = world()
    waiting.base.fail("licence", times=2)
    assert waiting.read().quantities == {"MUG": 4, "LID": 2}


def test_a_wrong_password_is_refused() -> None:
    """401 from the web server is an error of credentials."""
    with pytest.raises(AuthenticationError, match="Не авторизован"):
        world(password=Secret("wrong")).read()


@pytest.mark.parametrize("xml", [False, True])
def test_missing_rights_are_no_wrong_password(xml: bool) -> None:
    """Rights set row by row answer 401 with code 20: told as that, with the setting that helps."""
    restricted = world()
    restricted.base.restricted = {"LID"}
    restricted.base.xml_errors = xml
    with pytest.raises(AuthenticationError, match=r"Нарушение прав доступа.*1C code 20.*allowed_only = true"):
        restricted.read()


def test_only_what_is_allowed_is_read_with_the_setting() -> None:
    """`allowedOnly=true` in each list."""
    restricted = world(allowed_only=True)
    restricted.base.restricted = {"LID"}
    assert restricted.read().quantities == {"MUG": 4}
    assert all(
        "allowedOnly=true" in asked for asked in restricted.asked("Catalog_") + restricted.asked("Balance(")
    )


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("xml", [False, True])
def test_errors_in_either_language_and_either_form(language: Any, xml: bool) -> None:
    """1C answers in the user's language, and in XML when it likes; the code decides, not the words."""
    failing = world()
    failing.read()
    failing.base.language, failing.base.xml_errors = language, xml
    failing.base.published.discard("AccumulationRegister_ТоварыНаСкладах")
    with pytest.raises(RejectedError, match=r"1C code 8.*REST-сервиса") as caught:
        failing.read()
    assert caught.value.code == "8"


def test_what_the_settings_name_wrongly_is_said_before_the_first_row() -> None:
    """Checked against `$metadata`, all at once."""
    wrong = world(quantity_resource="Остаток", article_property="Арт")
    with pytest.raises(RejectedError, match=r"quantity_resource: .*no resource Остаток") as caught:
        wrong.read()
    assert "article_property: Catalog_Номенклатура has no field Арт" in str(caught.value)
    assert wrong.asked("Balance(") == []


def test_a_publication_that_has_changed_is_looked_at_anew() -> None:
    """After a refusal the next reading asks what there is, and says it in our words."""
    changed = world()
    changed.read()
    changed.base.published.discard("AccumulationRegister_ТоварыНаСкладах")
    with pytest.raises(RejectedError, match="1C code 8"):
        changed.read()
    with pytest.raises(RejectedError, match="ТоварыНаСкладах is not published by OData"):
        changed.read()


def test_a_wrong_condition_is_told_in_1c_s_words() -> None:
    """What 1C cannot parse is refused by it, with code 14."""
    with pytest.raises(RejectedError, match=r"Condition.*1C code 14"):
        world(condition="Качество плохое").read()


def test_the_password_is_in_no_message() -> None:
    """A page that repeats what it was sent is quoted without it."""
    page = f"<html><body>Your password {PASSWORD} is bad</body></html>".encode()
    for status in (200, 400, 401, 404, 500):
        answer = httpx.Response(status, content=page, headers={"content-type": "text/html"})
        with pytest.raises(AdapterError) as caught:
            Source(httpx.MockTransport(Canned(**{"$metadata": answer}))).read()
        assert PASSWORD not in str(caught.value)


def test_credentials_are_sent_as_utf_8() -> None:
    """1C reads names and passwords so; without a user nothing is sent."""
    seen: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("authorization"))
        return httpx.Response(404)

    nobody: dict[str, Any] = {"user": "", "password": None}
    for changed in ({}, nobody):
        with pytest.raises(AdapterError):
            Source(httpx.MockTransport(answer), **changed).read()
    assert seen == ["Basic 0KDQvtCx0L7RgjrQn9Cw0YDQvtC70YwgMdCh", None]


def test_a_byte_order_mark_before_every_body() -> None:
    """Lists read the same with it."""
    marked = world()
    marked.base.bom = True
    assert marked.read().quantities == {"MUG": 4, "LID": 2}


def test_an_error_with_a_good_status_is_an_error() -> None:
    """200 with `odata.error` in it is no list without rows."""
    body = '{"odata.error":{"code":"20","message":{"lang":"ru","value":"Нет прав"}}}'.encode()
    failing = world()
    failing.read()
    failing.base.add_fault(status=200, body=body, match=lambda request: "Balance(" in request.path)
    with pytest.raises(RejectedError, match=r"Нет прав \(1C code 20\)"):
        failing.read()


def test_requests_keep_to_their_limit() -> None:
    """With a limit each request waits for its turn, one at a time."""
    slow = world(requests_per_minute=2)
    assert [(rate.requests, rate.period, rate.parallel) for rate in slow.source.rates] == [(2, 60.0, 1)]
    slow.read()
    times = [seen.at for seen in slow.base.requests]
    assert len(times) == 4
    assert all(later - earlier >= 29 for earlier, later in pairwise(times[1:]))


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (b"", "", ""),
        (b"\xef\xbb\xbf{", "", "{"),
        ("Ошибка".encode("windows-1251"), "", "Ошибка"),
        (b'{"odata.error": "x"}', "", "x"),
        (b'{"odata.error": {"code": 9, "message": "gone"}}', "9", "gone"),
        (b'{"odata.error": {"code": "9", "message": {"value": null}}}', "9", ""),
        (b"<m:error><m:code>9</m:code></m:error>", "", ""),
        (b'<!DOCTYPE e [<!ENTITY x "y">]><error><code>9</code><message>&x;</message></error>', "9", ""),
        (b"<html><head><title>error 404</title></head></html>", "", "error 404"),
    ],
)
def test_any_error_body_is_read(body: bytes, code: str, text: str) -> None:
    """Reading what went wrong never goes wrong itself."""
    said = read_error(body)
    assert said.code == code
    assert text in said.text
