"""The rows of one file, packed until its end has shown that it is whole."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from mpstock.rows import add, floor

__all__ = ["Spool", "whole"]

_DUST = Decimal("0.000001")


class Spool:
    """Quantities by product and warehouse, added up as they come out.

    Nothing of a file may be used before its end has been read. A million rows are kept as one block of bytes;
    a number beside each, the hash of its key, tells which of them have to be added up.
    """

    def __init__(self) -> None:
        self._rows = bytearray()
        self._hashes = array("q")
        self._warehouses: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._hashes)

    @property
    def warehouses(self) -> tuple[str, ...]:
        """The warehouses that any row is of."""
        return tuple(self._warehouses)

    def put(self, sku: str, warehouse: str, quantity: int | Decimal | None) -> None:
        """Keep one row; None = the file knows the product there, and not its quantity."""
        number = self._warehouses.setdefault(warehouse, len(self._warehouses))
        self._rows += f"{sku}\x1f{number}\x1f{'' if quantity is None else quantity}\n".encode()
        self._hashes.append(hash((sku, number)))

    def rows(self) -> Iterator[tuple[str, str, int | Decimal | None]]:
        """Yield each product of each warehouse once: its rows added up, unknown if one of them is."""
        names = list(self._warehouses)
        several = self._several()
        sums: dict[tuple[str, int], int | Decimal | None] = {}
        for index, line in enumerate(self._lines()):
            sku, number, said = line.split("\x1f")
            quantity = _number(said)
            if self._hashes[index] not in several:
                yield sku, names[int(number)], quantity
                continue
            key = sku, int(number)
            if key in sums:
                before = sums[key]
                quantity = None if before is None or quantity is None else add(before, quantity)
            sums[key] = quantity
        for (sku, warehouse), total in sums.items():
            yield sku, names[warehouse], total

    def _lines(self) -> Iterator[str]:
        start = 0
        while (end := self._rows.find(b"\n", start)) != -1:
            yield self._rows[start:end].decode()
            start = end + 1

    def _several(self) -> set[int]:
        """Return the hashes that occur more than once; a part at a time, for sorting takes memory."""
        parts = [array("q") for _ in range(16)]
        for one in self._hashes:
            parts[one & 15].append(one)
        return {one for part in parts for one, other in pairwise(sorted(part)) if one == other}


def whole(quantity: int | Decimal) -> int:
    """Return the whole units, rounded down once the dust of a binary fraction is off (4.9999999 is 5)."""
    if isinstance(quantity, int):
        return quantity
    near = round(quantity)
    return near if abs(quantity - near) <= _DUST else floor(quantity)


def _number(said: str) -> int | Decimal | None:
    if not said:
        return None
    return Decimal(said) if "." in said or "E" in said else int(said)
