"""Everything that the sink sends, held against Ozon's own OpenAPI document."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from tests.ozon.account import (
    BY_OFFER,
    MAIN,
    OF_WAREHOUSE,
    POSTINGS,
    PRODUCTS,
    ROLES,
    SPARE,
    UNFULFILLED,
    WAREHOUSES,
    WRITE,
    Account,
    change,
    everything_taken,
    listing,
    posting,
    postings,
    stored,
)
from tests.ozon.document import ozon_with_postings


def by_offer(body):
    rows = [stored(offer, 5, 1) for offer in body["offer_id"]]
    return {"products": rows, "cursor": "c1", "has_next": not body["cursor"]}


def of_warehouse(body):
    row = {**stored("A", 5, 1), "updated_at": "2025-09-15T10:36:24.417498Z"}
    return {"stocks": [row], "cursor": "c1", "has_next": not body["cursor"]}


def products(body):
    item = {"product_id": 1, "offer_id": "A", "archived": False, "has_fbs_stocks": True, "quants": []}
    items = [] if body["last_id"] else [item]
    return {"result": {"items": items, "total": 1, "last_id": "x"}}


def warehouses(body):
    row = {"warehouse_id": int(MAIN), "name": "17023", "status": "created"}
    return {"warehouses": [row], "cursor": "c1", "has_next": not body["cursor"]}


def unfulfilled(body):
    number = "0208245774-0029-2" if body["cursor"] else "0208245774-0029-1"
    row = posting(number, delivering_date="2026-12-01T15:30:00.000Z")
    return {**postings(row, cursor="c1", more=not body["cursor"]), "count": 1}


def changed(body):
    number = "0208245774-0030-2" if body["cursor"] else "0208245774-0030-1"
    return postings(posting(number, "delivering", delivering_date="2026-11-23T08:30:00.000Z"), cursor="c1")


ROLE = {"expires_at": "2027-02-18T09:54:23.296Z", "roles": [{"name": "Admin", "methods": ["/v1/actions"]}]}


async def _everything(account: Account) -> None:
    sink = account.sink(MAIN, SPARE, reserve="include")
    changes = [change("A", 7), change("B", 0, SPARE)]
    await sink.push(changes)
    for pages in (sink.listings(None), sink.observe(None), sink.observe([listing("A"), listing("B")])):
        async for _ in pages:
            pass
    for mode in ("postings", "reserved"):
        reading = account.sink(MAIN, orders=mode)
        cursor = None
        for _ in range(2):
            async for told in reading.orders(cursor):
                cursor = told.cursor
    async for _ in sink.check():
        pass
    async for _ in sink.write_test(listing("A"), 5):
        pass


@pytest.fixture(scope="module")
def traffic() -> list[httpx.Response]:
    """Every request that the sink can send, each with its answer."""
    account = (
        Account()
        .on(WRITE, everything_taken)
        .on(BY_OFFER, by_offer)
        .on(OF_WAREHOUSE, of_warehouse)
        .on(PRODUCTS, products)
        .on(WAREHOUSES, warehouses)
        .on(ROLES, ROLE)
        .on(UNFULFILLED, unfulfilled)
        .on(POSTINGS, changed)
    )
    asyncio.run(_everything(account))
    answers = []
    for request in account.requests:
        response = account.answers[request.url.path](json.loads(request.content))
        response.request = request
        answers.append(response)
    return answers


def test_every_method_that_is_used_was_sent(traffic: list[httpx.Response]) -> None:
    """The traffic that is held against the document covers all eight methods, and no other is used."""
    used = {response.request.url.path for response in traffic}
    assert used == {WRITE, BY_OFFER, OF_WAREHOUSE, PRODUCTS, WAREHOUSES, ROLES, UNFULFILLED, POSTINGS}


def test_requests_fit_ozon_s_document(traffic: list[httpx.Response]) -> None:
    """Path, headers and body of each request are as Ozon's document describes them."""
    document = ozon_with_postings()
    for response in traffic:
        document.check_request(response.request)


def test_the_answers_of_these_tests_fit_ozon_s_document(traffic: list[httpx.Response]) -> None:
    """What the tests answer with is what Ozon's document promises, so that they prove something."""
    document = ozon_with_postings()
    for response in traffic:
        document.check_response(response)
