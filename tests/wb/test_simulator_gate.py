"""The double's gate: tokens, categories, and the limits with what an error costs of them."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from mpstock.testing import VirtualClock
from mpstock_wb.simulator import WbSimulator, make_token
from tests.wb.simulator_kit import START, ask, put, row

WAREHOUSES = "/api/v3/warehouses"
CARDS = "/content/v2/get/cards/list"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


def shop_with(clock: VirtualClock, **options: Any) -> WbSimulator:
    return WbSimulator(["MUG-1"], clock=clock, **options)


def statuses(app: WbSimulator, count: int, method: str = "GET", path: str = WAREHOUSES) -> list[int]:
    """Send so many requests back to back and return what they got."""
    body: Any = {"chrtIds": []} if method == "POST" else None
    return [ask(app, method, path, body).status_code for _ in range(count)]


def claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_token_tells_its_end_and_categories() -> None:
    """A JWT whose claims can be read without the key, the same for the same arguments."""
    token = make_token(exp=START, scopes=(1, 4, 30), test=True)
    assert claims(token) == claims(make_token(int(START.timestamp()), (1, 4, 30), True))
    assert claims(token)["exp"] == int(START.timestamp())
    assert claims(token)["s"] == 2 + 16 + 2**30
    assert claims(token)["t"] is True
    assert {"oid", "sid"} <= set(claims(token))


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer "])
def test_the_token_is_taken_bare_and_as_bearer(clock: VirtualClock, prefix: str) -> None:
    """Both spellings are accepted."""
    shop = shop_with(clock)
    assert ask(shop, "GET", WAREHOUSES, token=prefix + shop.token).status_code == 200


@pytest.mark.parametrize("token", ["", "Bearer", "nonsense", "Basic abc"])
def test_a_bad_token_is_401_in_problem_json(clock: VirtualClock, token: str) -> None:
    """No token, or another: 401 with title and detail, on every method."""
    shop = shop_with(clock)
    for method, path in (
        ("GET", WAREHOUSES),
        ("PUT", "/api/v3/stocks/1111"),
        ("POST", CARDS),
        ("GET", "/ping"),
    ):
        answer = ask(shop, method, path, token=token)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["title"] == "unauthorized"


def test_a_token_ends(clock: VirtualClock) -> None:
    """One second before `exp` it is good, at `exp` it is not."""
    shop = shop_with(clock, token=make_token(START + timedelta(seconds=100)))
    clock.advance(99)
    assert ask(shop, "GET", WAREHOUSES).status_code == 200
    clock.advance(1)
    answer = ask(shop, "GET", WAREHOUSES)
    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]


def test_a_token_opens_its_own_categories(clock: VirtualClock) -> None:
    """Content alone reads cards, marketplace alone touches stocks; 403 has no `code`; ping takes either."""
    content = shop_with(clock, token=make_token(START + timedelta(days=1), (1,)))
    answer = ask(content, "GET", WAREHOUSES)
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"] == "scope is not allowed for this resource"
    assert "code" not in answer.json()
    assert ask(content, "POST", CARDS, {}).status_code == 200
    assert ask(content, "GET", "/ping").status_code == 200
    market = shop_with(clock, token=make_token(START + timedelta(days=1), (4,)))
    assert ask(market, "POST", CARDS, {}).status_code == 403
    assert ask(market, "GET", WAREHOUSES).status_code == 200
    assert ask(market, "GET", "/ping").status_code == 200


def test_a_read_only_token_reads(clock: VirtualClock) -> None:
    """Bit 30 forbids PUT and DELETE and nothing else."""
    shop = shop_with(clock, token=make_token(START + timedelta(days=1), (1, 4, 30)))
    chrt = shop.chrt_id("MUG-1")
    assert put(shop, [row(shop, "MUG-1", 1)]).status_code == 403
    assert ask(shop, "DELETE", "/api/v3/stocks/1111", {"chrtIds": [chrt]}).status_code == 403
    clock.advance(60)
    assert ask(shop, "POST", "/api/v3/stocks/1111", {"chrtIds": [chrt]}).status_code == 200
    assert ask(shop, "POST", CARDS, {}).status_code == 200


def test_access_and_payment_are_switches(clock: VirtualClock) -> None:
    """403 `AccessDenied` is an object, on the content methods their envelope; 402 has two fields only."""
    shop = shop_with(clock, limits=False)
    shop.gate.access_denied = True
    assert ask(shop, "GET", WAREHOUSES).json()["code"] == "AccessDenied"
    assert ask(shop, "POST", CARDS, {}).json()["error"] is True
    shop.gate.payment_required = True
    answer = ask(shop, "GET", WAREHOUSES)
    assert (answer.status_code, set(answer.json())) == (402, {"title", "detail"})


def test_a_burst_of_20_then_one_every_200_ms(clock: VirtualClock) -> None:
    """The token bucket of the stock methods, PUT and POST together."""
    shop = shop_with(clock)
    shop.gate.charge_429 = False
    assert statuses(shop, 21, "POST", "/api/v3/stocks/1111") == [200] * 20 + [429]
    clock.advance(0.2)
    assert put(shop, [row(shop, "MUG-1", 1)]).status_code == 204
    assert put(shop, [row(shop, "MUG-1", 1)]).status_code == 429
    clock.advance(60)
    assert statuses(shop, 21, "POST", "/api/v3/stocks/1111") == [200] * 20 + [429]


@pytest.mark.parametrize(("model", "first"), [("leaky", 20), ("fixed", 300), ("sliding", 300)])
def test_300_a_minute_under_every_model(clock: VirtualClock, model: Any, first: int) -> None:
    """The models differ in what they admit at once, and agree on the rate that is paced evenly."""
    shop = shop_with(clock, limit_model=model)
    shop.gate.charge_429 = False
    assert statuses(shop, first + 1) == [200] * first + [429]
    clock.advance(60)
    for _ in range(300):
        assert ask(shop, "GET", WAREHOUSES).status_code == 200
        clock.advance(0.2)


def test_the_groups_are_counted_apart(clock: VirtualClock) -> None:
    """Stocks, warehouses, content, removal and ping each have their own limit."""
    shop = shop_with(clock)
    chrt = shop.chrt_id("MUG-1")
    assert statuses(shop, 20) == [200] * 20
    assert statuses(shop, 20, "POST", "/api/v3/stocks/1111") == [200] * 20
    assert [ask(shop, "POST", CARDS, {}).status_code for _ in range(6)] == [200] * 5 + [429]
    assert statuses(shop, 4, "GET", "/ping") == [200] * 3 + [429]
    removals = [ask(shop, "DELETE", "/api/v3/stocks/1111", {"chrtIds": [chrt]}).status_code for _ in range(3)]
    assert removals == [204, 204, 429]


@pytest.mark.parametrize(
    "bad",
    [
        lambda shop: put(shop, []),
        lambda shop: put(shop, [{"chrtId": 5, "amount": 1}]),
        lambda shop: put(shop, [row(shop, "MUG-1", 1)], warehouse=9),
        lambda shop: put(shop, [row(shop, "MUG-1", 1)], token="wrong"),
    ],
    ids=["400", "409", "404", "401"],
)
def test_every_4xx_costs_ten(clock: VirtualClock, bad: Any) -> None:
    """Two errors use up a burst of 20; ten requests' worth of time later one is there again."""
    shop = shop_with(clock)
    for _ in range(2):
        assert 400 <= bad(shop).status_code < 429
    shop.gate.charge_429 = False
    assert put(shop, [row(shop, "MUG-1", 1)]).status_code == 429
    clock.advance(0.2)
    assert put(shop, [row(shop, "MUG-1", 1)]).status_code == 204


