"""Ozon's double: products, warehouses, stock, keys, and what stands before every method."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx import Response

from mpstock.simulation import serve
from mpstock.testing import VirtualClock
from mpstock_ozon.simulator import OzonSimulator
from tests import specs
from tests.simulation.client import call

MAIN, SPARE = "22142605386000", "1020003080073000"
PRODUCTS = "/v3/product/list"
WAREHOUSES = "/v2/warehouse/list"
WHOLE = "/v1/product/info/warehouse/stocks"
CHOSEN = "/v2/product/info/stocks-by-warehouse/fbs"
ROLES = "/v1/roles"
WRITE = "/v2/products/stocks"
OFFERS = [f"A-{number}" for number in range(1, 6)]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def ozon(clock: VirtualClock) -> OzonSimulator:
    stock = {(offer, MAIN): index for index, offer in enumerate(OFFERS)}
    return OzonSimulator(OFFERS, clock=clock, stock={**stock, ("A-1", SPARE): 9})


def post(ozon: OzonSimulator, path: str, body: Any) -> Response:
    return call(ozon, "POST", path, json=body, headers={"Client-Id": ozon.client_id, "Api-Key": ozon.api_key})


def ids(answer: Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["offer_id"] for item in answer.json()["result"]["items"]]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PRODUCTS, {"filter": {"visibility": "ALL"}, "limit": 100, "last_id": ""}),
        (WAREHOUSES, {"limit": 200}),
        (WHOLE, {"warehouse_id": int(MAIN), "limit": 1000, "cursor": ""}),
        (CHOSEN, {"offer_id": OFFERS, "limit": 1000}),
        (ROLES, {}),
    ],
)
def test_what_is_read_answers_as_the_document_says(ozon: OzonSimulator, path: str, body: Any) -> None:
    """Answers, good ones and refusals alike, have the shapes of Ozon's OpenAPI document."""
    spec = specs.ozon()
    spec.check(post(ozon, path, body))
    spec.check_response(post(ozon, path, [1]))
    spec.check_response(call(ozon, "POST", path, json=body), as_status=403)


def test_products_are_paged_and_the_last_page_still_has_a_last_id(ozon: OzonSimulator) -> None:
    """Pages follow `last_id`, which is set on the last page as well; the one after it is empty."""
    seen, last_id, sizes = [], "", []
    while True:
        answer = post(ozon, PRODUCTS, {"filter": {"visibility": "ALL"}, "limit": 2, "last_id": last_id})
        result = answer.json()["result"]
        sizes.append(len(result["items"]))
        assert result["total"] == 5
        if not result["items"]:
            assert result["last_id"] == ""
            break
        seen += ids(answer)
        last_id = result["last_id"]
        assert last_id
    assert (seen, sizes) == (OFFERS, [2, 2, 1, 0])


def test_a_product_added_between_pages_is_not_missed(ozon: OzonSimulator) -> None:
    """The cursor names a product, not a position: neither a new nor a removed product shifts the pages."""
    first = post(ozon, PRODUCTS, {"limit": 2})
    ozon.account.remove_offer("A-1")
    ozon.account.add_offer("A-6")
    rest = post(ozon, PRODUCTS, {"limit": 10, "last_id": first.json()["result"]["last_id"]})
    assert ids(rest) == ["A-3", "A-4", "A-5", "A-6"]


def test_visibility_all_leaves_archived_products_out_unless_told(ozon: OzonSimulator) -> None:
    """ALL does not necessarily include archived products: both can be played."""
    ozon.account.offers["A-2"].archived = True
    assert ids(post(ozon, PRODUCTS, {"limit": 10})) == ["A-1", "A-3", "A-4", "A-5"]
    assert ids(post(ozon, PRODUCTS, {"limit": 10, "filter": {"visibility": "ARCHIVED"}})) == ["A-2"]
    ozon.reading.archived_in_all = True
    answer = post(ozon, PRODUCTS, {"limit": 10, "filter": {"visibility": "ALL"}})
    assert [item["archived"] for item in answer.json()["result"]["items"]] == [False, True] + [False] * 3


