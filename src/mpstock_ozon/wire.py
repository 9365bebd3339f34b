"""Ozon's JSON ↔ plain values. Pure: no network, no clock, no settings.

64-bit integers may come as numbers or as strings; fields that are not known are passed over. What is
not there where the document promises it raises `UnexpectedResponseError` with its place. A cursor
leads to the next page and is None on the last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from mpstock.errors import UnexpectedResponseError

__all__ = [
    "BATCH",
    "LIST_LIMIT",
    "MAXIMUM",
    "OBSOLETE_HINT",
    "POSTINGS",
    "PRODUCTS",
    "REDIRECT_HINT",
    "ROLES",
    "STOCKS",
    "STOCKS_BY_OFFER",
    "STOCKS_OF_WAREHOUSE",
    "UNFULFILLED",
    "WAREHOUSES",
    "WAREHOUSES_LIMIT",
    "Key",
    "Product",
    "StockRow",
    "Warehouse",
    "array",
    "body_of",
    "flag",
    "integer",
    "mapping",
    "moment",
    "products",
    "products_request",
    "roles",
    "stocks_by_offer",
    "stocks_by_offer_request",
    "stocks_of_warehouse",
    "stocks_of_warehouse_request",
    "stocks_request",
    "text",
    "warehouses",
    "warehouses_request",
]

# Versions die within weeks at Ozon, so every path stands here and nowhere else.
STOCKS = "/v2/products/stocks"
STOCKS_BY_OFFER = "/v2/product/info/stocks-by-warehouse/fbs"
STOCKS_OF_WAREHOUSE = "/v1/product/info/warehouse/stocks"
PRODUCTS = "/v3/product/list"
WAREHOUSES = "/v2/warehouse/list"
ROLES = "/v1/roles"
UNFULFILLED = "/v4/posting/fbs/unfulfilled/list"
POSTINGS = "/v4/posting/fbs/list"

LIST_LIMIT = 1000
"""Most rows of a page, and most ids of a request (Ozon Seller API, the three lists of products and stock)."""

BATCH = 100
"""Pairs of product and warehouse in one write (Ozon Seller API, /v2/products/stocks)."""

MAXIMUM = 999_999
"""The largest stock; 1,000,000 is refused (Ozon Seller API, section "Errors": STOCK_TOO_BIG)."""

WAREHOUSES_LIMIT = 200
"""Most warehouses of a page (Ozon Seller API, /v2/warehouse/list)."""

OBSOLETE_HINT = "Ozon has switched this method off: upgrade mpstock-ozon (or base_url is not that of Ozon)"
REDIRECT_HINT = "It sends us on to another address, which Ozon never does: check base_url"


@frozen
class Product:
    """A product of the account; `offer_id` is the seller's article."""

    offer_id: str
    product_id: int | None
    archived: bool


@frozen
class StockRow:
    """What Ozon stores for one product in one warehouse, in units. None = Ozon did not say.

    `present` is everything in the warehouse, `reserved` what Ozon keeps of it for its orders,
    `free` what buyers may buy.
    """

    offer_id: str
    warehouse_id: int
    present: int | None
    reserved: int | None
    free: int | None


@frozen
class Warehouse:
    """A warehouse of the account. `paused` is the time since which the seller has paused it."""

    warehouse_id: int
    name: str
    status: str
    paused: str


@frozen
class Key:
    """What an API key may do, and until when (None = Ozon did not say)."""

    expires_at: datetime | None
    roles: tuple[str, ...]
    methods: frozenset[str]


def stocks_request(rows: Sequence[tuple[str, int, int]]) -> dict[str, Any]:
    """Build the body of a write from (offer_id, warehouse_id, stock).

    `product_id` is left out although the schema calls it required: the text asks for one of the two,
    and beside offer_id it would be passed over (Ozon Seller API, /v2/products/stocks).
    """
    return {
        "stocks": [
            {"offer_id": offer, "stock": stock, "warehouse_id": warehouse} for offer, warehouse, stock in rows
        ]
    }


def products_request(last_id: str) -> dict[str, Any]:
    """Build the body that asks for the products after `last_id`."""
    return {"filter": {"visibility": "ALL"}, "last_id": last_id, "limit": LIST_LIMIT}


def stocks_by_offer_request(offer_ids: Sequence[str], cursor: str) -> dict[str, Any]:
    """Build the body that asks for the stock of at most `LIST_LIMIT` offers in all warehouses."""
    return {"cursor": cursor, "limit": LIST_LIMIT, "offer_id": list(offer_ids)}


def stocks_of_warehouse_request(warehouse_id: int, cursor: str) -> dict[str, Any]:
    """Build the body that asks for everything stored in one warehouse."""
    return {"cursor": cursor, "limit": LIST_LIMIT, "warehouse_id": warehouse_id}


def warehouses_request(cursor: str) -> dict[str, Any]:
    """Build the body that asks for the account's warehouses."""
    return {"cursor": cursor, "limit": WAREHOUSES_LIMIT}


