"""The request that a push makes, and what is refused before it is made."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from mpstock import Secret
from mpstock.errors import AuthenticationError, InDoubtError, PluginContractError
from tests import specs
from tests.wb.harness import OK, Vendor, answer, change, listing, problem, push, sink, statuses, token


def test_the_body_has_exactly_the_documented_keys_and_numbers() -> None:
    """`chrtId`, not the cards' `chrtID`: a misspelt name is answered with 204 and changes nothing."""
    vendor = Vendor(OK)
    outcomes = push(sink(vendor), change(12345678, 10), change(87654321, 0))
    assert vendor.lines == ["PUT /api/v3/stocks/1111"]
    assert vendor.requests[0].content == (
        b'{"stocks":[{"chrtId":12345678,"amount":10},{"chrtId":87654321,"amount":0}]}'
    )
    assert statuses(outcomes) == ["ok", "ok"]


def test_the_request_is_what_the_document_describes() -> None:
    """Path, content type and body hold against Wildberries' OpenAPI document, unknown names forbidden."""
    spec = specs.load(specs.WB_STOCKS)
    vendor = Vendor(OK)
    push(sink(vendor), *(change(number, number % 7) for number in range(1, 1001)))
    spec.check_request(vendor.requests[0])


def test_never_a_delete_and_never_a_barcode() -> None:
    """Zero is an amount of 0, and no `sku` is in the body although the barcode is known."""
    vendor = Vendor(OK)
    push(sink(vendor), change(1, 0, "4600000000017"))
    assert vendor.lines == ["PUT /api/v3/stocks/1111"]
    assert vendor.body() == {"stocks": [{"chrtId": 1, "amount": 0}]}


def test_the_token_goes_bare_to_the_marketplace_host() -> None:
    """`Authorization` is the token alone, without `Bearer`."""
    vendor = Vendor(OK)
    text = token(oid=7)
    push(sink(vendor, token=Secret(text)), change(1, 1))
    assert vendor.requests[0].headers["Authorization"] == text
    assert vendor.requests[0].url.host == "marketplace-api.wildberries.ru"


def test_the_base_url_is_a_setting() -> None:
    """The sandbox's host can be put there, with or without a slash at its end."""
    vendor = Vendor(OK)
    push(sink(vendor, marketplace_url="http://127.0.0.1:8082/"), change(1, 1))
    assert str(vendor.requests[0].url) == "http://127.0.0.1:8082/api/v3/stocks/1111"


@pytest.mark.parametrize("amount", [-1, 100_001])
def test_an_amount_out_of_range_is_refused_before_it_costs_ten_requests(amount: int) -> None:
    """It fails alone, unsent, and its neighbours go out without it."""
    vendor = Vendor(OK)
    outcomes = push(sink(vendor), change(1, 5), change(2, amount), change(3, 100_000))
    assert statuses(outcomes) == ["ok", "error", "ok"]
    assert str(amount) in outcomes[1].message
    assert vendor.body() == {"stocks": [{"chrtId": 1, "amount": 5}, {"chrtId": 3, "amount": 100_000}]}


@pytest.mark.parametrize("bad", ["", "SKU-1", "-5", "0", "1.0", "１２"])
def test_an_id_that_is_no_number_is_refused_and_the_rest_is_sent(bad: str) -> None:
    """A listing with a strange id spoils nothing."""
    vendor = Vendor(OK)
    outcomes = push(sink(vendor), change(bad, 5), change(3, 4))
    assert statuses(outcomes) == ["error", "ok"]
    assert vendor.body() == {"stocks": [{"chrtId": 3, "amount": 4}]}


def test_nothing_good_sends_nothing() -> None:
    """Without a single valid change there is no request."""
    vendor = Vendor()
    assert statuses(push(sink(vendor), change("x", 5), change(2, -3))) == ["error", "error"]
    assert push(sink(vendor)) == []
    assert vendor.requests == []


def test_one_size_twice_in_a_push_sends_the_lower_number_once() -> None:
    """What two numbers for one size in one body mean is not documented; more must never be shown."""
    vendor = Vendor(OK)
    outcomes = push(sink(vendor), change(1, 9), change(2, 3), change(1, 4), change(1, 6))
    assert vendor.body() == {"stocks": [{"chrtId": 2, "amount": 3}, {"chrtId": 1, "amount": 4}]}
    assert statuses(outcomes) == ["error", "ok", "ok", "error"]


