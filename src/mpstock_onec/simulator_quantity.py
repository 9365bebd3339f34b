"""The quantities that the 1C doubles are given."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

__all__ = ["decimal"]


def decimal(quantity: int | str | Decimal) -> Decimal:
    """Return a quantity as a number.

    Raises:
        ValueError: it is none.
    """
    try:
        number = Decimal(quantity)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(f"{quantity!r} is no quantity")
    return number