def body_of(content: bytes) -> Mapping[str, Any]:
    """Parse an answer's body, which is a JSON object in every method that is used here."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnexpectedResponseError(f"Ozon answered something that is not JSON ({error})") from None
    return mapping(data, "the answer")


def products(data: Mapping[str, Any]) -> tuple[list[Product], int, str]:
    """Return the products of a page, how many rows it had, and the `last_id` that leads on.

    A row without an offer_id cannot be served by any article and is left out of the products.
    """
    result = mapping(data.get("result"), "result")
    rows = array(result.get("items"), "result.items")
    found: list[Product] = []
    for index, row in enumerate(rows):
        item = mapping(row, f"result.items[{index}]")
        offer = text(item.get("offer_id"))
        if offer:
            found.append(Product(offer, integer(item.get("product_id")), flag(item.get("archived"))))
    return found, len(rows), text(result.get("last_id"))


def stocks_by_offer(data: Mapping[str, Any]) -> tuple[list[StockRow], str | None]:
    """Return the rows of a page of /v2/product/info/stocks-by-warehouse/fbs, and the next cursor."""
    rows = array(data.get("products"), "products")
    return [_stock(row, f"products[{i}]", None) for i, row in enumerate(rows)], _next(data)


def stocks_of_warehouse(data: Mapping[str, Any], warehouse_id: int) -> tuple[list[StockRow], str | None]:
    """Return the rows of a page of /v1/product/info/warehouse/stocks, and the next cursor."""
    rows = array(data.get("stocks"), "stocks")
    return [_stock(row, f"stocks[{i}]", warehouse_id) for i, row in enumerate(rows)], _next(data)


def warehouses(data: Mapping[str, Any]) -> tuple[list[Warehouse], str | None]:
    """Return the warehouses of a page, and the next cursor."""
    found: list[Warehouse] = []
    for index, row in enumerate(array(data.get("warehouses"), "warehouses")):
        item = mapping(row, f"warehouses[{index}]")
        number = integer(item.get("warehouse_id"))
        if number is None:
            raise UnexpectedResponseError(f"warehouses[{index}].warehouse_id is not a number")
        found.append(
            Warehouse(number, text(item.get("name")), text(item.get("status")), text(item.get("pause_at")))
        )
    return found, _next(data)


def roles(data: Mapping[str, Any]) -> Key:
    """Read the answer of /v1/roles."""
    names: list[str] = []
    methods: set[str] = set()
    for index, row in enumerate(array(data.get("roles"), "roles")):
        item = mapping(row, f"roles[{index}]")
        names.append(text(item.get("name")))
        methods.update(text(method) for method in array(item.get("methods"), f"roles[{index}].methods"))
    return Key(moment(data.get("expires_at")), tuple(names), frozenset(methods))


def integer(value: Any) -> int | None:
    """Read a 64-bit integer, given as a number or as text; None if it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            return None
    return None


def flag(value: Any) -> bool:
    """Read a truth value, given as such or as text."""
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def moment(value: Any) -> datetime | None:
    """Read a time; None if there is none that can be understood."""
    try:
        parsed = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _stock(row: Any, place: str, warehouse_id: int | None) -> StockRow:
    item = mapping(row, place)
    offer = text(item.get("offer_id"))
    where = integer(item.get("warehouse_id"))
    if where is None:
        where = warehouse_id
    # Without its ids a row could be any listing's, and the listing would wrongly count as left out.
    if not offer or where is None:
        raise UnexpectedResponseError(f"{place} does not say which offer_id and warehouse_id it is about")
    present = integer(item.get("present"))
    reserved = integer(item.get("reserved"))
    free = integer(item.get("free_stock"))
    if free is None and present is not None and reserved is not None:
        free = present - max(reserved, 0)
    elif reserved is None and present is not None and free is not None:
        reserved = present - free
    return StockRow(
        offer,
        where,
        present,
        reserved if reserved is None else max(reserved, 0),
        free if free is None else max(free, 0),
    )


def _next(data: Mapping[str, Any]) -> str | None:
    # On the last page the cursor may be there all the same: has_next alone decides.
    return text(data.get("cursor")) if flag(data.get("has_next")) else None


def mapping(value: Any, place: str) -> Mapping[str, Any]:
    """Return a JSON object; raise with its place if it is none."""
    if not isinstance(value, dict):
        raise UnexpectedResponseError(f"{place} is not a JSON object")
    return value


def array(value: Any, place: str) -> Sequence[Any]:
    """Return a JSON list; raise with its place if it is none."""
    if value is None:
        raise UnexpectedResponseError(f"{place} is missing")
    if not isinstance(value, list):
        raise UnexpectedResponseError(f"{place} is not a list")
    return value


def text(value: Any) -> str:
    """Read a text, or a number given instead of one; empty where there is none."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)
