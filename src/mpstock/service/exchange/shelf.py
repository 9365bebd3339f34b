"""The files of an exchange on the disk: portions appended, whole files put where the source reads them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

from attrs import frozen

from mpstock.service.exchange.sessions import Received, Session
from mpstock.service.exchange.wording import RefusedError

__all__ = ["Portion", "Shelf"]

_HEAD = 256
_SPARE = 64 * 1024 * 1024
"""Bytes of the disk that are left to others."""
_OURS = re.compile(r"exchange-\d{8}-\d{6}-[0-9a-f]{8}")
_TICK_NS = 1_000


@frozen
class Portion:
    """One portion that has come whole: where it lies, and what tells it from another."""

    path: Path
    size: int
    digest: str
    head: bytes


class Shelf:
    """The hidden folder in which an exchange gathers its files, inside the folder of the source.

    It lies inside, so that a file gets to its place by being renamed: the source sees all of it or nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = folder / ".exchange"
        self._coming = 0

    @property
    def record(self) -> Path:
        """Where the session is written down."""
        return self._root / "session.json"

    def path(self, received: Received) -> Path:
        """Where a file lies while it comes."""
        return self._root / f"{received.number}.part"

    def begin(self, now: datetime) -> str:
        """Throw away what another exchange left here; return the name of the folder of a new one."""
        self.clear()
        self._root.mkdir(parents=True, exist_ok=True)
        return f"exchange-{now:%Y%m%d-%H%M%S}-{token_hex(4)}"

    def clear(self) -> None:
        """Throw away all that was not put into its place."""
        shutil.rmtree(self._root, ignore_errors=True)

    async def take_in(self, body: AsyncIterator[bytes], most: int) -> Portion:
        """Write the body of a request to the disk; all that come at once not more than `most` bytes.

        Raises:
            RefusedError: there is more of it, or no room.
        """
        path = self._root / f"{token_hex(8)}.portion"
        digest, head, size = sha256(), b"", 0
        try:
            with path.open("wb") as stream:
                async for piece in body:
                    size += len(piece)
                    self._coming += len(piece)
                    if self._coming > most:
                        raise RefusedError(
                            "Файлы обмена больше, чем разрешено ([service.exchange] max_size). "
                            "Не выгружайте картинки.",
                            "the exchange is larger than [service.exchange] max_size; send no pictures",
                        )
                    if shutil.disk_usage(self._root).free < len(piece) + _SPARE:
                        raise RefusedError("На диске сервера нет места.", "the disk is full")
                    if len(head) < _HEAD:
                        head = (head + piece)[:_HEAD]
                    digest.update(piece)
                    stream.write(piece)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            self._coming -= size
        return Portion(path, size, digest.hexdigest(), head)

    def append(self, received: Received, portion: Portion) -> None:
        """Add a portion to its file, unless it is the last one once more; begin anew if it is the first.

        The protocol numbers no portions. A client that got no answer sends the last one again, and one that
        was started again sends the file from its beginning.
        """
        path = self.path(received)
        if received.size and (portion.digest, portion.size) == (received.last, received.last_size):
            portion.path.unlink()
            return
        if not received.size or self._begins_as(path, portion):
            portion.path.replace(path)
            received.size = portion.size
        else:
            with path.open("r+b") as stream, portion.path.open("rb") as more:
                # What a crash left of a portion that was never answered is overwritten.
                stream.truncate(received.size)
                stream.seek(received.size)
                shutil.copyfileobj(more, stream, 1024 * 1024)
            portion.path.unlink()
            received.size += portion.size
        received.last, received.last_size = portion.digest, portion.size

    def whole(self, received: Received) -> bool:
        """Cut off what was not answered; tell whether as much of a file is there as was answered for."""
        path = self.path(received)
        try:
            size = path.stat().st_size
            if size > received.size:
                os.truncate(path, received.size)
        except OSError:
            return False
        return size >= received.size

    def place(self, session: Session, name: str, received: Received) -> None:
        """Put a whole file where the source reads it, as old as its exchange.

        An exchange says what was true when it began at the latest; the files of one are told apart by their
        order alone.
        """
        session.placed += 1
        path = self._folder / session.folder / name
        if path.exists():
            path = self._folder / session.folder / f"again-{session.placed}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path(received)
        moment = int(session.started_at.timestamp() * 1_000_000) * 1_000 + session.placed * _TICK_NS
        os.utime(part, ns=(moment, moment))
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(path)
        received.place = path.relative_to(self._folder).as_posix()

    def placed(self, received: Received) -> Path:
        """Where a file lies that was put into its place."""
        return self._folder / received.place

    def remove(self, paths: Sequence[Path]) -> int:
        """Remove files that were put there by an exchange, and folders that are empty then."""
        removed = 0
        for path in paths:
            if not _OURS.fullmatch(path.relative_to(self._folder).parts[0]):
                # A person has put it there, or 1C itself.
                continue
            path.unlink(missing_ok=True)
            removed += 1
            for above in path.parents:
                if above == self._folder or any(above.iterdir()):
                    break
                above.rmdir()
        return removed

    def _begins_as(self, path: Path, portion: Portion) -> bool:
        with path.open("rb") as stream:
            begun = stream.read(_HEAD)
        compared = min(len(begun), len(portion.head))
        return compared >= 32 and begun[:compared] == portion.head[:compared]
