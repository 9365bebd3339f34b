"""The Market's own words for an error, whichever shape they come in."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    import httpx

__all__ = ["Said", "decode", "describe", "errors_of", "is_error", "words_of"]

_LONGEST = 300


@frozen
class Said:
    """One entry of `errors`: the Market's code and its words."""

    code: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code, self.message) if part)


def decode(content: bytes) -> Any:
    """Return the JSON of a body. Raises ValueError if it is none."""
    try:
        return json.loads(content.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def errors_of(data: Any) -> list[Said]:
    """Return the entries of `errors`, those that have words."""
    entries = data.get("errors") if isinstance(data, dict) else None
    said = [
        Said(_text(entry.get("code")), _text(entry.get("message")))
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
    ]
    return [one for one in said if one.code or one.message]


def is_error(data: Any) -> bool:
    """Tell whether an answer calls itself an error, whatever its HTTP status."""
    return isinstance(data, dict) and data.get("status") == "ERROR"


def describe(response: httpx.Response) -> str:
    """Return the words of an error answer, for the transport."""
    return words_of(response.content)


def words_of(content: bytes) -> str:
    """Return the words of an error, of the envelope `errors` with `code` and `message`, or a page's title."""
    try:
        data = decode(content)
    except ValueError:
        return _plain(content.decode("utf-8", "replace"))
    said = [str(one) for one in errors_of(data)]
    if not said and isinstance(data, dict):
        said = [_text(data.get("message"))]
    told = list(dict.fromkeys(filter(None, said)))
    more = f" (and {len(told) - 3} more)" if len(told) > 3 else ""
    return _short("; ".join(told[:3])) + more if told else _short(content.decode("utf-8", "replace"))


def _plain(text: str) -> str:
    if "<html" in text[:1000].lower() or "<!doctype" in text[:1000].lower():
        title = re.search(r"<title[^>]*>(.*?)</title>", text[:10000], re.IGNORECASE | re.DOTALL)
        return "a page of HTML" + (f" titled {_short(title.group(1))!r}" if title else "")
    return _short(text) or "an empty answer"


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"
