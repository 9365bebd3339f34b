"""Requests and answers, the adapter's and the double's, held against the Market's own document."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from mpstock.simulation import Request
from mpstock_yandex import limits
from mpstock_yandex.order_stages import OPEN
from tests.yandex.cabinet import KEY, MAIN, cabinet, change, everything, listing, play, sink_of
from tests.yandex.document import market

STOCKS = "/v2/campaigns/2101/offers/stocks"


def recorded(double: Any) -> list[tuple[httpx.Request, int]]:
    """Return what came to the double, as requests that can be held against the document."""
    return [
        (
            httpx.Request(
                one.method,
                f"http://market.test{one.path}",
                params=dict(one.query),
                content=one.body,
                headers={"content-type": "application/json"},
            ),
            one.status,
        )
        for one in double.requests
    ]


def test_the_adapter_s_requests_are_as_the_document_says() -> None:
    """Writes, stocks by name and whole, warehouses: paths, parameters and bodies name nothing else."""
    document = market()
    double = cabinet(*(f"S-{n}" for n in range(250)))

    async def story() -> None:
        sink = sink_of(double)
        await sink.push([change("S-1", 5), change("S-2", 0)])
        await everything(sink.observe([listing("S-1")]))
        await everything(sink.observe(None))

    play(double, story)
    checked = 0
    for request, status in recorded(double):
        assert status == 200, request.url
        document.check_request(request)
        checked += 1
    assert checked == 1 + 1 + 1 + 2


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("PUT", {"skus": [{"sku": "A", "items": [{"count": 5}]}]}, 200),
        ("PUT", {"skus": [{"sku": "nobody", "items": [{"count": 5}]}]}, 400),
        ("PUT", {"skus": []}, 400),
        ("POST", {"offerIds": ["A"]}, 200),
        ("POST", {}, 200),
        ("POST", {"offerIds": []}, 400),
    ],
)
def test_the_double_answers_as_the_document_says(method: str, body: Any, status: int) -> None:
    """Its answers, good and bad, have the document's shape."""
    document = market()
    double = cabinet("A")
    double.gate.api_key = KEY
    double.set_shown("A", MAIN, 3)

    async def story() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=double)) as client:
            headers = {"Api-Key": KEY}
            return await client.request(method, f"http://market.test{STOCKS}", json=body, headers=headers)

    response = play(double, story)
    assert response.status_code == status
    document.check_response(response)


def test_a_refusal_for_haste_has_the_document_s_shape() -> None:
    """420 has a body like every error, and headers that tell the limit."""
    document = market()
    double = cabinet("A")
    path = Request("PUT", STOCKS, headers={"api-key": double.gate.api_key})
    for _ in range(4):
        assert double.gate.enter(path, "campaignId 2101", "updateStocks") is None
    told = double.gate.enter(path, "campaignId 2101", "updateStocks")
    assert told is not None
    request = httpx.Request("PUT", f"http://market.test{STOCKS}")
    document.check_response(
        httpx.Response(told.status, content=told.body, headers=dict(told.headers), request=request)
    )
    assert json.loads(told.body)["errors"][0]["message"].startswith("Hit rate limit of 4 parallel requests")


def test_the_numbers_are_the_document_s() -> None:
    """Batch, largest count, page and limit over time stand in the document."""
    document = market()
    put = document.operation("PUT", STOCKS)
    rows = put["requestBody"]["content"]["application/json"]["schema"]["properties"]["skus"]
    count = rows["items"]["properties"]["items"]["items"]["properties"]["count"]
    assert (rows["maxItems"], count["maximum"], count["minimum"]) == (limits.BATCH, limits.MAXIMUM, 0)
    config = put["x-resource-limit-config"]
    rate = next(one for one in limits.RATES if one.scope == "stocks")
    assert (config["path"], config["none"]["amount"], config["none"]["period"]) == (
        "req.skus",
        rate.items,
        "minutes",
    )
    asked = document.operation("POST", STOCKS)["requestBody"]["content"]["application/json"]["schema"]
    assert asked["properties"]["offerIds"]["maxItems"] == limits.STOCKS_ASKED
    listed = document.operation("POST", "/v2/businesses/1/warehouses")["x-resource-limit-config"]["none"]
    per_hour = next(one for one in limits.RATES if one.scope == "warehouses")
    assert listed["amount"] == per_hour.requests * 3600 / per_hour.period
    assert "PROCESSING" in OPEN
