"""Validators for the settings of plugins, for attrs: what an error names is the key, the value and the mend.

Each function returns a validator for `attrs.field(validator=…)`. It raises a ValueError that begins with the
key; mpstock adds the file and the table. Nothing heavy is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from attrs import Attribute

__all__ = [
    "Validator",
    "above_zero",
    "address",
    "clean_text",
    "not_negative",
    "one_of",
    "one_or_more",
    "own_name",
    "time_zone",
    "without_colon",
]

Validator = Callable[[Any, "Attribute[Any]", Any], None]
"""What attrs calls with the settings, the attribute and its value."""


def address(
    example: str,
    *,
    of: str = "",
    login: str = "user name",
    written_as: str = "user and password",
    empty: bool = False,
    query: bool = False,
    shown: bool = True,
) -> Validator:
    """An address with `http://` or `https://` and a host, without a user name or password in it.

    `example` is told in the error, as is `of`: what it is the address of, such as "the server". `login` and
    `written_as` say what must not be in it, and the keys where that belongs. With `empty` an empty text is
    taken too; with `query`, what stands after a "?" or "#". Where keys may stand in the address, set
    `shown=False`: the error does not repeat it. One with a password in it is never repeated.
    """
    wanted = f"the address of {of}," if of else "an address"

    def check(_: Any, attribute: Attribute[Any], value: str) -> None:
        if empty and not value:
            return
        try:
            parts = urlsplit(value)
            carries_password = parts.username is not None or parts.password is not None
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
            usable = usable and (query or not (parts.query or parts.fragment))
        except ValueError:
            carries_password, usable = "@" in value, False
        if carries_password:
            raise ValueError(
                f"{attribute.name} must not carry a {login} or password; write them as {written_as}"
            )
        if not usable or value != value.strip():
            told = f", not {value!r}" if shown else ""
            raise ValueError(f'{attribute.name} must be {wanted} such as "{example}"{told}')

    return check


def above_zero(example: str = "60s") -> Validator:
    """A length of time (`timedelta`) above 0; `example` is told in the error."""

    def check(_: Any, attribute: Attribute[Any], value: timedelta) -> None:
        if value <= timedelta(0):
            raise ValueError(f'{attribute.name} must be above 0; write a length of time such as "{example}"')

    return check


def not_negative(example: str = "5m") -> Validator:
    """A length of time (`timedelta`) of 0 or more; `example` is told in the error."""

    def check(_: Any, attribute: Attribute[Any], value: timedelta) -> None:
        if value < timedelta(0):
            raise ValueError(
                f'{attribute.name} must not be negative; write a length of time such as "{example}"'
            )

    return check


def one_or_more(mend: str = "") -> Validator:
    """A number of 1 or more, or None where the setting may be left out; `mend` is told in the error."""

    def check(_: Any, attribute: Attribute[Any], value: int | None) -> None:
        if value is not None and value < 1:
            raise ValueError(f"{attribute.name} must be 1 or more, not {value}{_after(mend)}")

    return check


def one_of(*words: str) -> Validator:
    """One of these words."""
    *others, last = (f'"{word}"' for word in words)
    told = f"{', '.join(others)} or {last}" if others else last

    def check(_: Any, attribute: Attribute[Any], value: str) -> None:
        if value not in words:
            raise ValueError(f"{attribute.name} must be {told}, not {value!r}")

    return check


def own_name(*, empty: bool = False) -> Validator:
    """A name without blanks at its ends, such as a warehouse's; with `empty` an empty text is taken too."""

    def check(_: Any, attribute: Attribute[Any], value: str) -> None:
        if value != value.strip() or not (value or empty):
            raise ValueError(f"{attribute.name} must be a name without blanks at its ends, not {value!r}")

    return check


def clean_text() -> Validator:
    """A text without blanks at its ends, which may be empty."""

    def check(_: Any, attribute: Attribute[Any], value: str) -> None:
        if value != value.strip():
            raise ValueError(f"{attribute.name} must have no blanks at its ends, not {value!r}")

    return check


def time_zone() -> Validator:
    """A time zone by its name in the IANA database, or an empty text."""

    def check(_: Any, attribute: Attribute[Any], value: str) -> None:
        if not value:
            return
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(value)
        except (OSError, ValueError, LookupError):
            raise ValueError(
                f'{attribute.name} must be a zone such as "Europe/Moscow", not {value!r}'
            ) from None

    return check


def without_colon(mend: str = "") -> Validator:
    """A user name for Basic authentication, which ends at the first colon (RFC 7617); `mend` is told."""

    def check(_: Any, attribute: Attribute[Any], value: str) -> None:
        if ":" in value:
            raise ValueError(f"{attribute.name} must not contain a colon{_after(mend)}")

    return check


def _after(mend: str) -> str:
    return f"; {mend}" if mend else ""
