"""The products file's columns `pin`: quantities that are shown whatever the buffer says; 0 = never sold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from attrs import field, frozen

__all__ = ["Pins", "read_pins"]

Cells = Mapping[tuple[str, str], str]
"""The cells of a row by (sink, sink warehouse); '' stands for all."""

_WHOLE = re.compile(r"\d{1,9}")


@frozen(eq=False)
class Pins:
    """What the products file pins. `name` is the file's, for messages."""

    name: str = ""
    by_sku: Mapping[str, tuple[int, Mapping[tuple[str, str], int]]] = field(
        factory=dict[str, tuple[int, Mapping[tuple[str, str], int]]]
    )

    def __bool__(self) -> bool:
        return bool(self.by_sku)

    def of(self, sku: str, sink: str, warehouse: str) -> tuple[int, str] | None:
        """Return the most specific pin of a listing, and the line that says so; None if there is none."""
        found = self.by_sku.get(sku)
        if found is None:
            return None
        line, said = found
        for key in ((sink, warehouse), (sink, ""), ("", "")):
            if key in said:
                return said[key], f"{self.name} line {line}"
        return None


def read_pins(
    name: str, said: Mapping[str, tuple[int, Cells]], tell: Callable[[int, str, str], None]
) -> Pins:
    """Return the pins of the rows, given as (line, cells) by sku; what is wrong is told."""
    pins: dict[str, tuple[int, Mapping[tuple[str, str], int]]] = {}
    for sku, (line, cells) in said.items():
        found: dict[tuple[str, str], int] = {}
        for (sink, warehouse), text in cells.items():
            if _WHOLE.fullmatch(text):
                found[sink, warehouse] = int(text)
            else:
                column = ".".join(part for part in (sink, warehouse, "pin") if part)
                tell(line, column, f"must be how many to show (5; 0 = never sold), not {text}")
        pins[sku] = (line, found)
    return Pins(name, pins)