def test_thirty_errors_use_up_a_fixed_minute(clock: VirtualClock) -> None:
    """Under the window models 300 requests are 30 errors."""
    shop = shop_with(clock, limit_model="fixed")
    assert [put(shop, []).status_code for _ in range(31)] == [400] * 30 + [429]


def test_a_429_tells_how_long_and_costs_ten_itself(clock: VirtualClock) -> None:
    """Who waits as told is let in; hammering makes it longer; the switch takes that away."""
    shop = shop_with(clock)
    statuses(shop, 20)
    first = ask(shop, "GET", WAREHOUSES)
    assert first.status_code == 429
    assert first.headers["content-type"] == "application/problem+json"
    assert first.headers["x-ratelimit-limit"] == "20"
    assert (first.headers["x-ratelimit-retry"], first.headers["x-ratelimit-reset"]) == ("3", "6")
    second = ask(shop, "GET", WAREHOUSES)
    assert second.headers["x-ratelimit-retry"] == "5"
    clock.advance(5)
    assert ask(shop, "GET", WAREHOUSES).status_code == 200
    clock.advance(60)
    shop.gate.charge_429 = False
    statuses(shop, 20)
    retries = [ask(shop, "GET", WAREHOUSES).headers["x-ratelimit-retry"] for _ in range(3)]
    assert retries == ["1", "1", "1"]


def test_a_success_tells_what_remains(clock: VirtualClock) -> None:
    """`X-Ratelimit-Remaining` counts down on good answers and is not on bad ones."""
    shop = shop_with(clock)
    remaining = [ask(shop, "GET", WAREHOUSES).headers["x-ratelimit-remaining"] for _ in range(3)]
    assert remaining == ["19", "18", "17"]
    assert put(shop, [row(shop, "MUG-1", 1)]).headers["x-ratelimit-remaining"] == "19"
    assert "x-ratelimit-remaining" not in put(shop, []).headers


def test_limits_can_be_switched_off(clock: VirtualClock) -> None:
    """Then nothing is counted, and no header speaks of limits."""
    shop = shop_with(clock, limits=False)
    assert statuses(shop, 500) == [200] * 500
    assert not [name for name in ask(shop, "GET", WAREHOUSES).headers if name.startswith("x-ratelimit")]


def test_ping_tells_moscow_time(clock: VirtualClock) -> None:
    """The stamp is the double's clock, with its offset."""
    assert ask(shop_with(clock), "GET", "/ping").json() == {
        "TS": "2026-11-23T15:00:00+03:00",
        "Status": "OK",
    }


def test_the_settings_open_the_account(clock: VirtualClock) -> None:
    """What `settings` gives is what a connection needs; the token is not in the record of requests."""
    shop = shop_with(clock)
    settings = shop.settings("http://localhost:8082")
    assert settings == {
        "plugin": "wb",
        "token": shop.token,
        "marketplace_url": "http://localhost:8082",
        "content_url": "http://localhost:8082",
    }
    assert shop.warehouse_codes() == ["1111"]
    assert isinstance(ask(shop, "GET", WAREHOUSES), httpx.Response)
    assert shop.token not in repr(shop.requests)


def test_a_token_that_is_no_jwt_opens_everything(clock: VirtualClock) -> None:
    """For hand-made play: any text may be the token, and it never ends."""
    shop = shop_with(clock, token="open sesame")
    clock.advance(10 * 365 * 86_400)
    assert put(shop, [row(shop, "MUG-1", 1)]).status_code == 204
    assert ask(shop, "POST", CARDS, {}).status_code == 200
