"""The double's reading of conditions: the part of OData 3's `$filter` that 1C documents (17.4.5.2).

Comparisons joined by `and`, `or`, `not` and parentheses; references as `guid'…'`, moments as
`datetime'…'`, texts in quotes (doubled inside), numbers, `true` and `false`, and `cast(…, 'Catalog_X')`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

__all__ = ["Cast", "FilterError", "Test", "parse"]

Test = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<guid>guid'(?P<ref>[0-9a-fA-F-]*)')|(?P<moment>datetime'[^']*')|(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<mark>[(),])|(?P<word>[^\W\d][\w/]*))"
)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda one, other: bool(one == other),
    "ne": lambda one, other: bool(one != other),
    "gt": lambda one, other: bool(one > other),
    "ge": lambda one, other: bool(one >= other),
    "lt": lambda one, other: bool(one < other),
    "le": lambda one, other: bool(one <= other),
}


class FilterError(ValueError):
    """The condition cannot be read. 1C answers with code 14."""


@frozen
class Cast:
    """A reference as one of a named type: what a field of several types has to be compared with."""

    ref: str
    kind: str


def parse(text: str, known: Callable[[str], bool]) -> Test:
    """Read a condition over the fields that `known` knows.

    Raises:
        FilterError: it is none, or names another field.
    """
    reader = _Reader(text, known)
    test = reader.disjunction()
    reader.expect_end()
    return test


class _Reader:
    def __init__(self, text: str, known: Callable[[str], bool]) -> None:
        self._text = text
        self._known = known
        self._tokens: list[tuple[str, str]] = []
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            match = _TOKEN.match(stripped, position)
            if match is None:
                raise FilterError(f"around {stripped[position : position + 20]!r}")
            kind = str(match.lastgroup if match.lastgroup != "ref" else "guid")
            self._tokens.append((kind, match[kind]))
            position = match.end()
        self._at = 0

    def disjunction(self) -> Test:
        tests = [self._conjunction()]
        while self._take("word", "or"):
            tests.append(self._conjunction())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def expect_end(self) -> None:
        if self._at != len(self._tokens):
            raise FilterError(f"around {self._tokens[self._at][1]!r}")

    def _conjunction(self) -> Test:
        tests = [self._negation()]
        while self._take("word", "and"):
            tests.append(self._negation())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _negation(self) -> Test:
        if self._take("word", "not"):
            test = self._negation()
            return lambda row: not test(row)
        if self._take("mark", "("):
            test = self.disjunction()
            self._need("mark", ")")
            return test
        return self._comparison()

    def _comparison(self) -> Test:
        kind, name = self._next()
        if kind != "word" or not self._known(name):
            raise FilterError(f"unknown field {name!r}")
        _, operation = self._next()
        compare = _COMPARISONS.get(operation)
        if compare is None:
            raise FilterError(f"unknown operation {operation!r}")
        value = self._value()

        def test(row: Mapping[str, Any]) -> bool:
            found = row.get(name)
            if isinstance(value, Cast):
                return compare((found, row.get(f"{name}_Type")), (value.ref, f"StandardODATA.{value.kind}"))
            if f"{name}_Type" in row and isinstance(value, str):
                # A field of several types equals no bare reference, whatever is in it.
                return False
            try:
                return compare(found, value)
            except TypeError:
                return False

        return test

    def _value(self) -> Any:
        kind, text = self._next()
        if kind == "guid":
            return self._guid(text)
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind == "moment":
            return text[len("datetime'") : -1]
        if kind == "number":
            return float(text)
        if text in ("true", "false"):
            return text == "true"
        if text == "cast":
            self._need("mark", "(")
            ref = self._guid(self._need("guid"))
            self._need("mark", ",")
            named = self._need("text")
            self._need("mark", ")")
            return Cast(ref, named[1:-1])
        raise FilterError(f"no value: {text!r}")

    def _guid(self, text: str) -> str:
        ref = text[len("guid'") : -1]
        if not _GUID.fullmatch(ref):
            raise FilterError(f"{ref!r} is no guid")
        return ref.lower()

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise FilterError("it ends in the middle")
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, kind: str, text: str) -> bool:
        found = self._at < len(self._tokens) and self._tokens[self._at] == (kind, text)
        self._at += found
        return found

    def _need(self, kind: str, text: str | None = None) -> str:
        found, value = self._next()
        if found != kind or (text is not None and value != text):
            raise FilterError(f"{text or kind} is expected, not {value!r}")
        return value
