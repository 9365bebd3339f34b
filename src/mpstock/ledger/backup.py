"""Copies of the ledger, made while it is in use; and what becomes of one that is put back.

A copy says that it is one. Whoever is put in the place of a lost ledger is older than what the marketplaces
show: what it holds for known there may have moved since, and so may what the sources say, beyond what some of
them can tell of changes. So the first run on it forgets all of that and reads everything anew.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.errors import ConfigurationError, LedgerError, LedgerFullError
from mpstock.ledger.chain import LogVerification, verify
from mpstock.ledger.database import as_datetime, as_text
from mpstock.ledger.sealing import Seals
from mpstock.ledger.sqlite import SqliteDatabase
from mpstock.ledger.stocks import relane

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.ledger.actions import Actions
    from mpstock.ledger.database import Database
    from mpstock.ledger.runs import Runs

__all__ = ["BACKED_UP", "RESTORED", "Backup", "Copies", "back_up"]

BACKED_UP = "backup"
"""The action of making a copy."""

RESTORED = "restore"
"""The action of starting anew from one."""

_COPY_OF = "copy of"
_PAGES = 2_048


@frozen
class Backup:
    """A copy of the ledger. `log` is what came of holding its log against its seals."""

    path: Path
    taken_at: datetime
    size: int
    log: LogVerification

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "path": str(self.path),
            "taken_at": self.taken_at.isoformat(),
            "size": self.size,
            "log": self.log.as_dict(),
        }


def back_up(
    database: Database,
    path: Path,
    now: datetime,
    *,
    stop: Callable[[], bool] = lambda: False,
) -> Backup | None:
    """Copy the ledger, as of one moment, to a new file; runs and webhooks go on meanwhile.

    The file appears under its name only when it is whole and was read through. Returns None when `stop` said
    so in between.

    Raises:
        ConfigurationError: there is such a file already, or no such folder.
        LedgerFullError: the disk is full.
        LedgerError: the ledger is damaged: its copy cannot be read through.
    """
    if not isinstance(database, SqliteDatabase):
        raise ConfigurationError(
            f"{database.place} is copied by PostgreSQL's own tools: pg_dump, or pg_basebackup and an "
            "archive of its log",
            place="backup",
        )
    path = path.absolute()
    if not path.parent.is_dir():
        raise ConfigurationError(f"the folder {path.parent} does not exist", place="backup")
    if path.exists():
        raise _taken(path)
    part = path.with_name(f"{path.name}.part")
    try:
        if not _copy(database, part, now, stop):
            return None
        log = _read_through(part)
        _publish(part, path)
    except sqlite3.Error as error:
        raise _translated(error, path) from error
    except OSError as error:
        raise LedgerFullError(f"{path}: {error.strerror or error}; choose another place") from error
    finally:
        part.unlink(missing_ok=True)
    return Backup(path, now, path.stat().st_size, log)


class _Stopped(Exception):  # noqa: N818  (it is no error of anyone's)
    """A copy was stopped half-way."""


def _copy(database: SqliteDatabase, part: Path, now: datetime, stop: Callable[[], bool]) -> bool:
    def look(_status: int, _left: int, _total: int) -> None:
        if stop():
            raise _Stopped

    # What an earlier one left when it was killed is nobody's.
    part.unlink(missing_ok=True)
    target = sqlite3.connect(part)
    try:
        with contextlib.suppress(OSError):
            shutil.copymode(database.place, part)
        with database.snapshot():
            # The snapshot begins with the first look; a copy without one starts again with each write.
            database.scalar("SELECT count(*) FROM sqlite_master")
            database.copy_to(target, pages=_PAGES, progress=look)
        # One file, with nothing beside it that could be forgotten.
        target.execute("PRAGMA journal_mode = DELETE")
        with target:
            target.execute(
                "INSERT INTO meta (key, value) VALUES (?, ?) "
                "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                (_COPY_OF, as_text(now)),
            )
            target.execute("UPDATE leases SET holder = ''")
    except _Stopped:
        return False
    finally:
        target.close()
    return True


def _read_through(part: Path) -> LogVerification:
    database = SqliteDatabase(f"sqlite:///{part}", journal="DELETE")
    try:
        database.migrate()
        if wrong := database.damage(5):
            raise LedgerError(
                f"the ledger is damaged, and so would its copy be: {'; '.join(wrong)}. Keep the older "
                "backups, and look at `mpstock doctor`"
            )
        return verify(database, Seals(database))
    finally:
        database.close()


def _publish(part: Path, path: Path) -> None:
    """Give the file its name, unless another has taken it meanwhile; and wait for the disk."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        raise _taken(path) from None
    except OSError:
        # A file system without hard links.
        if path.exists():
            raise _taken(path) from None
        part.rename(path)
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _taken(path: Path) -> ConfigurationError:
    return ConfigurationError(f"{path} is there already; choose another name", place="backup")


def _translated(error: sqlite3.Error, path: Path) -> LedgerError:
    text = str(error)
    if "full" in text.lower() or "disk i/o" in text.lower():
        return LedgerFullError(f"{path}: {text}; there is no room for a copy: choose another disk")
    return LedgerError(f"{path}: {text}")


class Copies:
    """Whether this ledger is a copy of an earlier state, and what follows from it."""

    def __init__(self, database: Database, runs: Runs, actions: Actions) -> None:
        self.db = database
        self._runs = runs
        self._actions = actions

    def made_at(self) -> datetime | None:
        """Return when the copy was made that this ledger is, if nothing has run on it since."""
        return as_datetime(self._runs.recall(_COPY_OF))

    def start_anew(self, asked: Asked, now: datetime) -> int:
        """Forget what the listings show and where the readings ended: all of it is read anew.

        Nothing is sent to a listing before it was read back. Returns how many listings that are.
        """
        with self.db.transaction():
            made_at = self._runs.recall(_COPY_OF)
            count = self.db.affected("UPDATE marketplace_stocks SET base = NULL, expected = NULL")
            self.db.execute(f"UPDATE marketplace_stocks SET {relane(parked='TRUE')} WHERE in_flight IS NULL")
            self.db.execute("UPDATE cursors SET cursor = NULL")
            self.db.execute("DELETE FROM meta WHERE key = ?", (_COPY_OF,))
            self._actions.record(asked, RESTORED, now, scope={"copy_of": made_at, "listings": count})
        return count
