"""Tapes as they are read: line by line, also where the end is missing."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from attrs import define, field

from mpstock.errors import ConfigurationError
from mpstock.tapes.writing import FORM, SUFFIX, WHOLE

__all__ = ["TapeFile", "tapes_at"]

_PIECE = 1 << 16

Line = Mapping[str, Any]


@define
class TapeFile:
    """One tape. `header` is its first line; `torn` says, once it was read, why its end is missing."""

    path: Path
    header: Line = field(init=False)
    torn: str = field(init=False, default="")

    def __attrs_post_init__(self) -> None:
        first = next(self._lines(), None)
        if first is None or first.get("t") != "tape":
            raise ConfigurationError(
                f"is no tape of mpstock{f' ({self.torn})' if self.torn else ''}; tapes are written by "
                "`mpstock sync --tape DIR`, or where [tapes] directory says",
                place=str(self.path),
            )
        if first["v"] > FORM:
            raise ConfigurationError(
                f"was written in form {first['v']} by a newer mpstock, and this one reads up to form {FORM}; "
                "upgrade mpstock to replay it",
                place=str(self.path),
            )
        self.header = first

    @property
    def run(self) -> int:
        """The run that it is of."""
        return int(self.header["run"])

    @property
    def started(self) -> datetime:
        """When that run began."""
        return datetime.fromisoformat(self.header["started"])

    @property
    def whole(self) -> bool:
        """Whether all products were to be on it."""
        return self.path.name.endswith(f"{WHOLE}{SUFFIX}")

    def lines(self, only: str | None = None) -> Iterator[Line]:
        """Yield every line after the header, or those of one kind, and set `torn` if the end is missing.

        A line of a kind that is not known is one of a later version, and is yielded too.
        """
        lines = self._lines(only)
        if only is None:
            next(lines, None)
        yield from lines

    def _lines(self, only: str | None = None) -> Iterator[Line]:
        self.torn = ""
        last: Line = {}
        start = b"" if only is None else f'{{"t":"{only}"'.encode()
        for text in self._texts():
            if not text.startswith(start):
                continue
            try:
                line = json.loads(text)
            except ValueError:
                line = None
            if not isinstance(line, dict):
                self.torn = "a line of it is not whole; what stands before it was read"
                return
            last = line
            yield line
        if only is None and not self.torn and last.get("t") != "end":
            self.torn = "it ends before its run does"

    def _texts(self) -> Iterator[bytes]:
        """Yield the whole lines of the file, as far as it can be unpacked."""
        packed = zlib.decompressobj(31)
        rest = b""
        try:
            with self.path.open("rb") as file:
                while piece := file.read(_PIECE):
                    try:
                        rest += packed.decompress(piece)
                    except zlib.error:
                        self.torn = "it is damaged; what stands before that was read"
                        return
                    *whole, rest = rest.split(b"\n")
                    yield from whole
        except OSError as error:
            raise ConfigurationError(
                f"cannot be read: {error.strerror or error}", place=str(self.path)
            ) from None
        if rest:
            self.torn = "its last line was cut off; what stands before it was read"


def tapes_at(path: Path) -> list[TapeFile]:
    """Return the tape at a path, or those in that folder, in the order of their runs.

    Raises:
        ConfigurationError: there is none, one cannot be read, or they are of several ledgers.
    """
    if path.is_dir():
        files = sorted(path.glob(f"*{SUFFIX}"))
        if not files:
            raise ConfigurationError(
                f"has no tapes (*{SUFFIX}); `mpstock sync --tape {path}` puts one there", place=str(path)
            )
    elif path.exists():
        files = [path]
    else:
        raise ConfigurationError("is not there; name a tape, or a folder of tapes", place=str(path))
    tapes = sorted((TapeFile(file) for file in files), key=lambda tape: (tape.started, tape.run))
    first = tapes[0]
    for tape in tapes:
        if tape.header.get("ledger") != first.header.get("ledger"):
            raise ConfigurationError(
                f"is of another ledger than {first.path.name}; put the tapes of each shop into a folder of "
                "its own",
                place=str(tape.path),
            )
    return tapes
