"""The vendor's own samples, read in place by the adapter, or asked of the double."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from mpstock.errors import AuthenticationError
from mpstock.simulation import Request
from mpstock_odoo import answers
from mpstock_odoo.answers import Said
from mpstock_odoo.wire import related_ids
from tests.odoo.shop import KEY, Reader, Shop, answered_by_method
from tests.specs import shared

NAMES = {
    "json2_error_401.json",
    "json2_stock_quant_request.http",
    "json2_stock_quant_response.json",
    "jsonrpc_error_http200.json",
    "jsonrpc_execute_kw_request.json",
}


def sample(name: str) -> bytes:
    path: Path = shared() / "samples/odoo" / name
    if not path.is_file():
        pytest.skip(f"the vendor's sample is missing: {path}")
    return path.read_bytes()


def test_no_sample_is_forgotten() -> None:
    """Every file of the folder has a test below."""
    folder = shared() / "samples/odoo"
    if not folder.is_dir():
        pytest.skip(f"the vendor's samples are missing: {folder}")
    assert {path.name for path in folder.iterdir()} == NAMES


def test_json2_error() -> None:
    """A key that is refused: Odoo's words and ours, and nothing of the traceback."""
    body = sample("json2_error_401.json")
    assert answers.refusal_of(body) == Said("werkzeug.exceptions.Unauthorized", "Invalid apikey")
    with pytest.raises(AuthenticationError, match="Invalid apikey") as caught:
        Reader(lambda request: httpx.Response(401, content=body)).read()
    assert "Traceback" not in str(caught.value)


def test_jsonrpc_error() -> None:
    """An error inside of HTTP 200 is an error of credentials, by the inner name."""
    body = sample("jsonrpc_error_http200.json")
    result, said = answers.envelope(json.loads(body))
    assert result is None
    assert said is not None
    assert (said.name, said.message, said.is_about_credentials) == (
        "odoo.exceptions.AccessDenied",
        "Access Denied",
        True,
    )
    with pytest.raises(AuthenticationError, match="Access Denied") as caught:
        Reader(lambda request: httpx.Response(200, content=body), protocol="jsonrpc").read()
    assert "Traceback" not in str(caught.value)


def test_json2_response() -> None:
    """A quant names its product as `[id, name]`; the product that it names is read again."""
    rows = json.loads(sample("json2_stock_quant_response.json"))
    assert related_ids(rows, "product_id") == {25}
    asked: list[Any] = []

    def products(body: dict[str, Any]) -> list[Any]:
        asked.append(body["domain"][0])
        return []

    told = ("free_qty", "type", "is_storable")
    reader = Reader(
        answered_by_method(
            {
                "context_get": {"uid": 2},
                "fields_get": {name: {"type": "float"} for name in told},
                "stock.warehouse/search_read": [
                    {"id": 1, "name": "WH", "code": "WH", "company_id": [1, "C"]}
                ],
                "stock.move/search_read": [],
                "stock.move.line/search_read": [],
                "stock.quant/search_read": rows,
                "product.product/search_read": products,
            }
        )
    )
    cursor = reader.read().cursor
    reader.later()
    reader.read(cursor)
    assert asked[-1] == ["id", "in", [25]]


def test_json2_request() -> None:
    """The double understands the request of the sample, and answers in the shape of the sample's answer."""
    head, _, body = sample("json2_stock_quant_request.http").decode().replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.splitlines()
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    shop = Shop({("FURN_7777", "WH"): 18.0}, double={"databases": ("mycompany",)})
    shop.odoo.key.key = headers["authorization"].split()[1]
    shop.world.reserve(shop.odoo.product("FURN_7777"), shop.odoo.warehouse("WH").lot_stock_id, 3)
    method, path, _ = first.split()
    answer = _asked(shop, Request(method, path, headers=headers, body=body.encode()))
    (row,) = answer
    (like,) = json.loads(sample("json2_stock_quant_response.json"))
    assert row.keys() == like.keys()
    assert {name: type(value) for name, value in row.items()} == {
        name: type(value) for name, value in like.items()
    }
    assert (row["quantity"], row["reserved_quantity"], row["available_quantity"]) == (18.0, 3.0, 15.0)


def test_jsonrpc_request() -> None:
    """The double understands the call of the sample, and it is what the adapter sends."""
    body = sample("jsonrpc_execute_kw_request.json")
    data = json.loads(body)
    shop = Shop({("A-1", "WH"): 4.0}, version=17, double={"databases": ("mydb",)})
    shop.odoo.key.key = data["params"]["args"][2]
    request = Request(
        "POST", "/jsonrpc", headers={"content-type": "application/json"}, body=json.dumps(data).encode()
    )
    (row,) = _asked(shop, request)["result"]
    assert (row["default_code"], row["qty_available"], row["free_qty"]) == ("A-1", 4.0, 4.0)
    ours = Shop({("A-1", "WH"): 4.0}, version=17)
    ours.read()
    sent = [seen.json() for seen in ours.odoo.requests if seen.path == "/jsonrpc"][-1]
    assert sent.keys() == data.keys()
    assert sent["params"].keys() == data["params"].keys()
    assert [type(one) for one in sent["params"]["args"]] == [type(one) for one in data["params"]["args"]]
    assert sent["params"]["args"][2] == KEY


def _asked(shop: Shop, request: Request) -> Any:
    """What the double answers to one request."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=shop.odoo)
        async with httpx.AsyncClient(transport=transport, base_url="http://odoo.local") as client:
            return await client.request(
                request.method, request.path, headers=dict(request.headers), content=request.body
            )

    import asyncio

    answer = asyncio.run(ask())
    assert answer.status_code == 200, answer.text
    return answer.json()
