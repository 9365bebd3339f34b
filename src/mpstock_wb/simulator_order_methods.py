"""The double's methods of orders: lists and statuses of FBS, DBS, DBW and in-store pickup.

All four answer alike. What differs by the documents: paths, the names of ids, whether a period has to be
said, what becomes of ids that are not known, and the limit of click and collect's statuses.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from attrs import frozen

from mpstock import Clock
from mpstock.simulation import Answer, Request
from mpstock_wb.simulator_answers import refusal
from mpstock_wb.simulator_orders import Kind, Orders, Purchase

__all__ = ["OrderMethods"]

_MOST = 1000
_SPAN = timedelta(days=30)
_DELIVERY = {1: "fbs", 2: "dbs", 3: "dbw", 6: "edbs"}


@frozen
class _Section:
    """How one section of the documents spells its methods. `batch`: statuses as in the newer ones."""

    kind: Kind
    prefix: str
    status: str
    group: str
    status_group: str
    batch: bool


_SECTIONS = (
    _Section("fbs", "/api/v3/orders", "/api/v3/orders/status", "orders", "orders", batch=False),
    _Section(
        "dbs",
        "/api/v3/dbs/orders",
        "/api/marketplace/v3/dbs/orders/status/info",
        "orders_dbs",
        "orders_dbs",
        batch=True,
    ),
    _Section(
        "dbw", "/api/v3/dbw/orders", "/api/v3/dbw/orders/status", "orders_dbw", "orders_dbw", batch=False
    ),
    _Section(
        "click-collect",
        "/api/v3/click-collect/orders",
        "/api/marketplace/v3/click-collect/orders/status/info",
        "orders_pickup",
        "orders_pickup_status",
        batch=True,
    ),
)

Route = Callable[[str, str, Callable[[Request], Awaitable[Answer]]], None]
Guarded = Callable[[Request, str, Callable[[Request], Answer]], Answer]


class OrderMethods:
    """Answers for the orders.

    `last_next`  what `next` is in the last page: 0, or the number of its last order as in any other page.
                 The documents do not say.
    """

    def __init__(self, clock: Clock, orders: Orders) -> None:
        self._clock = clock
        self._orders = orders
        self.last_next: Literal["zero", "last"] = "zero"
        # Most orders are read many times as they are: each is written once for every state of it.
        self._written: dict[tuple[int, bool], tuple[tuple[object, ...], str]] = {}
        self._statuses_written: defaultdict[Kind, dict[int, tuple[tuple[object, ...] | None, str]]]
        self._statuses_written = defaultdict(dict)

    def open(self, route: Route, guarded: Guarded) -> None:
        """Give every method its route; `guarded` lets a request through the gate of its group."""
        for section in _SECTIONS:
            methods: tuple[tuple[str, str, str, Callable[[_Section, Request], Answer]], ...] = (
                ("GET", f"{section.prefix}/new", section.group, self._new),
                ("GET", section.prefix, section.group, self._list),
                ("POST", section.status, section.status_group, self._statuses),
            )
            for verb, path, group, method in methods:
                route(verb, path, _handler(section, group, method, guarded))

    def _new(self, section: _Section, _: Request) -> Answer:
        return _listed({}, [self._text(order, new=True) for order in self._orders.new(section.kind)])

    def _list(self, section: _Section, request: Request) -> Answer:
        query = request.query
        now = self._clock.now()
        try:
            limit, after = int(query["limit"]), int(query["next"])
            if section.kind == "fbs":
                end = _moment(query["dateTo"]) if "dateTo" in query else now
                start = _moment(query["dateFrom"]) if "dateFrom" in query else end - _SPAN
            else:
                start, end = _moment(query["dateFrom"]), _moment(query["dateTo"])
        except (KeyError, ValueError, OverflowError, OSError):
            return _bad_parameter()
        if not 1 <= limit <= _MOST or after < 0 or not start <= end <= start + _SPAN:
            return _bad_parameter()
        page, more = self._orders.page(section.kind, start, end, after, limit)
        following = page[-1].id if page and (more or self.last_next == "last") else 0
        return _listed({"next": following}, [self._text(order, new=False) for order in page])

    def _text(self, order: Purchase, *, new: bool) -> str:
        size = order.size
        state = (
            order.supplier_status, order.wordless, order.zero, order.b2b, order.warehouse, order.created_at,
            size.card.nm_id, size.card.vendor_code, size.barcodes[0],
        )  # fmt: skip
        before, text = self._written.get((order.id, new), ((), ""))
        if before != state:
            text = _json(_wire(order, new=new))
            self._written[order.id, new] = state, text
        return text

    def _statuses(self, section: _Section, request: Request) -> Answer:
        try:
            body = request.json()
        except ValueError:
            body = None
        ids = body.get("ordersIds" if section.batch else "orders") if isinstance(body, dict) else None
        if not isinstance(ids, list) or not all(type(one) is int for one in ids) or not ids:
            return self._bad_body(section, "IncorrectRequestBody", "Некорректное тело запроса")
        if len(ids) > _MOST:
            return self._bad_body(section, "IncorrectRequest", "Переданы некорректные данные")
        orders = self._orders.told(section.kind, ids)
        texts = [self._status(section, number, order) for number, order in zip(ids, orders, strict=True)]
        return _listed({}, [text for text in texts if text])

    def _status(self, section: _Section, number: int, order: Purchase | None) -> str:
        state = None if order is None else (order.supplier_status, order.wb_status, order.open)
        written = self._statuses_written[section.kind]
        before, text = written.get(number, ((), ""))
        if before != state:
            row = _status(section, number, order)
            text = "" if row is None else _json(row)
            written[number] = state, text
        return text

    def _bad_body(self, section: _Section, code: str, message: str) -> Answer:
        if not section.batch:
            return refusal(400, code, message)
        mark = hashlib.sha256(self._clock.now().isoformat().encode()).hexdigest()
        return Answer.json(
            {"title": code, "detail": {}, "origin": f"{section.kind}-simulator", "requestId": mark[:32]},
            status=400,
        )


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _listed(data: Mapping[str, Any], orders: Sequence[str]) -> Answer:
    head = f"{_json(data)[:-1]}," if data else "{"
    text = f'{head}"orders":[{",".join(orders)}]}}'
    return Answer(200, text.encode(), {"content-type": "application/json"})


def _handler(
    section: _Section, group: str, method: Callable[[_Section, Request], Answer], guarded: Guarded
) -> Callable[[Request], Awaitable[Answer]]:
    async def handle(request: Request) -> Answer:
        return guarded(request, group, lambda admitted: method(section, admitted))

    return handle


def _bad_parameter() -> Answer:
    return refusal(400, "IncorrectParameter", "Передан некорректный параметр")


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(int(text), UTC)


def _status(section: _Section, number: int, order: Purchase | None) -> dict[str, Any] | None:
    if section.batch:
        if order is None:
            errors = [{"code": 404, "detail": "NotFound"}]
            return {"orderId": number, "supplierStatus": "", "wbStatus": "", "errors": errors}
        return {
            "orderId": order.id,
            "supplierStatus": order.supplier_status,
            "wbStatus": order.wb_status,
            "errors": [],
        }
    if order is None:
        return None
    row = {"id": order.id, "supplierStatus": order.supplier_status, "wbStatus": order.wb_status}
    return row | {"isCancellable": order.open} if section.kind == "fbs" else row


def _wire(order: Purchase, *, new: bool) -> dict[str, Any]:
    """An order as it is listed; the fields that FBS and the others share, and each one's own."""
    size, pickup = order.size, order.kind == "click-collect"
    row: dict[str, Any] = {
        "id": order.id,
        "rid": f"{order.id:032x}",
        "createdAt": order.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "warehouseId": order.warehouse,
        "nmId": size.card.nm_id,
        "chrtId": 0 if order.wordless else size.chrt_id,
        "skus": [size.barcodes[0]],
        "article": size.card.vendor_code,
        "price": 101400,
        "finalPrice": 99900,
        "convertedPrice": 101400,
        "convertedFinalPrice": 99900,
        "currencyCode": 643,
        "convertedCurrencyCode": 643,
        "cargoType": 1,
        "isZeroOrder": order.zero,
        "options": {"isB2B" if order.kind == "fbs" else "isB2b": order.b2b},
    }
    own: Mapping[str, Any] = {
        "orderUid": f"{order.id}_basket",
        "colorCode": "",
        "comment": "",
        "address": None,
    }
    if pickup:
        own = {"orderCode": f"{order.id}-0001", "payMode": "prepaid", "warehouseAddress": "Москва"}
    elif order.kind == "fbs":
        own = {**own, "offices": ["Калуга"], "officeId": 15, "crossBorderType": 0}
    row |= own
    if not pickup:
        row["deliveryType"] = _DELIVERY[order.delivery_type]
    if new:
        row |= {"salePrice": 102000, "requiredMeta": []}
    elif order.kind == "fbs":
        # The list of FBS has no final prices, but the price of acceptance and the supply.
        del row["finalPrice"], row["convertedFinalPrice"]
        row["scanPrice"] = None
        if order.supplier_status not in ("new", "cancel"):
            row["supplyId"] = "WB-GI-1234567"
    return row
