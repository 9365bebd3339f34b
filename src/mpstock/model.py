"""What travels between sources, the engine and sinks: frozen values, no behaviour to speak of.

Quantities are whole units of the seller's own product. Times are timezone-aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from attrs import field, frozen

__all__ = [
    "AccountWarehouse",
    "Change",
    "Credential",
    "Finding",
    "Hold",
    "Level",
    "Listing",
    "ListingPage",
    "Observation",
    "Order",
    "OrderPage",
    "OrderStage",
    "Outcome",
    "OutcomeStatus",
    "Problem",
    "Reading",
]


@frozen
class Level:
    """What one source says of one product in one of the seller's warehouses.

    `quantity` is signed (a warehouse system may be at −3) and None when the source knows the
    product but not its quantity: unknown is never zero. `reserved` is what the source itself
    keeps for orders; it is 0 where the source's quantity is already free of reserves.
    `updated_at` is the row's own time, if the source has one and is trusted with it.
    """

    sku: str
    warehouse: str
    quantity: int | None
    reserved: int = 0
    updated_at: datetime | None = None


@frozen
class Hold:
    """Units taken but not yet gone from a source's quantity: an order, a reserve, an open cart.

    `key` is unique within its origin and makes a repeated report harmless. `warehouse` None
    means that it is not known which warehouse will lose the units.
    """

    key: str
    sku: str
    quantity: int
    taken_at: datetime
    warehouse: str | None = None
    expires_at: datetime | None = None


@frozen
class Problem:
    """What was wrong with one row that was read; the other rows are not touched by it.

    `place` says where (`row 17`), `name` which field, `message` what is wrong and how to mend it.
    `sku` is given when the row could still be told to be about that product.
    """

    place: str
    name: str
    message: str
    sku: str | None = None


@frozen
class Reading:
    """One page of what a source answered.

    `as_of` is the moment the request *started*. `complete` is set on the last page of a full
    read, and only there: then rows that were there before and are absent now are taken as
    `absent` says: `"zero"`, or `"unknown"` when some row could not be told apart.
    `cursor` is where the next incremental read starts, opaque to the core; it is kept only when
    the whole read has ended well. `holds_complete`, on the last page, says that the read told every
    hold that there is: what was told before and is missing now has ended.
    """

    levels: Sequence[Level]
    as_of: datetime
    complete: bool = False
    cursor: str | None = None
    holds: Sequence[Hold] = ()
    absent: Literal["zero", "unknown"] = "zero"
    problems: Sequence[Problem] = ()
    holds_complete: bool = False


@frozen
class Listing:
    """One product as one sink offers it from one marketplace warehouse.

    `external_id` is the sink's own id of the offer (Ozon `offer_id`, WB `chrtId` as text).
    `skus` are the seller's articles that this offer may be, most likely first; the core takes
    the one that it knows. `keys` are the sink's other ids, by name (`barcode`, `chrt_id`, …), which
    the products file may map by. `problem` says why the offer cannot be served (a card with
    several sizes matched by its vendor code, an archived product); it is empty for a good one.
    """

    external_id: str
    warehouse: str
    skus: tuple[str, ...]
    keys: Mapping[str, Sequence[str]] = field(factory=dict[str, Sequence[str]])
    problem: str = ""


@frozen
class ListingPage:
    """A page of listings. `complete` is set on the last page of a walk over everything.

    `cursor` lets the sink go on from here at its next walk; it is kept only when the walk ended well.
    """

    listings: Sequence[Listing]
    cursor: str | None = None
    complete: bool = False


@frozen
class Observation:
    """What a sink shows for one listing when it is read back.

    `quantity` is what buyers may buy now; None if the sink would not say. `reserved` is the
    sink's own reserve, apart from `quantity`.
    """

    external_id: str
    warehouse: str
    quantity: int | None
    reserved: int = 0


class OrderStage(StrEnum):
    """How far an order has come. It decides when the warehouse system books it (`absorbs`).

    `PLACED`     a buyer has ordered; the units are in the warehouse and spoken for.
    `ASSEMBLED`  the seller has set it aside or packed it; the units are still in the warehouse.
    `SHIPPED`    handed over: the units have left the warehouse. It stays so, whatever becomes of it on
                 the way: a parcel that is cancelled or refused afterwards is not in the warehouse.
    `CANCELLED`  cancelled before it was handed over: the units are free again.
    """

    PLACED = "placed"
    ASSEMBLED = "assembled"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


@frozen
class Order:
    """A sink's own order of one offer, in the sink's units (a listing of six: one, not six).

    `key` is the sink's own and unique for each offer of an order; a repeated report with it is harmless.
    A smaller `quantity` than was told before means that the rest has ended. `stage_at` is when it came to
    its stage by the sink's own word; None where the sink does not say: then the reading that first told
    the stage counts as the moment. `note` is the sink's own word for its state, for people. `oversold`: the
    sink says that it sold it, or that it had to be cancelled, although there was no stock.
    """

    key: str
    external_id: str
    quantity: int
    placed_at: datetime
    warehouse: str | None = None
    stage: OrderStage = OrderStage.PLACED
    stage_at: datetime | None = None
    note: str = ""
    oversold: bool = False


@frozen
class OrderPage:
    """A page of a sink's orders.

    `as_of` is the moment the request *started*. `complete` is set on the last page of a reading that told
    every order which is placed or assembled: one that was told before and is missing now has ended,
    nobody knows how. `cursor` as in `ListingPage`.
    """

    orders: Sequence[Order]
    as_of: datetime
    cursor: str | None = None
    complete: bool = False


@frozen
class Change:
    """One listing's advertised quantity, from `old` (None = not known) to `new`, and why."""

    listing: Listing
    old: int | None
    new: int
    cause: str


