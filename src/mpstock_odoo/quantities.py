"""Quantities as Odoo tells them: binary fractions with dust, which sums leave behind. Pure."""

from __future__ import annotations

import math

__all__ = ["DUST", "LARGEST", "UnreadableError", "ceil", "floor", "is_whole"]

DUST = 1e-7
"""What is nearer to a whole number than this is that number. Odoo's own units go down to 0.000001 at most."""

LARGEST = 10**12
"""What no warehouse holds: a number beyond it is a defect, whichever way its sign goes."""


class UnreadableError(ValueError):
    """It is no number that can be told safely. The text says what it is."""


def floor(value: object) -> int:
    """Return the largest whole number that is not above `value`, its dust apart.

    Raises:
        UnreadableError: it is no number, or one that no warehouse holds.
    """
    return math.floor(_number(value) + DUST)


def ceil(value: object) -> int:
    """Return the smallest whole number that is not below `value`, its dust apart.

    Raises:
        UnreadableError: it is no number, or one that no warehouse holds.
    """
    return math.ceil(_number(value) - DUST)


def is_whole(value: float) -> bool:
    """Whether a number is whole, its dust apart."""
    return abs(value - round(value)) <= DUST


def _number(value: object) -> float | int:
    # Odoo says False for what is not set; Python would take it for 0, and unknown is not zero.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UnreadableError(f"is {_named(value)} and not a number")
    if not -LARGEST <= value <= LARGEST:
        raise UnreadableError("is beyond ±10^12, which no warehouse holds")
    return value


def _named(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    kinds: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}
    return kinds.get(type(value), type(value).__name__)
