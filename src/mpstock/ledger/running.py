"""One run at a time on a ledger: two would send each other's changes, and each take the other's for doubt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mpstock.errors import LedgerLockedError

__all__ = ["only_run"]


@contextmanager
def only_run(place: str) -> Iterator[None]:
    """Hold the ledger at `place` for one run; a ledger in memory is nobody else's anyway.

    The lock is the operating system's, on a file beside the ledger: a process that is killed gives it back.

    Raises:
        LedgerLockedError: another run is under way.
    """
    if place == ":memory:":
        yield
        return
    from filelock import FileLock, Timeout

    lock = FileLock(f"{place}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LedgerLockedError(
            f"{place}: another run is under way on this ledger; wait for it to end, or stop it"
        ) from None
    try:
        yield
    finally:
        lock.release()
