"""The body of an OData answer → its rows, one by one. Pure.

`{"odata.metadata": "…", "value": [row, …]}`: OData 3 as 1C writes it, `Edm.Int64` as text, often with a
byte order mark before it.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Generator, Iterator
from decimal import Decimal, InvalidOperation
from json import JSONDecodeError, JSONDecoder
from typing import Any

from mpstock.rows import MalformedError, words
from mpstock_onec.odata_errors import Said, read_json_error

__all__ = ["ErrorInBodyError", "rows"]

_STEP = 2**18
"""Bytes that are decoded at a time: a large answer never stands in memory a second time."""

_LONGEST_ROW = 2**22
_EXPONENT = len("e+") + 1
_BLANK = re.compile(r"[ \t\r\n]*")
# What is left of a word, a number or an escape that the end of the body has cut in two.
_STUMP = re.compile(
    r"-|t|tr|tru|f|fa|fal|fals|n|nu|nul|N|Na|-?I[nfity]{0,6}|.?[eE][+-]?|\\u?[0-9a-fA-F]{0,3}\"?"
)
_MARKS = "\ufeff \t\r\n"


class ErrorInBodyError(MalformedError):
    """The body is an error of OData, though its status did not say so."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.text)
        self.said = said


def rows(body: bytes) -> Iterator[Any]:
    """Yield what stands in the list `value`, as it stands there; whole numbers as int, others as Decimal.

    Nothing may be done with the rows before the walk has ended well: the end of the body shows whether
    it is whole.

    Raises:
        MalformedError: it is no JSON, is cut off, or has no list `value`.
    """
    yield from _Walk(body).rows()


def _decimal(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _int(text: str) -> int | str:
    # Python refuses to convert thousands of digits; as text it is refused as a number with a place.
    return int(text) if len(text) <= 40 else text


class _Walk:
    """Goes over the outermost object by hand, and over each value with the JSON scanner.

    `text` is a window on the body that moves on; `position` is where in the window the walk stands.
    """

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)
        self._read = 0
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._text = ""
        self._position = 0
        self._passed = 0
        self._row: int | None = None
        self._scan = JSONDecoder(
            parse_float=_decimal, parse_int=_int, parse_constant=str, strict=False
        ).raw_decode

    def rows(self) -> Generator[Any, None, None]:
        while not self._text.lstrip(_MARKS) and self._more():
            pass
        start = len(self._text) - len(self._text.lstrip(_MARKS))
        self._position = start
        first = self._peek()
        if not first:
            raise MalformedError("the body is empty; 1C's OData answers with JSON")
        if first == "<":
            raise MalformedError(
                f"a page or XML instead of JSON: {words(self._text)!r}; is the publication on, with OData "
                "among its services, and is base_url right?"
            )
        if first != "{":
            raise self._broken("an object is expected")
        self._position += 1
        keys: list[str] = []
        told = False
        going_on = self._peek() != "}"
        if not going_on:
            self._position += 1
        while going_on:
            key = self._key()
            if key == "value" and self._peek() == "[":
                if told:
                    raise MalformedError('"value" stands twice in the body; which is right cannot be told')
                told = True
                self._position += 1
                yield from self._items()
            else:
                value = self._value()
                if key == "odata.error":
                    raise ErrorInBodyError(read_json_error(value))
            keys.append(key)
            going_on = self._next("}")
        if self._peek():
            raise self._broken("there is more after the end of the JSON")
        if not told:
            there = ", ".join(map(repr, keys[:10])) or "none at all"
            raise MalformedError(f'no list "value" in the body, which has {there}; it is no list of OData')

    def _items(self) -> Generator[Any, None, None]:
        if self._peek() == "]":
            self._position += 1
            return
        self._row = 0
        going_on = True
        while going_on:
            yield self._value()
            # Most rows are followed by a comma at once.
            text, position = self._text, self._position
            if text.startswith(",{", position):
                self._position = position + 1
            else:
                going_on = self._next("]")
            self._row += 1
        self._row = None

    def _more(self) -> bool:
        """Move the window on; False at the end of the body."""
        body, start = self._body, self._read
        if start >= len(body):
            return False
        self._read = end = min(start + _STEP, len(body))
        try:
            fresh = self._decode(body[start:end], end == len(body))
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data":
                raise self._cut() from None
            byte, where = error.object[error.start], start + error.start
            raise MalformedError(
                f"the body is not UTF-8 (byte 0x{byte:02X} at about {where}); 1C's OData writes UTF-8, so "
                "something else has answered"
            ) from None
        self._passed += self._position
        self._text = self._text[self._position :] + fresh
        self._position = 0
        return True

    def _peek(self) -> str:
        """Skip blanks; return the character there, empty at the end of the body."""
        while True:
            match = _BLANK.match(self._text, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._more():
                return ""

    def _key(self) -> str:
        if self._peek() != '"':
            raise self._broken("a name in double quotes is expected")
        key = self._value()
        if self._peek() != ":":
            raise self._broken("a colon is expected")
        self._position += 1
        return str(key)

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._scan(self._text, self._position)
            except JSONDecodeError as error:
                if len(self._text) - self._position < _LONGEST_ROW and self._more():
                    continue
                self._position = min(error.pos, len(self._text))
                raise self._broken(error.msg) from None
            except RecursionError:
                raise self._broken("lists within lists within lists, too many of them") from None
            # A number that ends near the window's end may go on behind it: 45 and 1 in `45.` and `1e+`.
            if len(self._text) - end < _EXPONENT and self._more():
                continue
            self._position = end
            return value

    def _next(self, closing: str) -> bool:
        found = self._peek()
        if found not in (",", closing) or not found:
            raise self._broken(f"a comma or {closing!r} is expected")
        self._position += 1
        return found == ","

    def _broken(self, reason: str) -> MalformedError:
        text, position = self._text, self._position
        tail = text[position:].strip()
        if self._read >= len(self._body) and (not tail or "Unterminated" in reason or _STUMP.fullmatch(tail)):
            return self._cut()
        around = text[max(0, position - 40) : position + 40]
        place = f"character {self._passed + position + 1}{self._where()}"
        return MalformedError(f"no valid JSON at {place}: {reason}, around {around!r}")

    def _cut(self) -> MalformedError:
        return MalformedError(
            f"the body ends in the middle{self._where()}, after {len(self._body):,} bytes; nothing of it is "
            "used. The connection, a proxy or the web server has cut it, or 1C stopped while writing"
        )

    def _where(self) -> str:
        return "" if self._row is None else f" in row {self._row + 1}"
