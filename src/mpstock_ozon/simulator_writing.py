"""The double's one method that writes: `/v2/products/stocks`."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any, Literal

from attrs import define

from mpstock import Clock
from mpstock.simulation import Answer, RateWindow, Request, Simulator
from mpstock_ozon.simulator_account import Account, Offer
from mpstock_ozon.simulator_wire import bad_request, body_of, field_of, is_int, trouble

__all__ = ["ItemError", "StockWriting"]


@define
class ItemError:
    """An error that the double answers for a pair, `times` times (-1 = always)."""

    code: str
    message: str
    times: int = -1


class StockWriting(Simulator):
    """Takes stock as the documents of `/v2/products/stocks` say, pair by pair."""

    def __init__(
        self,
        account: Account,
        *,
        clock: Clock | None,
        per_minute: RateWindow | None,
        pair_cooldown: float,
        cooldown_from: Literal["accepted", "attempt"],
    ) -> None:
        super().__init__(clock=clock)
        self.account = account
        self.pair_cooldown = pair_cooldown
        self.cooldown_from = cooldown_from
        self.retry_after_header = False
        self.answer_order: Literal["request", "reversed", "shuffled"] = "request"
        self.omitted: set[tuple[str, str]] = set()
        self.omitted_are_applied = False
        self.unknown_offer = ("NOT_FOUND_ERROR", "Product not found")
        self.too_often = ("TOO_MANY_REQUESTS", "Stock is updated too frequently")
        self.item_errors: dict[tuple[str, str | None], ItemError] = {}
        self._per_minute = per_minute
        self._random = random.Random(1)
        self._written_at: dict[tuple[str, int], float] = {}

    def refuse(
        self,
        sku: str,
        warehouse_code: str | None = None,
        *,
        code: str,
        message: str = "",
        times: int = -1,
    ) -> None:
        """Answer writes of the pair (None: of the offer in any warehouse) with an item error."""
        self.item_errors[sku, warehouse_code] = ItemError(code, message or code, times)

    def paced(self, window: RateWindow | None) -> Answer | None:
        """Count a request in a limit; return the 429 where it is over."""
        wait = window.admit(self.clock.monotonic()) if window is not None else 0.0
        if wait == 0.0:
            return None
        refused = trouble(429, 8, "You have reached request rate limit per second")
        if self.retry_after_header:
            return Answer(429, refused.body, {**refused.headers, "retry-after": str(math.ceil(wait))})
        return refused

    async def write_stocks(self, request: Request) -> Answer:
        """Answer `/v2/products/stocks`."""
        if refused := self.paced(self._per_minute):
            return refused
        rows = field_of(request, body_of(request), "stocks", list, [])
        if not 1 <= len(rows) <= 100:
            raise bad_request(
                "Request validation error: invalid ProductsStocksRequest.Stocks: "
                "value must contain between 1 and 100 items, inclusive"
            )
        for index, row in enumerate(rows):
            if not _well_formed(row):
                raise bad_request(
                    f"Request validation error: invalid ProductsStocksRequest.Stocks[{index}]: "
                    "embedded message failed validation"
                )
        answers = []
        for row in rows:
            offer = self._offer_of(row)
            pair = ((offer.offer_id if offer else row.get("offer_id") or ""), str(row["warehouse_id"]))
            if pair not in self.omitted:
                answers.append(self._write_one(offer, row))
            elif self.omitted_are_applied:
                self._write_one(offer, row)
        if self.answer_order == "reversed":
            answers.reverse()
        elif self.answer_order == "shuffled":
            self._random.shuffle(answers)
        return Answer.json({"result": answers})

    def _offer_of(self, row: Mapping[str, Any]) -> Offer | None:
        if row.get("offer_id"):
            return self.account.offers.get(row["offer_id"])
        return self.account.by_product.get(row.get("product_id") or 0)

    def _write_one(self, offer: Offer | None, row: Mapping[str, Any]) -> dict[str, Any]:
        error = self._item_error(offer, row)
        if error is None and offer is not None:
            self.account.write(offer.offer_id, row["warehouse_id"], row["stock"])
        return {
            "warehouse_id": row["warehouse_id"],
            "product_id": offer.product_id if offer is not None and error is None else 0,
            "offer_id": row.get("offer_id") or (offer.offer_id if offer is not None else ""),
            "updated": error is None,
            "errors": [] if error is None else [{"code": error[0], "message": error[1]}],
        }

    def _item_error(self, offer: Offer | None, row: Mapping[str, Any]) -> tuple[str, str] | None:
        if offer is None:
            return self.unknown_offer
        pair = (offer.offer_id, row["warehouse_id"])
        now = self.clock.monotonic()
        before = self._written_at.get(pair, -math.inf)
        error = self._lasting_error(offer, row)
        if error is None and now - before < self.pair_cooldown - 1e-6:
            error = self.too_often
        if error is None or self.cooldown_from == "attempt":
            self._written_at[pair] = now
        return error

    def _lasting_error(self, offer: Offer, row: Mapping[str, Any]) -> tuple[str, str] | None:
        warehouse = self.account.warehouses.get(row["warehouse_id"])
        if warehouse is None or warehouse.status != "created":
            return "WAREHOUSE_NOT_FOUND", f"warehouse has wrong id: {row['warehouse_id']}"
        for key in ((offer.offer_id, str(row["warehouse_id"])), (offer.offer_id, None)):
            found = self.item_errors.get(key)
            if found is not None and found.times != 0:
                found.times -= found.times > 0
                return found.code, found.message
        if offer.archived:
            return "PRODUCT_IS_ARCHIVED", "Product is archived"
        if not offer.price_sent:
            return "PRICE_IS_NOT_SENT", "Price is not sent"
        if row["stock"] >= 1_000_000:
            return "STOCK_TOO_BIG", "Stock must be less than 1000000"
        return None


def _well_formed(row: Any) -> bool:
    """Tell whether the gateway's own check lets a row pass; one that it does not spoils the request."""
    if not isinstance(row, dict):
        return False
    offer_id, product_id = row.get("offer_id"), row.get("product_id")
    return (
        all(is_int(row.get(name)) for name in ("stock", "warehouse_id"))
        and row["stock"] >= 0
        and row["warehouse_id"] > 0
        and (offer_id is None or isinstance(offer_id, str))
        and (product_id is None or is_int(product_id))
        and bool(offer_id or product_id)
    )
