"""JSON-2 and JSON-RPC: which one is spoken, and what their errors come to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mpstock import Rate, Secret
from mpstock.errors import (
    AdapterError,
    AuthenticationError,
    RejectedError,
    TransientError,
    UnexpectedResponseError,
)
from tests.odoo.shop import KEY, Reader, Shop, page

LEVELS = {("MUG", "main"): 5.0}
both = pytest.mark.parametrize("protocol", ["json2", "jsonrpc"])


def spoken(shop: Shop) -> set[str]:
    return {seen.path.split("/")[1] for seen in shop.odoo.requests if seen.status == 200}


@both
def test_both_protocols_read_the_same(protocol: str) -> None:
    """The levels do not depend on how they are asked for, and only that one is spoken."""
    shop = Shop(LEVELS)
    shop.renew(protocol=protocol)
    assert shop.read().quantities == {"MUG": 5}
    assert spoken(shop) == {{"json2": "json", "jsonrpc": "jsonrpc"}[protocol]}


def test_auto_speaks_json2_where_it_is() -> None:
    """Odoo 19 has both; the one that stays is taken."""
    shop = Shop(LEVELS)
    shop.read()
    assert spoken(shop) == {"json"}


def test_auto_falls_back_and_remembers() -> None:
    """Before Odoo 19 the route is a 404: asked once, and not again by the next read."""
    shop = Shop(LEVELS, version=17)
    shop.read()
    shop.read()
    assert shop.odoo.count("POST", "/json/2") == 1
    assert spoken(shop) == {"jsonrpc"}


@pytest.mark.parametrize(
    "answer",
    [
        page("404 Not Found"),
        page("405 Method Not Allowed", 405),
        page("Session expired (invalid CSRF token)", 400),
        httpx.Response(303, headers={"location": "/web/login"}),
    ],
)
def test_every_way_not_to_know_json2_leads_to_jsonrpc(answer: httpx.Response) -> None:
    """Odoo 18 has a `/json` of its own, and web servers have their pages."""

    def server(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/json/2"):
            return answer
        return httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "result": False})

    with pytest.raises(AuthenticationError, match="refused the login 'robot' of the database 'shop'"):
        Reader(server).read()


def test_server_that_was_upgraded_is_asked_anew() -> None:
    """JSON-RPC was remembered, and is gone with the new version."""
    shop = Shop(LEVELS, version=17)
    shop.read()
    shop.odoo.version = 22
    assert shop.read().quantities == {"MUG": 5}
    shop.renew(protocol="jsonrpc")
    with pytest.raises(UnexpectedResponseError, match=r'protocol = "json2"'):
        shop.read()


def test_jsonrpc_that_is_switched_off_is_told() -> None:
    """Odoo 19 answers 404 inside of 200 where its deprecated services are off."""
    shop = Shop(LEVELS)
    shop.odoo.serves_rpc = False
    shop.renew(protocol="jsonrpc")
    with pytest.raises(UnexpectedResponseError, match=r'is not served.*protocol = "json2"'):
        shop.read()


def test_neither_protocol_names_both() -> None:
    """The address is of something else: what either of them said is told."""
    with pytest.raises(UnexpectedResponseError) as caught:
        Reader(lambda request: page("nginx")).read()
    text = str(caught.value)
    assert "/json/2/res.users/context_get" in text
    assert "Nor is there JSON-RPC" in text
    assert "base_url" in text
    assert text.startswith("erp: ")


def test_old_server_without_a_login_in_the_settings_says_what_is_missing() -> None:
    """JSON-RPC wants a login; a key alone is enough for JSON-2 only."""
    shop = Shop(LEVELS, version=17)
    shop.renew(user="")
    with pytest.raises(UnexpectedResponseError, match=r'protocol = "jsonrpc" and user'):
        shop.read()


# -- databases -----------------------------------------------------------------------------


@both
def test_one_of_several_databases_is_named(protocol: str) -> None:
    """By a header in JSON-2, by an argument in JSON-RPC."""
    shop = Shop(LEVELS, double={"databases": ("shop", "test")})
    shop.renew(protocol=protocol)
    assert shop.read().quantities == {"MUG": 5}


@both
@pytest.mark.parametrize("database", ["", "sh0p"])
def test_database_that_is_missing_or_wrong_is_told(protocol: str, database: str) -> None:
    """The setting is named, whatever page or PostgreSQL's words the server answers with."""
    shop = Shop(LEVELS, double={"databases": ("shop", "test")})
    shop.renew(protocol=protocol, database=database)
    with pytest.raises((UnexpectedResponseError, RejectedError), match="database"):
        shop.read()


