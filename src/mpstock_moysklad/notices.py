"""What МойСклад says of its own accord: that stock has changed (its webhook `webhookstock`). Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mpstock import Notified
from mpstock.errors import RejectedError

if TYPE_CHECKING:
    from mpstock import Notification
    from mpstock_moysklad.settings import MoyskladSettings

__all__ = ["notified"]


def notified(settings: MoyskladSettings, notification: Notification) -> Notified:
    """Return what a notification means: that the source is to be read.

    Its `reportUrl` is not fetched, but looked at: what is read is the report of the settings, since the last
    reading. That covers it, and no address from outside ever gets the token.

    Raises:
        RejectedError: it is no notification of stock, or speaks of another API than the settings.
    """
    try:
        data = json.loads(notification.body)
        url = data["reportUrl"]
        host = urlsplit(url).hostname
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RejectedError("this is no notification of webhookstock: it has no reportUrl") from None
    if host != urlsplit(settings.base_url).hostname:
        raise RejectedError("reportUrl is not at the host of base_url, so this is not about our account")
    # Of goods in stock alone; a reserve sends none, so the schedule goes on.
    return Notified(key=notification.query.get("requestId", ""))