@pytest.mark.parametrize(
    ("visibility", "expected"), [("VISIBLE", ["A-1", "A-2"]), ("EMPTY_STOCK", ["A-3", "A-4", "A-5"])]
)
def test_visibility_by_stock(clock: VirtualClock, visibility: str, expected: list[str]) -> None:
    """Products with and without stock are told apart."""
    ozon = OzonSimulator(OFFERS, clock=clock, stock={("A-1", MAIN): 1, ("A-2", SPARE): 1, ("A-3", MAIN): 0})
    assert ids(post(ozon, PRODUCTS, {"limit": 10, "filter": {"visibility": visibility}})) == expected


def test_filters_are_arrays(ozon: OzonSimulator) -> None:
    """An id filter that is no array is a syntax error of the gateway; an array finds, in order."""
    refused = post(ozon, PRODUCTS, {"limit": 10, "filter": {"offer_id": "A-2"}})
    assert refused.status_code == 400
    assert "proto: syntax error" in refused.json()["message"]
    assert 'unexpected token "A-2"' in refused.json()["message"]
    found = post(ozon, PRODUCTS, {"limit": 10, "filter": {"offer_id": ["A-4", "nobody", "A-2", "A-2"]}})
    assert ids(found) == ["A-2", "A-4"]
    product = ozon.account.offers["A-3"].product_id
    for value in (product, str(product)):
        assert ids(post(ozon, PRODUCTS, {"limit": 10, "filter": {"product_id": [value]}})) == ["A-3"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PRODUCTS, {}),
        (PRODUCTS, {"limit": 0}),
        (PRODUCTS, {"limit": 1001}),
        (PRODUCTS, {"limit": "100"}),
        (PRODUCTS, {"limit": 10, "last_id": "not a cursor"}),
        (PRODUCTS, {"limit": 10, "filter": {"offer_id": ["x"] * 1001}}),
        (PRODUCTS, {"limit": 10, "filter": {"offer_id": ["x"], "product_id": ["1"]}}),
        (PRODUCTS, {"limit": 10, "filter": {"visibility": "EVERYTHING"}}),
        (WAREHOUSES, {}),
        (WAREHOUSES, {"limit": 201}),
        (WHOLE, {"warehouse_id": int(MAIN)}),
        (WHOLE, {"warehouse_id": MAIN, "limit": 10}),
        (WHOLE, {"warehouse_id": int(MAIN), "limit": 1001}),
        (WHOLE, {"warehouse_id": int(MAIN), "limit": 10, "cursor": "ж"}),
        (CHOSEN, {"offer_id": ["A-1"]}),
        (CHOSEN, {"offer_id": ["A-1"], "limit": 1001}),
        (CHOSEN, {"limit": 10}),
        (CHOSEN, {"offer_id": ["A-1"], "sku": ["1"], "limit": 10}),
        (CHOSEN, {"offer_id": ["x"] * 1001, "limit": 10}),
        (CHOSEN, {"offer_id": "A-1", "limit": 10}),
        (CHOSEN, {"sku": ["A-1"], "limit": 10}),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_the_documents_forbid_is_400(ozon: OzonSimulator, path: str, body: Any) -> None:
    """Limits that are missing or out of range, wrong types and wrong combinations are refused."""
    answer = post(ozon, path, body)
    assert answer.status_code == 400
    assert answer.json()["code"] == 3


def test_warehouses_are_paged_by_cursor(ozon: OzonSimulator) -> None:
    """Two warehouses, one a page, with `has_next` to stop by; ids choose as numbers or as strings."""
    first = post(ozon, WAREHOUSES, {"limit": 1}).json()
    assert first["has_next"] is True
    second = post(ozon, WAREHOUSES, {"limit": 1, "cursor": first["cursor"]}).json()
    assert second["has_next"] is False
    found = [first["warehouses"][0]["warehouse_id"], second["warehouses"][0]["warehouse_id"]]
    assert found == [int(MAIN), int(SPARE)]
    for value in (int(SPARE), SPARE):
        chosen = post(ozon, WAREHOUSES, {"limit": 10, "warehouse_ids": [value]}).json()
        assert [one["warehouse_id"] for one in chosen["warehouses"]] == [int(SPARE)]