class OutcomeStatus(StrEnum):
    """What a sink answered for one change. It decides what the engine may do next.

    `OK`     accepted.
    `ERROR`  refused, and not applied. Tried again at the next run.
    `WAIT`   refused for now, for this listing (too often, not moderated yet); `retry_after` says when.
    `BUSY`   the sink warehouse takes nothing at the moment; not applied. Sent again after
             `retry_after`, and one request at a time for a while.
    `UNSENT` surely not applied, through no fault of this change (its neighbour spoiled the request,
             the connection never stood, 429). Computed anew and sent again.
    `DOUBT`  may or may not have been applied (timeout, 5xx, connection lost, the rest of a 409).
             What the listing shows is no longer known; computed anew and sent unconditionally.
    `WHOLE`  the request was refused as a whole and the answer names no culprit; not known to be
             applied. The engine sends it again in halves.
    """

    OK = "ok"
    ERROR = "error"
    WAIT = "wait"
    BUSY = "busy"
    UNSENT = "unsent"
    DOUBT = "doubt"
    WHOLE = "whole"


@frozen
class Outcome:
    """What the sink answered for one change, in the order of the changes that were pushed.

    `code` and `message` are the vendor's own words. `retry_after` is in seconds.
    """

    status: OutcomeStatus
    code: str = ""
    message: str = ""
    retry_after: float | None = None


@frozen
class AccountWarehouse:
    """One of a marketplace account's warehouses, as it is offered to who sets mpstock up.

    `code` is what stands in the settings. `note` says what a person should know of it (its kind, its state);
    one that is not `usable` takes no stock at the moment.
    """

    code: str
    name: str = ""
    note: str = ""
    usable: bool = True


@frozen
class Finding:
    """One thing that a check found out about an adapter's account, settings or credentials.

    `level` is `"ok"`, `"warning"` or `"error"`; `mend` says what to do about it.
    """

    level: Literal["ok", "warning", "error"]
    subject: str
    message: str
    mend: str = ""
    data: Mapping[str, Any] = field(factory=dict[str, Any])


@frozen
class Credential:
    """A key, token or password, without itself: what people call it, and when it ends.

    `expires_at` None: it does not end, or does not say.
    """

    name: str
    expires_at: datetime | None = None
