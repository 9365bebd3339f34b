"""The double's orders: what buyers, the seller and couriers do, and the two statuses that follow from it.

Written from the sections FBS, DBS, DBW and in-store pickup of Wildberries' documents (2026-09): the words
of `supplierStatus` and `wbStatus`, and from which of them an order can be cancelled by whom.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal

from attrs import define, field

from mpstock import Clock
from mpstock_wb.simulator_catalogue import Size
from mpstock_wb.simulator_stocks import Stocks

__all__ = ["CancelledBy", "Kind", "Orders", "Purchase", "kind_of"]

Kind = Literal["fbs", "dbs", "dbw", "click-collect"]
CancelledBy = Literal["client", "seller", "carrier", "missed_call", "shelf_life", "defect"]

_KINDS: dict[int, Kind] = {1: "fbs", 2: "dbs", 3: "dbw", 5: "click-collect", 6: "dbs"}

_HANDED_OVER: dict[Kind, str] = {
    "fbs": "complete",
    "dbs": "deliver",
    "dbw": "complete",
    "click-collect": "receive",
}

_ARCHIVED_AFTER = timedelta(days=90)


def kind_of(delivery_type: int) -> Kind:
    """Return the section of the documents that orders of such a warehouse belong to."""
    return _KINDS.get(delivery_type, "fbs")


@define
class Purchase:
    """One order of one unit (an assembly task is always one unit).

    `wordless` leaves its chrtId out of every answer (0), as older orders came. `archived`: no method but
    the archive's knows it. `ended_at` is when it was sold, refused or cancelled.
    """

    id: int
    size: Size
    warehouse: int
    delivery_type: int
    created_at: datetime
    supplier_status: str = "new"
    wb_status: str = "waiting"
    shipped: bool = False
    ended_at: datetime | None = None
    b2b: bool = False
    zero: bool = False
    wordless: bool = False
    archived: bool = False
    kind: Kind = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.kind = kind_of(self.delivery_type)

    @property
    def key(self) -> str:
        """As `Sink.orders` tells it."""
        return str(self.id)

    @property
    def chrt_id(self) -> int:
        return self.size.chrt_id

    @property
    def cancelled(self) -> bool:
        """Whether it ended before it was handed over."""
        return self.ended_at is not None and not self.shipped

    @property
    def open(self) -> bool:
        """Whether its unit is still in the seller's warehouse and spoken for."""
        return not self.shipped and self.ended_at is None


