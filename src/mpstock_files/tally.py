"""The rows of a list, packed until its end has shown that it is whole, then one level for each product."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Literal

from mpstock_files.quantities import ceil, floor

__all__ = ["Tally"]

Exact = int | Decimal
_Row = tuple[Exact | None, Exact]


class Tally:
    """Rows by product and warehouse.

    `duplicates` says what several rows of one product in one warehouse are: the lowest of them, or their sum.
    Unknown is lower than anything, and unknown with anything is unknown. `repeated` counts the
    products that had several, `rounded` the numbers that were not whole, as far as `rows` was walked.
    """

    def __init__(self, duplicates: Literal["lowest", "sum"]) -> None:
        self._duplicates = duplicates
        self._rows = bytearray()
        self._hashes = array("q")
        self._warehouses: dict[str, int] = {}
        self.repeated = 0
        self.rounded = 0

    def __len__(self) -> int:
        return len(self._hashes)

    def put(self, sku: str, warehouse: str, quantity: Exact | None, reserved: Exact = 0) -> None:
        """Keep one row; None = the list knows the product there, and not its quantity."""
        number = self._warehouses.setdefault(warehouse, len(self._warehouses))
        said = "" if quantity is None else quantity
        self._rows += f"{sku}\x1f{number}\x1f{said}\x1f{reserved or ''}\n".encode()
        self._hashes.append(hash((sku, number)))

    def rows(self) -> Iterator[tuple[str, str, int | None, int]]:
        """Yield each product of each warehouse once, in whole units: quantities down, reserves up."""
        names = list(self._warehouses)
        several = self._several()
        together: dict[tuple[str, int], _Row] = {}
        for index, line in enumerate(self._lines()):
            sku, number, said, kept = line.split("\x1f")
            row = (_number(said) if said else None, _number(kept) if kept else 0)
            if self._hashes[index] not in several:
                yield sku, names[int(number)], *self._whole(row)
                continue
            key = sku, int(number)
            before = together.get(key)
            self.repeated += before is not None
            together[key] = row if before is None else self._join(before, row)
        for (sku, warehouse), row in together.items():
            yield sku, names[warehouse], *self._whole(row)

    def _join(self, one: _Row, other: _Row) -> _Row:
        if one[0] is None or other[0] is None:
            return None, 0
        if self._duplicates == "sum":
            return one[0] + other[0], one[1] + other[1]
        return min(one, other, key=lambda row: (row[0] or 0) - row[1])

    def _whole(self, row: _Row) -> tuple[int | None, int]:
        quantity, reserved = row
        if quantity is None:
            return None, 0
        units, kept = floor(quantity), ceil(reserved)
        self.rounded += units != quantity or kept != reserved
        return units, kept

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


def _number(said: str) -> Exact:
    return Decimal(said) if "." in said or "E" in said else int(said)
