"""What `mpstock.toml` says of one Wildberries account."""

from __future__ import annotations

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
    `match_by`         what of a card is the seller's own article: its vendor code, or a size's barcodes.
    `marketplace_url`  where stocks and warehouses are; the sandbox's host can be put here.
    `content_url`      where cards are; likewise.
    `full_walk`        how old the last walk over all cards may be before the next one starts from the
                       beginning: cards in the trash are noticed by a full walk alone.
    """

    token: Secret
    match_by: Literal["vendor_code", "barcode"] = "vendor_code"
    marketplace_url: str = "https://marketplace-api.wildberries.ru"
    content_url: str = "https://content-api.wildberries.ru"
    full_walk: timedelta = timedelta(hours=24)


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
    for code in context.warehouses:
        if as_id(code) is None or code.startswith("0"):
            raise ConfigurationError(
                f"the code {code!r} is no Wildberries warehouse id, which is a whole number "
                "(`mpstock check` lists them)",
                place=f"{place}.warehouses",
            )
