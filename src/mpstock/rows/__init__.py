"""The list of stocks, `{"stocks": [row, …]}`: read where 1C answers with it, and where it is pushed to us.

It is this project's own form of JSON, for systems that have none for stock. Numbers are taken as people and
warehouse systems write them, exactly, and what cannot be told safely is refused with its place.
"""

from mpstock.rows.body import MalformedError, Twice, decoded, parsed, rows, words
from mpstock.rows.quantities import LARGEST, UnreadableError, add, ceil, floor, named, number, shown
from mpstock.rows.row import Row, RowParser, place, trimmed

__all__ = [
    "LARGEST",
    "MalformedError",
    "Row",
    "RowParser",
    "Twice",
    "UnreadableError",
    "add",
    "ceil",
    "decoded",
    "floor",
    "named",
    "number",
    "parsed",
    "place",
    "rows",
    "shown",
    "trimmed",
    "words",
]
