"""What a plain function tells of stock → levels: mappings, tuples, rows, and what is wrong with them."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from mpstock.model import Level, Problem
from mpstock.rows import RowParser, ceil, floor

__all__ = ["ToldRows", "amount"]


class ToldRows:
    """Reads what one call of a function returned; a product that is told twice is one level.

    `warehouse` is where rows lie that name none, `name` the function. After `levels`, `problems` say what was
    wrong, and `lost` whether some row was of no product that can be told: then what is absent is not gone.
    """

    def __init__(self, warehouse: str, name: str) -> None:
        self._parse = RowParser(warehouse, path=f"{name}()", system=f"the function {name}")
        self._name = name
        self.problems: list[Problem] = []
        self.lost = False

    def levels(self, told: Mapping[Any, Any] | Iterable[Any]) -> list[Level]:
        """Return the levels, in the order in which they were told."""
        rows = told.items() if isinstance(told, Mapping) else told
        found: dict[tuple[str, str], Level] = {}
        for index, row in enumerate(rows):
            level = row if isinstance(row, Level) else self._level(row, index)
            if level is None:
                self.lost = True
                continue
            place = (level.sku, level.warehouse)
            if found.setdefault(place, level) != level:
                message = f"{self._name}() tells it twice and differently; nobody can say which is right"
                self.problems.append(Problem(f"row {index + 1}", "sku", message, level.sku))
                found[place] = Level(*place, None)
        return list(found.values())

    def problem(self, sku: str, message: str) -> Problem:
        """Return a problem with all that the function told, or with one of its products."""
        return Problem(f"{self._name}()", "rows", message, sku or None)

    def _level(self, row: Any, index: int) -> Level | None:
        data = _fields(row)
        unknown = isinstance(data, dict) and data.get("quantity", 0) is None
        if unknown:
            # Said as it should be: the product is known, and how many there are is not.
            data["quantity"] = 0
        read = self._parse(data, index)
        self.problems += read.problems
        if read.sku is None or read.warehouse is None:
            return None
        quantity = None if unknown or read.quantity is None else floor(read.quantity)
        return Level(read.sku, read.warehouse, quantity, ceil(read.reserved), read.updated_at)


def _fields(row: Any) -> Any:
    """Return a row as `mpstock.rows` has it; what is none is left to it to refuse."""
    if isinstance(row, Mapping):
        return {name: amount(value) for name, value in row.items()}
    if isinstance(row, (tuple, list)) and len(row) == 2:
        return {"sku": row[0], "quantity": amount(row[1])}
    if isinstance(row, (tuple, list)) and len(row) == 3:
        return {"sku": row[0], "warehouse": row[1], "quantity": amount(row[2])}
    return row


def amount(value: Any) -> Any:
    """Return a number of any library as one of Python's own, exactly; anything else as it is."""
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None if math.isnan(value) else str(value)
    if isinstance(value, (int, str, Decimal)) or value is None:
        return value
    try:
        return operator.index(value)
    except TypeError:
        pass
    return value
