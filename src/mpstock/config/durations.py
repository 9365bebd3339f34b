"""Lengths of time as people write them: `"2h"`, `"15m"`, `"1h30m"`, or a number of seconds."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

__all__ = ["format_duration", "parse_duration"]

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?\s*[wdhms]\s*)+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([wdhms])", re.ASCII)


def parse_duration(value: str | int | float | Decimal) -> timedelta:
    """Return the length of time; a number is in seconds. It is never negative.

    Raises:
        ValueError: it is not a length of time; the text says how to write one.
    """
    if isinstance(value, str):
        text = value.strip().lower()
        parts = _PART.findall(text) if _WHOLE.fullmatch(text) else []
        units = [unit for _, unit in parts]
        # Each unit once and the larger first, or "1m 1m" would pass for a typing error unseen.
        if not parts or units != sorted(set(units), key=list(_UNITS).index):
            raise ValueError(_HOW)
        seconds = sum((Decimal(number) * _UNITS[unit] for number, unit in parts), Decimal(0))
    elif isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError(_HOW)
    else:
        seconds = Decimal(str(value))
    if not seconds.is_finite() or seconds < 0:
        raise ValueError(_HOW)
    try:
        return timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError:
        raise ValueError("it is too long") from None


_HOW = 'write a length of time such as "15m", "2h", "1h30m", "1d", or a number of seconds'


def format_duration(length: timedelta) -> str:
    """Return it as it would be written in the settings: `1h30m`."""
    seconds = Decimal(length // timedelta(microseconds=1)) / 1_000_000
    whole, rest = divmod(seconds, 1)
    parts: list[str] = []
    for unit in ("d", "h", "m"):
        count, whole = divmod(whole, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    if whole + rest or not parts:
        parts.append(f"{(whole + rest).normalize():f}s")
    return "".join(parts)
