"""The bodies of МойСклад (JSON API 1.2) → what they say. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from json import JSONDecodeError, JSONDecoder
from typing import Any
from uuid import UUID

from attrs import field, frozen

__all__ = [
    "MalformedError",
    "Page",
    "decoded",
    "href_id",
    "items",
    "moscow",
    "page",
    "same_place",
    "uuid_key",
    "uuid_text",
    "words_of",
]

_MOSCOW = timezone(timedelta(hours=3))
_SPACE = re.compile(r"[ \t\r\n]*")
_NEXT = re.compile(r"[ \t\r\n]*([,\]])[ \t\r\n]*")
_TAGS = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>|<[^>]*>")
_LONGEST_INT = 30


class MalformedError(ValueError):
    """The body is not what the documents promise. The text says what it is."""


@frozen
class Page:
    """A page of a list: `{meta: {size, nextHref?, …}, rows: […]}`. `size` is of the whole list."""

    rows: Sequence[Any] = field(repr=False)
    next_href: str | None
    size: int | None


class _Literal:
    """NaN and the infinities, which are no JSON and no number."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _int(text: str) -> int | Decimal:
    return int(text) if len(text) < _LONGEST_INT else Decimal(text)


_DECODER = JSONDecoder(parse_float=Decimal, parse_int=_int, parse_constant=_Literal)


def moscow(moment: datetime) -> str:
    """Write a moment as МойСклад does: Moscow time, whole seconds (general part, date format)."""
    return moment.astimezone(_MOSCOW).strftime("%Y-%m-%d %H:%M:%S")


def decoded(body: bytes) -> str:
    """Return the text of a body.

    Raises:
        MalformedError: it is not UTF-8, or a page for people.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedError(f"the body is not UTF-8 (at byte {error.start})") from None
    if text[:200].lstrip()[:1] == "<":
        raise MalformedError(
            f"a page instead of JSON: {words_of(text)!r}; is base_url the address of the API?"
        )
    return text


def words_of(text: str) -> str:
    """Return what a page says to a person, in one short line."""
    return " ".join(_TAGS.sub(" ", text[:20_000]).split())[:200]


def items(text: str) -> Iterator[Any]:
    """Yield what stands in a bare array, one by one: a report of a million rows is never held as JSON.

    Whole numbers are ints, others Decimals. Nothing may be done with the rows before the walk has ended
    well: only the end of the body shows that it is whole.

    Raises:
        MalformedError: it is no array, no JSON, or cut off.
    """
    position = _skip(text, 0)
    if not text.startswith("[", position):
        raise MalformedError(f"the report is not an array: {_shown(text)}")
    position = _skip(text, position + 1)
    if text.startswith("]", position):
        _end(text, position + 1)
        return
    scan, number = _DECODER.raw_decode, 0
    while True:
        number += 1
        try:
            value, position = scan(text, position)
        except JSONDecodeError:
            raise _broken(text, position, number) from None
        except RecursionError:
            raise MalformedError(f"row {number} has lists within lists, too many of them") from None
        yield value
        match = _NEXT.match(text, position)
        if match is None:
            raise _broken(text, position, number)
        position = match.end()
        if match[1] == "]":
            _end(text, position)
            return


def page(text: str) -> Page:
    """Read a page of a list.

    Raises:
        MalformedError: it is not one.
    """
    try:
        data = _DECODER.decode(text)
    except (JSONDecodeError, RecursionError):
        raise MalformedError(f"the list is no JSON, or cut off: {_shown(text)}") from None
    rows = data.get("rows") if isinstance(data, dict) else None
    meta = data.get("meta") if isinstance(data, dict) else None
    if not isinstance(rows, list) or not isinstance(meta, dict):
        raise MalformedError(f"the list has no meta and rows: {_shown(text)}")
    following, size = meta.get("nextHref"), meta.get("size")
    return Page(
        rows,
        following if isinstance(following, str) and following else None,
        size if type(size) is int else None,
    )


def href_id(data: Any) -> str | None:
    """Return the id at the end of `{"meta": {"href": …}}`; a report appends `?expand=…` to it."""
    meta = data.get("meta") if isinstance(data, dict) else None
    href = meta.get("href") if isinstance(meta, dict) else None
    return href.partition("?")[0].rstrip("/").rpartition("/")[2] or None if isinstance(href, str) else None


def same_place(href: str, base_url: str) -> str | None:
    """Return `href` as it can be asked for, or None if it leads away from the API: a token goes nowhere else.

    МойСклад writes a raw blank into some of its links.
    """
    base = base_url.rstrip("/") + "/"
    return href.replace(" ", "%20") if href.startswith(base) and "/../" not in href else None


def uuid_key(text: str) -> bytes:
    """Return an id in 16 bytes: a million of them as texts would take twice the memory."""
    try:
        return bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return text.encode(errors="surrogatepass")


def uuid_text(key: bytes) -> str:
    """Return the id as МойСклад writes it."""
    return str(UUID(bytes=key)) if len(key) == 16 else key.decode(errors="surrogatepass")


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _end(text: str, position: int) -> None:
    if _skip(text, position) != len(text):
        raise MalformedError("there is more after the end of the report")


def _broken(text: str, position: int, number: int) -> MalformedError:
    tail = text[position : position + 300].strip()
    if len(text) - position < 300 and not tail.endswith("]"):
        return MalformedError(f"the body ends in the middle, in or after row {number}: it was cut off")
    return MalformedError(f"row {number} is no JSON, around {text[max(0, position - 20) : position + 60]!r}")


def _shown(text: str) -> str:
    line = " ".join(text[:400].split())
    return repr(line if len(line) <= 160 else f"{line[:157]}…") if line else "it is empty"
