"""What the Market's two words for an order's state mean here.

`status` says where the order is, `substatus` its step or the reason of its cancellation (schemas
OrderStatusType and OrderSubstatusType). How far a cancelled order had come is not told. Some reasons leave no
doubt; of the rest only who saw the order before can tell.
"""

from __future__ import annotations

from mpstock import OrderStage

__all__ = ["CANCELLED", "OPEN", "fell_short", "stage_of", "was_handed_over"]

OPEN = ("PLACING", "RESERVED", "UNPAID", "PENDING", "PROCESSING")
"""The statuses in which an order's units are in the seller's warehouse and spoken for."""

CANCELLED = frozenset({"CANCELLED", "REJECTED"})

_GONE = frozenset({"DELIVERY", "PICKUP", "DELIVERED", "PARTIALLY_RETURNED", "RETURNED"})

_PACKED = frozenset(
    {
        "COURIER_ARRIVED_TO_SENDER",
        "COURIER_FOUND",
        "COURIER_IN_TRANSIT_TO_SENDER",
        "COURIER_NOT_FOUND",
        "COURIER_SEARCH",
        "READY_FOR_PICKUP",
        "READY_TO_SHIP",
    }
)
"""Steps of PROCESSING at which the order stands packed and waits for who takes it."""

_TAKEN = frozenset({"SHIPPED", "COURIER_RECEIVED", "DELIVERY_SERVICE_RECEIVED", "USER_RECEIVED"})
"""Steps of PROCESSING at which the parcel has left."""

_BEFORE = frozenset(
    {
        "BANK_REJECT_CREDIT_OFFER",
        "CANCELLED_COURIER_NOT_FOUND",
        "COURIER_NOT_COME_FOR_ORDER",
        "COURIER_NOT_FOUND",
        "CREDIT_OFFER_FAILED",
        "CUSTOMER_REJECT_CREDIT_OFFER",
        "MISSING_ITEM",
        "PENDING_CANCELLED",
        "PENDING_EXPIRED",
        "PROCESSING_EXPIRED",
        "RESERVATION_EXPIRED",
        "RESERVATION_FAILED",
        "SHOP_FAILED",
        "SHOP_PENDING_CANCELLED",
        "USER_NOT_PAID",
        "WAREHOUSE_FAILED_TO_SHIP",
    }
)
"""Reasons that only an order which is still in the warehouse can have."""

_AFTER = frozenset(
    {
        "COURIER_NOT_DELIVER_ORDER",
        "COURIER_RETURNED_ORDER",
        "COURIER_RETURNS_ORDER",
        "DELIVERED_USER_NOT_RECEIVED",
        "DELIVERY_SERIVCE_UNDELIVERED",
        "DELIVERY_SERVICE_LOST",
        "DELIVERY_SERVICE_UNDELIVERED",
        "DELIVERY_USER_NOT_RECEIVED",
        "DROPOFF_LOST",
        "FULL_NOT_RANSOM",
        "LOST",
        "PICKUP_EXPIRED",
        "SHIPPED_TO_WRONG_DELIVERY_SERVICE",
        "SORTING_CENTER_LOST",
        "USER_HAS_NO_TIME_TO_PICKUP_ORDER",
        "USER_REFUSED_PRODUCT",
        "USER_REFUSED_QUALITY",
        "WRONG_ITEM_DELIVERED",
    }
)
"""Reasons that only a parcel on its way can have."""

_FELL_SHORT = frozenset({"MISSING_ITEM", "SHOP_FAILED"})
"""Reasons that the seller gives who cannot fulfil the order."""


def stage_of(status: str, substatus: str) -> OrderStage | None:
    """Return the stage of an order that is not cancelled; None for one that is.

    A state that the documents do not name keeps the units: they may be spoken for.
    """
    if status in CANCELLED:
        return None
    if status in _GONE or (status == "PROCESSING" and substatus in _TAKEN):
        return OrderStage.SHIPPED
    if status == "PROCESSING" and substatus in _PACKED:
        return OrderStage.ASSEMBLED
    return OrderStage.PLACED


def was_handed_over(substatus: str) -> bool | None:
    """Tell by the reason whether a cancelled order had left the warehouse; None where it does not say."""
    if substatus in _AFTER:
        return True
    return False if substatus in _BEFORE else None


def fell_short(status: str, substatus: str) -> bool:
    """Tell whether an order was cancelled because the seller did not have it."""
    return status in CANCELLED and substatus in _FELL_SHORT