def test_jsonrpc_finds_the_only_database_by_itself() -> None:
    """Where the server lists its databases and has one."""
    shop = Shop(LEVELS, version=17)
    shop.renew(database="")
    assert shop.read().quantities == {"MUG": 5}
    shop.odoo.lists_databases = False
    shop.renew(database="")
    with pytest.raises(RejectedError, match="set database"):
        shop.read()


# -- credentials and rights ----------------------------------------------------------------


@pytest.mark.parametrize("version", [17, 19])
def test_key_that_has_ended_is_told_with_what_to_do(version: int) -> None:
    """Keys live three months; Odoo says "Invalid apikey" or "Access Denied", and we say the rest."""
    shop = Shop(LEVELS, version=version)
    shop.read()
    shop.odoo.expire_key()
    with pytest.raises(AuthenticationError, match="three months at most: make a new one") as caught:
        shop.read()
    said = {17: "Access Denied", 19: "Invalid apikey"}[version]
    assert said in str(caught.value)
    assert str(caught.value).count("erp: ") == 1


def test_the_custom_plan_is_named_on_odoo_online_only() -> None:
    """There the external API is not in every plan; a server of one's own has no plans."""
    body = {"name": "werkzeug.exceptions.Unauthorized", "message": "Invalid apikey", "debug": ""}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json=body)

    for url, told in (("https://shop.odoo.com", True), ("https://odoo.shop.com", False)):
        with pytest.raises(AuthenticationError) as caught:
            Reader(answer, base_url=url).read()
        assert ("Custom plan" in str(caught.value)) is told


@both
def test_missing_rights_are_told_in_odoos_words_with_the_role(protocol: str) -> None:
    """AccessError is a 403 in JSON-2 and a 200 in JSON-RPC, and the same to the reader."""
    shop = Shop(LEVELS)
    shop.odoo.denied = {"stock.warehouse"}
    shop.renew(protocol=protocol)
    with pytest.raises(
        AuthenticationError, match=r"not allowed to access 'Warehouse'.*Inventory / User"
    ) as caught:
        shop.read()
    assert "three months" not in str(caught.value)


@both
def test_russian_words_pass_unharmed(protocol: str) -> None:
    """Odoo speaks the language of the user."""
    text = "Доступ запрещён: «Склад»"
    data = {"name": "odoo.exceptions.UserError", "message": text, "debug": "Traceback", "arguments": [text]}

    def answer(request: httpx.Request) -> httpx.Response:
        if protocol == "json2":
            return httpx.Response(422, json=data)
        return httpx.Response(
            200, json={"error": {"code": 200, "message": "Odoo Server Error", "data": data}}
        )

    with pytest.raises(RejectedError, match=text) as caught:
        Reader(answer, protocol=protocol).read()
    assert caught.value.code == "odoo.exceptions.UserError"


def rpc_error(name: str, message: str, code: int = 200) -> Callable[[httpx.Request], httpx.Response]:
    error = {"code": code, "message": "Odoo Server Error", "data": {"name": name, "message": message}}
    return lambda request: httpx.Response(200, json={"jsonrpc": "2.0", "id": 1, "error": error})


@pytest.mark.parametrize(
    ("name", "message", "code", "error", "says"),
    [
        ("odoo.http.SessionExpiredException", "Session expired", 100, AuthenticationError, "Session expired"),
        ("odoo.http.SessionExpiredException", "Session expired", 200, AuthenticationError, "expired"),
        ("", "Odoo Session Expired", 100, AuthenticationError, "Session Expired"),
        ("psycopg2.errors.SerializationFailure", "could not serialize", 200, TransientError, "serialize"),
        ("psycopg2.OperationalError", "the database system is starting up", 200, TransientError, "starting"),
        ("psycopg2.errors.UndefinedTable", "relation does not exist", 200, RejectedError, "relation"),
        ("psycopg2.OperationalError", 'база данных "shop" не существует', 200, RejectedError, "Set database"),
        ("builtins.KeyError", "'db'", 200, RejectedError, "'db'"),
        ("", "", 200, RejectedError, "Odoo Server Error"),
    ],
)
def test_jsonrpc_errors_are_told_apart(
    name: str, message: str, code: int, error: type[AdapterError], says: str
) -> None:
    """All of them come with HTTP 200; what may pass by itself is not what somebody has to mend."""
    with pytest.raises(error, match=says):
        Reader(rpc_error(name, message, code), protocol="jsonrpc").read()


