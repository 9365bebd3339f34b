"""Spreadsheets (XLSX, XLSM, XLSB, XLS, ODS): a stream → rows of cells, of the sheet that is meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

from attrs import frozen
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetVisibleEnum

from mpstock_files.unpacking import BrokenListError

__all__ = ["ErrorCell", "Sheet", "sheet_of"]

_ERROR_CELL = re.compile(
    rb'<c\b(?=[^>]*\bt="e")[^>]*\br="([A-Z]+)([0-9]+)"[^>]*>'
    rb"(?:<f[^>]*>[^<]*</f>|<f[^>]*/>)*(?:<v>([^<]*))?"
)
_SHEET = re.compile(r"<(?:\w+:)?sheet\b[^>]*>")
_RELATION = re.compile(r"<Relationship\b[^>]*>")


@frozen
class ErrorCell:
    """A cell whose formula has failed; `text` is what a spreadsheet shows there."""

    text: str

    def __str__(self) -> str:
        return f"the error {self.text}"


@frozen
class Sheet:
    """One sheet. `offset` is the number, from 0, of the first column that has anything in it."""

    name: str
    offset: int
    head: Sequence[Sequence[Any]]
    _sheet: CalamineSheet
    _errors: dict[int, dict[int, str]]

    def rows(self) -> Iterator[tuple[int, list[Any]]]:
        """Yield the number of each row, from 1, and its cells."""
        rows: Iterator[list[Any]] = iter(self._sheet.iter_rows())
        for number, row in enumerate(rows, start=1):
            if failed := self._errors.get(number):
                for column, text in failed.items():
                    if 0 <= column - self.offset < len(row):
                        row[column - self.offset] = ErrorCell(text)
            yield number, row


def sheet_of(
    stream: BinaryIO, wanted: int | str | None, fits: Callable[[Sequence[Sequence[Any]]], bool]
) -> Sheet:
    """Return the sheet of that name or number, or the first visible one that has the columns.

    Raises:
        BrokenListError: it is no spreadsheet, is cut off or locked, or has no such sheet.
    """
    try:
        book = CalamineWorkbook.from_filelike(stream)
        names = book.sheet_names
        if wanted is not None:
            return _sheet(book, stream, _chosen(names, wanted))
        visible = [
            index
            for index, about in enumerate(book.sheets_metadata)
            if about.visible == SheetVisibleEnum.Visible
        ] or list(range(len(names)))
        for index in visible:
            if fits(_head(book.get_sheet_by_index(index))):
                return _sheet(book, stream, index)
        if not names:
            raise BrokenListError("the spreadsheet has no sheet")
        return _sheet(book, stream, visible[0])
    except PasswordError:
        raise BrokenListError("the spreadsheet is locked by a password; ask for one that is not") from None
    except CalamineError as error:
        raise BrokenListError(f"it is no whole spreadsheet ({error}); it may be cut off") from None


def _chosen(names: Sequence[str], wanted: int | str) -> int:
    if isinstance(wanted, int) and 1 <= wanted <= len(names):
        return wanted - 1
    for index, name in enumerate(names):
        if isinstance(wanted, str) and name.strip().casefold() == wanted.strip().casefold():
            return index
    there = ", ".join(map(repr, names))
    raise BrokenListError(f"there is no sheet {wanted!r}; the sheets are {there}")


def _head(sheet: CalamineSheet) -> list[list[Any]]:
    return [row for row, _ in zip(sheet.iter_rows(), range(200), strict=False)]


def _sheet(book: CalamineWorkbook, stream: BinaryIO, index: int) -> Sheet:
    sheet = book.get_sheet_by_index(index)
    offset = sheet.start[1] if sheet.start else 0
    return Sheet(sheet.name, offset, _head(sheet), sheet, _errors(stream, sheet.name))


def _errors(stream: BinaryIO, name: str) -> dict[int, dict[int, str]]:
    """Return the cells of an XLSX whose formula has failed, by row and column.

    The reader of spreadsheets gives them as empty, and a failed formula must not be taken for an empty cell.
    """
    try:
        stream.seek(0)
        with ZipFile(stream) as archive:
            path = _path_of(archive, name)
            if path is None:
                return {}
            return _error_cells(archive, path)
    except (BadZipFile, KeyError, OSError):
        return {}


def _path_of(archive: ZipFile, name: str) -> str | None:
    from html import unescape

    if "xl/workbook.xml" not in archive.namelist():
        return None
    book = archive.read("xl/workbook.xml").decode("utf-8", errors="replace")
    relations = archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", errors="replace")
    targets = {_attribute(one, "Id"): _attribute(one, "Target") for one in _RELATION.findall(relations)}
    for one in _SHEET.findall(book):
        if unescape(_attribute(one, "name")) == name:
            target = targets.get(_attribute(one, r"\w+:id"), "")
            path = target.lstrip("/")
            return path if path.startswith("xl/") else f"xl/{path}"
    return None


def _attribute(tag: str, name: str) -> str:
    match = re.search(rf'\s{name}="([^"]*)"', tag)
    return match[1] if match else ""


def _error_cells(archive: ZipFile, path: str) -> dict[int, dict[int, str]]:
    found: dict[int, dict[int, str]] = {}
    kept = b""
    with archive.open(path) as stream:
        while chunk := stream.read(1 << 20):
            text = kept + chunk
            # A cell may lie across two chunks: what follows the last one that has begun comes again.
            cut = text.rfind(b"<c ")
            kept = text[cut:] if cut > 0 else b""
            _gather(text[:cut] if cut > 0 else text, found)
    _gather(kept, found)
    return found


def _gather(text: bytes, found: dict[int, dict[int, str]]) -> None:
    if b't="e"' not in text:
        return
    for match in _ERROR_CELL.finditer(text):
        column = 0
        for letter in match[1].decode():
            column = column * 26 + ord(letter) - 64
        found.setdefault(int(match[2]), {})[column - 1] = (match[3] or b"#").decode()
