"""The folder of a source as 1C's exchange over the network fills it: what is wanted, sound, and overtaken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, cast
from zipfile import BadZipFile, ZipFile

from mpstock_onec.commerceml import Package, read
from mpstock_onec.commerceml_folder import ExchangeFile, find, kind_of, opened
from mpstock_onec.commerceml_xml import BrokenFileError

if TYPE_CHECKING:
    from mpstock_onec.commerceml_settings import CommerceMLSettings

__all__ = ["CommerceMLInbox", "inbox"]

_ONE_PACKAGE = timedelta(minutes=30)
"""Portions that are further apart belong to two packages, files that are nearer to one exchange."""


def inbox(settings: CommerceMLSettings) -> CommerceMLInbox | None:
    """Return the inbox of a source; None where `path` is one file or a pattern."""
    path = settings.path
    named_folder = not path.suffix and not any(mark in str(path) for mark in "*?[")
    return CommerceMLInbox(path) if path.is_dir() or named_folder else None


class CommerceMLInbox:
    """What `onec_commerceml` wants of the files that an exchange brings (`mpstock.Inbox`)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def folder(self) -> Path:
        """Where the source looks for its files."""
        return self._folder

    def use(self, name: str) -> Literal["stock", "names", ""]:
        """Say what a file is by its name: prices, pictures and orders are nothing to us."""
        own = name.rpartition("/")[2]
        if own.casefold().endswith(".zip"):
            return "stock"
        kind = kind_of(own)
        if kind is None:
            return ""
        return "names" if kind == "import" else "stock"

    def check(self, path: Path, name: str) -> str:
        """Read a file to its end, of a zip all members that count; return what is wrong with it."""
        if not name.casefold().endswith(".zip"):
            try:
                with path.open("rb") as stream:
                    _walk(stream)
            except (OSError, BrokenFileError) as error:
                return f"{name}: {error}"
            return ""
        member = ""
        try:
            with ZipFile(path) as archive:
                for member in archive.namelist():
                    if self.use(member) and not member.casefold().endswith(".zip"):
                        with archive.open(member) as stream:
                            _walk(cast("BinaryIO", stream))
        except (BadZipFile, BrokenFileError, NotImplementedError, OSError, RuntimeError) as error:
            return f"{name}{':' * bool(member)}{member}: {error}"
        return ""

    def overtaken(self) -> Sequence[Path]:
        """Return the files from before the newest package of everything, and its catalogue.

        A reading from the beginning goes back to that package. What goods are called is put together from all
        files that say so, so these stay until everything has been called anew.
        """
        files = [file for file in find(self._folder) if file.kind != "broken"]
        since: list[int] = []
        # Offers beside rests are only names, and both have to be whole then.
        for kind in {file.kind for file in files} | {"import"}:
            begun = _newest_whole([file for file in files if file.kind == kind])
            if begun is None:
                return ()
            since.append(begun)
        # What came with it stays, and of a zip all or nothing goes.
        limit = min(since) - int(_ONE_PACKAGE.total_seconds() * 1e9)
        kept = {file.path for file in files if file.changed_ns >= limit}
        return sorted({file.path for file in files} - kept)


def _walk(stream: BinaryIO) -> None:
    for _ in read(stream, Package()):
        pass


def _newest_whole(files: Sequence[ExchangeFile]) -> int | None:
    """Return when the newest package of everything began, in nanoseconds; None where there is none.

    Nobody says which portion is the last one, so of a package in portions the one before it stays as well.
    """
    in_portions = False
    for package in _packages(files):
        if all(_says_all(file) for file in package):
            if in_portions or not package[0].portion_of or package[0].member:
                return package[-1].changed_ns
            in_portions = True
    return None


def _packages(files: Sequence[ExchangeFile]) -> Iterator[list[ExchangeFile]]:
    """Yield the files of one package each, the newest first."""
    package: list[ExchangeFile] = []
    for file in reversed(files):
        if package and not _together(file, package[-1]):
            yield package
            package = []
        package.append(file)
    if package:
        yield package


def _together(file: ExchangeFile, later: ExchangeFile) -> bool:
    near = later.changed_at - file.changed_at <= _ONE_PACKAGE
    return bool(file.portion_of) and file.portion_of == later.portion_of and near


def _says_all(file: ExchangeFile) -> bool:
    package = Package()
    try:
        with opened(file) as stream:
            # What a package says of itself stands before its first offer.
            next(iter(read(stream, package)), None)
    except BrokenFileError:
        return False
    return package.full and package.offers + package.products > 0
