"""What `mpstock.toml` says of one cabinet at Yandex Market."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal

from attrs import Attribute, field, frozen

from mpstock import Secret
from mpstock.validators import address, not_negative, one_of, one_or_more

__all__ = ["YandexSettings"]

_LOOKBACK_MOST = timedelta(days=180)


def _key(_: Any, attribute: Attribute[Any], value: Secret) -> None:
    text = value.reveal()
    # The text itself is never told: it is the key.
    if not text:
        raise ValueError(
            f"{attribute.name} is empty; make a token in the seller's cabinet (Settings, API and modules)"
        )
    if text.lower().startswith("bearer"):
        raise ValueError(f"{attribute.name}: write the token alone, without `Bearer`")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(
            f"{attribute.name} has spaces, line breaks or letters that no token has; copy it once more from "
            "the seller's cabinet (Settings, API and modules)"
        )


def _lookback(_: Any, attribute: Attribute[Any], value: timedelta) -> None:
    if not timedelta(0) < value <= _LOOKBACK_MOST:
        raise ValueError(
            f'{attribute.name} must be above 0 and at most {_LOOKBACK_MOST.days}d, such as "60d"'
        )


def _without_slash(value: str) -> str:
    return value.rstrip("/")


@frozen
class YandexSettings:
    """The table `[sinks.<name>]` of a sink with `plugin = "yandex"`.

    `api_key`          the Api-Key token of the cabinet: the groups "goods and cards" and "orders and stock".
    `business_id`      the number of the cabinet.
    `match_by`         what of an offer is the seller's own article: its SKU at the Market, its barcodes or
                       the maker's article.
    `base_url`         where the API answers.
    `listings_max_age` how old the last walk over the catalogue may be.
    `orders`           whether orders are read.
    `orders_lookback`  how far back the first reading of the orders looks for open ones.
    `updated_at`       whether each number is sent with the moment at which it was computed, so that one which
                       arrives late does not replace a newer one.
    """

    api_key: Secret = field(converter=Secret, validator=_key)
    business_id: int = field(validator=one_or_more("it is the number of the cabinet, not of a store"))
    match_by: Literal["offer_id", "barcode", "vendor_code"] = field(
        default="offer_id", validator=one_of("offer_id", "barcode", "vendor_code")
    )
    base_url: str = field(
        default="https://api.partner.market.yandex.ru",
        converter=_without_slash,
        validator=address("https://api.partner.market.yandex.ru"),
    )
    listings_max_age: timedelta = field(default=timedelta(hours=6), validator=not_negative("6h"))
    orders: bool = True
    orders_lookback: timedelta = field(default=timedelta(days=60), validator=_lookback)
    updated_at: bool = True
