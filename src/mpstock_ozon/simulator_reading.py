"""The double's methods that read: products, warehouses, stock."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from mpstock.simulation import Answer, Request
from mpstock_ozon.simulator_account import Account, Offer, Warehouse
from mpstock_ozon.simulator_wire import (
    bad_request,
    body_of,
    cursor_for,
    cursor_of,
    field_of,
    instant,
    limit_of,
    strings_of,
    trouble,
)

__all__ = ["StockReading"]


class StockReading:
    """Answers what the account has. `archived_in_all`: visibility `ALL` includes archived products."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.archived_in_all = False

    async def product_list(self, request: Request) -> Answer:
        """Answer `/v3/product/list`."""
        body = body_of(request)
        limit = limit_of(request, body, 1000)
        after = cursor_of(field_of(request, body, "last_id", str, ""))
        wanted = field_of(request, body, "filter", dict, {})
        offer_ids = strings_of(request, wanted, "offer_id", 1000)
        product_ids = strings_of(request, wanted, "product_id", 1000, numbers=True)
        skus = strings_of(request, wanted, "skus", 1000, numbers=True)
        if sum(map(bool, (offer_ids, product_ids, skus))) > 1:
            raise bad_request("Request validation error: use only one of offer_id, product_id, skus")
        visible = self._visibility(field_of(request, wanted, "visibility", str, "ALL") or "ALL")
        if offer_ids or product_ids or skus:
            named = [self.account.offers.get(one) for one in offer_ids]
            named += [self.account.by_product.get(int(one)) for one in product_ids]
            named += [self.account.by_sku.get(int(one)) for one in skus]
            matching = sorted(
                {one.sku: one for one in named if one is not None and visible(one)}.values(),
                key=lambda one: one.sku,
            )
            total = len(matching)
            found = (one for one in matching if one.sku > after)
        else:
            total = sum(map(visible, self.account.offers.values()))
            found = (one for one in self.account.offers_after(after) if visible(one))
        page = list(itertools.islice(found, limit))
        result = {
            "items": [self._product(one) for one in page],
            "total": total,
            # Set on the last page as well, as in Ozon's own example.
            "last_id": cursor_for([page[-1].sku]) if page else "",
        }
        return Answer.json({"result": result})

    def _product(self, offer: Offer) -> dict[str, Any]:
        return {
            "product_id": offer.product_id,
            "offer_id": offer.offer_id,
            "has_fbo_stocks": False,
            "has_fbs_stocks": self._in_stock(offer),
            "archived": offer.archived,
            "is_discounted": False,
            "quants": [],
        }

    def _in_stock(self, offer: Offer) -> bool:
        stocks = (self.account.stock(offer.offer_id, code) for code in self.account.warehouses)
        return any(stock is not None and stock.free > 0 for stock in stocks)

    def _visibility(self, name: str) -> Callable[[Offer], bool]:
        known: dict[str, Callable[[Offer], bool]] = {
            "ALL": lambda one: self.archived_in_all or not one.archived,
            "ARCHIVED": lambda one: one.archived,
            "VISIBLE": lambda one: not one.archived and self._in_stock(one),
            "INVISIBLE": lambda one: not one.archived and not self._in_stock(one),
            "EMPTY_STOCK": lambda one: not one.archived and not self._in_stock(one),
        }
        if name not in known:
            raise bad_request(
                f"proto: invalid value for enum type: {name!r} (this double knows {', '.join(known)})"
            )
        return known[name]

    async def warehouse_list(self, request: Request) -> Answer:
        """Answer `/v2/warehouse/list`."""
        body = body_of(request)
        limit = limit_of(request, body, 200)
        after = cursor_of(field_of(request, body, "cursor", str, ""))
        wanted = {int(one) for one in strings_of(request, body, "warehouse_ids", 200, numbers=True)}
        found = [one for code, one in self.account.warehouses.items() if not wanted or code in wanted]
        page = found[after : after + limit]
        return Answer.json(
            {
                "warehouses": [_warehouse(one) for one in page],
                "cursor": cursor_for([after + len(page)]),
                "has_next": after + limit < len(found),
            }
        )

    async def warehouse_stocks(self, request: Request) -> Answer:
        """Answer `/v1/product/info/warehouse/stocks`: one warehouse's stock, page by page."""
        body = body_of(request)
        limit = limit_of(request, body, 1000)
        code = field_of(request, body, "warehouse_id", int, 0)
        cursor = field_of(request, body, "cursor", str, "")
        if not (cursor == "" or (cursor.isascii() and cursor.isdigit())):
            raise bad_request("Request validation error: invalid cursor")
        if code not in self.account.warehouses:
            return trouble(404, 5, f"warehouse {code} not found")
        rows: list[dict[str, Any]] = []
        more = False
        for offer in self.account.offers_after(int(cursor or 0)):
            seen = self.account.read(offer.offer_id, code)
            if seen is None:
                continue
            if len(rows) == limit:
                more = True
                break
            stock, free, reserved = seen
            rows.append(_stock(offer, code, free, reserved) | {"updated_at": instant(stock.changed_at)})
        # The cursor is there although nothing follows: only `has_next` says when to stop.
        return Answer.json(
            {"stocks": rows, "has_next": more, "cursor": str(rows[-1]["sku"]) if rows else cursor}
        )

    async def stocks_by_warehouse(self, request: Request) -> Answer:
        """Answer `/v2/product/info/stocks-by-warehouse/fbs`: chosen offers, a row per warehouse."""
        body = body_of(request)
        limit = limit_of(request, body, 1000)
        after = cursor_of(field_of(request, body, "cursor", str, ""))
        offer_ids = strings_of(request, body, "offer_id", 1000)
        skus = strings_of(request, body, "sku", 1000, numbers=True)
        if bool(offer_ids) == bool(skus):
            raise bad_request("Request validation error: exactly one of offer_id and sku must be set")
        named = [self.account.offers.get(one) for one in offer_ids]
        named += [self.account.by_sku.get(int(one)) for one in skus]
        places = itertools.product(named, list(self.account.warehouses.values()))
        rows: list[dict[str, Any]] = []
        reached, more = after, False
        for position, (offer, warehouse) in enumerate(itertools.islice(places, after, None), after):
            seen = None if offer is None else self.account.read(offer.offer_id, warehouse.warehouse_id)
            if offer is None or seen is None:
                continue
            if len(rows) == limit:
                more = True
                break
            _, free, reserved = seen
            row = _stock(offer, warehouse.warehouse_id, free, reserved)
            rows.append(row | {"warehouse_name": warehouse.name})
            reached = position + 1
        return Answer.json({"products": rows, "cursor": cursor_for([reached]), "has_next": more})


def _stock(offer: Offer, warehouse_id: int, free: int, reserved: int) -> dict[str, Any]:
    return {
        "sku": offer.sku,
        "product_id": offer.product_id,
        "offer_id": offer.offer_id,
        "warehouse_id": warehouse_id,
        "present": free + reserved,
        "reserved": reserved,
        "free_stock": free,
    }


def _warehouse(one: Warehouse) -> dict[str, Any]:
    return {
        "warehouse_id": one.warehouse_id,
        "name": one.name,
        "status": one.status,
        "is_rfbs": one.is_rfbs,
        "is_kgt": one.is_kgt,
        "is_express": False,
        "is_comfort": False,
        "warehouse_type": "FBS",
        "created_at": instant(one.created_at),
        "updated_at": instant(one.created_at),
        "working_days": ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"],
    }
