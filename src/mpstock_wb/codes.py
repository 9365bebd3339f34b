"""What each of Wildberries' codes means for a push, as data.

From the documents of PUT /api/v3/stocks/{warehouseId} (2026-09). The same word means two things:
`NotFound` in the array of a 409 is a size, `NotFound` as the whole answer is the warehouse. So there is a
table for the elements of an array and one for answers that are a single object.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import frozen

__all__ = [
    "CARGO",
    "ELEMENTS",
    "REQUESTS",
    "STATUSES",
    "UNKNOWN_ELEMENT",
    "UNKNOWN_REQUEST",
    "Effect",
    "Meaning",
]


class Effect(Enum):
    """What a refusal does to the changes that were sent."""

    ITEM = "the items that it names are refused; if it names none, somebody is"
    BUSY = "the warehouse takes nothing at the moment"
    ALL = "every change is refused, for a reason that lies outside of them"
    SPLIT = "some change spoils the request; which one is not said"
    DOUBT = "nothing certain is known"


@frozen
class Meaning:
    """`mend` says what to do about it; `retry_after` is in seconds."""

    effect: Effect
    mend: str = ""
    retry_after: float | None = None


_PROCESSING = Meaning(
    Effect.BUSY, "Wildberries is updating the warehouse; it will be tried again", retry_after=5.0
)
_BLOCKED = Meaning(
    Effect.BUSY, "Wildberries is working on the warehouse; it will be tried again", retry_after=60.0
)
_CARGO = "move the product to a warehouse of its cargo type, or leave it out for this one"

CARGO = frozenset(f"CargoWarehouseRestriction{kind}" for kind in ("MGT", "SGT", "SGTKGTPlus", "KGTPlus"))
"""The refusals of a cargo type, which Wildberries gives to the number 0 as well."""

ELEMENTS: Mapping[str, Meaning] = {
    "StoreIsProcessing": _PROCESSING,
    "WarehouseStocksUpdateBlock": _BLOCKED,
    "UploadDataLimit": Meaning(Effect.ITEM, "Wildberries takes at most 100,000 units of one size"),
    **dict.fromkeys(CARGO, Meaning(Effect.ITEM, _CARGO)),
    "NotFound": Meaning(
        Effect.ITEM,
        "the size is not among the account's cards any more; look whether its card is in the trash",
    ),
    "DeliveryTypeRestriction": Meaning(
        Effect.ITEM, "the category may not be sold by this warehouse's type of delivery"
    ),
    "ProductPropertyConflict": Meaning(
        Effect.ITEM, "wholesale goods may be sold by DBS alone; look at the card's wholesale setting"
    ),
}
"""By the `code` of an element of the array that a 409 carries."""

UNKNOWN_ELEMENT = Meaning(Effect.ITEM)

_OUR_BODY = "if it stays, Wildberries has changed what it takes: look for a newer mpstock-wb"

REQUESTS: Mapping[str, Meaning] = {
    "StoreIsProcessing": _PROCESSING,
    "WarehouseStocksUpdateBlock": _BLOCKED,
    "StatusNotAcceptable": Meaning(
        Effect.ALL, "Wildberries has blocked the seller; only its support can lift that"
    ),
    "NotFound": Meaning(
        Effect.ALL, "the account has no such warehouse: compare the warehouse codes with `mpstock check`"
    ),
    "AccessDenied": Meaning(Effect.ALL, "the token lacks a right: see `mpstock check`"),
    "SKUUploadDisabled": Meaning(Effect.SPLIT, _OUR_BODY),
    "IncorrectRequestBody": Meaning(Effect.SPLIT, _OUR_BODY),
    "IncorrectRequest": Meaning(Effect.SPLIT, _OUR_BODY),
    "IncorrectParameter": Meaning(Effect.SPLIT, _OUR_BODY),
    "UploadDataLimit": Meaning(Effect.SPLIT, _OUR_BODY),
}
"""By the `code` of an answer that is one object."""

STATUSES: Mapping[int, Meaning] = {
    402: Meaning(Effect.ALL, "the service's balance at Wildberries has to be topped up"),
    404: Meaning(Effect.ALL, "nothing is there: look at `marketplace_url` and the warehouse codes"),
    405: Meaning(Effect.ALL, "this is not the place for stocks: look at `marketplace_url`"),
    408: Meaning(Effect.DOUBT),
    413: Meaning(Effect.SPLIT, "too large a request"),
}
"""By status, asked only when no code decides: problem documents carry a trace number as their code."""

UNKNOWN_REQUEST: Mapping[int, Meaning] = {
    400: Meaning(Effect.SPLIT),
    409: Meaning(Effect.SPLIT),
    422: Meaning(Effect.SPLIT),
}
"""For refusals with a code that neither table has: these may be about one of the items."""
