"""Rows added up: one product may have several rows for one warehouse (series, characteristics, cells)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from attrs import define

from mpstock import Level, Problem
from mpstock.rows import Row, add, ceil, floor, place

__all__ = ["Tally"]

_EXAMPLES = 10


@define
class _Sum:
    """What the rows of one product and warehouse come to so far."""

    index: int
    quantity: int | Decimal
    reserved: int | Decimal
    updated_at: datetime | None
    unknown: bool


class Tally:
    """Adds rows up by product and warehouse, and tells what came of it.

    `rows` were seen, `bad` of them could not be used; `unplaced` of these could not even be told
    to be about a product in a warehouse, and `nameless` of these because they have no article.
    `negative` rows were below zero; `rounded` numbers were not whole, as far as `levels` was walked.
    `problems` are in the order in which they were noted, `defects` the first few of bad rows.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.bad = 0
        self.unplaced = 0
        self.nameless = 0
        self.negative = 0
        self.rounded = 0
        self.problems: list[Problem] = []
        self.defects: list[Problem] = []
        # A whole number alone stands for one good row without reserve and time: nearly all are such,
        # and a catalogue of a million of them should fit where it is read.
        self._sums: dict[str, dict[str, int | _Sum]] = {}

    def add(self, row: Row) -> None:
        """Count a row in."""
        self.rows += 1
        if row.problems:
            self.problems.extend(row.problems)
        if row.bad:
            self.bad += 1
            if len(self.defects) < _EXAMPLES:
                self.defects.extend(row.problems)
        if row.sku is None or row.warehouse is None:
            self.unplaced += 1
            self.nameless += row.nameless
            return
        quantity = row.quantity
        if quantity is not None and quantity < 0:
            self.negative += 1
        sums = self._sums.setdefault(row.warehouse, {})
        before = sums.get(row.sku)
        if before is None and type(quantity) is int and not row.reserved and row.updated_at is None:
            sums[row.sku] = quantity
            return
        if not isinstance(before, _Sum):
            before = sums[row.sku] = _Sum(row.index, before or 0, 0, None, False)
        if quantity is None:
            before.unknown = True
            return
        if not (isinstance(quantity, int) and isinstance(row.reserved, int)):
            before.index = row.index
        before.quantity = add(before.quantity, quantity)
        before.reserved = add(before.reserved, row.reserved)
        if row.updated_at is not None:
            before.updated_at = min(before.updated_at or row.updated_at, row.updated_at)

    def unattributed(self, rows_without_sku: str) -> int:
        """How many rows may be about any product or warehouse: what is absent may be one of them.

        With `"ignore"` a row without an article is not one of them.
        """
        return self.unplaced - (self.nameless if rows_without_sku == "ignore" else 0)

    def levels(self, as_of: datetime, path: str = "stocks") -> Iterator[Level]:
        """Yield one level per product and warehouse; walk over it once.

        Quantities are rounded down and reserves up, so that nothing is promised that is not there;
        what that takes away is added to `problems` as the walk comes to it. A row's own time
        beyond `as_of` counts as `as_of`: a time to come would hold off every later reading.
        """
        for warehouse, sums in self._sums.items():
            for sku, total in sums.items():
                if isinstance(total, int):
                    yield Level(sku, warehouse, total)
                elif total.unknown:
                    yield Level(sku, warehouse, None)
                else:
                    yield self._level(sku, warehouse, total, as_of, path)

    def _level(self, sku: str, warehouse: str, total: _Sum, as_of: datetime, path: str) -> Level:
        quantity, reserved = floor(total.quantity), ceil(total.reserved)
        for name, exact, whole in (
            ("quantity", total.quantity, quantity),
            ("reserved", total.reserved, reserved),
        ):
            if exact != whole:
                lost = abs(exact - whole)
                self.rounded += 1
                self.problems.append(
                    Problem(
                        place(total.index),
                        name,
                        f"{path}[{total.index}].{name}: {exact} of this product in {warehouse!r} is counted "
                        f"as {whole}, which takes {lost} away: marketplaces take whole units only",
                        sku,
                    )
                )
        updated_at = total.updated_at and min(total.updated_at, as_of)
        return Level(sku, warehouse, quantity, reserved, updated_at)
