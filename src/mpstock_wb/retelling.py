"""Answers that are told once more as they were: most of what a reading of the orders brings.

Wildberries tells all new orders, all of the last hour and the status of each open one at every reading. An
answer that comes as it came is known by its bytes, and is not read again.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, TypeVar

from attrs import define, field

__all__ = ["Retelling"]

T = TypeVar("T")

MOST = 4 * 2**20
"""Bytes of answers that are remembered; read, they take about four times that."""


@define
class Retelling:
    """Reads bodies with readers that are pure. Whoever gets what was read must not change it."""

    _read: dict[tuple[str, bytes], tuple[int, Any]] = field(
        factory=dict[tuple[str, bytes], "tuple[int, Any]"]
    )
    _size: int = 0

    def read(self, what: str, content: bytes, reader: Callable[[bytes], T]) -> T:
        """Return what `reader` makes of a body; `what` names the reader. Raises what that raises."""
        key = what, blake2b(content, digest_size=16).digest()
        # What is told again goes to the end of the row: what is not, is forgotten first.
        size, found = self._read.pop(key, (0, None))
        if not size:
            size, found = len(content), reader(content)
            self._size += size
        self._read[key] = size, found
        while self._size > MOST:
            gone, _ = self._read.pop(next(iter(self._read)))
            self._size -= gone
        return found  # type: ignore[no-any-return]
