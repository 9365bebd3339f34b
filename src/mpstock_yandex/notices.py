"""What the Market says of its own accord: its API notifications. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mpstock import Notified
from mpstock.errors import RejectedError

if TYPE_CHECKING:
    from mpstock import Notification
    from mpstock_yandex.settings import YandexSettings

__all__ = ["notified"]


def notified(settings: YandexSettings, notification: Notification) -> Notified:
    """Return what a notification means: for those of orders, that the orders are to be read.

    Nothing in it is taken over: nobody signs it, and what is read a moment later is the truth.

    Raises:
        RejectedError: it is no notification of the Market's.
    """
    try:
        data = json.loads(notification.body)
        kind = data["notificationType"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise RejectedError(
            "this is no notification of Yandex Market's: it has no notificationType"
        ) from None
    if not isinstance(kind, str):
        raise RejectedError("notificationType is no text")
    # The answer that the Market asks for says who takes the notification and when.
    answer = {"version": "1.0.0", "name": "mpstock", "time": _time(data)}
    return Notified(answer, look=kind.startswith("ORDER_"))


def _time(data: dict[str, Any]) -> str:
    for name in ("time", "createdAt", "updatedAt"):
        value = data.get(name)
        if isinstance(value, str) and value:
            return value[:40]
    return ""