@both
def test_the_traceback_is_told_nowhere(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    """`debug` has the server's paths and what was in its variables: in no message, and in no log."""
    caplog.set_level(logging.DEBUG)
    shop = Shop(LEVELS)
    shop.odoo.denied = {"stock.warehouse"}
    shop.renew(protocol=protocol)
    with pytest.raises(AuthenticationError) as caught:
        shop.read()
    told = str(caught.value) + repr(caught.value) + caplog.text
    assert "Traceback" not in told
    assert "dist-packages" not in told


@both
def test_the_key_is_told_nowhere(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    """Not even by an error that repeats it."""
    caplog.set_level(logging.DEBUG)

    def answer(request: httpx.Request) -> httpx.Response:
        data = {"name": "builtins.ValueError", "message": f"cannot use {KEY}", "debug": "x"}
        if protocol == "json2":
            return httpx.Response(422, json=data)
        return httpx.Response(200, json={"error": {"code": 200, "message": "…", "data": data}})

    with pytest.raises(RejectedError, match=r"cannot use \*\*\*") as caught:
        Reader(answer, protocol=protocol).read()
    assert KEY not in str(caught.value) + caplog.text


@both
@pytest.mark.parametrize("body", [b"", b"<html><title>Odoo</title></html>", b"[1", b"\xff\xfe"])
def test_answer_that_is_no_json_is_told(protocol: str, body: bytes) -> None:
    """A login page, a proxy's page or half a body is no stock."""
    with pytest.raises(UnexpectedResponseError):
        Reader(lambda request: httpx.Response(200, content=body), protocol=protocol).read()


@pytest.mark.parametrize("answer", [{"result": 2}, {}, [], {"jsonrpc": "2.0", "id": 1}])
def test_answer_of_jsonrpc_that_is_none_is_told(answer: Any) -> None:
    """Neither a result nor an error, or a result that is no list of records."""
    with pytest.raises(UnexpectedResponseError):
        Reader(lambda request: httpx.Response(200, json=answer), protocol="jsonrpc").read()


@both
def test_server_that_is_down_for_a_while_is_waited_for(protocol: str) -> None:
    """Everything here is a read: it is tried again, though it is a POST."""
    shop = Shop(LEVELS)
    shop.renew(protocol=protocol)
    shop.odoo.add_fault(status=502, body="<html><title>502 Bad Gateway</title></html>", times=2)
    assert shop.read().quantities == {"MUG": 5}
    shop.odoo.add_fault(status=502, body="<html><title>502 Bad Gateway</title></html>", times=-1)
    with pytest.raises(TransientError, match="502 Bad Gateway"):
        shop.read()


def test_pace_of_odoo_online_is_kept() -> None:
    """One request a second, one at a time: no answer of 429 from a server that counts so."""
    shop = Shop({(f"SKU-{n}", "main"): 1.0 for n in range(9)}, double={"requests_per_second": 1})
    shop.renew(requests_per_second=1.0, page_size=2)
    began = shop.clock.monotonic()
    assert len(shop.read().levels) == 9
    assert all(seen.status == 200 for seen in shop.odoo.requests)
    assert shop.clock.monotonic() - began == pytest.approx(len(shop.odoo.requests) - 1, abs=1.5)
    assert shop.source.rates == (Rate("requests", 1, 1.0, parallel=1),)
    assert Shop().source.rates == ()


def test_password_works_where_jsonrpc_is_spoken() -> None:
    """JSON-2 takes keys only; the error says so."""
    shop = Shop(LEVELS)
    shop.odoo.user.password = "geheim"
    shop.renew(protocol="jsonrpc", api_key=Secret("geheim"))
    assert shop.read().quantities == {"MUG": 5}
    shop.renew(protocol="json2", api_key=Secret("geheim"))
    with pytest.raises(AuthenticationError, match="JSON-2 takes no password"):
        shop.read()