def test_a_push_of_two_warehouses_or_too_many_changes_is_the_caller_s_mistake() -> None:
    """Nothing is sent for a batch that one request cannot be."""
    vendor = Vendor()
    built = sink(vendor, ("1111", "2222"))
    with pytest.raises(PluginContractError, match="one warehouse"):
        push(built, change(1, 1), change(2, 2, warehouse="2222"))
    with pytest.raises(PluginContractError, match="1000"):
        push(built, *(change(number, 1) for number in range(1, 1002)))
    assert vendor.requests == []


def test_ids_as_large_as_the_document_allows() -> None:
    """`chrtId` is an unsigned 64-bit number; it arrives with all its digits."""
    vendor = Vendor(OK)
    push(sink(vendor), change(2**64 - 1, 1))
    assert b'"chrtId":18446744073709551615' in vendor.requests[0].content


def test_a_server_error_of_a_push_is_doubt_and_is_not_sent_twice() -> None:
    """Its fate is unknown: the engine computes anew, no blind retry puts an old number back."""
    vendor = Vendor(httpx.Response(500, text="<html><title>502 Bad Gateway</title></html>"))
    with pytest.raises(InDoubtError, match="Bad Gateway"):
        push(sink(vendor), change(1, 1))
    assert len(vendor.requests) == 1


def test_refused_credentials_speak_in_the_vendor_s_words_and_not_of_the_token() -> None:
    """401 is told with title and detail of the problem document."""
    text = token()
    vendor = Vendor(problem(401, "unauthorized", "token problem; token is expired"))
    with pytest.raises(AuthenticationError, match="token is expired") as caught:
        push(sink(vendor, token=Secret(text)), change(1, 1))
    assert text not in str(caught.value)


def test_limits_are_those_of_the_documents() -> None:
    """1000 a request, 0 to 100,000, 300 a minute 200 ms apart in bursts of 20, an error counts as ten."""
    limits = sink(Vendor()).limits
    assert (limits.batch, limits.maximum, limits.by_warehouse) == (1000, 100_000, True)
    assert (limits.push_scopes, limits.self_decrements) == (("stocks",), "unknown")
    assert (limits.observe_whole, limits.observe_batch, limits.pair_cooldown) == (False, 1000, 0.0)
    rates = {
        rate.scope: (rate.requests, rate.period, rate.spacing, rate.burst, rate.error_cost)
        for rate in limits.rates
    }
    assert rates == {
        "stocks": (300, 60.0, 0.2, 20, 10),
        "stocks_delete": (10, 60.0, 6.0, 2, 10),
        "warehouses": (300, 60.0, 0.2, 20, 10),
        "orders": (300, 60.0, 0.2, 20, 10),
        "dbs": (300, 60.0, 0.2, 20, 10),
        "dbw": (300, 60.0, 0.2, 20, 10),
        "click_collect": (300, 60.0, 0.2, 20, 10),
        "click_collect_status": (1, 1.0, 1.0, 10, 10),
        "content": (100, 60.0, 0.6, 5, 1),
    }


def test_the_sandbox_admits_one_request_a_second() -> None:
    """The marketplace's sandbox host has one limit for all its methods, and an account of its own."""
    production = sink(Vendor()).limits
    limits = sink(Vendor(), marketplace_url="https://marketplace-api-sandbox.wildberries.ru").limits
    rates = {rate.scope: (rate.requests, rate.period, rate.spacing) for rate in limits.rates}
    assert rates[limits.push_scopes[0]] == (1, 1.0, 1.0)
    assert limits.account != production.account


def test_the_sandbox_s_requests_count_in_scopes_that_are_declared() -> None:
    """Stocks, read-back, warehouses and cards all find their limit."""
    vendor = Vendor(
        OK,
        answer(200, {"stocks": []}),
        answer(200, []),
        answer(200, {"cards": [], "cursor": {"total": 0}}),
    )
    built = sink(vendor, marketplace_url="https://marketplace-api-sandbox.wildberries.ru")

    async def everything() -> None:
        await built.push([change(1, 1)])
        async for _ in built.observe([listing(1)]):
            pass
        async for _ in built.check():
            pass

    asyncio.run(everything())
    assert len(vendor.requests) == 4


def test_the_account_is_the_seller_and_never_the_token() -> None:
    """Two tokens of one seller share a limiter; without a JWT a digest stands for the token."""
    first = sink(Vendor(), token=Secret(token(oid=77)))
    second = sink(Vendor(), token=Secret(token(oid=77, s=2)))
    assert first.limits.account == second.limits.account == "wb:77"
    opaque = sink(Vendor(), token=Secret("simulator-secret")).limits.account
    assert opaque.startswith("wb:")
    assert "simulator" not in opaque
