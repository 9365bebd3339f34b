"""The files of an exchange, as they lie in a folder: which there are, in which order; one of them opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Literal, cast
from zipfile import BadZipFile, ZipFile

from attrs import frozen

from mpstock_onec.commerceml_xml import BrokenFileError

__all__ = ["ExchangeFile", "Kind", "find", "kind_of", "opened"]

Kind = Literal["rests", "offers", "import", "broken"]
"""What a file is about, by its name; a zip that cannot be opened may be about anything."""

_KINDS: tuple[Kind, ...] = ("rests", "offers", "import")
_PORTION = re.compile(r"^(.*_)(?:\d{1,3}|_[0-9a-f-]{36})(\.xml)$", re.IGNORECASE)
_DIGITS = re.compile(r"(\d+)")


@frozen
class ExchangeFile:
    """One XML file, or one `member` of a zip, as it was when the folder was looked at."""

    path: Path
    name: str
    kind: Kind
    size: int
    changed_ns: int
    member: str = ""

    @property
    def key(self) -> str:
        """What tells this state of it: a name, size and time that were read once are not read again."""
        told = f"{self.name}\0{self.size}\0{self.changed_ns}"
        return sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    @property
    def changed_at(self) -> datetime:
        """When it was last written, by the file system."""
        return datetime.fromtimestamp(self.changed_ns / 1e9, UTC)

    @property
    def portion_of(self) -> str:
        """The name that all portions of one package share; empty for a file that is whole by itself.

        1C divides a large package by a number or an id at the end (`rests0_1.xml`, `rests0_2.xml`;
        `rests___<id>.xml`) or by folders (`goods/1/…`), and marks none of them as the last. What is in one
        zip belongs together.
        """
        if self.member:
            return f"{self.path}:{self.kind}"
        folder, match = self.path.parent, _PORTION.match(self.path.name)
        if folder.name.isdecimal() and folder.parent.name.casefold() in ("goods", "properties"):
            return f"{folder.parent}:{self.kind}"
        return f"{folder}/{match[1]}:{self.kind}" if match else ""


def find(path: Path) -> list[ExchangeFile]:
    """Return the files of an exchange at a folder, file or pattern, in the order of their times.

    What is hidden in a folder (its name begins with a dot) is no part of it.

    Raises:
        FileNotFoundError: nothing is at that path.
        OSError: it cannot be looked at.
    """
    if any(mark in str(path) for mark in "*?[") and not path.exists():
        anchor = Path(*_plain_parts(path))
        base, paths = anchor, list(anchor.glob(str(path.relative_to(anchor))))
        if not anchor.exists():
            raise FileNotFoundError(f"there is no {anchor}")
    elif path.is_dir():
        base, paths = path, [one for one in path.rglob("*") if not _on_its_way(one.relative_to(path))]
    elif path.exists():
        base, paths = path.parent, [path]
    else:
        raise FileNotFoundError(f"there is no {path}")
    named = base != path and len(paths) == 1 and paths[0] == path
    found = [file for one in paths if one.is_file() for file in _files(one, base, named=named)]
    return sorted(found, key=lambda file: (file.changed_ns, _natural(file.name)))


@contextmanager
def opened(file: ExchangeFile) -> Iterator[BinaryIO]:
    """Open a file, and look at its end whether somebody has written to it meanwhile.

    Raises:
        BrokenFileError: it changed while it was read, or is no zip.
    """
    try:
        if file.kind == "broken" or file.member:
            with ZipFile(file.path) as archive, archive.open(file.member) as stream:
                yield cast("BinaryIO", stream)
        else:
            with file.path.open("rb") as stream:
                yield stream
        now = file.path.stat()
    except (BadZipFile, KeyError, OSError, RuntimeError) as error:
        raise BrokenFileError(f"it cannot be read ({error})") from None
    if (now.st_size, now.st_mtime_ns) != (file.size, file.changed_ns):
        raise BrokenFileError("it was written to while it was read")


def _files(path: Path, base: Path, *, named: bool) -> Iterator[ExchangeFile]:
    stat = path.stat()
    name = path.relative_to(base).as_posix()
    suffix = path.suffix.casefold()
    if suffix == ".zip":
        for member in _members(path):
            kind = kind_of(member.rpartition("/")[2]) if member else "broken"
            if kind is not None:
                yield ExchangeFile(path, f"{name}:{member}", kind, stat.st_size, stat.st_mtime_ns, member)
    elif suffix == ".xml":
        kind = kind_of(path.name) or ("offers" if named else None)
        if kind is not None:
            yield ExchangeFile(path, name, kind, stat.st_size, stat.st_mtime_ns)


def _on_its_way(path: Path) -> bool:
    """Whether it lies in a hidden folder, as what is still being received does."""
    return any(part.startswith(".") for part in path.parts)


def _members(path: Path) -> list[str]:
    try:
        with ZipFile(path) as archive:
            return archive.namelist()
    except (BadZipFile, OSError):
        # It is told as broken when it is read.
        return [""]


def kind_of(name: str) -> Kind | None:
    """Tell by its own name, without folders, what an XML file is about; None = nothing to us."""
    lowered = name.casefold()
    if not lowered.endswith(".xml"):
        return None
    return next((kind for kind in _KINDS if lowered.startswith(kind)), None)


def _plain_parts(path: Path) -> list[str]:
    parts: list[str] = []
    for part in path.parts:
        if any(mark in part for mark in "*?["):
            break
        parts.append(part)
    return parts


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key by which `rests0_10` comes after `rests0_9`."""
    return [
        (int(part), "") if part.isdecimal() else (0, part.casefold()) for part in _DIGITS.split(name) if part
    ]
