"""CSV as suppliers write it: encoding and separator are recognised. A stream → rows of texts."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

from mpstock_files.unpacking import BrokenListError

__all__ = ["encoding_of", "rows", "separator_of"]

SEPARATORS = (";", "\t", ",", "|")
_LONGEST = 1 << 20
_SAMPLE = 200


def encoding_of(stream: BinaryIO) -> str:
    """Return the encoding of a text: UTF-8 if all of it is, else windows-1251. The stream is rewound.

    To guess by letters does not work for a list of articles: too few of them are letters.

    Raises:
        BrokenListError: it is neither, or ends in the middle of a letter.
    """
    stream.seek(0)
    start = stream.read(4)
    stream.seek(0)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    letters = 0
    try:
        while chunk := stream.read(1 << 18):
            letters += sum(byte >= 0x80 for byte in chunk[:4096])
            decoder.decode(chunk)
        if decoder.getstate()[0] and letters > 1:
            raise BrokenListError("it ends in the middle of a letter, so it is cut off")
        decoder.decode(b"", final=True)
        return "utf-8-sig"
    except UnicodeDecodeError:
        return "cp1251"
    finally:
        stream.seek(0)


def separator_of(
    stream: BinaryIO, encoding: str, quotes: bool, fits: Callable[[Sequence[Sequence[str]]], bool]
) -> str:
    """Return the separator by which the first rows have the columns; else the one that divides them best."""
    best, most = ";", 0.0
    for separator in SEPARATORS:
        try:
            sample = _sample(stream, encoding, separator, quotes)
        except BrokenListError:
            continue
        if fits(sample):
            return separator
        widths = [len(row) for row in sample if row]
        if not widths:
            continue
        common = max(set(widths), key=widths.count)
        score = (common > 1) * widths.count(common) / len(widths) * common
        if score > most:
            best, most = separator, score
    return best


def _sample(stream: BinaryIO, encoding: str, separator: str, quotes: bool) -> list[list[str]]:
    found: list[list[str]] = []
    for _, row in rows(stream, encoding, separator, quotes):
        found.append(row)
        if len(found) == _SAMPLE:
            break
    return found


def rows(stream: BinaryIO, encoding: str, separator: str, quotes: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the line where each row ends, and its cells.

    Raises:
        BrokenListError: it cannot be decoded, a quote is not closed, or the last line is only half of one.
    """
    stream.seek(0)
    text = io.TextIOWrapper(stream, encoding, newline="")
    csv.field_size_limit(_LONGEST)
    ends = _Ends()
    reader = csv.reader(
        ends.watch(text),
        delimiter=separator,
        quoting=csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE,
        strict=True,
    )
    usual, last = 0, 0
    try:
        for row in reader:
            if row:
                usual, last = max(usual, last), len(row)
            if len(ends.lines) > 1 and ends.each_has(separator, len(row) - 1):
                # A letter that was taken for a quote would give a product the number of the next one.
                raise BrokenListError(
                    f"the quotes around line {reader.line_num} hold a whole other line; if they are letters "
                    "(inches), set quotes = false"
                )
            ends.lines.clear()
            yield reader.line_num, row
    except csv.Error as error:
        if "unexpected end of data" in str(error):
            raise BrokenListError(
                f"a quote that is opened before line {reader.line_num} is never closed: the list is cut "
                f"off, or its "
                "quotes are letters (inches); then set quotes = false"
            ) from None
        raise BrokenListError(
            f"line {reader.line_num} is no CSV ({error}); if its quotes are letters, set quotes = false"
        ) from None
    except UnicodeError as error:
        raise BrokenListError(
            f"it is not {encoding} after line {reader.line_num} ({error}); set encoding, or the list is cut "
            f"off"
        ) from None
    finally:
        text.detach()
    if usual > 1 and last < usual and not ends.ended:
        raise BrokenListError(
            f"line {reader.line_num}, the last one, has {last} cells instead of {usual} and no end: the "
            f"list is cut off"
        )


class _Ends:
    """Watches the lines that a row is made of, and whether the last of them had an end."""

    def __init__(self) -> None:
        self.ended = True
        self.lines: list[str] = []

    def watch(self, lines: Iterator[str]) -> Iterator[str]:
        for line in lines:
            self.ended = line.endswith(("\n", "\r"))
            self.lines.append(line)
            yield line

    def each_has(self, separator: str, times: int) -> bool:
        return times > 0 and all(line.count(separator) >= times for line in self.lines)
