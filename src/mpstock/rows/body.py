"""A body → the rows of its list of stocks, and what to say when it is something else. Pure."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from decimal import Decimal, InvalidOperation
from json import JSONDecodeError, JSONDecoder
from typing import Any

from attrs import frozen

__all__ = ["MalformedError", "Twice", "decoded", "parsed", "rows", "words"]

# Answered by web servers in Russia beside UTF-8; JSON itself knows UTF-8 only.
_CHARSETS = {"windows-1251", "cp1251", "koi8-r", "cp866", "ibm866", "iso-8859-5"}
_QUOTED = 20_000  # characters of an answer that its words are looked for in
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_SPACE = re.compile(r"[ \t\r\n]*")
_NEXT = re.compile(r"[ \t\r\n]*(?:(?P<comma>,)|(?P<end>[\]}]))[ \t\r\n]*")
_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
# What is left of a word or number that the end of the body has cut in two.
_STUMP = re.compile(
    r"-|\.|[eE][+-]?|t|tr|tru|f|fa|fal|fals|n|nu|nul|N|Na|-?(?:I|In|Inf|Infi|Infin|Infini|Infinit)"
)
_BARE_NUMBER = re.compile(r"[0-9][ \u00a0\u2000-\u200a\u202f'\u2019][0-9]{3}|[0-9],[0-9]+[ \t\r\n]*[,}]")


class MalformedError(ValueError):
    """The body is not a list of stocks. The text says where, why and how to mend it."""


@frozen
class Twice:
    """Stands in the place of an object in which a name stands twice: nobody can tell which is right."""

    name: str

    def __str__(self) -> str:
        return f"an object that has {self.name!r} twice"


@frozen
class _Literal:
    """Stands in the place of a number that JSON allows or Python adds, but nobody can count with."""

    text: str

    def __str__(self) -> str:
        return f"the number {self.text if len(self.text) <= 40 else self.text[:37] + '…'}"


def decoded(body: bytes, content_type: str = "") -> str:
    """Return the text of a body, without its byte order mark.

    Raises:
        MalformedError: it is neither UTF-8 nor in the charset that `content_type` names.
    """
    if body.startswith(_UTF16_MARKS):
        return body.decode("utf-16", errors="replace")
    try:
        # Two marks are seen where 1C writes one and a file that it sends has its own.
        return body.decode("utf-8").lstrip("\ufeff")
    except UnicodeDecodeError as error:
        charset = _charset(content_type)
        if charset in _CHARSETS:
            return body.decode(charset, errors="replace")
        if error.end >= len(body) and error.reason == "unexpected end of data":
            raise MalformedError(_cut_off(len(body), "bytes")) from None
        before = body[max(0, error.start - 30) : error.start].decode("utf-8", errors="replace")
        raise MalformedError(
            f"the body is not UTF-8: byte 0x{body[error.start]:02X} at position {error.start}, after "
            f"{before!r}; it may be windows-1251. In 1C set the body with КодировкаТекста.UTF8, or name the "
            "charset in Content-Type"
        ) from None


def rows(text: str) -> Iterator[Any]:
    """Yield what stands in the list `stocks`, as it stands there; whole numbers as int, others as Decimal.

    The rows are taken out one by one, so that a catalogue of a million is never held as JSON.
    Nothing may be done with them before the walk has ended well: the end of the body shows
    whether it is whole.

    Raises:
        MalformedError: it is no JSON, is cut off, or has no list `stocks`.
    """
    if text.lstrip("\ufeff \t\r\n")[:1] == "<":
        raise MalformedError(
            f"a page instead of JSON: {words(text)!r}; is the publication on and the address right "
            "(another service, a login page or the web server itself may have answered)?"
        )
    yield from _Body(text).rows()


def parsed(text: str) -> Any:
    """Return what a whole text of JSON says, with the same care: exact numbers, and no name taken twice.

    Raises:
        MalformedError: it is no JSON, or is cut off.
    """
    return _Body(text).all()


def words(text: str) -> str:
    """Return what a page, a JSON error or a plain text says to a person, in one short line."""
    stripped = text[:_QUOTED].strip("\ufeff \t\r\n")
    if stripped.startswith("{"):
        stripped = _error_text(stripped) or stripped
    elif stripped.startswith("<"):
        stripped = _page_text(stripped)
    line = " ".join(stripped.split())
    return line if len(line) <= 300 else f"{line[:297]}…"


class _Body:
    """Walks over the outermost object of a body by hand, and over its values with the JSON scanner."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._row: int | None = None

    def all(self) -> Any:
        position = self._skip(0)
        if position == len(self._text):
            raise MalformedError("the body is empty")
        value, position = self._value(position)
        position = self._skip(position)
        if position != len(self._text):
            raise self._error("there is more after the end of the JSON", position)
        return value

    def rows(self) -> Iterator[Any]:
        text = self._text
        position = self._skip(0)
        if position == len(text):
            raise MalformedError(f"the body is empty; it has to be {_SHAPE}")
        if text[position] != "{":
            value, _ = self._value(position)
            raise MalformedError(f"the body is {_kind(value)} and not an object; it has to be {_SHAPE}")
        keys: list[str] = []
        position = self._skip(position + 1)
        going_on = not text.startswith("}", position)
        if not going_on:
            position = self._skip(position + 1)
        while going_on:
            key, position = self._key(position)
            if key != "stocks":
                _, position = self._value(position)
            elif key in keys:
                raise MalformedError(
                    '"stocks" stands twice in the body; which of them is right cannot be told'
                )
            elif text.startswith("[", position):
                position = yield from self._items(position + 1)
            else:
                value, _ = self._value(position)
                raise MalformedError(
                    f'"stocks" is {_kind(value)} and not a list; the body has to be {_SHAPE}'
                )
            keys.append(key)
            going_on, position = self._next(position, "}")
        if position != len(text):
            raise self._error("there is more after the end of the JSON", position)
        if "stocks" not in keys:
            there = ", ".join(map(repr, keys[:10])) or "none at all"
            raise MalformedError(f'no "stocks" in the body; the keys there are {there}: {words(text)!r}')

    def _items(self, position: int) -> Generator[Any, None, int]:
        position = self._skip(position)
        if self._text.startswith("]", position):
            return position + 1
        self._row = 0
        going_on = True
        while going_on:
            value, position = self._value(position)
            yield value
            going_on, position = self._next(position, "]")
            self._row += 1
        self._row = None
        return position

    def _skip(self, position: int) -> int:
        match = _SPACE.match(self._text, position)
        return match.end() if match else position

    def _key(self, position: int) -> tuple[str, int]:
        if not self._text.startswith('"', position):
            raise self._error("a name in double quotes is expected", position)
        key, position = self._value(position)
        colon = _COLON.match(self._text, position)
        if colon is None:
            raise self._error("a colon is expected", self._skip(position))
        return str(key), colon.end()

    def _value(self, position: int) -> tuple[Any, int]:
        try:
            return _DECODER.raw_decode(self._text, position)
        except JSONDecodeError as error:
            raise self._error(error.msg, error.pos) from None
        except RecursionError:
            raise self._error("lists within lists within lists, too many of them", position) from None

    def _next(self, position: int, end: str) -> tuple[bool, int]:
        match = _NEXT.match(self._text, position)
        if match is None or match["end"] not in (None, end):
            raise self._error(f"a comma or {end!r} is expected", self._skip(position))
        return match["comma"] is not None, match.end()

    def _error(self, reason: str, position: int) -> MalformedError:
        text = self._text
        where = "" if self._row is None else f" in row {self._row + 1} (stocks[{self._row}])"
        tail = text[position : position + 200].strip()
        escape = "escape" in reason and position + 8 >= len(text)
        if not tail or reason.startswith("Unterminated string") or escape or _STUMP.fullmatch(tail):
            return MalformedError(_cut_off(len(text), "characters", where))
        line = text.count("\n", 0, position) + 1
        column = position - text.rfind("\n", 0, position)
        around = text[max(0, position - 40) : position + 40]
        message = f"no valid JSON at line {line}, column {column}{where}: {reason}, around {around!r}"
        if _BARE_NUMBER.search(around):
            message += f"; {_FOR_PEOPLE}"
        return MalformedError(message)


