"""What stands in the settings file under `[sources.<name>]` with `plugin = "odoo"`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import attrs
from attrs import Attribute, frozen

from mpstock import Secret
from mpstock.validators import above_zero, address, clean_text, not_negative, one_of

__all__ = ["OdooSettings"]

_LARGEST_PAGE = 10_000
_ROUTES = ("/json", "/jsonrpc", "/web", "/xmlrpc", "/odoo")


def _server(_: Any, attribute: Attribute[Any], value: str) -> None:
    path = urlsplit(value).path
    for route in _ROUTES:
        if f"{path}/".startswith(f"{route}/"):
            raise ValueError(
                f"{attribute.name} ends where the server's address ends: leave out what begins with "
                f'"{route}", not {value!r}'
            )


def _key(_: Any, attribute: Attribute[Any], value: Secret) -> None:
    if not value.reveal().strip():
        raise ValueError(
            f"{attribute.name} is empty; make a key in Odoo under Preferences, Account Security, New API Key"
        )


def _warehouses(_: Any, attribute: Attribute[Any], value: Mapping[str, str]) -> None:
    own: dict[str, str] = {}
    for theirs, name in value.items():
        for text in (theirs, name):
            if not text or text != text.strip():
                raise ValueError(
                    f"{attribute.name} must name warehouses without blanks at their ends, not {text!r}"
                )
        if name in own:
            raise ValueError(
                f"{attribute.name}: {own[name]!r} and {theirs!r} both are {name!r}; give each a name of its "
                "own, the feeds of a sink warehouse may name several"
            )
        own[name] = theirs


def _companies(_: Any, attribute: Attribute[Any], value: tuple[int, ...]) -> None:
    if any(one < 1 for one in value) or len(set(value)) != len(value):
        raise ValueError(
            f"{attribute.name} must be the ids of companies, each once, such as [1, 3], not {list(value)}"
        )


def _page_size(_: Any, attribute: Attribute[Any], value: int) -> None:
    if not 1 <= value <= _LARGEST_PAGE:
        raise ValueError(f"{attribute.name} must be between 1 and {_LARGEST_PAGE}, not {value}")


def _per_second(_: Any, attribute: Attribute[Any], value: float | None) -> None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise ValueError(f"{attribute.name} must be above 0, not {value}; leave it out for no limit")


@frozen
class OdooSettings:
    """One database of an Odoo server.

    `base_url`             the server's address, without `/odoo` or `/web`.
    `api_key`              an API key of the user; JSON-RPC also takes its password.
    `database`             the database, where the server has several; JSON-RPC always wants to know it.
    `user`                 the login whose key it is; needed for JSON-RPC.
    `protocol`             `"json2"` (Odoo 19 and later), `"jsonrpc"` (before Odoo 22), or `"auto"`: JSON-2,
                           and JSON-RPC where the server has no JSON-2.
    `field`                `"free_qty"`, what is not reserved; or `"qty_available"`, what is on hand.
    `tell_reserved`        with `qty_available`: tell what Odoo has reserved as a reserve.
    `sku_by`               the article is the product's `"default_code"` (internal reference) or `"barcode"`.
    `warehouses`           which warehouses are read and what they are called here, by Odoo's code, name or
                           id: `{ WH = "main" }`. Left out: all that the user sees, called by their code.
    `company_ids`          read as a user who has switched on these companies; left out: all of the user's.
    `page_size`            products in one request.
    `overlap`              how much further back than the last read an incremental read asks: Odoo
                           stamps a change when its transaction begins, and shows it when that ends.
    `full_every`           read everything when the last full read is this old; 0 = always.
    `timeout`              how long one request may take.
    `requests_per_second`  at most so many, one at a time. Odoo Online asks for 1.
    """

    base_url: str = attrs.field(
        validator=[
            address("https://mycompany.odoo.com", of="the server", written_as="user and api_key"),
            _server,
        ]
    )
    api_key: Secret = attrs.field(validator=_key)
    database: str = attrs.field(default="", validator=clean_text())
    user: str = attrs.field(default="", validator=clean_text())
    protocol: Literal["auto", "json2", "jsonrpc"] = attrs.field(
        default="auto", validator=one_of("auto", "json2", "jsonrpc")
    )
    field: Literal["free_qty", "qty_available"] = attrs.field(
        default="free_qty", validator=one_of("free_qty", "qty_available")
    )
    tell_reserved: bool = False
    sku_by: Literal["default_code", "barcode"] = attrs.field(
        default="default_code", validator=one_of("default_code", "barcode")
    )
    warehouses: Mapping[str, str] = attrs.field(factory=dict[str, str], validator=_warehouses)
    company_ids: tuple[int, ...] = attrs.field(default=(), validator=_companies)
    page_size: int = attrs.field(default=1000, validator=_page_size)
    overlap: timedelta = attrs.field(default=timedelta(minutes=5), validator=not_negative())
    full_every: timedelta = attrs.field(default=timedelta(hours=24), validator=not_negative())
    timeout: timedelta = attrs.field(default=timedelta(seconds=120), validator=above_zero("120s"))
    requests_per_second: float | None = attrs.field(default=None, validator=_per_second)

    def __attrs_post_init__(self) -> None:
        if self.protocol == "jsonrpc" and not self.user:
            raise ValueError('protocol "jsonrpc" needs the login; write user = "…"')
        if self.tell_reserved and self.field == "free_qty":
            raise ValueError(
                'tell_reserved needs field = "qty_available": free_qty is free of reserves already, and they '
                "would be taken away twice"
            )

    @property
    def fields(self) -> tuple[str, ...]:
        """The quantities of a product that are read."""
        return ("qty_available", "free_qty") if self.tell_reserved else (self.field,)
