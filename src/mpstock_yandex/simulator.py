"""The double of Yandex Market: stocks, the catalogue, warehouses, stores and orders, as its documents say.

Written from the Partner API's documents (2026-11). What they leave open is a switch: see `YandexSimulator`.
Run alone: `python -m mpstock_yandex.simulator --port 8083 --speed 50`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any, Literal

from mpstock import Clock
from mpstock.simulation import Answer, Refusal, Request, SinkSimulator, main
from mpstock_yandex.simulator_account import RETURNS_WAREHOUSE, Cabinet, Offer, Store
from mpstock_yandex.simulator_filters import wanted_orders
from mpstock_yandex.simulator_gate import Gate, RateModel
from mpstock_yandex.simulator_orders import Orders
from mpstock_yandex.simulator_wire import (
    bad_request,
    body_of,
    good,
    instant,
    integers_of,
    page_of,
    skus_of,
    trouble,
)
from mpstock_yandex.simulator_writes import asked_rows

__all__ = ["YandexSimulator"]


class YandexSimulator(SinkSimulator):
    """A seller's cabinet at Yandex Market.

    `skus` are put into the catalogue and every store. `stores` are the numbers of the stores (campaigns);
    each works by FBS and has a warehouse of its own. `limits=False` counts nothing.

    Switches, all settable at any time: those of `gate` (token, rights, limits), of `cabinet` (`apply_after`,
    `newest_wins`, `cancel_returns`), of `orders` (`appears_after`, `shrug`), and here

    `write_time`      seconds that a write takes.
    `unknown`         what becomes of a write with a SKU that the catalogue does not have: it is refused and
                      the SKU is `"named"`, refused `"whole"`, or `"ignored"`. The documents do not say.
    `refusals`        SKUs that no write may name, each with the words of its refusal.
    """

    def __init__(
        self,
        skus: Sequence[str] = (),
        stores: Sequence[int] = (2101,),
        *,
        business_id: int = 88001,
        api_key: str = "ACMA:double-4hKq:9f31c7d2",
        clock: Clock | None = None,
        limits: bool = True,
        limit_model: RateModel = "fixed",
        unknown: Literal["named", "whole", "ignored"] = "named",
    ) -> None:
        super().__init__(clock=clock)
        self.business_id = business_id
        self.gate = Gate(self.clock, api_key, limit_model)
        self.gate.limits = limits
        self.cabinet = Cabinet(self.clock)
        self.orders = Orders(self.clock, self.cabinet)
        self.write_time = 0.0
        self.unknown: Literal["named", "whole", "ignored"] = unknown
        self.refusals: dict[str, str] = {}
        for campaign in stores:
            self.cabinet.add_store(campaign)
        for sku in skus:
            self.cabinet.add_offer(sku)
        of_store, of_cabinet = "/v2/campaigns/{campaign_id}", "/v2/businesses/{business_id}"
        self.route("PUT", f"{of_store}/offers/stocks", self._put_stocks)
        self.route("POST", f"{of_store}/offers/stocks", self._read_stocks)
        self.route("POST", f"{of_cabinet}/offer-mappings", self._list_offers)
        self.route("POST", f"{of_cabinet}/warehouses", self._list_warehouses)
        self.route("POST", "/v1/businesses/{business_id}/orders", self._list_orders)
        self.route("GET", "/v2/campaigns", self._list_campaigns)
        self.route("POST", "/v2/auth/token", self._token)

    # -- SinkSimulator -------------------------------------------------------------------

    def shown(self) -> dict[tuple[str, str], int]:
        return {
            (sku, code): self.cabinet.stock(int(code), sku).available
            for sku, offer in self.cabinet.offers.items()
            if not offer.archived
            for code in self.warehouse_codes()
            if int(code) in offer.stores
        }

    def showing(self, sku: str, warehouse_code: str) -> int:
        return self.call(self.cabinet.stock, int(warehouse_code), sku).available

    def set_shown(self, sku: str, warehouse_code: str, quantity: int) -> None:
        self.call(self.cabinet.set_available, int(warehouse_code), sku, quantity)

    def settings(self, url: str) -> dict[str, Any]:
        return {
            "plugin": "yandex",
            "api_key": self.gate.api_key,
            "business_id": self.business_id,
            "base_url": url,
        }

    def warehouse_codes(self) -> list[str]:
        return [str(store.campaign) for store in self.cabinet.stores.values() if store.warehouse is not None]

    def buy(self, sku: str, warehouse_code: str, quantity: int = 1) -> list[str]:
        def bought() -> list[str]:
            campaign = int(warehouse_code)
            if not self.cabinet.take(campaign, sku, quantity):
                return []
            return [self.orders.place(campaign, sku, quantity).key]

        return self.call(bought)

    def assemble(self, key: str) -> None:
        self.call(self.orders.assemble, key)

    def ship(self, key: str) -> None:
        self.call(self.orders.ship, key)

    def cancel(self, key: str, reason: str = "") -> None:
        """Let an order be cancelled; without a reason, for one that its state allows."""
        self.call(self.orders.cancel, key, reason)

    # -- the gateway ---------------------------------------------------------------------

    async def not_found(self, request: Request) -> Answer:
        return trouble(404, "NOT_FOUND", f"Resource not found: {request.path}")

    async def wrong_method(self, request: Request, allowed: Sequence[str]) -> Answer:
        return trouble(405, "METHOD_NOT_ALLOWED", f"Request method '{request.method}' not supported")

    def _enter(self, request: Request, entity: str, resource: str) -> None:
        barred = self.gate.enter(request, entity, resource)
        if barred is not None:
            raise Refusal(barred)

    def _charge(self, entity: str, resource: str, amount: int) -> None:
        barred = self.gate.count(entity, resource, amount)
        if barred is not None:
            raise Refusal(barred)

    async def _guarded(
        self, request: Request, entity: str, resource: str, method: Callable[[], Answer], cost: int | None = 1
    ) -> Answer:
        """Answer by `method`, counted as so many; None counts inside."""
        self._enter(request, entity, resource)
        try:
            if cost is not None:
                self._charge(entity, resource, cost)
            answer = method()
        finally:
            self.gate.leave(entity)
        return Answer(answer.status, answer.body, {**answer.headers, **self.gate.headers(entity, resource)})

    def _store(self, text: str) -> Store:
        store = self.cabinet.stores.get(int(text)) if text.isascii() and text.isdigit() else None
        if store is None:
            raise Refusal(trouble(404, "NOT_FOUND", f"Campaign not found: '{text}'"))
        if store.inactive:
            words = f"Access denied for campaign '{text}' because it is not active"
            raise Refusal(trouble(403, "FORBIDDEN", words))
        if store.locked:
            raise Refusal(trouble(423, "LOCKED", store.locked))
        return store

    def _check_cabinet(self, text: str) -> None:
        if text != str(self.business_id):
            raise Refusal(trouble(403, "FORBIDDEN", "Access denied"))

    # -- stocks --------------------------------------------------------------------------

    async def _put_stocks(self, request: Request, campaign_id: str) -> Answer:
        entity = f"campaignId {campaign_id}"
        self._enter(request, entity, "updateStocks")
        try:
            store = self._store(campaign_id)
            if store.placement == "FBY":
                raise bad_request("Campaign type is not allowed")
            rows = asked_rows(body_of(request), self.clock.now())
            self._refuse([sku for sku, _, _ in rows])
            self._charge(entity, "updateStocks", len(rows))
            if self.write_time > 0:
                await self.clock.sleep(self.write_time)
            for sku, count, true_at in rows:
                if sku in self.cabinet.offers:
                    self.cabinet.write(store.campaign, sku, count, true_at)
        finally:
            self.gate.leave(entity)
        answer = good()
        headers = self.gate.headers(entity, "updateStocks")
        return Answer(answer.status, answer.body, {**answer.headers, **headers})

    def _refuse(self, skus: Sequence[str]) -> None:
        refused = [self.refusals[sku] for sku in skus if sku in self.refusals]
        if refused:
            raise bad_request(*refused)
        unknown = [sku for sku in skus if sku not in self.cabinet.offers]
        if unknown and self.unknown != "ignored":
            named = f": {', '.join(repr(sku) for sku in unknown)}" if self.unknown == "named" else ""
            raise bad_request(f"Unknown sku{named}", code="UNKNOWN_SKU")

    async def _read_stocks(self, request: Request, campaign_id: str) -> Answer:
        def method() -> Answer:
            store = self._store(campaign_id)
            body = body_of(request, optional=True)
            asked = skus_of(body, "offerIds", 500)
            archived = body.get("archived") is True
            if asked is not None and (request.query or "archived" in body):
                raise bad_request("offerIds must not be used together with pages and filters")
            if asked is None:
                every = [one for one in self.cabinet.offers.values() if one.archived is archived]
                page, paging = page_of(request, [one for one in every if store.campaign in one.stores], 200)
            else:
                found = [self.cabinet.offers[sku] for sku in asked if sku in self.cabinet.offers]
                page, paging = [one for one in found if store.campaign in one.stores], {}
            self._charge(f"campaignId {campaign_id}", "getStocks", max(len(page), 1))
            warehouses = self._stocks_of(store, page)
            return good({"paging": paging, "warehouses": warehouses})

        return await self._guarded(request, f"campaignId {campaign_id}", "getStocks", method, cost=None)

    def _stocks_of(self, store: Store, offers: Sequence[Offer]) -> list[dict[str, Any]]:
        rows: dict[int, list[dict[str, Any]]] = {}
        for offer in offers:
            stock = self.cabinet.stock(store.campaign, offer.sku)
            if stock.changed_at is not None or stock.frozen:
                told = {
                    "FIT": stock.available + stock.frozen,
                    "FREEZE": stock.frozen,
                    "AVAILABLE": stock.available,
                }
                rows.setdefault(store.warehouse or RETURNS_WAREHOUSE, []).append(
                    {
                        "offerId": offer.sku,
                        "stocks": [{"type": kind, "count": count} for kind, count in told.items()],
                        "updatedAt": instant(stock.changed_at or self.clock.now()),
                    }
                )
            back = self.cabinet.returned.get((store.campaign, offer.sku), 0)
            if back:
                stocks = [{"type": kind, "count": back} for kind in ("FIT", "AVAILABLE")]
                rows.setdefault(RETURNS_WAREHOUSE, []).append({"offerId": offer.sku, "stocks": stocks})
        return [{"warehouseId": number, "offers": found} for number, found in sorted(rows.items())]

    # -- the cabinet ---------------------------------------------------------------------

    async def _list_offers(self, request: Request, business_id: str) -> Answer:
        def method() -> Answer:
            self._check_cabinet(business_id)
            body = body_of(request, optional=True)
            archived = body.get("archived") is True
            every = [offer for offer in self.cabinet.offers.values() if offer.archived is archived]
            page, paging = page_of(request, every, 100)
            return good({"paging": paging, "offerMappings": [_offer(one) for one in page]})

        return await self._guarded(request, f"businessId {business_id}", "getOfferMappings", method)

    async def _list_warehouses(self, request: Request, business_id: str) -> Answer:
        def method() -> Answer:
            self._check_cabinet(business_id)
            body = body_of(request, optional=True)
            wanted = integers_of(body, "campaignIds", 25)
            every = [
                store
                for store in self.cabinet.stores.values()
                if store.warehouse is not None and (wanted is None or store.campaign in wanted)
            ]
            page, paging = page_of(request, every, 25)
            told = "STATUS" in (body.get("components") or ())
            return good({"paging": paging, "warehouses": [self._warehouse(one, told) for one in page]})

        return await self._guarded(request, f"businessId {business_id}", "getPagedWarehouses", method)

    def _warehouse(self, store: Store, with_status: bool) -> dict[str, Any]:
        row: dict[str, Any] = {
            "id": store.warehouse,
            "name": store.name,
            "campaignId": store.campaign,
            "express": store.express,
        }
        if store.group is not None:
            row["groupInfo"] = {"id": store.group, "name": self.cabinet.groups[store.group]}
        if with_status:
            row["status"] = {"status": "DISABLED_MANUALLY" if store.disabled else "OTHER"}
        return row

    async def _list_campaigns(self, request: Request) -> Answer:
        def method() -> Answer:
            size, number = int(request.query.get("pageSize", "100")), int(request.query.get("page", "1"))
            if not 1 <= size <= 100 or number < 1:
                raise bad_request("Limit exceeded")
            every = list(self.cabinet.stores.values())
            rows = [
                {
                    "domain": store.name,
                    "id": store.campaign,
                    "clientId": 7,
                    "business": {"id": self.business_id, "name": "Кабинет"},
                    "placementType": store.placement,
                    "apiAvailability": "DISABLED_BY_INACTIVITY" if store.inactive else "AVAILABLE",
                }
                for store in every[(number - 1) * size : number * size]
            ]
            pager = {"total": len(every), "currentPage": number, "pagesCount": max(-(-len(every) // size), 1)}
            return Answer.json({"campaigns": rows, "pager": pager})

        return await self._guarded(request, f"businessId {self.business_id}", "getCampaigns", method)

    async def _token(self, request: Request) -> Answer:
        def method() -> Answer:
            return good({"apiKey": {"name": "mpstock", "authScopes": list(self.gate.scopes)}})

        return await self._guarded(request, f"businessId {self.business_id}", "getAuthTokenInfo", method)

    # -- orders --------------------------------------------------------------------------

    async def _list_orders(self, request: Request, business_id: str) -> Answer:
        def method() -> Answer:
            self._check_cabinet(business_id)
            wanted = wanted_orders(body_of(request), self.clock.now())
            page, paging = page_of(request, list(self.orders.matching(wanted)), 50)
            return Answer.json({"orders": [order.wire() for order in page], "paging": paging})

        return await self._guarded(request, f"businessId {business_id}", "getBusinessOrders", method)


def _offer(offer: Offer) -> dict[str, Any]:
    return {
        "offer": {
            "offerId": offer.sku,
            "name": offer.sku,
            "barcodes": offer.barcodes,
            "vendorCode": offer.vendor_code,
            "archived": offer.archived,
            "campaigns": [
                {
                    "campaignId": campaign,
                    "status": "DISABLED_BY_PARTNER" if campaign in offer.hidden else "PUBLISHED",
                }
                for campaign in sorted(offer.stores)
            ],
        }
    }


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=int, default=100, help="offers: SKU-00001, SKU-00002, …")
    parser.add_argument(
        "--store", type=int, action="append", help="a store's number; repeatable (default: 2101)"
    )


def _build(args: argparse.Namespace) -> YandexSimulator:
    skus = [f"SKU-{number:05d}" for number in range(1, args.products + 1)]
    return YandexSimulator(skus, args.store or (2101,), clock=args.clock)


if __name__ == "__main__":
    main(_build, add_arguments=_add_arguments)
