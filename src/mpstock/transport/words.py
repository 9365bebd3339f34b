"""What went wrong, in the vendor's words and ours."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import httpx

__all__ = ["place_of", "vendor_words"]

LONGEST = 300
KEYS = ("message", "detail", "errorText", "error_description", "error", "title", "code", "errors")
_MARKUP = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>|<[^>]*>")


def place_of(method: str, url: str) -> str:
    """The request in a sentence: method, host and path. A query may hold what is nobody's business."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{method} {host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def vendor_words(response: httpx.Response, describe: Callable[[httpx.Response], str] | None) -> str:
    """What the vendor says in an error answer; empty when it says nothing."""
    if describe is not None:
        try:
            return _short(describe(response))
        # The adapter's reading of an error must not hide the error itself.
        except Exception:
            pass
    try:
        found = _find(response.json())
        if found:
            return _short(found)
    except ValueError:
        pass
    return _short(_MARKUP.sub(" ", response.text))


def _find(data: Any) -> str:
    if isinstance(data, str):
        return data
    if isinstance(data, list):
        return "; ".join(filter(None, map(_find, data[:3])))
    if isinstance(data, dict):
        for key in KEYS:
            said = _find(data.get(key))
            if said:
                return said
    return ""


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
