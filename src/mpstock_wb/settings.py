"""What `mpstock.toml` says of one Wildberries account."""

from __future__ import annotations

import string
from datetime import timedelta
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from attrs import frozen

from mpstock import Secret
from mpstock.errors import ConfigurationError
from mpstock_wb.wire import as_id

if TYPE_CHECKING:
    from mpstock import Context

__all__ = ["WbSettings", "validate"]


@frozen
class WbSettings:
    """The table `[sinks.<name>]` of a sink with `plugin = "wb"`.

    `token`            the API token, categories Marketplace and Content, sent bare as `Authorization`.
    `match_by`         what of a card is the seller's own article: its vendor code, a size's barcodes, or
                       the vendor code and the size together.
    `sku_format`       how these two make an article, with `match_by = "vendor_code_size"`.
    `orders`           whether orders are read.
    `orders_lookback`  how far back the first reading of the orders goes.
    `marketplace_url`  where stocks and warehouses are; the sandbox's host can be put here.
    `content_url`      where cards are; likewise.
    `full_walk`        how old the last walk over all cards may be before the next one starts from the
                       beginning: cards in the trash are noticed by a full walk alone.
    `delete_when_refused`  where Wildberries refuses even the number 0 because of the cargo type, remove the
                       record of that stock. It cannot be undone: the stock has to be sent anew.
    """

    token: Secret
    match_by: Literal["vendor_code", "barcode", "vendor_code_size"] = "vendor_code"
    sku_format: str = "{vendor_code}-{size}"
    marketplace_url: str = "https://marketplace-api.wildberries.ru"
    content_url: str = "https://content-api.wildberries.ru"
    full_walk: timedelta = timedelta(hours=24)
    orders: bool = True
    orders_lookback: timedelta = timedelta(days=14)
    delete_when_refused: bool = False


_SKU_FIELDS = ("vendor_code", "size", "wb_size", "nm_id")
_LOOKBACK_MOST = timedelta(days=90)


def validate(settings: WbSettings, context: Context) -> None:
    """Hold what no type can: the token's form, the URLs, the warehouse codes.

    Raises:
        ConfigurationError: names the key and its table.
    """
    place = f"sinks.{context.name}"
    token = settings.token.reveal()
    if not token:
        raise ConfigurationError("the token is empty", place=f"{place}.token")
    if token.lower().startswith("bearer"):
        raise ConfigurationError("write the token alone, without `Bearer`", place=f"{place}.token")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigurationError(
            "it holds a space, a line break or a letter that no token has: copy it again",
            place=f"{place}.token",
        )
    for key in ("marketplace_url", "content_url"):
        url = getattr(settings, key)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ConfigurationError(f"{url!r} is no URL with http:// or https://", place=f"{place}.{key}")
    if settings.full_walk < timedelta(0):
        raise ConfigurationError("it cannot be below 0", place=f"{place}.full_walk")
    if not timedelta(0) < settings.orders_lookback <= _LOOKBACK_MOST:
        raise ConfigurationError(
            "Wildberries tells of the orders of three months: set it to more than 0 and at most 90d",
            place=f"{place}.orders_lookback",
        )
    _validate_format(settings.sku_format, f"{place}.sku_format")
    for code in context.warehouses:
        if as_id(code) is None or code.startswith("0"):
            raise ConfigurationError(
                f"the code {code!r} is no Wildberries warehouse id, which is a whole number "
                "(`mpstock check` lists them)",
                place=f"{place}.warehouses",
            )


def _validate_format(text: str, place: str) -> None:
    allowed = ", ".join(f"{{{name}}}" for name in _SKU_FIELDS)
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError:
        raise ConfigurationError(
            f"{text!r} has a brace that is not closed or not opened; write {{{{ or }}}} for a brace",
            place=place,
        ) from None
    named = set()
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if name not in _SKU_FIELDS or spec or conversion:
            raise ConfigurationError(f"{text!r}: there are {allowed}, as they are here", place=place)
        named.add(name)
    if not named & {"size", "wb_size"}:
        raise ConfigurationError(
            f"{text!r} gives all sizes of a card the same article: name {{size}} or {{wb_size}} in it",
            place=place,
        )
