"""Which column is which, and where the rows of goods begin. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen

from mpstock_files.settings import Columns
from mpstock_files.unpacking import BrokenListError

__all__ = ["Layout", "announced", "fits", "layout"]

LOOKED_AT = 100
"""So many rows are looked at for the heads of the columns."""

_LETTERS = re.compile("[A-Za-z]{1,3}")
_ANNOUNCED = re.compile(
    r"(?:всего|итого|количество|кол-во|число|total)\s+"
    r"(?:строк|позиций|товаров|записей|наименований|rows|items)\D{0,5}(\d+)",
    re.IGNORECASE,
)


@frozen
class Layout:
    """The position of each column, from 0, and the number of rows, from the top, that are no goods."""

    sku: int
    quantity: int
    reserved: int | None
    warehouse: int | None
    skipped: int
    heads: tuple[str, ...] = ()


def layout(
    rows: Sequence[Sequence[Any]], columns: Columns, header_row: int | None, offset: int = 0
) -> Layout:
    """Find the columns in the first rows of a table, whose first column is number `offset`, from 0.

    Heads count as they are read: case, blanks and line breaks do not. They may stand in two rows, one
    below the other, where cells are merged.

    Raises:
        BrokenListError: a column is not there; says which heads are.
    """
    wanted = {
        name: value
        for name, value in (
            ("sku", columns.sku),
            ("quantity", columns.quantity),
            ("reserved", columns.reserved),
            ("warehouse", columns.warehouse),
        )
        if value is not None
    }
    if header_row is not None:
        candidates: Iterable[tuple[int, int]] = [(header_row, max(header_row - 1, 0))]
    else:
        candidates = [(row + 1, row) for row in range(min(len(rows), LOOKED_AT))]
        candidates = [*candidates, *((row + 2, row) for row in range(min(len(rows), LOOKED_AT) - 1))]
    best: dict[str, int] = {}
    headed = 0
    for below, above in candidates:
        found = _found(rows[above:below], wanted)
        if len(found) == len(wanted):
            return _laid_out(found, below, _heads(rows[above:below]))
        if len(found) > len(best):
            best, headed = found, below
    # Heads that nobody has may be letters or numbers of columns.
    placed = {name: place for name, value in wanted.items() if (place := _place(value, offset)) is not None}
    if {**placed, **best}.keys() == wanted.keys():
        places = {**placed, **best}
        skipped = header_row if header_row is not None else headed or _skipped(rows, places)
        return _laid_out(places, skipped, ())
    missing = next(name for name in wanted if name not in best and name not in placed)
    there = _told(rows, header_row)
    raise BrokenListError(
        f"no column is headed {wanted[missing]!r} ({missing}); {there}. Set columns = {{ {missing} = … }} "
        f"to a head, "
        "a letter or a number"
    )


def fits(rows: Sequence[Sequence[Any]], columns: Columns, header_row: int | None) -> bool:
    """Tell whether the columns are headed so in these rows; by letters and numbers anything would fit."""
    try:
        return bool(layout(rows, columns, header_row).heads)
    except BrokenListError:
        return False


def announced(rows: Iterable[Sequence[Any]]) -> int | None:
    """Return how many rows a list says above its heads that it has («Всего позиций: 1200»)."""
    for row in rows:
        if match := _ANNOUNCED.search(" ".join(str(cell) for cell in row if cell not in (None, ""))):
            return int(match[1])
    return None


def _laid_out(found: dict[str, int], skipped: int, heads: tuple[str, ...]) -> Layout:
    return Layout(
        found["sku"], found["quantity"], found.get("reserved"), found.get("warehouse"), skipped, heads
    )


def _found(rows: Sequence[Sequence[Any]], wanted: dict[str, int | str]) -> dict[str, int]:
    """Return where the heads stand in one row, or in two that are read together."""
    found: dict[str, int] = {}
    for name, value in wanted.items():
        places = [
            place for row in rows for place, cell in enumerate(row) if _plain(cell) == _plain(value) != ""
        ]
        if places and isinstance(value, str):
            if len(set(places)) > 1:
                raise BrokenListError(
                    f"two columns are headed {value!r}; say which by its letter, as in columns = {{ {name} = "
                    f'"{_letter(places[0])}" }}'
                )
            found[name] = places[0]
    # In two rows each of them has to bring something, or the upper one is a title.
    if len(rows) == 2 and not all(
        any(_plain(cell) == _plain(value) for cell in row for value in wanted.values()) for row in rows
    ):
        return {}
    return found


def _plain(cell: object) -> str:
    return "".join(str(cell).split()).casefold() if isinstance(cell, str) else ""


def _heads(rows: Sequence[Sequence[Any]]) -> tuple[str, ...]:
    return tuple(" ".join(str(cell).split()) for row in rows for cell in row if cell not in (None, ""))


def _place(value: int | str, offset: int) -> int | None:
    number = 0
    if isinstance(value, int):
        number = value
    elif _LETTERS.fullmatch(value.strip()):
        for letter in value.strip().upper():
            number = number * 26 + ord(letter) - 64
    place = number - 1 - offset
    return place if number and place >= 0 else None


def _letter(place: int) -> str:
    letters = ""
    while place >= 0:
        letters = chr(65 + place % 26) + letters
        place = place // 26 - 1
    return letters


def _skipped(rows: Sequence[Sequence[Any]], places: dict[str, int]) -> int:
    """Return how many rows come before the first one with a digit where the quantity is."""
    for number, row in enumerate(rows[:LOOKED_AT]):
        if places["quantity"] < len(row) and any(sign.isdigit() for sign in str(row[places["quantity"]])):
            return number
    return 0


def _told(rows: Sequence[Sequence[Any]], header_row: int | None) -> str:
    if not rows:
        return "the list has no rows"
    looked = rows if header_row is None else rows[max(header_row - 1, 0) : header_row]
    widest = max(
        looked, key=lambda row: sum(isinstance(cell, str) and cell.strip() != "" for cell in row), default=()
    )
    heads = _heads([widest])
    return "the heads there are " + ", ".join(f"{head!r}" for head in heads[:20])
