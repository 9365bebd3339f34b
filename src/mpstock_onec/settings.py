"""What stands in the settings file under `[sources.<name>]` with `plugin = "onec"`."""

from __future__ import annotations

from datetime import timedelta, tzinfo
from typing import Any, Literal
from urllib.parse import urlsplit

from attrs import Attribute, field, frozen

from mpstock import Secret
from mpstock.rows import RowParser
from mpstock.validators import (
    above_zero,
    address,
    not_negative,
    one_of,
    one_or_more,
    own_name,
    time_zone,
    without_colon,
)

__all__ = ["OnecSettings", "row_parser"]

_PATH = "/hs/stocks/list"


def _publication(_: Any, attribute: Attribute[Any], value: str) -> None:
    if "/hs/" in f"{urlsplit(value).path}/":
        raise ValueError(
            f'{attribute.name} ends where the publication ends: leave out what begins with "/hs", it is the '
            f'setting path (default "{_PATH}"), not {value!r}'
        )


def _path(_: Any, attribute: Attribute[Any], value: str) -> None:
    if not value.startswith("/") or any(mark in value for mark in "?#") or value != value.strip():
        raise ValueError(
            f'{attribute.name} must begin with "/" and have no "?" or "#", such as "{_PATH}", not {value!r}'
        )


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

    base_url: str = field(validator=[address("http://erp.local/trade", of="the publication"), _publication])
    user: str = field(default="", validator=without_colon("give the 1C user a name without one"))
    password: Secret | None = None
    path: str = field(default=_PATH, validator=_path)
    warehouse: str = field(default="main", validator=own_name())
    overlap: timedelta = field(default=timedelta(minutes=5), validator=not_negative())
    full_every: timedelta = field(default=timedelta(hours=24), validator=not_negative())
    timeout: timedelta = field(default=timedelta(seconds=60), validator=above_zero())
    trust_updated_at: bool = False
    timezone: str = field(default="", validator=time_zone())
    rows_without_sku: Literal["unknown", "ignore"] = field(
        default="unknown", validator=one_of("unknown", "ignore")
    )
    requests_per_minute: int | None = field(default=None, validator=one_or_more("leave it out for no limit"))

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


def row_parser(settings: OnecSettings) -> RowParser:
    """Return what reads a row by these settings: one that was asked for, and one that 1C has pushed."""
    return RowParser(
        settings.warehouse,
        settings.trust_updated_at,
        settings.zone,
        system="1C",
        numbers="1C's XMLСтрока() does, and Формат() writes 0 as nothing unless it is told ЧН=0",
    )
