"""A request as it goes out."""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from attrs import field, frozen

from mpstock.errors import ConfigurationError, PluginContractError

if TYPE_CHECKING:
    import httpx

__all__ = ["Message", "build_message"]

_compact = jsonlib.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

_NOT_OF_HTTP = re.compile(r"[^\t\x20-\x7e]")
"""What a header's value may not hold."""


@frozen
class Message:
    """A request as it goes out, apart from the client that sends it."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    content: bytes | None = field(repr=False)
    push: bool
    scopes: tuple[str, ...]
    items: int
    timeout: float
    describe: Callable[[httpx.Response], str] | None


def build_message(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None,
    params: Mapping[str, str] | None,
    json: Any,
    content: bytes | None,
    push: bool,
    scopes: tuple[str, ...],
    items: int,
    timeout: float,
    describe: Callable[[httpx.Response], str] | None,
) -> Message:
    """Put a request together, and refuse what HTTP cannot carry before anything is waited for."""
    if json is not None and content is not None:
        raise PluginContractError("a request has either `json` or `content`, not both")
    sending = dict(headers or {})
    if json is not None:
        try:
            text = _compact(json)
        except (TypeError, ValueError) as error:
            raise PluginContractError(f"the body of {method} cannot be written as JSON: {error}") from None
        content = text.encode()
        if not any(name.lower() == "content-type" for name in sending):
            sending["Content-Type"] = "application/json"
    for name, value in sending.items():
        if _NOT_OF_HTTP.search(value):
            raise ConfigurationError(
                "the value holds characters that an HTTP header cannot carry (a line break, a space that "
                "is none, a Cyrillic letter); copy it anew",
                place=f"header {name}",
            )
    return Message(
        method=method.upper(),
        url=_with_query(url, params),
        headers=tuple(sending.items()),
        content=content,
        push=push,
        scopes=scopes,
        items=items,
        timeout=timeout,
        describe=describe,
    )


def _with_query(url: str, params: Mapping[str, str] | None) -> str:
    # Written here and not by httpx, which writes a space as "+": 1C's OData refuses that.
    query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in (params or {}).items())
    if not query:
        return url
    bare, mark, fragment = url.partition("#")
    return f"{bare}{'&' if '?' in bare else '?'}{query}{mark}{fragment}"


def _quoted(text: str) -> str:
    return quote(str(text), safe="$'(),:/@;!*")
