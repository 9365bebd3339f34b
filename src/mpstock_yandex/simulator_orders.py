"""The double's orders: what buyers, the seller and couriers do, and the two words that follow from it.

Written from OrderStatusType, OrderSubstatusType and BusinessOrderDTO of the documents. An order of the double
has one item. Its key, as `Sink.orders` tells it, is the order's number and the item's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from attrs import define

from mpstock import Clock
from mpstock_yandex.simulator_account import Cabinet
from mpstock_yandex.simulator_wire import instant

__all__ = ["Orders", "Purchase"]

FIRST_ORDER = 51_000_000_001
FIRST_ITEM = 900_000_001

_PROGRAMMES = {"FBS": "FBS", "DBS": "DBS", "FBY": "FBY"}


@define
class Purchase:
    """One order. `left` says that it was handed over, `fake` that it is one of the Market's tests."""

    number: int
    item: int
    campaign: int
    programme: str
    sku: str
    units: int
    created_at: datetime
    updated_at: datetime
    status: str = "PROCESSING"
    substatus: str = "STARTED"
    left: bool = False
    fake: bool = False

    @property
    def key(self) -> str:
        """As `Sink.orders` tells it."""
        return f"{self.number}-{self.item}"

    def wire(self) -> dict[str, Any]:
        """Return it as the method tells it, as far as stock is concerned."""
        return {
            "orderId": self.number,
            "campaignId": self.campaign,
            "programType": self.programme,
            "status": self.status,
            "substatus": self.substatus,
            "creationDate": instant(self.created_at),
            "updateDate": instant(self.updated_at),
            "paymentType": "PREPAID",
            "paymentMethod": "YANDEX",
            "fake": self.fake,
            "items": [{"id": self.item, "offerId": self.sku, "offerName": self.sku, "count": self.units}],
            "delivery": {
                "type": "DELIVERY",
                "serviceName": "Доставка",
                "deliveryServiceId": 99,
                "deliveryPartnerType": "YANDEX_MARKET",
                "dates": {"fromDate": instant(self.created_at)[:10]},
            },
        }


class Orders:
    """Every order of the cabinet, by its key.

    `appears_after`  seconds after which an order is told.
    `shrug`          a reason for every cancellation that does not say where the order was.
    """

    def __init__(self, clock: Clock, cabinet: Cabinet) -> None:
        self._clock = clock
        self._cabinet = cabinet
        self.appears_after = 0.0
        self.shrug = ""
        self._orders: dict[str, Purchase] = {}

    def place(self, campaign: int, sku: str, units: int, *, fake: bool = False) -> Purchase:
        """Let an order come, whatever is shown."""
        count = len(self._orders)
        store = self._cabinet.stores[campaign]
        programme = "EXPRESS" if store.express else _PROGRAMMES[store.placement]
        now = self._clock.now()
        order = Purchase(
            FIRST_ORDER + 3 * count, FIRST_ITEM + count, campaign, programme, sku, units, now, now, fake=fake
        )
        self._orders[order.key] = order
        return order

    def find(self, key: str) -> Purchase:
        """Return an order. Raises KeyError for one that is not there."""
        return self._orders[key]

    def forget(self, key: str) -> None:
        """Let the Market know an order no longer."""
        del self._orders[key]

    def move(self, key: str, status: str, substatus: str) -> None:
        """Let an order come to a state, by the Market's words."""
        order = self._orders[key]
        order.status, order.substatus, order.updated_at = status, substatus, self._clock.now()

    def assemble(self, key: str) -> None:
        """Let the seller pack it."""
        self.move(key, "PROCESSING", "READY_TO_SHIP")

    def ship(self, key: str) -> None:
        """Hand it over to the Market's delivery."""
        order = self._orders[key]
        self._cabinet.let_go(order.campaign, order.sku, order.units, returns=False)
        order.left = True
        self.move(key, "DELIVERY", "DELIVERY_SERVICE_RECEIVED")

    def cancel(self, key: str, reason: str = "") -> None:
        """Cancel it: by a buyer before it is handed over, for not being taken after that."""
        order = self._orders[key]
        if order.status == "CANCELLED":
            return
        if order.left:
            self.move(key, "CANCELLED", reason or self.shrug or "PICKUP_EXPIRED")
            return
        # What is packed has to be unpacked before it is on sale again: the seller sends the number.
        returns = self._cabinet.cancel_returns and order.substatus != "READY_TO_SHIP"
        self._cabinet.let_go(order.campaign, order.sku, order.units, returns=returns)
        self.move(key, "CANCELLED", reason or self.shrug or "USER_CHANGED_MIND")

    def matching(self, wanted: Any) -> Iterator[Purchase]:
        """Yield the orders that a filter wants, newest first; `wanted` says of one whether it does."""
        now = self._clock.now()
        for order in reversed(list(self._orders.values())):
            if (now - order.created_at).total_seconds() >= self.appears_after and wanted(order):
                yield order

    def __iter__(self) -> Iterator[Purchase]:
        return iter(list(self._orders.values()))
