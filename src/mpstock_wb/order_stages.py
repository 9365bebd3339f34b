"""What Wildberries' two statuses of an order mean for the stock.

`supplierStatus` is moved by the seller, `wbStatus` by Wildberries. The words are those of the documents of
FBS, DBS, DBW and in-store pickup; descriptions and enumerations disagree there, so any text is taken.
"""

from __future__ import annotations

from mpstock import OrderStage
from mpstock_wb.order_flows import Flow

__all__ = ["is_known", "stage_of"]

_OPEN = {"new": OrderStage.PLACED, "confirm": OrderStage.ASSEMBLED, "prepare": OrderStage.ASSEMBLED}
"""`prepare` (click and collect) waits in the seller's shop until the buyer comes for it."""

_HANDED_OVER = {"complete", "deliver", "receive"}

_REFUSED = {"reject"}
"""Refused at the door it is still in the courier's car; refused in the seller's own shop it is there."""

_CANCELLED = {"cancel", "cancel_carrier", "cancel_missed_call", "cancel_shelf_life"}

_WB_AWAY = {"sold", "sorted", "accepted_by_carrier", "sent_to_carrier"}
"""Nobody but who has the parcel can say so, whatever the seller's status is still at."""

_WB_CANCELLED = {
    "canceled",
    "canceled_by_client",
    "declined_by_client",
    "defect",
    "canceled_by_carrier",
    "canceled_by_missed_call",
}

_WB_OTHER = {"waiting", "ready_for_pickup", "postponed_delivery", ""}

_SUPPLIER = {*_OPEN, *_HANDED_OVER, *_REFUSED, *_CANCELLED}
_WB = {*_WB_AWAY, *_WB_CANCELLED, *_WB_OTHER}


def stage_of(flow: Flow, supplier: str, wb: str, known: OrderStage) -> OrderStage:
    """Return the stage of an order that has not been seen handed over; `known` is the stage it was at.

    A status that is not known leaves the unit taken: an order never comes back to stock by a word that
    nobody here understands.
    """
    if supplier in _HANDED_OVER or wb in _WB_AWAY:
        return OrderStage.SHIPPED
    if supplier in _REFUSED:
        return OrderStage.SHIPPED if flow.away else OrderStage.CANCELLED
    if supplier in _CANCELLED:
        return OrderStage.CANCELLED
    stage = _OPEN.get(supplier)
    if stage is None:
        return known
    return OrderStage.CANCELLED if wb in _WB_CANCELLED else stage


def is_known(supplier: str, wb: str) -> bool:
    """Whether both words are among the documented ones."""
    return supplier in _SUPPLIER and wb in _WB
