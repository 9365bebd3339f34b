"""Ozon's postings ↔ orders. Pure: no network, no clock, no settings.

A posting is what goes into one parcel: one number, one warehouse, one status, one or several offers.
Every offer of a posting is one `Order`. Source of the fields and statuses: Ozon Seller API,
/v4/posting/fbs/unfulfilled/list and /v4/posting/fbs/list (2026-06).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

from mpstock import Order, OrderStage, Problem
from mpstock.errors import UnexpectedResponseError
from mpstock_ozon import wire

__all__ = [
    "LIMIT",
    "PostingPage",
    "changed_request",
    "is_settled",
    "orders_of",
    "page_of",
    "unfulfilled_request",
]

LIMIT = 100
"""Most postings of a page (Ozon Seller API, both methods; their third version took 1,000)."""

DEADLINES = (timedelta(days=120), timedelta(days=240))
"""How far back and ahead the deadlines of open postings are asked for: together at most a year."""

PLACED_WITHIN = timedelta(days=180)
"""How old a posting may be to be told when its status changes: the method wants a period of placing."""

SKEW = timedelta(minutes=5)
"""By how much Ozon's clock may be ahead of ours before a time of its own counts as one to come."""

_PLACED = frozenset(
    {
        "acceptance_in_progress",
        "awaiting_approve",
        "awaiting_packaging",
        "awaiting_registration",
        "awaiting_verification",
    }
)
_ASSEMBLED = frozenset({"awaiting_deliver"})
_SHIPPED = frozenset({"client_arbitration", "delivered", "delivering", "driver_pickup", "sent_by_seller"})
_CANCELLED = frozenset({"cancelled", "cancelled_from_split_pending"})
_OUT_OF_STOCK = frozenset({352, 400})
"""The goods are out, or only faulty ones are left (Ozon Seller API, reasons of a cancel)."""
# Not taken in by the sorting centre, or disputed: the parcel may stand in the seller's warehouse again, or
# still. Only a handover that Ozon has dated says that it does not.
_UNDECIDED = frozenset({"arbitration", "not_accepted"})
_KNOWN = _PLACED | _ASSEMBLED | _SHIPPED | _CANCELLED | _UNDECIDED
_RETURNED = "posting_returned_to_warehouse"

Reader = Callable[[Mapping[str, Any], datetime, str], tuple[str, tuple[Order, ...]]]
"""Reads one posting as `orders_of` does."""

_MEND = "tell Ozon's support the posting, or report it to mpstock-ozon with this answer"


@frozen
class PostingPage:
    """One page of postings.

    `numbers` are all that it named, `orders` what could be read of them, `problems` what could not.
    `following` is the cursor of the next page, None on the last.
    """

    numbers: tuple[str, ...]
    orders: tuple[Order, ...]
    problems: tuple[Problem, ...]
    following: str | None


def unfulfilled_request(around: datetime, cursor: str, limit: int = LIMIT) -> dict[str, Any]:
    """Build the body that asks for the open postings, whose deadlines lie around a moment.

    The schema requires no filter, the server one by `cutoff` or by `delivering_date`; an open posting has
    no date of delivery, so it is the cutoff. Statuses are not filtered: one that is new to us counts too.
    """
    back, ahead = DEADLINES
    return {
        "cursor": cursor,
        "filter": {"cutoff_from": _instant(around - back), "cutoff_to": _instant(around + ahead)},
        "limit": limit,
    }


def changed_request(since: datetime, until: datetime, cursor: str, limit: int = LIMIT) -> dict[str, Any]:
    """Build the body that asks for the postings whose status last changed in this period."""
    return {
        "cursor": cursor,
        "filter": {
            "last_changed_status_date": {"from": _instant(since), "to": _instant(until)},
            "since": _instant(since - PLACED_WITHIN),
            "to": _instant(until),
        },
        "limit": limit,
    }


def page_of(
    data: Mapping[str, Any], as_of: datetime, limit: int = LIMIT, reader: Reader | None = None
) -> PostingPage:
    """Read one page of either method, for which `limit` postings were asked, each by `reader`.

    It stands at the top or, as has been seen, under `result`.

    Raises:
        UnexpectedResponseError: it holds no list of postings, or does not say whether it is the last.
    """
    place = ""
    if "postings" not in data and isinstance(data.get("result"), dict):
        data, place = data["result"], "result."
    rows = wire.array(data.get("postings"), f"{place}postings")
    read = reader or orders_of
    orders: dict[str, tuple[Order, ...]] = {}
    problems: list[Problem] = []
    for index, row in enumerate(rows):
        at = f"{place}postings[{index}]"
        try:
            number, found = read(wire.mapping(row, at), as_of, at)
        except UnexpectedResponseError as error:
            problems.append(Problem(at, "posting", f"{error}; {_MEND}"))
        else:
            orders[number] = found
    return PostingPage(
        tuple(orders),
        tuple(order for found in orders.values() for order in found),
        tuple(problems),
        _following(data, full=len(rows) >= limit, place=place),
    )


