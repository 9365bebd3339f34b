"""Quantities of МойСклад: floats, negative ones too, made whole without promising what is not there. Pure."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import TypeGuard

__all__ = ["DUST", "LARGEST", "Amount", "add", "ceil", "floor", "is_amount", "per"]

Amount = int | Decimal

LARGEST = 10**12
"""What no warehouse holds: a number beyond it is a defect, whichever way its sign goes."""

_EXACT = Context(prec=60, traps=[])
DUST = Decimal("0.000001")
"""МойСклад's own sums are floats: 2.9999999999999996 is three."""


def is_amount(value: object) -> TypeGuard[Amount]:
    """Tell whether a value of the JSON is a number that a warehouse can hold."""
    if isinstance(value, int) and not isinstance(value, bool):
        return -LARGEST <= value <= LARGEST
    return isinstance(value, Decimal) and value.is_finite() and -LARGEST <= value <= LARGEST


def add(one: Amount, other: Amount) -> Amount:
    """Return the exact sum."""
    if type(one) is int and type(other) is int:
        return one + other
    return _EXACT.add(Decimal(one), Decimal(other))


def per(amount: Amount, each: Amount) -> Amount:
    """Return how often `each` (above 0) goes into `amount`."""
    return _EXACT.divide(Decimal(amount), Decimal(each))


def floor(value: Amount) -> int:
    """Return the largest whole number that is not above `value`, dust apart."""
    return value if isinstance(value, int) else _whole(value, ROUND_FLOOR)


def ceil(value: Amount) -> int:
    """Return the smallest whole number that is not below `value`, dust apart."""
    return value if isinstance(value, int) else _whole(value, ROUND_CEILING)


def _whole(value: Decimal, rounding: str) -> int:
    clean = value.quantize(DUST, ROUND_HALF_EVEN, _EXACT)
    return int(clean.to_integral_value(rounding, _EXACT))
