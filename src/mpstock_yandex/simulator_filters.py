"""What a request for orders wants: the filters of the double's method."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from mpstock_yandex.simulator_orders import Purchase
from mpstock_yandex.simulator_wire import MOSCOW, bad_request, integers_of, moment_of

__all__ = ["wanted_orders"]

_STATUSES = {
    "PLACING", "RESERVED", "UNPAID", "PROCESSING", "DELIVERY", "PICKUP", "DELIVERED", "CANCELLED", "PENDING",
    "REJECTED", "PARTIALLY_RETURNED", "RETURNED", "UNKNOWN",
}  # fmt: skip


def wanted_orders(body: dict[str, Any], now: datetime) -> Callable[[Purchase], bool]:
    """Return which orders the request's filters want. Without dates and numbers those of 30 days are."""
    numbers = integers_of(body, "orderIds", 50)
    stores = integers_of(body, "campaignIds", 50)
    statuses, programmes, fake = body.get("statuses"), body.get("programTypes"), body.get("fake")
    unknown = sorted(set(statuses or ()) - _STATUSES)
    if unknown:
        raise bad_request(f"Invalid status: '{unknown[0]}'")
    dates = body.get("dates") or {}
    created = _period(dates, "creationDateFrom", "creationDateTo", now, day=True)
    changed = _period(dates, "updateDateFrom", "updateDateTo", now, day=False)
    if created is None and changed is None and numbers is None:
        created = (now - timedelta(days=30), now)

    def wants(order: Purchase) -> bool:
        return (
            (numbers is None or order.number in numbers)
            and (stores is None or order.campaign in stores)
            and (statuses is None or order.status in statuses)
            and (programmes is None or order.programme in programmes)
            and (fake is None or order.fake is fake)
            and (created is None or created[0] <= order.created_at <= created[1])
            and (changed is None or changed[0] <= order.updated_at <= changed[1])
        )

    return wants


def _period(
    dates: dict[str, Any], first: str, last: str, now: datetime, *, day: bool
) -> tuple[datetime, datetime] | None:
    if first not in dates and last not in dates:
        return None
    distant = timedelta(days=30)
    if day:
        start = _day(dates[first], first) if first in dates else None
        end = _day(dates[last], last) + timedelta(days=1, microseconds=-1) if last in dates else None
    else:
        start = moment_of(dates[first], first) if first in dates else None
        end = moment_of(dates[last], last) if last in dates else None
    if end is None:
        end = start + distant if start is not None else now
    if start is None:
        start = end - distant
    if end - start > distant:
        raise bad_request("Too long time period. Maximum is '30' days")
    return start, end


def _day(value: Any, name: str) -> datetime:
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=MOSCOW)
    except (TypeError, ValueError):
        raise bad_request(f"Value of {name} must match the pattern: 'yyyy-MM-dd'") from None
