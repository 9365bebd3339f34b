"""What Ozon says of its own accord: its push notifications (Ozon Seller API, "Push-уведомления"). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mpstock import Notified
from mpstock.errors import RejectedError

if TYPE_CHECKING:
    from mpstock import Notification
    from mpstock_ozon.settings import OzonSettings

__all__ = ["notified"]

_PING = "TYPE_PING"
_LOOK = frozenset(
    {
        "TYPE_NEW_POSTING",
        "TYPE_POSTING_CANCELLED",
        "TYPE_STATE_CHANGED",
        "TYPE_STOCKS_CHANGED",
    }
)
"""The types that say that orders, or what is kept for them, have changed; the others are answered alone."""

_TAKEN: Mapping[str, Any] = {"result": True}


def notified(settings: OzonSettings, notification: Notification) -> Notified:
    """Return what a notification means: for those of postings and stock, that the orders are to be read.

    The numbers in it are not taken: it names products by Ozon's own sku, may come late and out of order, and
    nobody signs it. What is read a moment later is the truth, and can be relied on.

    Raises:
        RejectedError: it is no notification of Ozon's, or one of another seller.
    """
    try:
        data = json.loads(notification.body)
        kind = data["message_type"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RejectedError("this is no notification of Ozon's: it has no message_type") from None
    if not isinstance(kind, str):
        raise RejectedError("message_type is no text")
    if kind == _PING:
        # Ozon asks who is there when the address is entered in the cabinet.
        return Notified(
            {"version": "1", "name": "mpstock", "time": str(data.get("time", ""))[:40]}, look=False
        )
    seller = data.get("seller_id")
    if seller is not None and str(seller) != settings.client_id:
        raise RejectedError("seller_id is not the client_id of this account")
    return Notified(_TAKEN, look=kind in _LOOK)
