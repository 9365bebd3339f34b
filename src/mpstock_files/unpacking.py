"""A list as it came, plain or packed: what it is by its first bytes, and a stream of it."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import BinaryIO, Literal, cast
from zipfile import BadZipFile, ZipFile

from attrs import frozen

__all__ = ["BrokenListError", "Kind", "Packed", "opened"]

Kind = Literal["csv", "sheet", "yml"]

_ZIP, _GZIP, _OLE = b"PK", b"\x1f\x8b", b"\xd0\xcf\x11\xe0"
_LISTS = (".csv", ".txt", ".tsv", ".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".yml", ".xml")
_MOST = 1 << 30
"""So many bytes of an unpacked spreadsheet at most; a small archive must not fill the memory."""


class BrokenListError(ValueError):
    """A list that cannot be used. The text says where and why; nothing of the list is used."""


@frozen
class Packed:
    """A list as it lies there: a file, or the body of an answer. `name` is for messages."""

    name: str
    content: Path | bytes

    def open(self) -> BinaryIO:
        """Open it from its beginning."""
        return io.BytesIO(self.content) if isinstance(self.content, bytes) else self.content.open("rb")


@contextmanager
def opened(packed: Packed) -> Iterator[tuple[Kind, BinaryIO]]:
    """Open a list, unpacked; yields what it is and a stream that can seek where it is a spreadsheet or text.

    Raises:
        BrokenListError: it is no list, or its archive is broken.
    """
    try:
        with packed.open() as stream:
            yield from _unpacked(stream, packed.name, 0)
    except (BadZipFile, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BrokenListError(f"the archive is broken or cut off ({error})") from None
    except OSError as error:
        raise BrokenListError(f"it cannot be read ({error.strerror or error})") from None
    except RuntimeError as error:
        # zipfile says so of what is encrypted.
        raise BrokenListError(f"the archive cannot be opened ({error})") from None


def _unpacked(stream: BinaryIO, name: str, depth: int) -> Iterator[tuple[Kind, BinaryIO]]:
    head = stream.read(4096)
    stream.seek(0)
    if depth > 2:
        raise BrokenListError("an archive in an archive in an archive")
    if head.startswith(_GZIP):
        with gzip.open(stream) as inner:
            yield from _unpacked(_seekable(cast("BinaryIO", inner)), name.removesuffix(".gz"), depth + 1)
    elif head.startswith(_ZIP):
        with ZipFile(stream) as archive:
            if _is_spreadsheet(archive):
                stream.seek(0)
                yield "sheet", stream
                return
            member = _member(archive)
            with archive.open(member) as inner:
                yield from _unpacked(_seekable(cast("BinaryIO", inner)), member, depth + 1)
    elif head.startswith(_OLE):
        yield "sheet", stream
    else:
        yield _of_text(head), stream


def _seekable(stream: BinaryIO) -> BinaryIO:
    """Return the whole of a member: what is recognised by its content is looked at more than once."""
    body = io.BytesIO()
    while chunk := stream.read(1 << 20):
        body.write(chunk)
        if body.tell() > _MOST:
            raise BrokenListError(f"it is larger than {_MOST >> 20} MB when unpacked")
    body.seek(0)
    return body


def _is_spreadsheet(archive: ZipFile) -> bool:
    names = set(archive.namelist())
    return "[Content_Types].xml" in names or {"mimetype", "content.xml"} <= names


def _member(archive: ZipFile) -> str:
    lists = [
        name
        for name in archive.namelist()
        if name.casefold().endswith((*_LISTS, ".gz")) and not name.startswith("__MACOSX/")
    ]
    if len(lists) != 1:
        there = ", ".join(archive.namelist()[:10]) or "nothing"
        raise BrokenListError(
            f"one list is expected in the archive, and there are {len(lists)}; in it are {there}"
        )
    return lists[0]


def _of_text(head: bytes) -> Kind:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not text:
        raise BrokenListError("it is empty")
    if not text.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\x00<")):
        return "csv"
    if b"<yml_catalog" not in text and (b"<html" in text or b"<!doctype html" in text):
        raise BrokenListError(
            f"it is a web page, {_title(head)!r}, and no list: is the address right, and does it ask for a "
            f"login?"
        )
    if b"urn:schemas-microsoft-com:office:spreadsheet" in text:
        raise BrokenListError("it is a spreadsheet of Excel 2003 in XML; ask for XLSX or CSV")
    return "yml"


def _title(head: bytes) -> str:
    page = head.decode("utf-8", errors="replace")
    if "\ufffd" in page:
        page = head.decode("cp1251", errors="replace")
    match = re.search(r"<title[^>]*>(.*?)</title", page, re.IGNORECASE | re.DOTALL)
    words = match[1] if match else re.sub(r"<[^>]*>", " ", page)
    return unescape(" ".join(words.split()))[:120]