def test_a_warehouse_is_a_number() -> None:
    """A code that is no number is refused when the double is built."""
    with pytest.raises(ValueError, match="number"):
        OzonSimulator(["A-1"], ["main"])


def test_the_whole_warehouse_is_read_by_has_next_not_by_cursor(ozon: OzonSimulator) -> None:
    """The cursor is there on the last page as well; only `has_next` says when to stop."""
    seen: list[tuple[str, int]] = []
    cursor, more = "", True
    while more:
        page = post(ozon, WHOLE, {"warehouse_id": int(MAIN), "limit": 2, "cursor": cursor}).json()
        seen += [(one["offer_id"], one["free_stock"]) for one in page["stocks"]]
        cursor, more = page["cursor"], page["has_next"]
        assert cursor
    assert seen == [(offer, index) for index, offer in enumerate(OFFERS)]
    assert len(ozon.requests) == 3


def test_a_whole_warehouse_that_ends_with_a_full_page_has_no_next(ozon: OzonSimulator) -> None:
    """A last page that is just full does not promise another."""
    page = post(ozon, WHOLE, {"warehouse_id": int(MAIN), "limit": 5}).json()
    assert (len(page["stocks"]), page["has_next"]) == (5, False)


def test_what_was_never_written_has_no_row(ozon: OzonSimulator) -> None:
    """A pair without stock ever is left out of both reading methods."""
    whole = post(ozon, WHOLE, {"warehouse_id": int(SPARE), "limit": 10}).json()
    assert [one["offer_id"] for one in whole["stocks"]] == ["A-1"]
    chosen = post(ozon, CHOSEN, {"offer_id": ["A-2", "nobody"], "limit": 10}).json()
    assert [(one["offer_id"], one["warehouse_id"]) for one in chosen["products"]] == [("A-2", int(MAIN))]


def test_an_unknown_warehouse_is_not_an_empty_one(ozon: OzonSimulator) -> None:
    """Asking for a warehouse that is not there is an error, not nothing on stock."""
    assert post(ozon, WHOLE, {"warehouse_id": 1, "limit": 10}).status_code == 404


def test_chosen_offers_are_paged_over_rows_not_over_offers(ozon: OzonSimulator) -> None:
    """One offer has a row per warehouse, so the limit may cut between an offer's rows."""
    rows: list[tuple[str, int, int]] = []
    body: dict[str, Any] = {"offer_id": OFFERS, "limit": 1}
    while True:
        page = post(ozon, CHOSEN, body).json()
        rows += [(one["offer_id"], one["warehouse_id"], one["free_stock"]) for one in page["products"]]
        assert len(page["products"]) == 1
        if not page["has_next"]:
            break
        body["cursor"] = page["cursor"]
    assert rows == [
        ("A-1", int(MAIN), 0),
        ("A-1", int(SPARE), 9),
        *((offer, int(MAIN), index) for index, offer in enumerate(OFFERS[1:], 1)),
    ]


def test_chosen_offers_can_be_named_by_sku(ozon: OzonSimulator) -> None:
    """Ozon's own sku names an offer as well; it is neither the article nor the product id."""
    offer = ozon.account.offers["A-3"]
    page = post(ozon, CHOSEN, {"sku": [str(offer.sku)], "limit": 10}).json()
    assert [one["offer_id"] for one in page["products"]] == ["A-3"]
    assert offer.sku != offer.product_id


