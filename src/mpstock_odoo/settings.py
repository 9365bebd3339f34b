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

__all__ = ["OdooSettings"]

_LARGEST_PAGE = 10_000
_ROUTES = ("/json", "/jsonrpc", "/web", "/xmlrpc", "/odoo")


def _base_url(_: Any, attribute: Attribute[Any], value: str) -> None:
    name = attribute.name
    try:
        parts = urlsplit(value)
        carries_password = parts.username is not None or parts.password is not None
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        carries_password, usable, parts = "@" in value, False, urlsplit("")
    # The address is not repeated in the message: it has a password in it.
    if carries_password:
        raise ValueError(f"{name} must not carry a user name or password; write them as user and api_key")
    if not usable or parts.query or parts.fragment or value != value.strip():
        raise ValueError(
            f'{name} must be the address of the server, such as "https://mycompany.odoo.com", not {value!r}'
        )
    for route in _ROUTES:
        if f"{parts.path}/".startswith(f"{route}/"):
            raise ValueError(
                f'{name} ends where the server\'s address ends: leave out what begins with "{route}", not '
                f"{value!r}"
            )


def _one_of(*words: str) -> Any:
    def check(_: Any, attribute: Attribute[Any], value: str) -> None:
        if value not in words:
            known = ", ".join(f'"{word}"' for word in words[:-1])
            raise ValueError(f'{attribute.name} must be {known} or "{words[-1]}", not {value!r}')

    return check


def _key(_: Any, attribute: Attribute[Any], value: Secret) -> None:
    if not value.reveal().strip():
        raise ValueError(
            f"{attribute.name} is empty; make a key in Odoo under Preferences, Account Security, New API Key"
        )


def _text(_: Any, attribute: Attribute[Any], value: str) -> None:
    if value != value.strip():
        raise ValueError(f"{attribute.name} must have no blanks at its ends, not {value!r}")


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


def _length(_: Any, attribute: Attribute[Any], value: timedelta) -> None:
    if value < timedelta(0):
        raise ValueError(f'{attribute.name} must not be negative; write a length of time such as "5m"')


def _positive(_: Any, attribute: Attribute[Any], value: timedelta) -> None:
    if value <= timedelta(0):
        raise ValueError(f'{attribute.name} must be above 0; write a length of time such as "120s"')


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

    base_url: str = attrs.field(validator=_base_url)
    api_key: Secret = attrs.field(validator=_key)
    database: str = attrs.field(default="", validator=_text)
    user: str = attrs.field(default="", validator=_text)
    protocol: Literal["auto", "json2", "jsonrpc"] = attrs.field(
        default="auto", validator=_one_of("auto", "json2", "jsonrpc")
    )
    field: Literal["free_qty", "qty_available"] = attrs.field(
        default="free_qty", validator=_one_of("free_qty", "qty_available")
    )
    tell_reserved: bool = False
    sku_by: Literal["default_code", "barcode"] = attrs.field(
        default="default_code", validator=_one_of("default_code", "barcode")
    )
    warehouses: Mapping[str, str] = attrs.field(factory=dict[str, str], validator=_warehouses)
    company_ids: tuple[int, ...] = attrs.field(default=(), validator=_companies)
    page_size: int = attrs.field(default=1000, validator=_page_size)
    overlap: timedelta = attrs.field(default=timedelta(minutes=5), validator=_length)
    full_every: timedelta = attrs.field(default=timedelta(hours=24), validator=_length)
    timeout: timedelta = attrs.field(default=timedelta(seconds=120), validator=_positive)
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
