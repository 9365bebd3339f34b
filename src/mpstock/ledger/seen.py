"""Which rows a pass has seen, one bit a row: a million rows in 125 kB, and no write to any of them."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["SeenRows"]


class SeenRows:
    """A set of row ids that only grows."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._count = 0

    def add(self, row_id: int) -> None:
        self.update((row_id,))

    def update(self, row_ids: Iterable[int]) -> None:
        bits, count = self._bits, self._count
        for row_id in row_ids:
            index, bit = row_id >> 3, 1 << (row_id & 7)
            if index >= len(bits):
                bits.extend(bytes(index + 1024 - len(bits)))
            if not bits[index] & bit:
                bits[index] |= bit
                count += 1
        self._count = count

    def __contains__(self, row_id: int) -> bool:
        index = row_id >> 3
        return index < len(self._bits) and bool(self._bits[index] & (1 << (row_id & 7)))

    def __len__(self) -> int:
        return self._count