_FOR_PEOPLE = "it looks like a number written for people: write it in 1C with ЗаписатьJSON() or XMLСтрока()"
_SHAPE = '{"stocks": [{"sku": "A-1", "quantity": 5}, …]}'


def _cut_off(length: int, unit: str, where: str = "") -> str:
    return (
        f"the body ends in the middle{where}, after {length} {unit}; nothing of it is used. "
        "The connection, a proxy or the web server has cut it, or the sender stopped while writing"
    )


def _charset(content_type: str) -> str:
    match = re.search(r"charset\s*=\s*[\"']?([\w.:-]+)", content_type, re.IGNORECASE)
    return match[1].lower() if match else ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Twice:
    named = dict(pairs)
    if len(named) == len(pairs):
        return named
    names = [name for name, _ in pairs]
    return Twice(next(name for name in names if names.count(name) > 1))


def _int(text: str) -> int | _Literal:
    # Longer ones are beyond every bound, and Python refuses to convert thousands of digits.
    return int(text) if len(text) <= 40 else _Literal(text)


def _decimal(text: str) -> Decimal | _Literal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return _Literal(text)


_DECODER = JSONDecoder(
    parse_float=_decimal, parse_int=_int, parse_constant=_Literal, strict=False, object_pairs_hook=_object
)


def _kind(value: object) -> str:
    kinds: dict[type, str] = {dict: "an object", list: "a list", str: "a text", bool: "true or false"}
    return "null" if value is None else kinds.get(type(value), "a number")


def _error_text(text: str) -> str:
    try:
        data = JSONDecoder(strict=False).decode(text)
    except (ValueError, RecursionError):
        return ""
    for name in ("error", "message", "detail", "description", "Ошибка", "Сообщение"):
        value = data.get(name)
        if isinstance(value, dict):
            value = value.get("message")
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _page_text(text: str) -> str:
    from html import unescape

    title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
    if title and title[1].strip():
        return unescape(title[1])
    bare = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->", " ", text)
    return unescape(re.sub(r"<[^>]*>", " ", bare))
