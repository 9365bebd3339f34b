"""Orders when something goes wrong: refusals, limits, broken answers, a network that fails; and real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import httpx
import pytest
from attrs import fields_dict

from mpstock import Secret
from mpstock.errors import (
    AuthenticationError,
    MpstockError,
    RejectedError,
    TransientError,
    UnexpectedResponseError,
)
from mpstock.simulation import serve
from mpstock.testing import VirtualClock, adapter_context, build_adapter
from mpstock_wb.plugin import mpstock_sinks
from mpstock_wb.settings import WbSettings
from mpstock_wb.simulator import WbSimulator
from tests.wb.orders_kit import URL, Reader, played, stages

HTML = "<html><head><title>Wildberries на ремонте</title></head></html>".encode()
METHODS = ["/api/v3/orders/new", "/api/v3/orders", "/api/v3/orders/status", "/api/v3/warehouses"]
each_method = pytest.mark.parametrize("path", METHODS)


async def failed(reading: Coroutine[Any, Any, Any]) -> MpstockError:
    """Return the error that a reading ends with."""
    try:
        await reading
    except MpstockError as error:
        return error
    raise AssertionError("the reading did not fail")


def broken(path: str, expected: type[MpstockError], *words: str, **fault: Any) -> WbSimulator:
    """Let one method fail a reading; the next one, from the cursor before it, tells what was missed."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [first] = double.buy("MUG", "1111")
        assert stages(await read()) == {first: "placed"}
        kept = read.cursor
        await double.clock.sleep(3600)
        double.ship(first)
        [second] = double.buy("CUP", "1111")
        double.assemble(second)

        def mine(request: Any) -> bool:
            return request.path == path

        put = double.add_fault(match=mine, times=-1, **fault)
        error = await failed(read())
        assert type(error) is expected
        for word in words:
            assert word in str(error)
        assert read.cursor == kept
        double.faults.remove(put)
        await double.clock.sleep(600)
        assert stages(await read()) == {first: "shipped", second: "assembled"}

    return played(scenario)


@each_method
@pytest.mark.parametrize("status", [400, 404, 409])
def test_a_refusal_is_told_in_the_vendor_s_words_and_costs_one_request(path: str, status: int) -> None:
    """Each counts as ten: it is not tried again by itself."""
    body = {"code": "IncorrectParameter", "message": "Передан некорректный параметр"}
    double = broken(path, RejectedError, f"{status}", body["message"], status=status, body=body)
    assert sum(one.status == status for one in double.requests) == 1


@each_method
def test_refused_credentials_are_told_as_such(path: str) -> None:
    """403 for the orders alone: a token without its category."""
    body = {"title": "forbidden", "detail": "scope is not allowed for this resource"}
    broken(path, AuthenticationError, "scope is not allowed", status=403, body=body)


@each_method
def test_a_page_of_html_is_no_answer(path: str) -> None:
    """200 with the words of a proxy, or of a site at work: the title is told, nothing is taken from it."""
    broken(path, UnexpectedResponseError, "Wildberries на ремонте", status=200, body=HTML)


@each_method
def test_an_answer_that_is_cut_off_is_no_answer(path: str) -> None:
    """Half a list is not a short list."""
    broken(path, UnexpectedResponseError, status=200, body=b'{"orders": [{"id": 50')


@each_method
@pytest.mark.parametrize("fault", [{"status": 503}, {"drop": True}, {"delay": 100.0}])
def test_a_network_that_stays_down_ends_the_reading(path: str, fault: dict[str, Any]) -> None:
    """5xx, a lost connection, an answer that takes for ever: tried again, and given up in time."""
    broken(path, TransientError, **fault)


@each_method
@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"drop": True}, {"delay": 20.0}, {"status": 503, "body": HTML}]
)
def test_a_network_that_comes_back_loses_nothing(path: str, fault: dict[str, Any]) -> None:
    """Reads are tried again by the transport: the reading ends well."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [key] = double.buy("MUG", "1111")
        double.add_fault(match=lambda request: request.path == path, times=2, **fault)
        assert stages(await read()) == {key: "placed"}
        assert read.complete

    played(scenario)


def test_a_limit_that_somebody_else_has_used_up_is_waited_for() -> None:
    """429 with `X-Ratelimit-Retry`: the reading goes on when it may."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        [key] = double.buy("MUG", "1111")
        other = httpx.AsyncClient(transport=httpx.ASGITransport(app=double))
        for _ in range(20):
            # Another program of the seller's: the burst of the account is its own.
            await other.request("GET", f"{URL}/api/v3/orders/new", headers={"authorization": double.token})
        assert stages(await read()) == {key: "placed"}

    double = played(scenario)
    assert double.count("GET", "/api/v3/orders", 429) >= 1


def test_a_failure_of_one_kind_keeps_the_cursor_of_all() -> None:
    """FBS was read well and DBS was not: nothing counts as told, and the next reading tells both."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        await read()
        mine, theirs = double.buy("MUG", "1111") + double.buy("MUG", "2222")
        double.ship(mine)
        double.add_fault(path="/api/v3/dbs", times=1, status=400, body={"code": "X", "message": "нет"})
        assert isinstance(await failed(read()), RejectedError)
        assert stages(await read()) == {mine: "shipped", theirs: "placed"}

    played(scenario, kinds={"1111": 1, "2222": 2})


def test_no_error_shows_the_token() -> None:
    """Neither of the transport nor of ours."""

    async def scenario(double: WbSimulator, read: Reader) -> None:
        faults: list[dict[str, Any]] = [{"status": 400}, {"status": 401}, {"status": 200, "body": HTML}]
        for fault in faults:
            double.add_fault(path="/api/v3/orders/new", **fault)
            assert double.token not in str(await failed(read()))

    played(scenario)


def test_over_real_http() -> None:
    """A socket, a server, an HTTP client: the stages, and a connection that is closed under a request."""
    double = WbSimulator(["MUG"], (), clock=VirtualClock(), limits=False)
    for code, kind in (("1111", 1), ("2222", 2), ("5555", 5)):
        double.add_warehouse(int(code), delivery_type=kind)
        double.set_shown("MUG", code, 5)
    codes = ("1111", "2222", "5555")
    with serve(double) as (url,):
        told = double.settings(url)
        given = {key: value for key, value in told.items() if key in fields_dict(WbSettings)}
        settings = WbSettings(**{**given, "token": Secret(given["token"])})

        async def play() -> None:
            async with httpx.AsyncHTTPTransport() as network:
                context = adapter_context(network, name="wb", clock=VirtualClock(), warehouses=codes)
                await told_over(Reader(build_adapter(mpstock_sinks()[0], settings, context)))

        async def told_over(read: Reader) -> None:
            keys = [key for code in codes for key in double.buy("MUG", code)]
            assert double.buy("MUG", "1111", 6) == []
            assert stages(await read()) == dict.fromkeys(keys, "placed")
            double.assemble(keys[0])
            double.ship(keys[1])
            double.cancel(keys[2])
            double.add_fault(path="/api/v3/orders/status", drop=True)
            assert stages(await read()) == dict(zip(keys, ("assembled", "shipped", "cancelled"), strict=True))

        asyncio.run(play())
