"""Which rows a pass has seen, one bit a row: a million rows in 125 kB, and no write to any of them."""

from __future__ import annotations

__all__ = ["SeenRows"]


class SeenRows:
    """A set of row ids that only grows."""

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, row_id: int) -> None:
        index = row_id >> 3
        if index >= len(self._bits):
            self._bits.extend(bytes(index + 1024 - len(self._bits)))
        self._bits[index] |= 1 << (row_id & 7)

    def __contains__(self, row_id: int) -> bool:
        index = row_id >> 3
        return index < len(self._bits) and bool(self._bits[index] & (1 << (row_id & 7)))
