"""Numbers as 1C writes them, in JSON or as text for people; exact, in Decimal where they are not whole."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

__all__ = ["LARGEST", "UnreadableError", "add", "ceil", "floor", "named", "number", "shown"]

LARGEST = 10**12
"""What no warehouse holds: a number beyond it is a defect, whichever way its sign goes."""

_MOST_DECIMALS = 50
_EXACT = Context(prec=100, traps=[])

# What 1C's own formats put between groups of three: any blank that is not a line break, or an apostrophe.
_GROUP = "[ \u00a0\u2000-\u200a\u202f\u205f\u3000'\u2019]"
_TEXT = re.compile(
    rf"(?P<sign>[+\-\u2212\u2010-\u2013])?{_GROUP}?"
    rf"(?P<whole>[0-9]{{1,3}}(?:(?P<group>{_GROUP})[0-9]{{3}}(?:(?P=group)[0-9]{{3}})*)?|[0-9]+|)"
    r"(?:[.,](?P<part>[0-9]+))?"
)
_NOT_DIGIT = re.compile("[^0-9]")


class UnreadableError(ValueError):
    """It is no number that can be told safely. The text says what it is and how to mend it."""


def number(value: object) -> int | Decimal:
    """Return the exact number that a field of a row says, an int where it is whole.

    Taken are JSON numbers (ints and Decimals) and text: digits, grouped by threes or not, with a
    decimal comma or point and a sign. Text with both a comma and a point, or with two commas, is
    refused: where commas group thousands, `1,234` is not 1.234, and which it is cannot be told.

    Raises:
        UnreadableError: it is something else, or beyond `LARGEST`.
    """
    kind = type(value)
    if kind is int:
        exact: int | Decimal = value  # type: ignore[assignment]
    elif kind is str:
        exact = _from_text(value)  # type: ignore[arg-type]
    elif kind is Decimal:
        exact = _whole_if_it_is(value)  # type: ignore[arg-type]
    else:
        raise UnreadableError(f"is {named(value)} and not a number")
    if not -LARGEST <= exact <= LARGEST:
        raise UnreadableError("is beyond ±10^12, which no warehouse holds")
    return exact


def add(one: int | Decimal, other: int | Decimal) -> int | Decimal:
    """Return the exact sum."""
    if isinstance(one, int) and isinstance(other, int):
        return one + other
    return _EXACT.add(Decimal(one), Decimal(other))


def floor(value: int | Decimal) -> int:
    """Return the largest whole number that is not above `value`."""
    return value if isinstance(value, int) else int(value.to_integral_value(ROUND_FLOOR, _EXACT))


def ceil(value: int | Decimal) -> int:
    """Return the smallest whole number that is not below `value`."""
    return value if isinstance(value, int) else int(value.to_integral_value(ROUND_CEILING, _EXACT))


def named(value: object) -> str:
    """Name what a JSON value is, for a message about a wrong type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"text {shown(value)}"
    if isinstance(value, (int, Decimal)):
        return f"the number {shown(value)}"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return shown(value)


def shown(value: object) -> str:
    """Write a value for a message, cut where it is long."""
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _from_text(text: str) -> int | Decimal:
    text = text.strip().strip("\ufeff\u200b").strip()
    if not text:
        raise UnreadableError("is an empty text, and empty is not zero; write 0 where there is nothing")
    match = _TEXT.fullmatch(text) if len(text) <= 100 else None
    if match is None or not (match["whole"] or match["part"]):
        raise UnreadableError(
            f"is {named(text)} and not a number that can be told safely; write it as a number, in digits"
        )
    sign = "-" if match["sign"] not in (None, "+") else ""
    whole = _NOT_DIGIT.sub("", match["whole"]) or "0"
    if match["part"] is None:
        return int(sign + whole)
    return _whole_if_it_is(Decimal(f"{sign}{whole}.{match['part']}"))


def _whole_if_it_is(value: Decimal) -> int | Decimal:
    if not value:
        return 0
    # Compared before anything is computed from it: 1e999999999 has a billion digits once written out.
    if not value.is_finite() or not -LARGEST <= value <= LARGEST:
        raise UnreadableError("is beyond ±10^12, which no warehouse holds")
    exponent = value.as_tuple().exponent
    if isinstance(exponent, str) or exponent < -_MOST_DECIMALS:
        raise UnreadableError(f"has more than {_MOST_DECIMALS} decimals, which no warehouse counts")
    whole = int(value)
    return whole if whole == value else value
