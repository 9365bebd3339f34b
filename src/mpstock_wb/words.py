"""Wildberries' own words for an error, whichever of its shapes they come in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

__all__ = ["as_text", "content_words", "decode", "describe", "is_problem", "words_of"]


def decode(content: bytes) -> Any:
    """Return the JSON of a body. Raises ValueError if it is none."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def as_text(value: Any) -> str:
    """Return a text without blanks around it, a number as text, and nothing for what is neither."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return ""


def describe(response: httpx.Response) -> str:
    """Return the words of an error answer.

    An object with `code` and `message`, an array of these, a problem document (`title`, `detail`), the
    content hosts' `errorText`, or a page of HTML from something in between.
    """
    return words_of(response.content)


def words_of(content: bytes) -> str:
    """As `describe`, of a body."""
    try:
        data = decode(content)
    except ValueError:
        return _plain_words(content.decode("utf-8", "replace"))
    if isinstance(data, list):
        told = list(dict.fromkeys(filter(None, (_object_words(entry) for entry in data))))
        more = f" (and {len(told) - 3} more)" if len(told) > 3 else ""
        return "; ".join(told[:3]) + more
    return _object_words(data) or _shorten(content.decode("utf-8", "replace"))


def _object_words(data: Any) -> str:
    if not isinstance(data, dict):
        return ""
    if "errorText" in data:
        return content_words(data)
    if is_problem(data):
        return _joined(as_text(data.get("title")), as_text(data.get("detail")))
    return _joined(as_text(data.get("code")), as_text(data.get("message")))


def is_problem(data: Mapping[str, Any]) -> bool:
    """Whether it is a problem document: its `code`, if any, is a trace number that means nothing."""
    return "title" in data or "detail" in data


def content_words(data: Mapping[str, Any]) -> str:
    """Return the words of an error of the content hosts."""
    more = data.get("additionalErrors")
    extra = more if isinstance(more, str) else json.dumps(more, ensure_ascii=False) if more else ""
    text = as_text(data.get("errorText"))
    return _shorten(text if extra in ("", text) else _joined(text, extra))


def _joined(first: str, second: str) -> str:
    return _shorten(": ".join(part for part in (first, second) if part))


def _plain_words(text: str) -> str:
    if "<html" in text[:1000].lower() or "<!doctype" in text[:1000].lower():
        title = re.search(r"<title[^>]*>(.*?)</title>", text[:10000], re.IGNORECASE | re.DOTALL)
        return "a page of HTML" + (f" titled {_shorten(title.group(1))!r}" if title else "")
    return _shorten(text) or "an empty answer"


def _shorten(text: str, most: int = 300) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"
