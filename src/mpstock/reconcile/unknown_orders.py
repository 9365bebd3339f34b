"""Tells of orders of articles that nobody knows: their units are on nobody's account, and sell twice."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from mpstock.events import Alert

if TYPE_CHECKING:
    from mpstock.ledger import Ledger

__all__ = ["alerts_of_unknown_orders"]

_MOST = 100


def alerts_of_unknown_orders(ledger: Ledger, run: int, now: datetime) -> list[Alert]:
    """Return an alert for each offer that was ordered and is no product here. Runs in the ledger's thread."""
    units: dict[tuple[str, str], int] = {}
    for order in ledger.orders.unknown():
        key = (order.sink, order.external_id)
        units[key] = units.get(key, 0) + order.quantity
    return [
        Alert(
            run=run,
            at=now,
            severity="warning",
            subject=f"unknown_order:{sink}:{external_id}",
            message=f"{count} units of {external_id} are on order at {sink}, and no product is known for it: "
            "nothing keeps them back where they are sold as well",
            mend="tie the listing to its product in the products file, or let a source list the article",
            sink=sink,
            data={"external_id": external_id, "units": count},
        )
        for (sink, external_id), count in list(units.items())[:_MOST]
    ]
