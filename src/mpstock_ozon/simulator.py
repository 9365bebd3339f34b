"""Ozon's double: the methods of stock and of postings of the Seller API as an ASGI application.

Written from Ozon's documents (Seller API, 2026-06 to 2026-08) and from recorded answers, not from the
adapter. Run it alone with `python -m mpstock_ozon.simulator --port 8081`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from mpstock import Clock, SystemClock
from mpstock.simulation import Answer, RateModel, RateWindow, Request, SinkSimulator, main
from mpstock_ozon.simulator_account import Account, Reserve
from mpstock_ozon.simulator_posting_reading import PostingReading
from mpstock_ozon.simulator_postings import Postings
from mpstock_ozon.simulator_reading import StockReading
from mpstock_ozon.simulator_wire import OBSOLETE, body_of, instant, trouble
from mpstock_ozon.simulator_writing import StockWriting

__all__ = ["OzonSimulator"]

WAREHOUSES = ("22142605386000", "1020003080073000")


class OzonSimulator(StockWriting, SinkSimulator):
    """One seller account of Ozon.

    What the documents leave open, or what goes wrong rarely, is a switch. By argument:

    `limits`: False turns every limit off, the cooldown of pairs too.
    `rate_model`, `writes_per_minute`, `requests_per_second` (None = no limit), `burst` of the writes
    (leaky only), `count_refused`: the limits of requests.
    `pair_cooldown`: seconds (0 = none), counted by `cooldown_from` from the last accepted write
    (`"accepted"`) or from any attempt, also a refused one (`"attempt"`).
    `reserve`: whether the number that is sent excludes what is reserved, or includes it.
    `stock`: what is on sale from the beginning, by offer and warehouse code.

    By attribute: `retry_after_header` (Ozon sends none), `answer_order`, `omitted` (pairs that are left
    out of the answer and not applied; with `omitted_are_applied` they are), `unknown_offer` and
    `too_often` (code and message of these item errors), `roles`, `key_expires_at`;
    `reading.archived_in_all`; `account.apply_delay`, `account.read_lag`, `account.cancel_returns`, and
    the state of each of `account.offers` and `account.warehouses`; of postings those of `postings` and
    `posting_reading`.
    """

    def __init__(
        self,
        skus: Sequence[str] = (),
        warehouses: Sequence[str] = WAREHOUSES,
        *,
        clock: Clock | None = None,
        limits: bool = True,
        stock: Mapping[tuple[str, str], int] | None = None,
        client_id: str = "12345",
        api_key: str = "00000000-0000-4000-8000-000000000000",
        rate_model: RateModel = "sliding",
        writes_per_minute: int | None = 80,
        requests_per_second: int | None = 50,
        burst: int | None = None,
        count_refused: bool = False,
        pair_cooldown: float = 30.0,
        cooldown_from: Literal["accepted", "attempt"] = "accepted",
        reserve: Reserve = "exclude",
    ) -> None:
        def window(requests: int | None, period: float, burst: int | None = None) -> RateWindow | None:
            if requests is None or not limits:
                return None
            return RateWindow(rate_model, requests, period, burst, count_refused=count_refused)

        clock = clock if clock is not None else SystemClock()
        super().__init__(
            Account(clock, reserve=reserve),
            clock=clock,
            per_minute=window(writes_per_minute, 60.0, burst),
            pair_cooldown=pair_cooldown if limits else 0.0,
            cooldown_from=cooldown_from,
        )
        self.client_id = client_id
        self.api_key = api_key
        self.reading = StockReading(self.account)
        self.postings = Postings(self.account)
        self.posting_reading = PostingReading(self.account, self.postings)
        self.key_expires_at: datetime = clock.now() + timedelta(days=90)
        self._per_second = window(requests_per_second, 1.0)
        self._methods = {
            "/v1/product/info/warehouse/stocks": self.reading.warehouse_stocks,
            "/v1/roles": self._roles,
            "/v2/product/info/stocks-by-warehouse/fbs": self.reading.stocks_by_warehouse,
            "/v2/products/stocks": self.write_stocks,
            "/v2/warehouse/list": self.reading.warehouse_list,
            "/v3/product/list": self.reading.product_list,
            "/v4/posting/fbs/list": self.posting_reading.listed,
            "/v4/posting/fbs/unfulfilled/list": self.posting_reading.unfulfilled,
        }
        self.roles: dict[str, list[str]] = {"Admin": list(self._methods)}
        for path, method in self._methods.items():
            self.route("POST", path, method)
        for path in OBSOLETE:
            self.route("POST", path, self._obsolete)
        for sku in skus:
            self.account.add_offer(sku)
        for code in warehouses:
            self.account.add_warehouse(code)
        for (sku, code), quantity in (stock or {}).items():
            self.set_shown(sku, code, quantity)

    def settings(self, url: str) -> dict[str, Any]:
        return {"plugin": "ozon", "client_id": self.client_id, "api_key": self.api_key, "base_url": url}

    def warehouse_codes(self) -> Sequence[str]:
        return [str(code) for code in self.account.warehouses]

    def shown(self) -> Mapping[tuple[str, str], int]:
        return {(sku, str(code)): free for (sku, code), free in self.call(self.account.free).items()}

    def showing(self, sku: str, warehouse_code: str) -> int:
        stock = self.call(self.account.stock, sku, int(warehouse_code))
        return 0 if stock is None else stock.free

    def set_shown(self, sku: str, warehouse_code: str, quantity: int) -> None:
        self.call(self.account.set_free, sku, int(warehouse_code), quantity)

    def buy(self, sku: str, warehouse_code: str, quantity: int = 1) -> list[str]:
        """Let a buyer order; return the order's key, nothing where not so much is on sale.

        A posting has its number, and a product in it its offer_id: an order's key is both,
        `<posting_number>/<offer_id>`.
        """
        return self.buy_together({sku: quantity}, warehouse_code)

    def buy_together(self, units: Mapping[str, int], warehouse_code: str) -> list[str]:
        """Let a buyer order several offers in one posting; return a key for each, or nothing."""
        return self.call(self.postings.buy, units, int(warehouse_code))

    def reserve(self, sku: str, warehouse_code: str, quantity: int = 1) -> str | None:
        """Let somebody order, as `buy` does; None where not so much is on sale."""
        return next(iter(self.buy(sku, warehouse_code, quantity)), None)

    def assemble(self, key: str) -> None:
        """Pack the posting of an order, with all that is in it."""
        self.call(self.postings.assemble, key)

    def ship(self, key: str) -> None:
        """Hand the posting of an order over: its units leave the reserve and the warehouse."""
        self.call(self.postings.ship, key)

    def cancel(self, key: str) -> None:
        """Cancel the posting of an order. Before the handover its units go back on sale (unless
        `account.cancel_returns` is off); after it nothing comes back.
        """
        self.call(self.postings.cancel, key)

    def deliver(self, key: str) -> None:
        """Let a posting arrive: it leaves the list of the open ones."""
        self.call(self.postings.deliver, key)

    async def guard(self, request: Request) -> Answer | None:
        client_id, api_key = request.headers.get("client-id"), request.headers.get("api-key")
        if not client_id or not api_key:
            return trouble(401, 16, "Client-Id and Api-Key headers are required", details=False)
        if (client_id, api_key) != (self.client_id, self.api_key):
            return trouble(403, 7, "Invalid Api-Key, please contact support")
        if self.clock.now() >= self.key_expires_at:
            return trouble(403, 7, "Api-key is deactivated, use another one or generate a new one")
        if refused := self.paced(self._per_second):
            return refused
        granted = (path for paths in self.roles.values() for path in paths)
        if request.path in self._methods and request.path not in granted:
            return trouble(403, 7, "Api-Key is missing a required role for a method")
        return None

    async def not_found(self, request: Request) -> Answer:
        return trouble(404, 5, "Not Found")

    async def wrong_method(self, request: Request, allowed: Sequence[str]) -> Answer:
        return trouble(405, 12, "Method Not Allowed")

    def too_large(self) -> Answer:
        return trouble(413, 8, "request body is too large")

    async def _obsolete(self, request: Request) -> Answer:
        return trouble(404, 5, "obsolete method cannot be used")

    async def _roles(self, request: Request) -> Answer:
        body_of(request, optional=True)
        roles = [{"name": name, "methods": methods} for name, methods in self.roles.items()]
        return Answer.json({"expires_at": instant(self.key_expires_at), "roles": roles})


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.prog = "python -m mpstock_ozon.simulator"
    parser.description = "Ozon's double: stock and postings of the Seller API, with their limits."
    parser.add_argument("--offers", type=int, default=100, help="that many offers, SKU-00001, SKU-00002, …")
    parser.add_argument("--offers-file", type=Path, help="a text file with an article per line instead")
    parser.add_argument("--warehouse", action="append", help="a warehouse's number; may be repeated")
    parser.add_argument("--client-id", default="12345")
    parser.add_argument("--api-key", default="00000000-0000-4000-8000-000000000000")
    parser.add_argument("--rate-model", choices=("fixed", "sliding", "leaky"), default="sliding")
    parser.add_argument("--reserve", choices=("exclude", "include"), default="exclude")


def _build(args: argparse.Namespace) -> OzonSimulator:
    skus = [f"SKU-{number:05d}" for number in range(1, args.offers + 1)]
    if args.offers_file is not None:
        lines = args.offers_file.read_text(encoding="utf-8-sig").splitlines()
        skus = [line.strip() for line in lines if line.strip()]
    return OzonSimulator(
        skus,
        args.warehouse or WAREHOUSES,
        clock=args.clock,
        client_id=args.client_id,
        api_key=args.api_key,
        rate_model=args.rate_model,
        reserve=args.reserve,
    )


if __name__ == "__main__":
    main(_build, add_arguments=_arguments)
