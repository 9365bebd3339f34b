"""Columns as Arrow lays them out in memory: a fraction of what the same values take as Python objects.

Made with the standard library alone, so that a frame can be made, looked at and turned into lists where no
library for Arrow is installed.
"""

from __future__ import annotations

import types
import typing
from array import array
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from operator import attrgetter
from typing import Any, Literal

from attrs import fields, frozen

__all__ = ["Column", "Kind", "Packed", "columns_of", "pack", "unpack"]

Kind = Literal["text", "number", "moment"]

_KINDS: Mapping[type, Kind] = {str: "text", int: "number", datetime: "moment"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@frozen
class Column:
    """What a column holds: texts, whole numbers or moments; and whether one may be missing."""

    name: str
    kind: Kind
    missing: bool


@frozen
class Packed:
    """Some values of a column.

    `there` has a bit for each value, None: none is missing. `data` are the numbers, the microseconds since
    1970 (UTC), or the bytes of the texts, whose ends are in `offsets`.
    """

    length: int
    there: bytes | None
    data: array[int] | bytes
    offsets: array[int] | None = None


def columns_of(record: type, without: Sequence[str] = ()) -> tuple[Column, ...]:
    """Return the columns of an attrs class, in the order of its attributes.

    Raises:
        TypeError: an attribute is neither text, whole number nor moment.
    """
    hints = typing.get_type_hints(record)
    return tuple(
        _column(attribute.name, hints[attribute.name])
        for attribute in fields(record)
        if attribute.name not in without
    )


def _column(name: str, hint: Any) -> Column:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    known: list[Kind | None] = [_KINDS.get(option) for option in options if option is not types.NoneType]
    kind = known[0]
    if kind is None or len(known) > 1:
        raise TypeError(f"there is no kind of column for {name}: {hint}")
    return Column(name, kind, types.NoneType in options)


def pack(columns: Sequence[Column], records: Sequence[Any]) -> tuple[Packed, ...]:
    """Return these attributes of some records, packed column by column."""
    values = (map(attrgetter(column.name), records) for column in columns)
    return tuple(_packed(column.kind, list(each)) for column, each in zip(columns, values, strict=True))


def _packed(kind: Kind, values: list[Any]) -> Packed:
    there = _bits(values) if None in values else None
    if kind == "text":
        # What a file of somebody's has said may be no Unicode; a frame of it can be read all the same.
        texts = [b"" if value is None else value.encode(errors="replace") for value in values]
        offsets = array("i", accumulate(map(len, texts), initial=0))
        return Packed(len(values), there, b"".join(texts), offsets)
    if kind == "moment":
        values = [None if value is None else (value - _EPOCH) // _MICROSECOND for value in values]
    return Packed(len(values), there, array("q", [value or 0 for value in values]))


def _bits(values: Sequence[object]) -> bytes:
    told = "".join("0" if value is None else "1" for value in reversed(values))
    return int(told, 2).to_bytes((len(values) + 7) // 8, "little")


def unpack(kind: Kind, packed: Packed) -> list[Any]:
    """Return the values again: str, int, aware datetime in UTC, None where one is missing."""
    values: list[Any]
    if packed.offsets is not None:
        data, ends = bytes(packed.data), packed.offsets
        values = [data[start:end].decode() for start, end in pairwise(ends)]
    else:
        turn: Callable[[int], Any] = _moment if kind == "moment" else int
        values = [turn(number) for number in packed.data]
    if packed.there is None:
        return values
    bits = int.from_bytes(packed.there, "little")
    told = reversed(f"{bits:0{packed.length}b}")
    return [value if bit == "1" else None for value, bit in zip(values, told, strict=True)]


def _moment(number: int) -> datetime:
    return _EPOCH + timedelta(microseconds=number)
