"""The double of Wildberries: stocks, warehouses, cards and orders, as its documents describe them.

One ASGI application serves the paths of both hosts (marketplace and content). Written from the items,
orders and general specifications of Wildberries and its knowledge base. What these leave open is a switch:
see `WbSimulator`. Run alone: `python -m mpstock_wb.simulator --port 8082 --speed 50`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta, timezone
from typing import Any

from mpstock import Clock
from mpstock.simulation import Answer, Refusal, Request, main
from mpstock_wb.simulator_answers import problem, refusal
from mpstock_wb.simulator_cards import cards_list
from mpstock_wb.simulator_catalogue import Card, Catalogue
from mpstock_wb.simulator_gate import Gate, RateModel
from mpstock_wb.simulator_order_methods import OrderMethods
from mpstock_wb.simulator_orders import Orders
from mpstock_wb.simulator_stocks import RowRefusal, Stocks, Warehouse
from mpstock_wb.simulator_tokens import CONTENT, MARKETPLACE, make_token
from mpstock_wb.simulator_trade import Trade
from mpstock_wb.simulator_writes import asked_ids, asked_rows

__all__ = ["WbSimulator", "make_token"]

_MOSCOW = timezone(timedelta(hours=3))


class WbSimulator(Trade):
    """A seller's account at Wildberries.

    `skus` get one card each: one size, the sku as vendor code, a barcode of its own. `warehouses` are the
    numbers of the seller's warehouses. `token` None makes one that is good for 180 days (`.token`).
    `limits=False` counts nothing; `limit_model` says after which model is counted.

    Switches, all settable at any time: those of `gate` (token, limits, `charge_429`, `access_denied`,
    `payment_required`), of `stocks` (`self_decrements`, `cancel_raises`, `apply_after`, `stale_reads`,
    `applies_rest`, `conflict_rows`), of `orders` (`appears_after`, `period`), `order_methods`
    (`last_next`), and here

    `write_time`       seconds that a stock write takes.
    `busy_on_overlap`  a write that comes while another one of the same warehouse is under way gets
                       `StoreIsProcessing`; it needs a `write_time` to happen.
    `banned`           406 `StatusNotAcceptable` for every stock write.
    `photo_zero_is_any` `withPhoto: 0` means any card (as since June 2026), else cards without a photo.

    Faults of the base (`add_fault`) stand before the gate: they cost nothing of the limits.
    """

    def __init__(
        self,
        skus: Sequence[str] = (),
        warehouses: Sequence[int | str] = (1111,),
        *,
        token: str | None = None,
        clock: Clock | None = None,
        limits: bool = True,
        limit_model: RateModel = "leaky",
        self_decrements: bool = True,
        cancel_raises: bool = False,
    ) -> None:
        super().__init__(clock=clock)
        self.gate = Gate(self.clock, token or make_token(self.clock.now() + timedelta(days=180)), limit_model)
        self.gate.limits = limits
        self.catalogue = Catalogue(self.clock)
        self.catalogue.add_many(skus)
        self.stocks = Stocks(self.clock, self.catalogue)
        self.stocks.self_decrements = self_decrements
        self.stocks.cancel_raises = cancel_raises
        self.orders = Orders(self.clock, self.stocks)
        self.order_methods = OrderMethods(self.clock, self.orders)
        for number in warehouses:
            self.add_warehouse(int(number))
        self.write_time = 0.0
        self.busy_on_overlap = False
        self.banned = False
        self.photo_zero_is_any = True
        stock = "/api/v3/stocks/{warehouse_id}"
        self.route("PUT", stock, self._put_stocks)
        self.route("POST", stock, self._read_stocks)
        self.route("DELETE", stock, self._delete_stocks)
        self.route("GET", "/api/v3/warehouses", self._list_warehouses)
        self.route("POST", "/content/v2/get/cards/list", self._list_cards)
        self.route("GET", "/ping", self._ping)
        self.order_methods.open(self.route, self._guarded)

    # -- the world -----------------------------------------------------------------------

    @property
    def token(self) -> str:
        """The token that opens the account."""
        return self.gate.token

    @token.setter
    def token(self, token: str) -> None:
        self.gate.token = token

    def add_card(
        self,
        vendor_code: str,
        sizes: Mapping[str, Sequence[str]] | Iterable[str] | None = None,
        *,
        photo: bool = True,
        wholesale: bool = False,
    ) -> Card:
        """Add a card; its sizes' `chrt_id` and `barcodes` are in the returned card.

        `sizes` gives each size its barcodes (none = one is made); names alone will do; None = one size "0".
        """
        return self.catalogue.add(vendor_code, sizes, photo=photo, wholesale=wholesale)

    def touch_card(self, vendor_code: str) -> None:
        """Edit a card: its `updatedAt` becomes now."""
        self.catalogue.touch(vendor_code)

    def trash_card(self, vendor_code: str) -> None:
        """Put a card into the trash: not listed, not found."""
        self.catalogue.trash(vendor_code)

    def restore_card(self, vendor_code: str) -> None:
        """Take a card out of the trash."""
        self.catalogue.restore(vendor_code)

    def chrt_id(self, key: str) -> int:
        """Return a size's id by its key in `shown`: a vendor code, or a barcode if the card has several."""
        return self.catalogue.by_key[key].chrt_id

    def add_warehouse(
        self, number: int, *, name: str = "", cargo_type: int = 1, delivery_type: int = 1
    ) -> Warehouse:
        """Open a warehouse. Types as in `GET /api/v3/warehouses`."""
        warehouse = Warehouse(
            number, name or f"Склад {number}", cargo_type=cargo_type, delivery_type=delivery_type
        )
        self.stocks.add_warehouse(warehouse)
        return warehouse

    def refuse(self, chrt_id: int, code: str, *, warehouse: int | None = None, times: int = -1) -> None:
        """Let writes of a size get this code in a 409 (`CargoWarehouseRestrictionSGT`, `NotFound`, …)."""
        self.stocks.refusals.setdefault(chrt_id, []).append(RowRefusal(code, warehouse, times))

    def accept(self, chrt_id: int) -> None:
        """Take back what `refuse` said of a size."""
        self.stocks.refusals.pop(chrt_id, None)

    def process_warehouse(self, warehouse: int, *, writes: int = 0, seconds: float = 0.0) -> None:
        """Let a warehouse be processing for so many writes, or so long: they get `StoreIsProcessing`."""
        found = self.stocks.warehouses[warehouse]
        found.processing_writes = writes
        found.processing_until = self.clock.monotonic() + seconds

    def block_warehouse(self, warehouse: int, *, writes: int = 0, seconds: float = 0.0) -> None:
        """Let a warehouse refuse so many writes, or so long, with 406 `WarehouseStocksUpdateBlock`."""
        found = self.stocks.warehouses[warehouse]
        found.blocked_writes = writes
        found.blocked_until = self.clock.monotonic() + seconds

    # -- SinkSimulator -------------------------------------------------------------------

    def shown(self) -> dict[tuple[str, str], int]:
        """Return what buyers may buy now, for every listed size in every warehouse; never set is 0.

        The keys are (vendor code, warehouse); a size of a card with several goes by its first barcode.
        """
        return {
            (size.key, str(warehouse)): self.stocks.amount(warehouse, size.chrt_id) or 0
            for warehouse in self.stocks.warehouses
            for size in self.catalogue.sizes.values()
            if not size.card.trashed
        }

    def showing(self, sku: str, warehouse_code: str) -> int:
        return self.call(self.stocks.amount, int(warehouse_code), self.chrt_id(sku)) or 0

    def set_shown(self, sku: str, warehouse_code: str, quantity: int) -> None:
        self.stocks.put(int(warehouse_code), self.chrt_id(sku), quantity)

    def settings(self, url: str) -> dict[str, Any]:
        return {"plugin": "wb", "token": self.token, "marketplace_url": url, "content_url": url}

    def warehouse_codes(self) -> list[str]:
        return [str(number) for number in self.stocks.warehouses]

    # -- the methods ---------------------------------------------------------------------

    async def not_found(self, request: Request) -> Answer:
        return problem(404, "path not found", "Please consult the API documentation", self.clock.now())

    def _enter(self, request: Request, group: str, *scopes: int, writes: bool = False) -> None:
        barred = self.gate.enter(request, group, scopes, writes=writes)
        if barred is not None:
            raise Refusal(barred)

    def _guarded(self, request: Request, group: str, method: Callable[[Request], Answer]) -> Answer:
        self._enter(request, group, MARKETPLACE)
        return self.gate.leave(group, method(request))

    async def _put_stocks(self, request: Request, warehouse_id: str) -> Answer:
        self._enter(request, "stocks", MARKETPLACE, writes=True)
        return self.gate.leave("stocks", await self._put(request, warehouse_id))

    async def _put(self, request: Request, warehouse_id: str) -> Answer:
        rows = asked_rows(request)
        if isinstance(rows, Answer):
            return rows
        warehouse = self._warehouse(warehouse_id)
        if isinstance(warehouse, Answer):
            return warehouse
        closed = self._closed(warehouse)
        if closed is not None:
            return closed
        warehouse.writing += 1
        try:
            if self.write_time > 0:
                await self.clock.sleep(self.write_time)
            elements, refused = self.stocks.conflicts(warehouse, rows)
            if not refused or self.stocks.applies_rest:
                self.stocks.write(
                    warehouse.id, {chrt_id: amount for chrt_id, amount in rows if chrt_id not in refused}
                )
        finally:
            warehouse.writing -= 1
        return Answer.json(elements, status=409) if refused else Answer(status=204)

    def _closed(self, warehouse: Warehouse) -> Answer | None:
        now = self.clock.monotonic()
        if self.banned:
            return refusal(406, "StatusNotAcceptable", "Обновление остатков закрыто: продавец заблокирован")
        if warehouse.blocked_writes > 0 or now < warehouse.blocked_until:
            warehouse.blocked_writes -= warehouse.blocked_writes > 0
            return refusal(406, "WarehouseStocksUpdateBlock", "На складе идут работы, остатки закрыты")
        if self._busy(warehouse):
            return Answer.json(
                [{"code": "StoreIsProcessing", "message": "The store is processing"}], status=409
            )
        return None

    def _busy(self, warehouse: Warehouse) -> bool:
        busy = warehouse.processing(self.clock.monotonic()) or (
            self.busy_on_overlap and warehouse.writing > 0
        )
        warehouse.processing_writes -= warehouse.processing_writes > 0
        return busy or warehouse.deleting

    def _warehouse(self, warehouse_id: str) -> Warehouse | Answer:
        if not warehouse_id.isascii() or not warehouse_id.isdigit():
            return refusal(400, "IncorrectParameter", "IncorrectParameter")
        return self.stocks.warehouses.get(int(warehouse_id)) or refusal(404, "NotFound")

    async def _read_stocks(self, request: Request, warehouse_id: str) -> Answer:
        self._enter(request, "stocks", MARKETPLACE)
        return self.gate.leave("stocks", self._read_back(request, warehouse_id))

    def _read_back(self, request: Request, warehouse_id: str) -> Answer:
        asked = asked_ids(request, least=0)
        if isinstance(asked, Answer):
            return asked
        warehouse = self._warehouse(warehouse_id)
        if isinstance(warehouse, Answer):
            return warehouse
        found = self.stocks.read(warehouse.id, asked)
        return Answer.json(
            {"stocks": [{"chrtId": chrt_id, "amount": amount} for chrt_id, amount in found.items()]}
        )

    async def _delete_stocks(self, request: Request, warehouse_id: str) -> Answer:
        self._enter(request, "stocks_delete", MARKETPLACE, writes=True)
        return self.gate.leave("stocks_delete", self._delete(request, warehouse_id))

    def _delete(self, request: Request, warehouse_id: str) -> Answer:
        asked = asked_ids(request, least=1)
        if isinstance(asked, Answer):
            return asked
        warehouse = self._warehouse(warehouse_id)
        if isinstance(warehouse, Answer):
            return warehouse
        if self._busy(warehouse):
            return refusal(409, "StoreIsProcessing", "The store is processing")
        unknown = {str(chrt_id): "" for chrt_id in asked if self.catalogue.find(chrt_id) is None}
        if unknown:
            return refusal(404, "NotFound", "", unknown)
        self.stocks.write(warehouse.id, dict.fromkeys(asked))
        return Answer(status=204)

    async def _list_warehouses(self, request: Request) -> Answer:
        self._enter(request, "warehouses", MARKETPLACE)
        now = self.clock.monotonic()
        rows = [warehouse.wire(now) for warehouse in self.stocks.warehouses.values()]
        return self.gate.leave("warehouses", Answer.json(rows))

    async def _list_cards(self, request: Request) -> Answer:
        self._enter(request, "content", CONTENT)
        answer = cards_list(request, self.catalogue, photo_zero_is_any=self.photo_zero_is_any)
        return self.gate.leave("content", answer)

    async def _ping(self, request: Request) -> Answer:
        self._enter(request, "ping", MARKETPLACE, CONTENT)
        moment = self.clock.now().astimezone(_MOSCOW).isoformat(timespec="seconds")
        return self.gate.leave("ping", Answer.json({"TS": moment, "Status": "OK"}))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--products", type=int, default=100, help="cards: SKU-00001, SKU-00002, …")
    parser.add_argument(
        "--warehouse", type=int, action="append", help="a warehouse's number; repeatable (default: 1111)"
    )
    parser.add_argument("--token", help="the token to accept (default: one is made and printed)")


def _build(args: argparse.Namespace) -> WbSimulator:
    skus = [f"SKU-{number:05d}" for number in range(1, args.products + 1)]
    return WbSimulator(skus, args.warehouse or (1111,), token=args.token, clock=args.clock)


if __name__ == "__main__":
    main(_build, add_arguments=_add_arguments)
