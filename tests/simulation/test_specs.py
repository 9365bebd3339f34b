"""The yardstick itself: what holds doubles and adapters against the vendors' documents must find faults."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests import specs

PAIR = {"offer_id": "A-1", "stock": 5, "warehouse_id": 22142605386000}
HEADERS = {"Client-Id": "1", "Api-Key": "k"}


def write(body: Any, **kwargs: Any) -> httpx.Request:
    url = "https://api-seller.ozon.ru/v2/products/stocks"
    return httpx.Request("POST", url, json=body, **{"headers": HEADERS, **kwargs})


@pytest.mark.parametrize("name", [specs.OZON, specs.WB_STOCKS, specs.WB_ORDERS, specs.WB_GENERAL])
def test_the_mended_documents_are_valid(name: str) -> None:
    """After mending every vendor's document is valid OpenAPI 3.0, so that its checks mean something."""
    errors = [error.message for error in OpenAPIV30SpecValidator(specs.load(name).document).iter_errors()]
    assert errors == []


def test_a_right_request_passes() -> None:
    """A request as the vendor's own example has it passes; so does one with `offer_id` alone."""
    specs.ozon().check_request(write({"stocks": [PAIR]}))
    specs.load(specs.OZON).check_request(write({"stocks": [{**PAIR, "product_id": 1}]}))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (write({}), "'stocks' is a required property"),
        (write({"stocks": [{**PAIR, "stock": "5"}]}), "'5' is not of type 'integer'"),
        (write({"stocks": [{"offer_id": "A", "stock": 5}]}), "'warehouse_id' is a required property"),
        (write({"stocks": [{**PAIR, "amount": 5}]}), r"\$\.stocks\[0\]\.amount"),
        (write({"stocks": [PAIR]}, headers={"Client-Id": "1"}), "Api-Key is missing"),
        (write({"stocks": [PAIR]}, params={"dry": "1"}), "parameters that it does not have"),
        (httpx.Request("POST", "https://x/v2/products/stocks", headers=HEADERS), "body is missing"),
        (
            httpx.Request("POST", "https://x/v2/products/stocks", headers=HEADERS, content=b"{}"),
            "content type ''",
        ),
        (httpx.Request("GET", "https://x/v2/products/stocks"), "has no GET"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_request_is_found(request_: httpx.Request, message: str) -> None:
    """Missing, mistyped, misspelt and misplaced things are each named with their place."""
    with pytest.raises(AssertionError, match=message):
        specs.ozon().check_request(request_)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (httpx.Response(200, json={"result": {}}), "not of type 'array'"),
        (httpx.Response(200, json={"result": [{"warehouse_id": "1"}]}), "not of type 'integer'"),
        (httpx.Response(200, json={"result": [], "extra": 1}), r"\$\.extra"),
        (httpx.Response(418, json={}), "answers only"),
        (httpx.Response(200, text="ok"), "content type 'text/plain'"),
    ],
    ids=["type", "nested type", "unknown field", "status", "content type"],
)
def test_a_wrong_answer_is_found(answer: httpx.Response, message: str) -> None:
    """An answer that its document does not promise is named with its place."""
    answer.request = write({"stocks": [PAIR]})
    with pytest.raises(AssertionError, match=message):
        specs.ozon().check_response(answer)


def test_a_path_with_values_finds_its_operation() -> None:
    """A real path is matched to its pattern, and the values in it are checked."""
    spec = specs.load(specs.WB_STOCKS)
    url = "https://marketplace-api.wildberries.ru/api/v3/stocks/{}"
    body = {"stocks": [{"chrtId": 12345678, "amount": 10}]}
    spec.check_request(httpx.Request("PUT", url.format(777), json=body))
    with pytest.raises(AssertionError, match="'abc' is not of type 'integer'"):
        spec.check_request(httpx.Request("PUT", url.format("abc"), json=body))
    with pytest.raises(AssertionError, match=r"\$\.stocks\[0\]\.chrtID"):
        spec.check_request(
            httpx.Request("PUT", url.format(777), json={"stocks": [{"chrtID": 1, "amount": 10}]})
        )