def orders_of(row: Mapping[str, Any], as_of: datetime, place: str) -> tuple[str, tuple[Order, ...]]:
    """Return a posting's number and its orders, one for each offer, as they stood at `as_of`.

    An offer that stands in it twice is one order. A product without an offer_id is told by Ozon's own
    id, as `sku:…`: its units are taken all the same.

    Raises:
        UnexpectedResponseError: it has no number, or a product of it no id or no quantity.
    """
    number = wire.text(row.get("posting_number"))
    if not number:
        raise UnexpectedResponseError(f"{place}.posting_number is missing")
    units: dict[str, int] = {}
    for index, value in enumerate(wire.array(row.get("products"), f"{place}.products of posting {number}")):
        at = f"{place}.products[{index}] of posting {number}"
        product = wire.mapping(value, at)
        offer, sku = wire.text(product.get("offer_id")), wire.text(product.get("sku"))
        quantity = wire.integer(product.get("quantity"))
        if not offer and sku in ("", "0"):
            raise UnexpectedResponseError(f"{at} has neither offer_id nor sku")
        if quantity is None or quantity < 0:
            raise UnexpectedResponseError(
                f"{at} has the quantity {product.get('quantity')!r}, no number of units"
            )
        name = offer or f"sku:{sku}"
        units[name] = units.get(name, 0) + quantity
    stage, stage_at = _stage(row, as_of)
    placed_at = _reached(row.get("in_process_at"), as_of) or as_of
    warehouse, note, oversold = _warehouse(row), _note(row), _is_oversold(row)
    return number, tuple(
        Order(f"{number}/{offer}", offer, quantity, placed_at, warehouse, stage, stage_at, note, oversold)
        for offer, quantity in units.items()
        if quantity
    )


def is_settled(row: Mapping[str, Any], as_of: datetime) -> bool:
    """Say whether `orders_of` reads this posting at every later moment as it did at this one."""
    moments = [wire.moment(row.get(name)) for name in ("in_process_at", "delivering_date")]
    return moments[0] is not None and all(at is None or at <= as_of + SKEW for at in moments)


def _stage(row: Mapping[str, Any], as_of: datetime) -> tuple[OrderStage, datetime | None]:
    """Return the stage and when it was reached, where Ozon says so.

    `shipment_date` and the other deadlines are plans, no moments reached. Where it is doubtful, the earlier
    stage is told: told too late, units are hidden for a while; told too early, they are sold twice.
    """
    status = wire.text(row.get("status"))
    handed_over = _reached(row.get("delivering_date"), as_of)
    if status in _PLACED:
        return OrderStage.PLACED, _reached(row.get("in_process_at"), as_of)
    if status in _ASSEMBLED:
        return OrderStage.ASSEMBLED, None
    if status in _SHIPPED:
        return OrderStage.SHIPPED, handed_over
    if status in _CANCELLED:
        # `cancelled_after_ship` is said by the document to mean "after it was packed", which leaves open
        # whether it has left: not counted as back until the warehouse system says so.
        cancellation = row.get("cancellation")
        packed = isinstance(cancellation, dict) and wire.flag(cancellation.get("cancelled_after_ship"))
        if handed_over or packed or wire.text(row.get("substatus")) == _RETURNED:
            return OrderStage.SHIPPED, handed_over
        return OrderStage.CANCELLED, None
    if handed_over is not None:
        return OrderStage.SHIPPED, handed_over
    if status in _UNDECIDED:
        return OrderStage.ASSEMBLED, None
    return OrderStage.PLACED, None


def _reached(value: Any, as_of: datetime) -> datetime | None:
    at = wire.moment(value)
    return at if at is not None and at <= as_of + SKEW else None


def _warehouse(row: Mapping[str, Any]) -> str | None:
    method = row.get("delivery_method")
    number = wire.integer(method.get("warehouse_id")) if isinstance(method, dict) else None
    return str(number) if number else None


def _note(row: Mapping[str, Any]) -> str:
    status, substatus = wire.text(row.get("status")), wire.text(row.get("substatus"))
    if status not in _KNOWN:
        status = f"status {status!r} is new to mpstock-ozon, its units count as taken"
    cancellation = row.get("cancellation")
    reason = wire.text(cancellation.get("cancel_reason")) if isinstance(cancellation, dict) else ""
    note = f"{status} ({substatus})" if substatus else status
    return f"{note}: {reason}" if reason else note


def _is_oversold(row: Mapping[str, Any]) -> bool:
    """Whether it was cancelled because the seller had none: the posting as a whole has one reason."""
    cancellation = row.get("cancellation")
    reason = wire.integer(cancellation.get("cancel_reason_id")) if isinstance(cancellation, dict) else None
    return wire.text(row.get("status")) in _CANCELLED and reason in _OUT_OF_STOCK


def _following(data: Mapping[str, Any], *, full: bool, place: str) -> str | None:
    cursor = wire.text(data.get("cursor"))
    if data.get("has_next") is not None:
        return cursor if wire.flag(data["has_next"]) else None
    if not full:
        return None
    # A full page that does not say whether it is the last: to take it for the last would end orders.
    if not cursor:
        raise UnexpectedResponseError(f"{place}has_next is missing on a full page, and no cursor leads on")
    return cursor


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
