"""What stands in the settings file under `[sinks.<name>]` with `plugin = "ozon"`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen

from mpstock import Secret
from mpstock.validators import not_negative, one_of

__all__ = ["OzonSettings"]

WRITES_PER_MINUTE = 80
"""Requests a minute that an account may send (Ozon Seller API, /v2/products/stocks)."""


def _header_value(_: Any, attribute: Attribute[Any], value: str | Secret) -> None:
    text = value.reveal() if isinstance(value, Secret) else value
    # The text itself is never told: it may be the key, pasted into the wrong place.
    if not text:
        raise ValueError(
            f"{attribute.name} is empty; copy it from the seller's cabinet (Settings → API keys)"
        )
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(
            f"{attribute.name} has spaces, line breaks or letters that no Ozon key has; copy it once more "
            "from the seller's cabinet (Settings → API keys)"
        )


def _url(_: Any, attribute: Attribute[Any], value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f'{attribute.name} must look like "https://api-seller.ozon.ru", not {value!r}')
    if parts.username or parts.password:
        raise ValueError(f"{attribute.name} must not carry a user name or password")


def _without_slash(value: str) -> str:
    return value.rstrip("/")


def _writes(_: Any, attribute: Attribute[Any], value: int) -> None:
    if not 1 <= value <= WRITES_PER_MINUTE:
        raise ValueError(
            f"{attribute.name} must be from 1 to {WRITES_PER_MINUTE} (Ozon takes no more), not {value}"
        )


@frozen
class OzonSettings:
    """One Ozon seller account.

    `client_id`, `api_key`   from the seller's cabinet, Settings → API keys.
    `base_url`               where the Seller API answers.
    `reserve`                whether the number that is sent excludes the units that Ozon keeps for
                             its own orders (what Ozon's document says), or includes them.
    `listings_max_age`       how old the last walk over all the account's products may be.
    `writes_per_minute`      requests a minute for writing stock; lower it where another program
                             writes stock to the same account, for Ozon counts them together.
    `orders`                 what is read of the account's orders: each posting with its stage; only the
                             sums that Ozon keeps in reserve; or nothing.
    """

    client_id: str = field(validator=_header_value)
    api_key: Secret = field(converter=Secret, validator=_header_value)
    base_url: str = field(default="https://api-seller.ozon.ru", converter=_without_slash, validator=_url)
    reserve: Literal["exclude", "include"] = field(default="exclude", validator=one_of("exclude", "include"))
    listings_max_age: timedelta = field(default=timedelta(hours=6), validator=not_negative("6h"))
    writes_per_minute: int = field(default=WRITES_PER_MINUTE, validator=_writes)
    orders: Literal["postings", "reserved", "none"] = field(
        default="postings", validator=one_of("postings", "reserved", "none")
    )
