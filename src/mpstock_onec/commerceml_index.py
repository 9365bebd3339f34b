"""What goods are called, by their Ид: a table of a million that fits where it is read."""

from __future__ import annotations

from array import array

from attrs import frozen

__all__ = ["Names", "NamesIndex"]

_FREE = -1


@frozen
class Names:
    """What a Товар or a Предложение is called; empty where nothing was said. `deleted`: it is gone in 1C."""

    article: str = ""
    characteristic: str = ""
    barcode: str = ""
    deleted: bool = False


class NamesIndex:
    """Names by Ид; what was said last counts.

    A rests.xml has nothing but ids, so a million articles are kept for as long as it is read: packed into one
    block of bytes with a hash table over it, a third of what a dict of texts takes.
    """

    def __init__(self) -> None:
        self._rows = bytearray()
        self._table = array("q", [_FREE]) * 1024
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, identifier: str, names: Names) -> None:
        """Keep what the one with this Ид is called."""
        key = identifier.encode()
        if 2 * (self._count + 1) > len(self._table):
            self._grow()
        slot = self._slot(key)
        self._count += self._table[slot] == _FREE
        self._table[slot] = len(self._rows)
        told = (names.article, names.characteristic, names.barcode, "1" if names.deleted else "")
        packed = "\x1f".join(text.replace("\x1f", " ") for text in told).encode()
        self._rows += len(key).to_bytes(4) + len(packed).to_bytes(4) + key + packed

    def get(self, identifier: str) -> Names | None:
        """Return what the one with this Ид is called, None if nobody said."""
        position = self._table[self._slot(identifier.encode())]
        if position == _FREE:
            return None
        start, length = self._row(position)
        article, characteristic, barcode, deleted = self._rows[start : start + length].decode().split("\x1f")
        return Names(article, characteristic, barcode, bool(deleted))

    def _row(self, position: int) -> tuple[int, int]:
        """Return where the names of the row at `position` begin, and how long they are."""
        rows = self._rows
        key_length = int.from_bytes(rows[position : position + 4])
        return position + 8 + key_length, int.from_bytes(rows[position + 4 : position + 8])

    def _slot(self, key: bytes) -> int:
        rows, table = self._rows, self._table
        mask = len(table) - 1
        slot = hash(key) & mask
        while (position := table[slot]) != _FREE:
            length = int.from_bytes(rows[position : position + 4])
            if length == len(key) and rows.startswith(key, position + 8):
                break
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        old = self._table
        self._table = array("q", [_FREE]) * (2 * len(old))
        for position in old:
            if position != _FREE:
                length = int.from_bytes(self._rows[position : position + 4])
                key = bytes(self._rows[position + 8 : position + 8 + length])
                self._table[self._slot(key)] = position
