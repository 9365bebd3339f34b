"""One list taken in: its rows as products, warehouses and quantities, and what was wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, BinaryIO

from mpstock import Problem
from mpstock_files import sheets, tables, yml
from mpstock_files.columns import LOOKED_AT, Layout, announced, fits, layout
from mpstock_files.quantities import Quantities, UnreadableError, shown
from mpstock_files.settings import FilesSettings
from mpstock_files.tally import Tally
from mpstock_files.unpacking import BrokenListError, Packed, opened

__all__ = ["Taken"]

MOST_TOLD = 100
"""So many rows of one list are named one by one; the rest is counted."""

_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "\ufeff\u200b\u200e\u200f\x00"
_UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_SHORTENED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2}")
Rows = Iterator[tuple[int, Sequence[Any]]]


class Taken:
    """Takes in one list, or several as the parts of one.

    `rows` were seen; `bad` of them have a number that cannot be used, `silent` none; `nameless` have a
    number and no article. `said` is what the list turned out to be.
    """

    def __init__(self, settings: FilesSettings, name: str) -> None:
        self.tally = Tally(settings.duplicates)
        self.problems: list[Problem] = []
        self.rows = 0
        self.bad = 0
        self.silent = 0
        self.nameless = 0
        self.negative = 0
        self.said = ""
        self._settings = settings
        self._warehouse = settings.warehouse or name
        self._quantity = Quantities(settings.words, 0 if settings.empty == "zero" else None)
        self._untold = 0
        self._place = ""

    def take_in(self, packed: Packed) -> Iterator[None]:
        """Read a list to its end, in steps of one row.

        Raises:
            BrokenListError: it cannot be used; then nothing that was taken in may be.
        """
        self._place = packed.name
        with opened(packed) as (kind, stream):
            if kind == "yml":
                yield from self._yml(stream)
            elif kind == "sheet":
                yield from self._sheet(stream)
            else:
                yield from self._csv(stream)

    def close(self) -> None:
        """Tell what was counted, after the last list."""
        if self._untold:
            told = f"{self._untold:,} more rows have such problems"
            self.problems.append(Problem(self._place, "rows", told))
            self._untold = 0

    def _yml(self, stream: BinaryIO) -> Iterator[None]:
        self.said = "YML"
        for offer in yml.offers(stream):
            self.rows += 1
            self._offer(offer)
            yield

    def _offer(self, offer: yml.YmlOffer) -> None:
        place = f"{self._place}, line {offer.line}"
        names = {"vendorCode": offer.vendor_code, "id": offer.id, "barcode": offer.barcode}
        sku = self._article(names[self._settings.yml_sku], place, self._settings.yml_sku)
        if sku is None:
            self.nameless += 1
            return
        stores = [(code, said) for code, said in offer.outlets if said]
        if offer.disabled:
            # The seller's own word that it is not for sale, whatever number stands beside it.
            codes = [code for code, _ in offer.outlets] if self._settings.outlets == "each" else []
            for name in dict.fromkeys(map(self._named, codes or [""])):
                self.tally.put(sku, name, 0)
        elif stores and self._settings.outlets == "each":
            for code, said in stores:
                self.tally.put(sku, self._named(code), self._number(said, place, "instock", sku))
        elif stores:
            numbers = [self._number(said, place, "instock", sku) for _, said in stores]
            known = [number for number in numbers if number is not None]
            total = sum(known, Decimal(0)) if len(known) == len(numbers) else None
            self.tally.put(sku, self._warehouse, total if total is None or total % 1 else int(total))
        elif offer.count:
            self.tally.put(sku, self._warehouse, self._number(offer.count, place, "count", sku))
        else:
            self.silent += 1
            self.tally.put(sku, self._warehouse, None)

    def _sheet(self, stream: BinaryIO) -> Iterator[None]:
        settings = self._settings
        found = sheets.sheet_of(
            stream, settings.sheet, lambda rows: fits(rows, settings.columns, settings.header_row)
        )
        self.said = f"the sheet {found.name!r}"
        laid_out = layout(found.head, settings.columns, settings.header_row, found.offset)
        yield from self._table(found.rows(), laid_out, "row", found.head)

    def _csv(self, stream: BinaryIO) -> Iterator[None]:
        settings = self._settings
        encoding = settings.encoding or tables.encoding_of(stream)
        separator = settings.separator or tables.separator_of(
            stream, encoding, settings.quotes, lambda rows: fits(rows, settings.columns, settings.header_row)
        )
        self.said = f"CSV in {encoding}, divided by {separator!r}"
        head: list[list[str]] = []
        for _, row in tables.rows(stream, encoding, separator, settings.quotes):
            head.append(row)
            if len(head) == 2 * LOOKED_AT:
                break
        laid_out = layout(head, settings.columns, settings.header_row)
        yield from self._table(
            tables.rows(stream, encoding, separator, settings.quotes), laid_out, "line", head
        )

    def _table(self, rows: Rows, places: Layout, unit: str, head: Sequence[Sequence[Any]]) -> Iterator[None]:
        before = self.rows
        needed = max(places.sku, places.quantity)
        for index, (number, row) in enumerate(rows):
            if index < places.skipped or not row:
                continue
            if len(row) > needed and row[places.sku] in places.heads and row[places.quantity] in places.heads:
                # The heads again, as printed lists have them on each page.
                continue
            self._row(row, number, places, unit)
            yield
        told = announced(head[: places.skipped])
        if told is not None and self.rows - before < told:
            raise BrokenListError(
                f"it says that it has {told} rows and has {self.rows - before}: the list is cut off"
            )

    def _row(self, row: Sequence[Any], number: int, places: Layout, unit: str) -> None:
        def cell(place: int | None) -> Any:
            return row[place] if place is not None and place < len(row) else None

        article, units = cell(places.sku), cell(places.quantity)
        if _is_blank(article) and _is_blank(units):
            # A blank row, or the head of a group of goods.
            return
        self.rows += 1
        place = f"{self._place}, {unit} {number}"
        sku = self._article(article, place, "sku")
        if sku is None:
            self.nameless += 1
            return
        quantity = self._number(units, place, "quantity", sku)
        if _is_blank(units) and quantity is None:
            self.silent += 1
        kept: int | Decimal | None = 0
        if places.reserved is not None and not _is_blank(cell(places.reserved)):
            kept = self._number(cell(places.reserved), place, "reserved", sku)
            if kept is not None and kept < 0:
                self.bad += 1
                self._note(place, "reserved", f"is {kept}, below zero; a reserve takes units away", sku)
                kept = None
        warehouse = self._warehouse
        if places.warehouse is not None:
            warehouse = self._named(_as_text(cell(places.warehouse)))
        self.tally.put(sku, warehouse, quantity if kept is not None else None, kept or 0)

    def _named(self, code: str) -> str:
        code = code.strip(_BLANKS)
        if not code:
            return self._warehouse
        return self._settings.warehouses.get(code, "".join(" " if sign < " " else sign for sign in code))

    def _article(self, value: Any, place: str, name: str) -> str | None:
        text = _as_text(value).strip(_BLANKS)
        if isinstance(value, (bool, sheets.ErrorCell)) or not isinstance(
            value, (str, int, float, type(None))
        ):
            self._note(place, name, f"is {shown(value)} and not an article; let the column be text", None)
            return None
        if not text:
            self._note(
                place, name, "is empty, though there is a number; it may be any product, or a total", None
            )
            return None
        if _SHORTENED.fullmatch(text):
            message = f"is {shown(text)}: a spreadsheet has shortened it, and its last digits are lost"
            self._note(place, name, f"{message}; let the column be text", None)
            return None
        if _UNFIT.search(text):
            self._note(place, name, f"is {shown(text)}, with characters that no article has", None)
            return None
        return text

    def _number(self, value: Any, place: str, name: str, sku: str) -> int | Decimal | None:
        try:
            number = self._quantity(value)
        except UnreadableError as error:
            self.bad += 1
            self._note(place, name, str(error), sku)
            return None
        if number is not None and number < 0:
            self.negative += 1
        return number

    def _note(self, place: str, name: str, message: str, sku: str | None) -> None:
        if len(self.problems) >= MOST_TOLD:
            self._untold += 1
            return
        self.problems.append(Problem(place, name, f"{name} {message}", sku))


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip(_BLANKS))


def _as_text(value: Any) -> str:
    """Return a cell as text: a number that a spreadsheet made of an article has no fraction."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "" if value is None else str(value)
