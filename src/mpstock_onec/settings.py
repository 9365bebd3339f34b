"""What stands in the settings file under `[sources.<name>]` with `plugin = "onec"`."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from typing import Any, Literal
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen

from mpstock import Secret

__all__ = ["OnecSettings"]

_PATH = "/hs/stocks/list"


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
        raise ValueError(f"{name} must not carry a user name or password; write them as user and password")
    if not usable or parts.query or parts.fragment or value != value.strip():
        raise ValueError(
            f'{name} must be the address of the publication, such as "http://erp.local/trade", not {value!r}'
        )
    if "/hs/" in f"{parts.path}/":
        raise ValueError(
            f'{name} ends where the publication ends: leave out what begins with "/hs", it is the setting '
            f'path (default "{_PATH}"), not {value!r}'
        )


def _path(_: Any, attribute: Attribute[Any], value: str) -> None:
    if not value.startswith("/") or any(mark in value for mark in "?#") or value != value.strip():
        raise ValueError(
            f'{attribute.name} must begin with "/" and have no "?" or "#", such as "{_PATH}", not {value!r}'
        )


def _user(_: Any, attribute: Attribute[Any], value: str) -> None:
    if ":" in value:
        # Basic authentication divides user and password at the first colon (RFC 7617).
        raise ValueError(f"{attribute.name} must not contain a colon; give the 1C user a name without one")


def _warehouse(_: Any, attribute: Attribute[Any], value: str) -> None:
    if not value or value != value.strip():
        raise ValueError(f"{attribute.name} must be a name without blanks at its ends, not {value!r}")


def _length(_: Any, attribute: Attribute[Any], value: timedelta) -> None:
    if value < timedelta(0):
        raise ValueError(f'{attribute.name} must not be negative; write a length of time such as "5m"')


def _positive(_: Any, attribute: Attribute[Any], value: timedelta) -> None:
    if value <= timedelta(0):
        raise ValueError(f'{attribute.name} must be above 0; write a length of time such as "60s"')


def _per_minute(_: Any, attribute: Attribute[Any], value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(f"{attribute.name} must be 1 or more, not {value}; leave it out for no limit")


def _nameless(_: Any, attribute: Attribute[Any], value: str) -> None:
    if value not in ("unknown", "ignore"):
        raise ValueError(f'{attribute.name} must be "unknown" or "ignore", not {value!r}')


def _timezone(_: Any, attribute: Attribute[Any], value: str) -> None:
    if not value:
        return
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(value)
    except (OSError, ValueError, LookupError):
        raise ValueError(f'{attribute.name} must be a zone such as "Europe/Moscow", not {value!r}') from None


@frozen
class OnecSettings:
    """One HTTP service of a 1C infobase.

    `base_url`          the address of the publication, `http://host/infobase`, without `/hs/…`.
    `user`, `password`  the infobase user; leave both out where the publication names a user itself.
    `path`              the service and its template below the publication.
    `warehouse`         the warehouse of rows that name none.
    `overlap`           how much further back than the last read an incremental read asks: 1C has
                        no time of change for a balance, so `changedAfter` is only advisory.
    `full_every`        read everything when the last full read is this old; 0 = always.
    `timeout`           how long one request may take.
    `trust_updated_at`  take a row's `updated_at` as the time of its numbers. Only for a service
                        that writes when the balance was true; a document's date is not that.
    `timezone`          the zone of `updated_at` where it is written without one, as 1C does.
    `rows_without_sku`  what a row without an article means for a full read. `"unknown"`: it may be
                        any product, so what is missing from the answer keeps its last-known number.
                        `"ignore"`: it is a product that is not sold online.
    `requests_per_minute`  at most so many requests a minute; 1C itself has no limit, but each
                        request may take a licence.
    """

    base_url: str = field(validator=_base_url)
    user: str = field(default="", validator=_user)
    password: Secret | None = None
    path: str = field(default=_PATH, validator=_path)
    warehouse: str = field(default="main", validator=_warehouse)
    overlap: timedelta = field(default=timedelta(minutes=5), validator=_length)
    full_every: timedelta = field(default=timedelta(hours=24), validator=_length)
    timeout: timedelta = field(default=timedelta(seconds=60), validator=_positive)
    trust_updated_at: bool = False
    timezone: str = field(default="", validator=_timezone)
    rows_without_sku: Literal["unknown", "ignore"] = field(default="unknown", validator=_nameless)
    requests_per_minute: int | None = field(default=None, validator=_per_minute)

    def __attrs_post_init__(self) -> None:
        if self.password is not None and not self.user:
            raise ValueError('password is given without user; write the 1C user\'s name as user = "…"')

    @property
    def url(self) -> str:
        """The address of the list of stocks."""
        return self.base_url.rstrip("/") + self.path

    @property
    def zone(self) -> tzinfo | None:
        """The zone of times that are written without one; None where they are refused."""
        if not self.timezone:
            return None
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.timezone)
