"""The double's answers, held against Wildberries' own OpenAPI documents."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from mpstock.testing import VirtualClock
from mpstock_wb.simulator import WbSimulator, make_token
from tests import specs
from tests.wb.simulator_kit import START, ask, put, row

CARDS = "/content/v2/get/cards/list"


@pytest.fixture
def shop() -> WbSimulator:
    shop = WbSimulator(["MUG-1", "MUG-2"], warehouses=(1111, 2222), clock=VirtualClock(START), limits=False)
    shop.add_card("SHIRT", {"S": ["111", "112"], "M": ["222"]})
    shop.add_card("BOX", photo=False, wholesale=True)
    return shop


@pytest.fixture
def items() -> specs.Spec:
    return specs.load(specs.WB_STOCKS)


def test_good_answers_are_as_documented(shop: WbSimulator, items: specs.Spec) -> None:
    """A write, a read-back, a removal, the warehouses and the cards; requests and answers alike."""
    chrt = shop.chrt_id("MUG-1")
    settings = {"sort": {"ascending": True}, "cursor": {"limit": 100}, "filter": {"withPhoto": -1}}
    answers = [
        put(shop, [row(shop, "MUG-1", 10)]),
        ask(shop, "POST", "/api/v3/stocks/1111", {"chrtIds": [chrt]}),
        ask(shop, "DELETE", "/api/v3/stocks/1111", {"chrtIds": [chrt]}),
        ask(shop, "GET", "/api/v3/warehouses"),
        ask(shop, "POST", CARDS, {"settings": settings}),
    ]
    assert [answer.status_code for answer in answers] == [204, 200, 204, 200, 200]
    assert len(answers[4].json()["cards"]) == 4
    for answer in answers:
        items.check(answer)


def test_ping_is_as_documented(shop: WbSimulator) -> None:
    """The general document has the connection check."""
    specs.load(specs.WB_GENERAL).check(ask(shop, "GET", "/ping"))


ERRORS: list[tuple[int, Any, Any]] = [
    (400, None, []),
    (400, None, [{"sku": "2000000000015", "amount": 1}]),
    (400, None, [{"chrtId": 310_000_001, "amount": -1}]),
    (401, lambda shop: setattr(shop, "token", "another"), None),
    (402, lambda shop: setattr(shop.gate, "payment_required", True), None),
    (403, lambda shop: setattr(shop.gate, "access_denied", True), None),
    (404, lambda shop: shop.stocks.warehouses.pop(1111), None),
    (406, lambda shop: setattr(shop, "banned", True), None),
    (406, lambda shop: shop.block_warehouse(1111, writes=1), None),
    (409, None, [{"chrtId": 310_000_001, "amount": 100_001}]),
    (409, None, [{"chrtId": 5, "amount": 1}]),
    (409, lambda shop: shop.process_warehouse(1111, writes=1), None),
    (409, lambda shop: shop.refuse(shop.chrt_id("MUG-1"), "CargoWarehouseRestrictionKGTPlus"), None),
    (409, lambda shop: shop.refuse(shop.chrt_id("MUG-1"), "DeliveryTypeRestriction"), None),
    (409, lambda shop: shop.refuse(shop.chrt_id("MUG-1"), "ProductPropertyConflict"), None),
]


@pytest.mark.parametrize(("status", "prepare", "rows"), ERRORS)
def test_refused_writes_are_as_documented(
    shop: WbSimulator, items: specs.Spec, status: int, prepare: Any, rows: Any
) -> None:
    """Each documented error of a stock write, in its shape and content type."""
    token = shop.token
    if prepare is not None:
        prepare(shop)
    answer = put(shop, [row(shop, "MUG-1", 1)] if rows is None else rows, token=token)
    assert answer.status_code == status, answer.text
    items.check_response(answer)


def test_too_many_requests_are_as_documented(shop: WbSimulator, items: specs.Spec) -> None:
    """429 of each kind of method."""
    shop.gate.limits = True
    chrt = shop.chrt_id("MUG-1")
    requests: list[tuple[str, str, Any]] = [
        ("PUT", "/api/v3/stocks/1111", {"stocks": [row(shop, "MUG-1", 1)]}),
        ("DELETE", "/api/v3/stocks/1111", {"chrtIds": [chrt]}),
        ("GET", "/api/v3/warehouses", None),
        ("POST", CARDS, {}),
    ]
    for method, path, body in requests:
        answer = next(
            answer
            for answer in (ask(shop, method, path, body) for _ in range(30))
            if answer.status_code == 429
        )
        items.check_response(answer)


def test_content_errors_are_as_documented(shop: WbSimulator, items: specs.Spec) -> None:
    """400 and 403 of the content methods have an envelope of their own."""
    wrong = ask(shop, "POST", CARDS, {"settings": {"cursor": {"limit": 101}}})
    shop.gate.access_denied = True
    denied = ask(shop, "POST", CARDS, {})
    assert (wrong.status_code, denied.status_code) == (400, 403)
    for answer in (wrong, denied):
        items.check_response(answer)


def test_removal_errors_are_as_documented(shop: WbSimulator, items: specs.Spec) -> None:
    """DELETE: 400, 404 with data, 409 as an object."""
    path = "/api/v3/stocks/1111"
    answers = [ask(shop, "DELETE", path, {"chrtIds": ids}) for ids in ([], [5])]
    shop.process_warehouse(1111, writes=1)
    answers.append(ask(shop, "DELETE", path, {"chrtIds": [shop.chrt_id("MUG-1")]}))
    assert [answer.status_code for answer in answers] == [400, 404, 409]
    for answer in answers:
        items.check_response(answer)


def test_orders_are_as_documented(shop: WbSimulator) -> None:
    """New orders, the list with its pages, the statuses in every stage; requests and answers alike."""
    orders = specs.load(specs.WB_ORDERS)
    shop.set_shown("MUG-1", "1111", 10)
    keys = shop.buy("MUG-1", "1111", 6)
    shop.buy_unseen("MUG-2", "1111", b2b=True, zero=True).wordless = True
    shop.assemble(keys[0])
    shop.ship(keys[1])
    shop.cancel(keys[2])
    shop.cancel(keys[3], "seller")
    now = int(START.timestamp())
    first = f"/api/v3/orders?limit=2&next=0&dateFrom={now - 86_400}&dateTo={now + 1}"
    answers = [
        ask(shop, "GET", "/api/v3/orders/new"),
        ask(shop, "GET", first),
        ask(shop, "GET", "/api/v3/orders?limit=1000&next=0"),
        ask(shop, "POST", "/api/v3/orders/status", {"orders": [int(key) for key in keys]}),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        orders.check(answer)
    assert [len(answer.json()["orders"]) for answer in answers] == [3, 2, 7, 6]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v3/orders", None),
        ("GET", "/api/v3/orders?limit=1001&next=0", None),
        ("GET", "/api/v3/orders?limit=10&next=0&dateFrom=1&dateTo=9999999", None),
        ("POST", "/api/v3/orders/status", {}),
        ("POST", "/api/v3/orders/status", {"orders": []}),
        ("POST", "/api/v3/orders/status", {"orders": list(range(1, 1002))}),
    ],
)
def test_refused_order_requests_are_as_documented(
    shop: WbSimulator, method: str, path: str, body: Any
) -> None:
    """400 and 403 as objects with a code; 401 in the shape that all methods share."""
    orders = specs.load(specs.WB_ORDERS)
    answer = ask(shop, method, path, body)
    assert answer.status_code == 400
    orders.check_response(answer)
    shop.gate.access_denied = True
    denied = ask(shop, method, path, body)
    assert denied.status_code == 403
    orders.check_response(denied)
    barred = ask(shop, method, path, body, token="wrong")
    assert barred.status_code == 401
    # The gate is one for all methods; the items' document calls its answers problem+json, this one JSON.
    barred.headers["content-type"] = "application/json"
    orders.check_response(barred)


def test_the_figures_of_the_orders_limit_are_those_of_the_document() -> None:
    """All three methods count in one group: 300 a minute, bursts of 20, an error as ten."""
    from mpstock_wb.simulator_gate import GROUPS

    orders = specs.load(specs.WB_ORDERS)
    requests, period, burst = GROUPS["orders"]
    for method, path in (
        ("GET", "/api/v3/orders/new"),
        ("GET", "/api/v3/orders"),
        ("POST", "/api/v3/orders/status"),
    ):
        text = orders.operation(method, path)["description"]
        assert f"| {period / 60:g} мин | {requests} запросов | 200 мс | {burst} запросов |" in text
        assert "учитывается как 10 запросов" in text


def test_the_figures_of_the_limits_are_those_of_the_document(items: specs.Spec) -> None:
    """Requests a minute, spacing and burst stand in the text of each method."""
    from mpstock_wb.simulator_gate import GROUPS

    methods = {
        "stocks": ("PUT", "/api/v3/stocks/1"),
        "stocks_delete": ("DELETE", "/api/v3/stocks/1"),
        "warehouses": ("GET", "/api/v3/warehouses"),
        "content": ("POST", CARDS),
    }
    for group, (method, path) in methods.items():
        requests, period, burst = GROUPS[group]
        text = items.operation(method, path)["description"]
        assert f"| {period / 60:g} мин | {requests} запросов |" in text
        assert f"| {burst} запрос" in text


def test_a_token_without_a_category_is_403_as_told_by_the_gate() -> None:
    """The newer 403 is not in the stored document: problem+json with title and detail, no code."""
    token = make_token(START + timedelta(days=1), (2,))
    answer = ask(WbSimulator(token=token, clock=VirtualClock(START)), "GET", "/api/v3/warehouses")
    assert (answer.status_code, set(answer.json())) == (403, {"title", "detail"})
