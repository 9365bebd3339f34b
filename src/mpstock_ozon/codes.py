"""What Ozon's refusals mean: a table, and how to look things up in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from attrs import frozen

__all__ = ["CODES", "COOLDOWN", "PAUSES", "VISIBLE_AFTER", "Refusal", "find", "pause"]

COOLDOWN = 30.0
"""Seconds between two writes of one product in one warehouse (Ozon Seller API, /v2/products/stocks)."""

VISIBLE_AFTER = COOLDOWN
"""Seconds after which a write is sure to be read back. The documents name no time for the API (the shop
window takes about 20 minutes); before its pair's pause is over nothing could be done about it anyway."""


@frozen
class Refusal:
    """One code that an item of a write can be refused with.

    `kind`: `wait` = the pair was written too recently; `later` = passes by itself within hours;
    `permanent` = stays until somebody mends it.
    """

    code: str
    kind: Literal["wait", "later", "permanent"]
    means: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.means}; {self.mend}" if self.mend else self.means


_WAREHOUSE_FIT = "offer the product from a warehouse that may carry it, or leave it out of this one"

# Ozon Seller API, section "Errors", read 2026-06 and 2026-08.
CODES: Sequence[Refusal] = (
    Refusal("TOO_MANY_REQUESTS", "wait", "written to this warehouse less than 30 s ago"),
    Refusal(
        "PRODUCT_HAS_NOT_BEEN_TAGGED_YET",
        "later",
        "Ozon has not yet decided whether the product is bulky",
        "it is tried again at every run",
    ),
    Refusal(
        "PRODUCT_IS_NOT_CREATED",
        "later",
        "the product is still being created or moderated",
        "it is tried again at every run",
    ),
    Refusal(
        "PRICE_IS_NOT_SENT",
        "later",
        "the product has no accepted price yet",
        "set its price; it is tried again at every run",
    ),
    Refusal(
        "SOURCE_TYPE_NOT_FOUND",
        "later",
        "Ozon has not given the product its own SKU yet",
        "finish the product's card; it is tried again at every run",
    ),
    Refusal(
        "OFFER_ID_NOT_FOUND",
        "permanent",
        "no product of this account has this offer_id",
        "correct the article in Ozon or the mapping in the products file",
    ),
    Refusal(
        "NOT_FOUND_ERROR",
        "permanent",
        "no such product in this account",
        "correct the article in Ozon or the mapping in the products file",
    ),
    Refusal(
        "PRODUCT_IS_ARCHIVED",
        "permanent",
        "the product is in the archive",
        "restore it in the seller's cabinet, or take it out of the products file",
    ),
    Refusal(
        "WAREHOUSE_NOT_FOUND",
        "permanent",
        "the warehouse does not exist or is not active",
        "`mpstock check` names the account's warehouses",
    ),
    Refusal(
        "NON_KGT_ON_KGT_WAREHOUSE",
        "permanent",
        "the warehouse takes bulky goods only and this product is none",
        _WAREHOUSE_FIT,
    ),
    Refusal(
        "OVER_MAX_OVH_NON_KGT",
        "permanent",
        "the product is too large or heavy for a warehouse of ordinary goods",
        _WAREHOUSE_FIT,
    ),
    Refusal(
        "OVER_MAX_OVH_KGT",
        "permanent",
        "the product is too large or heavy for a warehouse of bulky goods",
        _WAREHOUSE_FIT,
    ),
    Refusal(
        "FLAMMABLE_ONLY_ON_SELF_OR_PROVIDER_DELIVERY",
        "permanent",
        "flammable goods may be delivered by the seller or a delivery service only",
        _WAREHOUSE_FIT,
    ),
    Refusal(
        "FLAMMABLE_ON_NON_KGT_WAREHOUSE",
        "permanent",
        "flammable goods are not allowed in this warehouse",
        _WAREHOUSE_FIT,
    ),
    Refusal(
        "MP_DELIVERY_ONLY_3PL_ERROR",
        "permanent",
        "the product may not be delivered in the way this warehouse uses",
        _WAREHOUSE_FIT,
    ),
    Refusal(
        "CB_DELIVERY_ONLY_FBP",
        "permanent",
        "the product may be sold from a partner's warehouse only",
        _WAREHOUSE_FIT,
    ),
    Refusal(
        "MULTIBOX_NOT_ALLOWED_FOR_FBS",
        "permanent",
        "a product of several boxes is not allowed in this warehouse",
        _WAREHOUSE_FIT,
    ),
    Refusal(
        "STOCK_TOO_BIG", "permanent", "Ozon takes less than 1,000,000 units", "set a `cap` in the buffer"
    ),
    Refusal(
        "SIZE_REQUIRED_FOR_NOT_UNIQUE_OFFER_ID",
        "permanent",
        "several products of the account have this offer_id",
        "give each product its own article in Ozon",
    ),
)

_BY_CODE = {refusal.code: refusal for refusal in CODES}
_TOO_OFTEN = "STOCK IS UPDATED TOO FREQUENTLY"

PAUSES: Sequence[tuple[str, float]] = (
    ("circle is open", 300.0),
    ("request rate limit per second", 1.0),
    ("request rate limit", 60.0),
)
"""Texts by which Ozon refuses a whole request for a while, and for how many seconds we stay away.

"Circle is open" closes a method for "some minutes" (Ozon Seller API, section "Errors").
"""


def find(code: str, message: str) -> Refusal | None:
    """Return what is known of an item's error; None for a code that the table does not have.

    The text of the 30-second rule has been seen in the code as well as in the message.
    """
    known = _BY_CODE.get(code.strip().upper()) or _BY_CODE.get(message.strip().upper())
    if known is not None:
        return known
    words = f"{code} {message}".upper()
    if _TOO_OFTEN in words or "TOO_MANY_REQUESTS" in words:
        return _BY_CODE["TOO_MANY_REQUESTS"]
    return None


def pause(text: str) -> float | None:
    """Return for how many seconds a refusal of a whole request tells us to stay away, if it does."""
    lowered = text.lower()
    return next((seconds for words, seconds in PAUSES if words in lowered), None)