class Orders:
    """Every order of the account, in the order of their numbers, which is that of their creation.

    `appears_after`  seconds after which an order is told by any method.
    `first`          the number of the first order.
    `period`         whether the period of a list of ended orders (not FBS) is that of their creation or
                     that of their end. The documents do not say.
    """

    def __init__(self, clock: Clock, stocks: Stocks) -> None:
        self._clock = clock
        self._stocks = stocks
        self.appears_after = 0.0
        self.first = 5_000_000_001
        self.period: Literal["created", "ended"] = "created"
        self._orders: list[Purchase] = []
        self._numbers: list[int] = []
        self._by_number: dict[int, Purchase] = {}

    def place(self, size: Size, warehouse: int, *, b2b: bool = False, zero: bool = False) -> Purchase:
        """Let one unit be ordered, whatever is shown: the amount is for the caller to look after."""
        number = self._numbers[-1] + 7 if self._numbers else self.first
        order = Purchase(
            id=number,
            size=size,
            warehouse=warehouse,
            delivery_type=self._stocks.warehouses[warehouse].delivery_type,
            created_at=self._clock.now().replace(microsecond=0),
            b2b=b2b,
            zero=zero,
        )
        self._orders.append(order)
        self._numbers.append(number)
        self._by_number[order.id] = order
        return order

    def find(self, key: str) -> Purchase:
        """Return the order with this key."""
        return self._by_number[int(key)]

    def open(self) -> list[Purchase]:
        """Return the orders whose units are in the warehouse and spoken for."""
        return [order for order in self._orders if order.open]

    # -- what people do --------------------------------------------------------------------

    def assemble(self, key: str) -> None:
        """Take a new order to assembly; what is no longer new stays as it is."""
        order = self.find(key)
        if order.open and order.supplier_status == "new":
            order.supplier_status = "confirm"

    def prepare(self, key: str) -> None:
        """Say that an order of click and collect waits for its buyer in the shop."""
        order = self.find(key)
        if order.open and order.kind == "click-collect":
            order.supplier_status, order.wb_status = "prepare", "ready_for_pickup"

    def ship(self, key: str) -> None:
        """Hand an order over: to Wildberries, a courier, or in the shop to the buyer."""
        order = self.find(key)
        if not order.open:
            return
        order.supplier_status = _HANDED_OVER[order.kind]
        order.shipped = True
        if order.kind == "click-collect":
            order.wb_status, order.ended_at = "sold", self._clock.now()

    def receive(self, key: str) -> None:
        """Let a buyer take what was handed over."""
        order = self.find(key)
        if order.shipped and order.ended_at is None:
            order.wb_status, order.ended_at = "sold", self._clock.now()
            if order.kind in ("dbs", "dbw"):
                order.supplier_status = "receive"

    def cancel(self, key: str, by: CancelledBy = "client") -> None:
        """Cancel an order; a second cancel changes nothing.

        A buyer can before the assembly (`declined_by_client`) and after the handover, by refusing it.
        The amount rises, if it does, only by what was not handed over.

        Raises:
            ValueError: the seller may not cancel what was handed over.
        """
        order = self.find(key)
        if order.ended_at is not None:
            return
        if order.shipped and by == "seller":
            raise ValueError(f"order {key} is handed over: the seller cannot cancel it")
        order.ended_at = self._clock.now()
        if by == "seller":
            order.supplier_status, order.wb_status = "cancel", "canceled"
        elif by == "carrier":
            order.supplier_status, order.wb_status = "cancel_carrier", "canceled_by_carrier"
        elif by == "missed_call":
            order.supplier_status, order.wb_status = "cancel_missed_call", "canceled_by_missed_call"
        elif by == "shelf_life":
            order.supplier_status, order.wb_status = "cancel_shelf_life", "canceled"
        elif by == "defect":
            order.wb_status = "defect"
        elif order.shipped:
            order.wb_status = "canceled_by_client"
            if order.kind in ("dbs", "dbw"):
                order.supplier_status = "reject"
        elif order.supplier_status == "prepare":
            order.supplier_status, order.wb_status = "reject", "canceled_by_client"
        else:
            order.wb_status = "declined_by_client"
        if not order.shipped:
            self._stocks.give_back(order.warehouse, order.chrt_id)

    # -- what the methods tell -----------------------------------------------------------------

    def new(self, kind: Kind) -> list[Purchase]:
        """Return the orders that wait for the seller."""
        told = self._telling(kind)
        return [
            order for order in self._orders if order.supplier_status == "new" and order.open and told(order)
        ]

    def page(
        self, kind: Kind, start: datetime, end: datetime, after: int, limit: int
    ) -> tuple[list[Purchase], bool]:
        """Return orders of a period whose numbers are beyond `after`, and whether more follow.

        FBS lists every order, the other kinds those that have ended.
        """
        found: list[Purchase] = []
        told = self._telling(kind)
        for order in self._beyond(after):
            moment: datetime | None = order.created_at
            if kind != "fbs" and (order.ended_at is None or self.period == "ended"):
                moment = order.ended_at
            if moment is None or not start <= moment <= end or not told(order):
                continue
            if len(found) == limit:
                return found, True
            found.append(order)
        return found, False

    def told(self, kind: Kind, numbers: Iterable[int]) -> list[Purchase | None]:
        """Return the orders that the method for statuses knows, None for one that it does not."""
        told = self._telling(kind)
        found = map(self._by_number.get, numbers)
        return [order if order is not None and told(order) else None for order in found]

    def _beyond(self, after: int) -> Iterator[Purchase]:
        for index in range(bisect_right(self._numbers, after), len(self._orders)):
            yield self._orders[index]

    def _telling(self, kind: Kind) -> Callable[[Purchase], bool]:
        """Return what says of an order whether the methods of a section tell of it now."""
        now = self._clock.now()
        # Moments of creation are whole seconds, so an order may look a second older than it is.
        oldest, newest = now - _ARCHIVED_AFTER, now - timedelta(seconds=self.appears_after)

        def told(order: Purchase) -> bool:
            return oldest < order.created_at <= newest and not order.archived and order.kind == kind

        return told
