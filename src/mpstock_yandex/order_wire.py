"""Orders on the wire: what POST /v1/businesses/{businessId}/orders is asked, and how it is read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from attrs import field, frozen

from mpstock_yandex.wire import as_code, listed, next_token, object_of, text_of, whole_number

__all__ = ["Asked", "OrderItem", "OrderRow", "OrdersPage", "read_orders"]

_OWN = ("FBS", "DBS", "EXPRESS")
"""The programmes in which the seller's own warehouse serves the order; the others sell from the Market's."""


@frozen
class Asked:
    """Which orders are asked for: by status, by the days of their creation, by last change, by number."""

    statuses: tuple[str, ...] = ()
    created_from: date | None = None
    created_to: date | None = None
    changed_from: datetime | None = None
    numbers: tuple[int, ...] = ()

    def body(self) -> dict[str, Any]:
        """Return the request's body. Test orders are never asked for."""
        dates: dict[str, str] = {}
        if self.created_from is not None:
            dates["creationDateFrom"] = self.created_from.isoformat()
        if self.created_to is not None:
            dates["creationDateTo"] = self.created_to.isoformat()
        if self.changed_from is not None:
            dates["updateDateFrom"] = self.changed_from.isoformat(timespec="seconds")
        body: dict[str, Any] = {"programTypes": list(_OWN), "fake": False}
        if self.statuses:
            body["statuses"] = list(self.statuses)
        if dates:
            body["dates"] = dates
        if self.numbers:
            body["orderIds"] = list(self.numbers)
        return body


@frozen
class OrderItem:
    """One offer of an order. `id` is its number within the order."""

    id: int
    offer_id: str
    count: int


@frozen
class OrderRow:
    """One order."""

    number: int
    campaign: str
    status: str
    substatus: str
    created_at: datetime
    items: Sequence[OrderItem]


@frozen
class OrdersPage:
    """A page of orders. `faults` say which cannot be read; `unread` are their numbers, where these can."""

    orders: Sequence[OrderRow]
    following: str | None = None
    faults: Sequence[str] = ()
    unread: frozenset[int] = field(factory=frozenset[int])


def read_orders(data: Any) -> OrdersPage:
    """Read a page. Raises ValueError where it is none."""
    body = object_of(data)
    orders: list[OrderRow] = []
    faults: list[str] = []
    unread: set[int] = set()
    for entry in listed(body, "orders"):
        number = whole_number(entry.get("orderId")) if isinstance(entry, dict) else None
        try:
            if number is None:
                raise ValueError("it has no orderId")
            row = _order(number, entry)
        except ValueError as error:
            faults.append(f"order {number if number is not None else '?'}: {error}")
            unread.update(() if number is None else (number,))
            continue
        if row is not None:
            orders.append(row)
    return OrdersPage(orders, next_token(body), faults, frozenset(unread))


def _order(number: int, entry: dict[str, Any]) -> OrderRow | None:
    """Return the order; None for one that is not served from the seller's own warehouse, or is a test."""
    programme = text_of(entry.get("programType"))
    if entry.get("fake") is True or (programme and programme not in _OWN):
        return None
    campaign, status = as_code(entry.get("campaignId")), text_of(entry.get("status"))
    if not campaign or not status:
        raise ValueError("it has no campaignId, or no status")
    items = []
    for item in listed(entry, "items"):
        item_id = whole_number(item.get("id")) if isinstance(item, dict) else None
        offer_id = text_of(item.get("offerId")) if isinstance(item, dict) else ""
        count = whole_number(item.get("count")) if isinstance(item, dict) else None
        if item_id is None or not offer_id or count is None or count < 0:
            raise ValueError("one of its items has no id, no offerId or no count")
        items.append(OrderItem(item_id, offer_id, count))
    created_at = _moment(entry.get("creationDate"))
    return OrderRow(number, campaign, status, text_of(entry.get("substatus")), created_at, items)


def _moment(value: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise ValueError(f"its creationDate {str(value)[:40]!r} is no time") from None
