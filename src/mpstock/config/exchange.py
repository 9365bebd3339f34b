"""What the settings file says of 1C's exchange with us as its site: the table `[service.exchange]`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
from attrs import field, frozen

__all__ = ["ExchangeSettings"]


def _bytes(_: Any, attribute: attrs.Attribute[Any], value: int) -> None:
    if value < 1024:
        raise ValueError(f"{attribute.name} is a number of bytes, 1024 or more, not {value}")


def _a_while(_: Any, attribute: attrs.Attribute[Any], value: timedelta) -> None:
    if value < timedelta(seconds=1):
        raise ValueError(f'{attribute.name} must be at least "1s"')


@frozen
class ExchangeSettings:
    """`[service.exchange]`: how files of 1C's exchange with a site are taken.

    `zip`         whether 1C may pack its files.
    `file_limit`  bytes of one request at most, as 1C is told; below the 1 MiB that nginx lets through.
    `max_size`    bytes of one exchange at most, as it is sent and of each zip unpacked.
    `quiet_for`   an exchange that has said nothing for so long may be replaced by another one.
    """

    zip: bool = True
    file_limit: int = field(default=1_000_000, validator=_bytes)
    max_size: int = field(default=4 * 1024**3, validator=_bytes)
    quiet_for: timedelta = field(default=timedelta(minutes=5), validator=_a_while)
