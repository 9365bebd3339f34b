"""The tables as they stand in the file, where that is not how they are used."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from attrs import Attribute, field, frozen
from attrs.validators import optional

from mpstock.config.settings import Absorption
from mpstock.validators import above_zero, one_or_more

__all__ = ["ClockTable", "LedgerTable", "SinkTable", "SourceTable", "WarehouseTable"]


def _a_name(_: Any, attribute: Attribute[Any], value: str) -> None:
    if not 0 < len(value.strip()) <= _LONGEST_NAME or not value.isprintable():
        raise ValueError(f"{attribute.name} must be a name of 1 to {_LONGEST_NAME} characters, not {value!r}")


_LONGEST_NAME = 200


@frozen
class LedgerTable:
    """`[ledger]`, its path still relative."""

    url: str = "sqlite:///mpstock.db"
    tenant: str = field(default="default", validator=_a_name)


def _above_zero(_: Any, attribute: Attribute[Any], value: float) -> None:
    if value <= 0:
        raise ValueError(f"{attribute.name} must be above 0, not {value:g}")


@frozen
class ClockTable:
    """`[clock]`."""

    speed: float = field(default=1.0, validator=_above_zero)
    anchor: datetime | None = None


def _part(_: Any, attribute: Attribute[Any], value: Decimal | None) -> None:
    if value is not None and not 0 < value <= 1:
        raise ValueError(f"{attribute.name} must be above 0 and at most 1 (0.25 is a quarter), not {value}")


@frozen
class SourceTable:
    """The core's keys of `[sources.NAME]`; None = not said."""

    plugin: str
    quantity: Literal["on_hand", "free"] | None = None
    absorbs: dict[str, Absorption] = field(factory=dict[str, Absorption])
    max_age: timedelta | None = field(default=None, validator=optional(above_zero("15m")))
    incremental: Literal["exact", "advisory"] | None = None
    group: str = "main"
    rule: Literal["sum", "first", "max", "min"] | None = None
    share: Decimal = field(default=Decimal(1), validator=_part)
    lead_time: timedelta | None = field(default=None, validator=optional(above_zero("15m")))
    max_per_sku: int | None = field(default=None, validator=one_or_more("leave it out for no limit"))
    transport: dict[str, Any] = field(factory=dict[str, Any])


@frozen
class SinkTable:
    """The core's keys of `[sinks.NAME]`; the warehouses are looked at one by one."""

    plugin: str
    priority: int = 1
    share: Decimal | None = field(default=None, validator=_part)
    max_age: timedelta = field(default=timedelta(minutes=15), validator=above_zero("15m"))
    shadow: bool = False
    warehouses: list[Any] = field(factory=list[Any])
    buffer: dict[str, Any] = field(factory=dict[str, Any])
    transport: dict[str, Any] = field(factory=dict[str, Any])


def _some(_: Any, attribute: Attribute[Any], value: tuple[str, ...] | None) -> None:
    if value is None:
        return
    if not value:
        raise ValueError(
            f"{attribute.name} is an empty list, so nothing would be shown; left out it means all"
        )
    twice = [own for own in dict.fromkeys(value) if value.count(own) > 1]
    if twice:
        raise ValueError(f'{attribute.name} has "{twice[0]}" twice; take one out')


def _code(value: str | int) -> str:
    # The marketplaces' codes are numbers to the eye, and it is easy to leave out the quotes.
    return str(value).strip()


def _not_empty(_: Any, attribute: Attribute[Any], value: str) -> None:
    if not value:
        raise ValueError(f"{attribute.name} is empty; write the marketplace's code of the warehouse")


@frozen
class WarehouseTable:
    """`[[sinks.NAME.warehouses]]`."""

    code: str | int = field(converter=_code, validator=_not_empty)
    feeds: tuple[str, ...] | None = field(default=None, validator=_some)
    share: Decimal | None = field(default=None, validator=_part)
    pick_order: tuple[str, ...] | None = field(default=None, validator=_some)
    buffer: dict[str, Any] = field(factory=dict[str, Any])
