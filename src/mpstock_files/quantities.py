"""What a cell says about how many there are: numbers as people write them, bounds, words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

__all__ = ["LARGEST", "WORDS", "Quantities", "UnreadableError", "ceil", "floor", "shown"]

LARGEST = 10**12
"""What no warehouse holds: a number beyond it is a defect, whichever way its sign goes."""

WORDS: Mapping[str, int] = {
    **dict.fromkeys(
        ("есть", "есть в наличии", "в наличии", "имеется", "да", "много", "достаточно", "мало", "+"), 1
    ),
    **dict.fromkeys(("yes", "in stock", "available", "low stock"), 1),
    **dict.fromkeys(("нет", "нет в наличии", "не в наличии", "отсутствует", "закончился", "распродано"), 0),
    **dict.fromkeys(("под заказ", "предзаказ", "ожидается", "в пути", "снят с производства"), 0),
    **dict.fromkeys(("no", "none", "out of stock", "sold out", "not available", "preorder", "on order"), 0),
}
"""The fewest units that a word promises."""

_LONGEST = 100
_EXACT = Context(prec=60, traps=[])
_DUST = Decimal("0.000001")
_GROUP = "[ \u00a0\u2000-\u200a\u202f\u205f\u3000'\u2019]"
_NUMBER = rf"(?:[0-9]{{1,3}}(?:{_GROUP}[0-9]{{3}})+|[0-9]+)(?:[.,][0-9]+)?"
_UNIT = r"(?:\s*(?:шт(?:ук[аи]?)?|ед|pcs?|pieces?)\.?)?"
_PLAIN = re.compile(rf"(?P<sign>[+\-\u2212\u2013]?)\s*(?P<number>{_NUMBER}){_UNIT}")
_AT_LEAST = re.compile(
    rf"(?:>=?|≥|более|больше|свыше|от|more than|over|at least)\s*(?P<number>{_NUMBER}){_UNIT}"
    rf"(?:\s*(?:до|-)\s*{_NUMBER}{_UNIT})?"
    rf"|(?P<plus>{_NUMBER}){_UNIT}\s*(?:\+|и\s+более|и\s+больше|or more){_UNIT}"
    rf"|(?P<range>{_NUMBER})\s*[-\u2013\u2014]\s*(?P<to>{_NUMBER}){_UNIT}"
)
_AT_MOST = re.compile(
    rf"(?:<=?|≤|до|менее|меньше|не более|less than|under|up to)\s*(?P<number>{_NUMBER}){_UNIT}"
)
_BLANKS = re.compile(r"\s+")


class UnreadableError(ValueError):
    """It is nothing that can be counted. The text says what it is and how to mend it."""


class Quantities:
    """Reads cells by the table of words of a source; case and blanks do not count in it.

    `empty` is what an empty cell means: 0, or None for unknown.
    """

    def __init__(self, words: Mapping[str, int | str], empty: int | None) -> None:
        known: dict[str, int | str] = {**WORDS, **{_key(word): units for word, units in words.items()}}
        self._words: dict[str, int | None] = {
            _key(word): units if isinstance(units, int) else None for word, units in known.items()
        }
        self._own = {_key(word) for word in words}
        self._empty = empty

    def __call__(self, cell: object) -> int | Decimal | None:
        """Return the exact number, the fewest units that a word or bound promises, None for unknown.

        Raises:
            UnreadableError: it is something else.
        """
        if type(cell) is int:
            return _bounded(cell)
        if isinstance(cell, float):
            return _from_float(cell)
        if isinstance(cell, str):
            if cell.isascii() and cell.isdigit() and len(cell) <= 12:
                return int(cell)
            return self._from_text(cell)
        if cell is None:
            return self._empty
        raise UnreadableError(f"is {shown(cell)} and not a number")

    def _from_text(self, text: str) -> int | Decimal | None:
        key = _key(text)
        if not key:
            return self._empty
        if key in self._own:
            return self._words[key]
        if len(text) > _LONGEST:
            # Python refuses to convert thousands of digits, and no cell for people is so long.
            raise UnreadableError(f"is {shown(text)}, which is too long for a number")
        lowered = _BLANKS.sub(" ", text.replace("\ufeff", "")).strip().casefold()
        if match := _PLAIN.fullmatch(lowered):
            number = _number(match["number"])
            return _bounded(-number if match["sign"] not in ("", "+") else number)
        if match := _AT_LEAST.fullmatch(lowered):
            if match["range"] and _number(match["range"]) > _number(match["to"]):
                raise UnreadableError(f"is {shown(text)}, which begins above its end")
            return _bounded(_number(match["number"] or match["plus"] or match["range"]))
        if match := _AT_MOST.fullmatch(lowered):
            # There are some, or they would say that there are none; more than one is not promised.
            return 1 if _number(match["number"]) > 1 else 0
        if key in self._words:
            return self._words[key]
        raise UnreadableError(
            f"is {shown(text)}, which is neither a number nor a known word; if it means a number, say so in "
            f"words, as in words = {{ {shown(text)} = 1 }}"
        )


def floor(value: int | Decimal) -> int:
    """Return the whole units, rounded down once the dust of a binary fraction is off (4.9999999 is 5)."""
    if isinstance(value, int):
        return value
    near = round(value)
    if abs(value - near) <= _DUST:
        return near
    return int(value.to_integral_value(ROUND_FLOOR, _EXACT))


def ceil(value: int | Decimal) -> int:
    """Return the whole units, rounded up once the dust is off: for what is reserved."""
    if isinstance(value, int):
        return value
    near = round(value)
    if abs(value - near) <= _DUST:
        return near
    return int(value.to_integral_value(ROUND_CEILING, _EXACT))


def shown(value: object) -> str:
    """Write a cell for a message, cut where it is long."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        text = value if len(value) <= 40 else f"{value[:37]}…"
        return '"' + text.replace('"', "'") + '"'
    if isinstance(value, (date, time, timedelta)):
        return f"the time {value} (a spreadsheet makes dates of texts such as 1-5)"
    return str(value)


def _key(word: str) -> str:
    return "".join(word.split()).replace("\ufeff", "").casefold().rstrip(".")


def _number(text: str) -> int | Decimal:
    digits = re.sub(_GROUP, "", text).replace(",", ".")
    return int(digits) if "." not in digits else _whole_if_it_is(Decimal(digits))


def _from_float(value: float) -> int | Decimal:
    number = Decimal(str(value))
    if not number.is_finite():
        raise UnreadableError(f"is {value} and not a number")
    return _bounded(_whole_if_it_is(number))


def _whole_if_it_is(value: Decimal) -> int | Decimal:
    return int(value) if value == value.to_integral_value() and abs(value) <= LARGEST else value


def _bounded(value: int | Decimal) -> int | Decimal:
    if not -LARGEST <= value <= LARGEST:
        raise UnreadableError("is beyond ±10^12, which no warehouse holds")
    return value