def test_reads_can_be_stale(ozon: OzonSimulator, clock: VirtualClock) -> None:
    """With a lag, both reading methods show what was, although buyers see what is."""
    ozon.account.read_lag = 60.0
    ozon.set_shown("A-3", MAIN, 50)
    clock.advance(30)
    ozon.set_shown("A-3", MAIN, 51)

    def read() -> tuple[int, int]:
        chosen = post(ozon, CHOSEN, {"offer_id": ["A-3"], "limit": 10}).json()["products"][0]
        whole = post(ozon, WHOLE, {"warehouse_id": int(MAIN), "limit": 10}).json()["stocks"][2]
        return chosen["free_stock"], whole["free_stock"]

    assert read() == (2, 2)
    assert ozon.shown()["A-3", MAIN] == 51
    clock.advance(29.5)
    assert read() == (2, 2)
    clock.advance(0.5)
    assert read() == (50, 50)
    clock.advance(30)
    assert read() == (51, 51)


def test_roles_tell_the_expiry_and_take_an_empty_body(ozon: OzonSimulator, clock: VirtualClock) -> None:
    """The key's expiry and methods can be asked for without a body."""
    answer = call(ozon, "POST", ROLES, headers={"client-id": ozon.client_id, "api-key": ozon.api_key}).json()
    assert answer["expires_at"] == (clock.now() + timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert WRITE in answer["roles"][0]["methods"]


@pytest.mark.parametrize("missing", ["client-id", "api-key"])
def test_both_headers_are_needed(ozon: OzonSimulator, missing: str) -> None:
    """Without either header the answer is 401 in the envelope without details."""
    given = {"client-id": ozon.client_id, "api-key": ozon.api_key}
    del given[missing]
    answer = call(ozon, "POST", ROLES, json={}, headers=given)
    assert answer.status_code == 401
    assert answer.json() == {"code": 16, "message": "Client-Id and Api-Key headers are required"}


@pytest.mark.parametrize("wrong", ["client-id", "api-key"])
def test_wrong_credentials_are_403(ozon: OzonSimulator, wrong: str) -> None:
    """A key that is not of this account is refused in Ozon's words."""
    given = {"client-id": ozon.client_id, "api-key": ozon.api_key, wrong: "777"}
    answer = call(ozon, "POST", ROLES, json={}, headers=given)
    assert answer.status_code == 403
    assert answer.json() == {
        "code": 7,
        "message": "Invalid Api-Key, please contact support",
        "details": [],
    }


def test_a_key_expires_and_lacks_roles(ozon: OzonSimulator, clock: VirtualClock) -> None:
    """A key without the method's role, and one past its time, are refused with their own texts."""
    ozon.roles = {"Read only": [PRODUCTS]}
    assert post(ozon, PRODUCTS, {"limit": 1}).status_code == 200
    refused = post(ozon, WRITE, {"stocks": []})
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "Api-Key is missing a required role for a method",
    )
    clock.advance(90 * 86400)
    assert "deactivated" in post(ozon, PRODUCTS, {"limit": 1}).json()["message"]


@pytest.mark.parametrize(
    "path",
    ["/v1/product/import/stocks", "/v1/product/info/stocks-by-warehouse/fbs", "/v1/warehouse/list"],
)
def test_dead_methods_say_that_they_are_obsolete(ozon: OzonSimulator, path: str) -> None:
    """Versions that Ozon has switched off answer 404 and say why; a path that never was does not."""
    answer = post(ozon, path, {})
    assert (answer.status_code, answer.json()["message"]) == (404, "obsolete method cannot be used")
    assert post(ozon, "/v9/nothing", {}).json()["message"] == "Not Found"


def test_every_method_is_a_post(ozon: OzonSimulator) -> None:
    """A GET is refused, not answered."""
    given = {"client-id": ozon.client_id, "api-key": ozon.api_key}
    assert call(ozon, "GET", ROLES, headers=given).status_code == 405


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"limit": 1}', "text/plain"),
        (b'{"limit": 1}', ""),
        (b"<xml/>", "application/json"),
        (b'{"limit": NaN}', "application/json"),
        (b"", "application/json"),
        (b"null", "application/json"),
    ],
)
def test_what_is_no_json_object_is_400(ozon: OzonSimulator, content: bytes, kind: str) -> None:
    """Another content type, no JSON, or JSON that is no object: refused before anything is looked at."""
    given = {"client-id": ozon.client_id, "api-key": ozon.api_key, "content-type": kind}
    answer = call(ozon, "POST", PRODUCTS, content=content, headers=given)
    assert answer.status_code == 400


