"""The Market's JSON and the model: bodies of requests, and what is read of answers. Pure.

Readers raise ValueError for what is no such answer; a row that cannot be read is left out and named in
`faults`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen

__all__ = [
    "Campaign",
    "Offer",
    "OfferPage",
    "StockPage",
    "StockRow",
    "WarehousePage",
    "WarehouseRow",
    "as_code",
    "fitting",
    "listed",
    "next_token",
    "object_of",
    "read_campaigns",
    "read_offers",
    "read_scopes",
    "read_stocks",
    "read_warehouses",
    "stocks_body",
    "text_of",
    "usable_sku",
    "whole_number",
]

_LARGEST = 2**63 - 1
_SKU = re.compile(r"[^\x00-\x08\x0A-\x1f\x7f]{1,255}")
"""The schema ShopSku; blanks at its ends are cut off by the Market."""


@frozen
class StockRow:
    """What one warehouse has of one offer.

    `available` is what may be ordered, None where the Market's numbers cannot be read; `frozen` is kept for
    orders.
    """

    warehouse: int
    offer_id: str
    available: int | None
    frozen: int = 0


@frozen
class StockPage:
    """A page of stocks, and what leads to the next one."""

    rows: Sequence[StockRow]
    following: str | None = None
    faults: Sequence[str] = ()


@frozen
class Offer:
    """One offer of the catalogue. `campaigns` are the stores that it is placed in; None = not told."""

    offer_id: str
    barcodes: Sequence[str] = ()
    vendor_code: str = ""
    archived: bool = False
    campaigns: frozenset[str] | None = None


@frozen
class OfferPage:
    """A page of offers, and what leads to the next one."""

    offers: Sequence[Offer]
    following: str | None = None
    faults: Sequence[str] = ()


@frozen
class WarehouseRow:
    """One of the seller's own warehouses: the store that sells from it, the group that shares its stock."""

    id: int
    campaign: str
    name: str = ""
    express: bool = False
    group: int | None = None
    group_name: str = ""
    disabled: bool = False


@frozen
class WarehousePage:
    """A page of warehouses, and what leads to the next one."""

    rows: Sequence[WarehouseRow]
    following: str | None = None


@frozen
class Campaign:
    """One store. `placement` is FBS, FBY or DBS; `availability` says whether the API serves it."""

    code: str
    name: str = ""
    business: int | None = None
    placement: str = ""
    availability: str = ""


# ---------------------------------------------------------------- requests


def stocks_body(rows: Iterable[tuple[str, int]], at: datetime | None) -> dict[str, Any]:
    """Return the body of a write: numbers by SKU, true at a moment (None: at that of its arrival)."""
    moment = {} if at is None else {"updatedAt": at.isoformat(timespec="milliseconds")}
    return {"skus": [{"sku": sku, "items": [{"count": count, **moment}]} for sku, count in rows]}


def fitting(rows: Iterable[tuple[str, int]], most: int) -> int:
    """Return how many of the first rows fit into a body of so many bytes; at least one."""
    size, count = 20, 0
    for sku, _ in rows:
        # The longest count and moment; each letter of JSON outside ASCII as UTF-8, quotes and tabs escaped.
        size += len(sku.encode()) + sku.count('"') + sku.count("\\") + sku.count("\t") + 100
        if count and size > most:
            break
        count += 1
    return count


def usable_sku(sku: str) -> bool:
    """Tell whether a text can be an offer's SKU at the Market: one that cannot spoils a whole request."""
    return _SKU.fullmatch(sku) is not None and sku == sku.strip()


def as_code(value: Any) -> str:
    """Return a store's number as it stands in the settings; an empty text if it is none."""
    number = whole_number(value)
    return str(number) if number is not None and number > 0 else ""


# ------------------------------------------------------------------ answers


def object_of(data: Any, *path: str) -> dict[str, Any]:
    """Return the object at a path of names. Raises ValueError where there is none."""
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    if not isinstance(data, dict):
        raise ValueError(f"no object {'.'.join(path) or 'at all'} in it")
    return data


def listed(data: Mapping[str, Any], name: str) -> list[Any]:
    """Return a list. Raises ValueError where there is none."""
    value = data.get(name)
    if not isinstance(value, list):
        raise ValueError(f"no list {name!r} in it")
    return value


def next_token(data: Mapping[str, Any]) -> str | None:
    """Return what leads to the next page; None on the last one."""
    paging = data.get("paging")
    token = paging.get("nextPageToken") if isinstance(paging, dict) else None
    return token if isinstance(token, str) and token else None


