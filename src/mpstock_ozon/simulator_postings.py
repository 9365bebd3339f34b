"""Buyers and parcels inside the double: how a posting comes to be, moves on and ends. No HTTP here.

What the documents of /v4/posting/fbs/unfulfilled/list and /v4/posting/fbs/list tell of a posting: its number
is that of the order with the parcel's own behind it (`0208245774-0029-1`); it leaves from one warehouse, has
one status and one or several products. A posting in which a product stands is what an order of that
product is known by: `<posting_number>/<offer_id>`.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Literal

from attrs import define

from mpstock_ozon.simulator_account import Account

__all__ = ["STATUSES", "Posting", "Postings"]

STATUSES = {
    "acceptance_in_progress": "posting_acceptance_in_progress",
    "arbitration": "posting_in_arbitration",
    "awaiting_approve": "posting_created",
    "awaiting_deliver": "posting_not_in_carriage",
    "awaiting_packaging": "posting_created",
    "awaiting_registration": "posting_awaiting_registration",
    "awaiting_verification": "posting_created",
    "cancelled": "posting_canceled",
    "client_arbitration": "posting_in_client_arbitration",
    "delivered": "posting_received",
    "delivering": "posting_on_way_to_city",
    "driver_pickup": "posting_driver_pick_up",
    "not_accepted": "posting_not_in_sort_center",
    "sent_by_seller": "posting_transferred_to_courier_service",
}
"""The statuses of the documents, each with a substatus that goes with it."""

FIRST_ID = 1_208_970_000


@define
class Posting:
    """One parcel. `units` are by offer_id; `holding` says whether they are still in the reserve."""

    number: str
    id: int
    warehouse_id: int
    units: dict[str, int]
    in_process_at: datetime
    cutoff: datetime
    changed_at: datetime
    status: str = "awaiting_packaging"
    substatus: str = "posting_created"
    packed: bool = False
    holding: bool = True
    delivering_date: datetime | None = None
    cancelled_after_ship: bool = False
    cancel_reason: str = ""
    rows: list[tuple[str, int]] | None = None
    """How the products are listed, where they are not one row each."""

    @property
    def handed_over(self) -> bool:
        return self.delivering_date is not None

    @property
    def ended(self) -> bool:
        return self.status in ("cancelled", "delivered")


class Postings:
    """All postings of one account, on its clock.

    `time_to_pack`      how long after the order a posting's deadline is.
    `version`           rises with everything that moves in a posting.
    `after_ship_means`  from when on `cancelled_after_ship` is true: the document says "after it was packed"
                        (`"packing"`), its name and many clients "after the handover" (`"handover"`).
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.clock = account.clock
        self.time_to_pack = timedelta(days=1)
        self.after_ship_means: Literal["packing", "handover"] = "packing"
        self.version = 0
        self.by_number: dict[str, Posting] = {}
        self._by_status: dict[str, dict[str, Posting]] = {}
        self._numbers = itertools.count(1)

    # -- buyers --------------------------------------------------------------------------

    def buy(self, units: Mapping[str, int], warehouse_id: int) -> list[str]:
        """Let a buyer order from one warehouse; empty where not so much is on sale.

        What is ordered moves from the free stock to the reserve. Returned is a key for each offer.
        """
        for offer_id, quantity in units.items():
            self.account.known(offer_id, warehouse_id)
            if quantity < 1:
                raise ValueError(f"a buyer orders 1 or more, not {quantity}")
        for offer_id, quantity in units.items():
            stock = self.account.stock(offer_id, warehouse_id)
            if stock is None or stock.free < quantity or self.account.offers[offer_id].archived:
                return []
        for offer_id, quantity in units.items():
            self._move(offer_id, warehouse_id, free=-quantity, reserved=quantity)
        index, now = next(self._numbers), self.clock.now()
        number = f"{index:08d}-0001-1"
        self._add(
            Posting(number, FIRST_ID + index, warehouse_id, dict(units), now, now + self.time_to_pack, now)
        )
        return [f"{number}/{offer_id}" for offer_id in units]

    def cancel(self, key: str, reason: str = "Покупатель отменил заказ") -> None:
        """Cancel the posting of an order, before it is handed over or after.

        Before, its units leave the reserve and go back on sale (`account.cancel_returns`); after, they are
        on their way and nothing of the stock changes.
        """
        posting = self._going(key)
        late = posting.packed if self.after_ship_means == "packing" else posting.handed_over
        posting.cancelled_after_ship, posting.cancel_reason = late or posting.handed_over, reason
        self._end_reserve(posting, back=self.account.cancel_returns)
        self._set(posting, "cancelled")

    def cancel_units(self, key: str, quantity: int) -> None:
        """Cancel some units of one offer in a posting that is not packed yet."""
        posting, (_, offer_id) = self._going(key), self._parts(key)
        if posting.packed or not 1 <= quantity < posting.units[offer_id]:
            raise ValueError(f"{quantity} units of {key} cannot be cancelled")
        returned = quantity if self.account.cancel_returns else 0
        self._move(offer_id, posting.warehouse_id, free=returned, reserved=-quantity)
        posting.units[offer_id] -= quantity
        self.version += 1

    # -- the seller and Ozon --------------------------------------------------------------

    def assemble(self, key: str) -> None:
        """Pack the posting of an order."""
        posting = self._going(key)
        if posting.packed:
            raise ValueError(f"posting {posting.number} is packed already")
        posting.packed = True
        self._set(posting, "awaiting_deliver")

    def split(self, key: str) -> str:
        """Pack the posting of one offer in two parcels; return the key of the new one, with half of it."""
        posting, (_, offer_id) = self._going(key), self._parts(key)
        half = posting.units[offer_id] // 2
        if posting.packed or half < 1:
            raise ValueError(f"posting {posting.number} cannot be split")
        order, _, parcel = posting.number.rpartition("-")
        number = f"{order}-{int(parcel) + 1}"
        posting.units[offer_id] -= half
        now = self.clock.now()
        self._add(
            Posting(
                number,
                FIRST_ID + next(self._numbers),
                posting.warehouse_id,
                {offer_id: half},
                posting.in_process_at,
                posting.cutoff,
                now,
            )
        )
        for one in (posting, self.by_number[number]):
            one.packed = True
            self._set(one, "awaiting_deliver")
        return f"{number}/{offer_id}"

    def ship(self, key: str) -> None:
        """Hand the posting of an order over: its units leave the reserve and the warehouse.

        One that was not packed is packed in passing.
        """
        posting = self._going(key)
        if posting.handed_over:
            raise ValueError(f"posting {posting.number} is handed over already")
        posting.packed, posting.delivering_date = True, self.clock.now()
        self._end_reserve(posting, back=False)
        self._set(posting, "delivering")

    def deliver(self, key: str) -> None:
        """Let a posting on its way arrive."""
        posting = self._going(key)
        if not posting.handed_over:
            raise ValueError(f"posting {posting.number} is not handed over yet")
        self._set(posting, "delivered")

    def set_status(self, key: str, status: str, substatus: str | None = None) -> None:
        """Give a posting another status, also one that the documents do not have; its units stay put."""
        self._set(self._posting(key), status, substatus)

    def set_deadline(self, key: str, cutoff: datetime) -> None:
        """Move a posting's deadline, by which the open ones are sorted. Its status does not change."""
        self._posting(key).cutoff = cutoff
        self.version += 1

    def but(self, statuses: Collection[str]) -> list[Posting]:
        """Return the postings of all statuses but these, in no order."""
        found = [one for status, one in self._by_status.items() if status not in statuses]
        return [posting for of_status in found for posting in of_status.values()]

    def _add(self, posting: Posting) -> None:
        self.version += 1
        self.by_number[posting.number] = posting
        self._by_status.setdefault(posting.status, {})[posting.number] = posting

    def _parts(self, key: str) -> tuple[str, str]:
        number, _, offer_id = key.partition("/")
        return number, offer_id

    def _posting(self, key: str) -> Posting:
        number, offer_id = self._parts(key)
        posting = self.by_number[number]
        if offer_id not in posting.units:
            raise KeyError(f"posting {number} has no offer {offer_id!r}")
        return posting

    def _going(self, key: str) -> Posting:
        posting = self._posting(key)
        if posting.ended:
            raise ValueError(f"posting {posting.number} is {posting.status} already")
        return posting

    def _set(self, posting: Posting, status: str, substatus: str | None = None) -> None:
        self.version += 1
        del self._by_status[posting.status][posting.number]
        posting.status = status
        self._by_status.setdefault(status, {})[posting.number] = posting
        posting.substatus = STATUSES.get(status, "") if substatus is None else substatus
        posting.changed_at = self.clock.now()

    def _end_reserve(self, posting: Posting, *, back: bool) -> None:
        if posting.holding:
            posting.holding = False
            for offer_id, units in posting.units.items():
                self._move(offer_id, posting.warehouse_id, free=units if back else 0, reserved=-units)

    def _move(self, offer_id: str, warehouse_id: int, *, free: int, reserved: int) -> None:
        stock = self.account.stock(offer_id, warehouse_id)
        # An offer that has left the account has no stock to move.
        if stock is not None:
            self.account.change(
                offer_id, warehouse_id, free=stock.free + free, reserved=stock.reserved + reserved
            )