def test_a_body_too_large_is_refused(ozon: OzonSimulator) -> None:
    """A body over the limit gets the error envelope and does nothing."""
    ozon.max_body = 1000
    answer = post(ozon, CHOSEN, {"offer_id": ["x" * 1000], "limit": 1})
    assert (answer.status_code, answer.json()["code"]) == (413, 8)


def test_50_requests_a_second_over_all_methods(ozon: OzonSimulator, clock: VirtualClock) -> None:
    """The overall limit counts every method together, and is free again after a second."""
    paths = [(ROLES, {}), (WAREHOUSES, {"limit": 1})]
    statuses = [post(ozon, *paths[number % 2]).status_code for number in range(51)]
    assert statuses == [200] * 50 + [429]
    clock.advance(1.0)
    assert post(ozon, ROLES, {}).status_code == 200


def test_its_settings_lead_to_it(ozon: OzonSimulator) -> None:
    """`settings` is the table of mpstock.toml, with which the double is reached over real HTTP."""
    with serve(ozon) as (url,):
        settings = ozon.settings(url)
        answer = httpx.post(
            settings["base_url"] + WAREHOUSES,
            json={"limit": 10},
            headers={"Client-Id": settings["client_id"], "Api-Key": settings["api_key"]},
        )
        assert [str(one["warehouse_id"]) for one in answer.json()["warehouses"]] == [MAIN, SPARE]
    assert settings == {
        "plugin": "ozon",
        "client_id": ozon.client_id,
        "api_key": ozon.api_key,
        "base_url": url,
    }
    assert ozon.warehouse_codes() == [MAIN, SPARE]


def test_40_000_offers_are_no_burden(clock: VirtualClock) -> None:
    """A large account is built, written to and read without a scan per request."""
    begun = time.process_time()
    offers = [f"S-{number}" for number in range(40_000)]
    ozon = OzonSimulator(offers, clock=clock, limits=False)
    for start in range(0, 8_000, 100):
        rows = [
            {"offer_id": one, "stock": 3, "warehouse_id": int(MAIN)} for one in offers[start : start + 100]
        ]
        assert post(ozon, WRITE, {"stocks": rows}).status_code == 200
    cursor, read = "", 0
    while True:
        page = post(ozon, WHOLE, {"warehouse_id": int(MAIN), "limit": 1000, "cursor": cursor}).json()
        read += len(page["stocks"])
        cursor = page["cursor"]
        if not page["has_next"]:
            break
    assert read == 8_000
    assert sum(ozon.shown().values()) == 24_000
    assert time.process_time() - begun < 8.0


def test_it_runs_alone_and_says_how_to_point_mpstock_at_it(tmp_path: Path) -> None:
    """`python -m mpstock_ozon.simulator` serves an account and prints its table for mpstock.toml."""
    articles = tmp_path / "offers.txt"
    articles.write_text("Кружка 1\n\nКружка 2\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "mpstock_ozon.simulator",
        "--speed",
        "50",
        "--offers-file",
        str(articles),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
        assert process.stdout is not None
        try:
            lines = [process.stdout.readline().strip() for _ in range(13)]
            url = lines[0].split(" listens on ")[1].split(". Stop")[0]
            assert "50 times as fast" in lines[1]
            assert "[sinks.ozon]" in lines
            assert f'base_url = "{url}"' in lines
            assert f'code = "{MAIN}"' in lines
            given = {"Client-Id": "12345", "Api-Key": "00000000-0000-4000-8000-000000000000"}
            answer = httpx.post(url + PRODUCTS, json={"limit": 10}, headers=given)
            assert ids(answer) == ["Кружка 1", "Кружка 2"]
        finally:
            process.terminate()
