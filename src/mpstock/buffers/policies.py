"""The built-in buffer policies: pure functions from what is available to what is advertised.

Each class is its own settings: the keys of a buffer table are its fields. All arithmetic is in whole
numbers; a percentage is exact (`12.5` is 12.5, not the nearest binary fraction).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import Attribute, field, frozen

from mpstock.contract_versions import CONTRACT
from mpstock.interfaces import BufferPolicySpec

__all__ = ["DEFAULT_POLICY", "POLICIES", "All", "FixedShare", "Standard", "Threshold"]

DEFAULT_POLICY = "standard"
"""The policy where no level names one."""


def _whole(_: Any, attribute: Attribute[Any], value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{attribute.name} must be a whole number of units, 0 or more, not {value!r}")


def _whole_or_none(self: Any, attribute: Attribute[Any], value: Any) -> None:
    if value is not None:
        _whole(self, attribute, value)


def _decimal(value: Any) -> Any:
    # A float is taken by its shortest text, or 0.1 would be 0.1000000000000000055….
    exact = isinstance(value, (int, float)) and not isinstance(value, bool)
    return Decimal(str(value)) if exact else value


def _percentage(_: Any, attribute: Attribute[Any], value: Any) -> None:
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value <= 100:
        raise ValueError(f"{attribute.name} must be from 0 to 100, not {value}")


def _capped(quantity: int, cap: int | None) -> int:
    return max(quantity if cap is None else min(quantity, cap), 0)


@frozen
class Standard:
    """Keep back the larger of `absolute` units and `percent` of what is available, rounded up.

    At most `cap` is advertised.
    """

    absolute: int = field(default=2, validator=_whole)
    percent: Decimal = field(default=Decimal(0), converter=_decimal, validator=_percentage)
    cap: int | None = field(default=None, validator=_whole_or_none)

    def advertise(self, available: int) -> int:
        numerator, denominator = self.percent.as_integer_ratio()
        part = -(-available * numerator // (100 * denominator))
        return _capped(available - max(self.absolute, part), self.cap)


@frozen
class All:
    """Advertise everything that is available, at most `cap`."""

    cap: int | None = field(default=None, validator=_whole_or_none)

    def advertise(self, available: int) -> int:
        return _capped(available, self.cap)


@frozen
class FixedShare:
    """Advertise `percent` of what is available, rounded down, at most `cap`."""

    percent: Decimal = field(converter=_decimal, validator=_percentage)
    cap: int | None = field(default=None, validator=_whole_or_none)

    def advertise(self, available: int) -> int:
        numerator, denominator = self.percent.as_integer_ratio()
        return _capped(available * numerator // (100 * denominator), self.cap)


@frozen
class Threshold:
    """Advertise everything, at most `cap`, but nothing where fewer than `minimum` are available."""

    minimum: int = field(validator=_whole)
    cap: int | None = field(default=None, validator=_whole_or_none)

    def advertise(self, available: int) -> int:
        return _capped(available, self.cap) if available >= self.minimum else 0


def _itself(policy: Any) -> Any:
    return policy


POLICIES = (
    BufferPolicySpec(
        name="standard",
        summary="keeps back the larger of so many units and so many percent",
        settings=Standard,
        factory=_itself,
        contract=CONTRACT,
    ),
    BufferPolicySpec(
        name="all",
        summary="shows everything that is available",
        settings=All,
        factory=_itself,
        contract=CONTRACT,
    ),
    BufferPolicySpec(
        name="fixed_share",
        summary="shows so many percent of what is available",
        settings=FixedShare,
        factory=_itself,
        contract=CONTRACT,
    ),
    BufferPolicySpec(
        name="threshold",
        summary="shows nothing below so many units, and everything from there on",
        settings=Threshold,
        factory=_itself,
        contract=CONTRACT,
    ),
)