def whole_number(value: Any) -> int | None:
    """Return a whole number, also one written as text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    return value if isinstance(value, int) and -_LARGEST <= value <= _LARGEST else None


def text_of(value: Any) -> str:
    """Return a text without blanks around it; an empty one for anything else."""
    return value.strip() if isinstance(value, str) else ""


def read_stocks(data: Any) -> StockPage:
    """Read POST /v2/campaigns/{campaignId}/offers/stocks."""
    result = object_of(data, "result")
    rows: list[StockRow] = []
    faults: list[str] = []
    for warehouse in listed(result, "warehouses"):
        number = whole_number(warehouse.get("warehouseId")) if isinstance(warehouse, dict) else None
        if number is None:
            raise ValueError("a warehouse without a warehouseId")
        for offer in listed(warehouse, "offers"):
            offer_id = text_of(offer.get("offerId")) if isinstance(offer, dict) else ""
            if offer_id:
                rows.append(_stock(number, offer_id, offer.get("stocks")))
            else:
                faults.append(f"warehouse {number}: an offer without an offerId")
    return StockPage(rows, next_token(result), faults)


def _stock(warehouse: int, offer_id: str, stocks: Any) -> StockRow:
    if not isinstance(stocks, list) or not all(isinstance(one, dict) for one in stocks):
        return StockRow(warehouse, offer_id, None)
    told = {one.get("type"): whole_number(one.get("count")) for one in stocks}
    frozen_units = told.get("FREEZE", 0)
    if "AVAILABLE" in told:
        available = told["AVAILABLE"]
    elif "FIT" in told:
        # FIT is what can be sold or is reserved already, FREEZE what is reserved (WarehouseStockType).
        fit = told["FIT"]
        available = None if fit is None or frozen_units is None else fit - frozen_units
    else:
        available = 0
    return StockRow(
        warehouse, offer_id, None if available is None else max(available, 0), max(frozen_units or 0, 0)
    )


def read_offers(data: Any) -> OfferPage:
    """Read POST /v2/businesses/{businessId}/offer-mappings."""
    result = object_of(data, "result")
    offers: list[Offer] = []
    faults: list[str] = []
    for entry in listed(result, "offerMappings"):
        offer = entry.get("offer") if isinstance(entry, dict) else None
        offer_id = text_of(offer.get("offerId")) if isinstance(offer, dict) else ""
        if isinstance(offer, dict) and offer_id:
            offers.append(
                Offer(
                    offer_id,
                    _texts(offer.get("barcodes")),
                    text_of(offer.get("vendorCode")),
                    offer.get("archived") is True,
                    _stores_of(offer.get("campaigns")),
                )
            )
        else:
            faults.append("an offer without an offerId")
    return OfferPage(offers, next_token(result), faults)


def _texts(value: Any) -> tuple[str, ...]:
    found = [text_of(one) for one in value] if isinstance(value, list) else []
    return tuple(dict.fromkeys(filter(None, found)))


def _stores_of(value: Any) -> frozenset[str] | None:
    if not isinstance(value, list):
        return None
    found = [as_code(one.get("campaignId")) for one in value if isinstance(one, dict)]
    return frozenset(filter(None, found))


def read_warehouses(data: Any) -> WarehousePage:
    """Read POST /v2/businesses/{businessId}/warehouses."""
    result = object_of(data, "result")
    rows: list[WarehouseRow] = []
    for entry in listed(result, "warehouses"):
        number = whole_number(entry.get("id")) if isinstance(entry, dict) else None
        campaign = as_code(entry.get("campaignId")) if isinstance(entry, dict) else ""
        if number is None or not campaign:
            raise ValueError("a warehouse without its id or its campaignId")
        group = entry.get("groupInfo")
        status = entry.get("status")
        rows.append(
            WarehouseRow(
                number,
                campaign,
                text_of(entry.get("name")),
                entry.get("express") is True,
                whole_number(group.get("id")) if isinstance(group, dict) else None,
                text_of(group.get("name")) if isinstance(group, dict) else "",
                isinstance(status, dict) and status.get("status") == "DISABLED_MANUALLY",
            )
        )
    return WarehousePage(rows, next_token(result))


def read_campaigns(data: Any) -> tuple[list[Campaign], int]:
    """Read GET /v2/campaigns: a page of stores, and how many pages there are."""
    found: list[Campaign] = []
    for entry in listed(object_of(data), "campaigns"):
        code = as_code(entry.get("id")) if isinstance(entry, dict) else ""
        if not code:
            continue
        business = entry.get("business")
        found.append(
            Campaign(
                code,
                text_of(entry.get("domain")),
                whole_number(business.get("id")) if isinstance(business, dict) else None,
                text_of(entry.get("placementType")),
                text_of(entry.get("apiAvailability")),
            )
        )
    pager = data.get("pager")
    pages = whole_number(pager.get("pagesCount")) if isinstance(pager, dict) else None
    return found, pages or 1


def read_scopes(data: Any) -> frozenset[str]:
    """Read POST /v2/auth/token: what the token may do."""
    key = object_of(data, "result", "apiKey")
    return frozenset(text_of(one) for one in listed(key, "authScopes"))
