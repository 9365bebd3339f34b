"""What PostgreSQL says, as the ledger's own errors: what happened and how it is mended, without secrets."""

from __future__ import annotations

import psycopg

from mpstock.errors import ConfigurationError, LedgerError, LedgerFullError, LedgerLockedError, MpstockError
from mpstock.ledger import database

__all__ = ["PLACE", "translated", "unreachable"]

PLACE = "[ledger] url"

_LOCKED = {"55P03", "40P01", "40001", "57014"}
_FULL = {"53100", "53200", "25006"}
_LOST = ("08", "57P", "25P03")


def translated(error: psycopg.Error, place: str) -> LedgerError:
    """Return what a statement's failure means."""
    state = error.sqlstate or ""
    text = _words(error)
    if state in _LOCKED:
        return LedgerLockedError(
            f"{place}: another process has held the ledger for {database.BUSY_TIMEOUT:.0f} s ({text}); "
            "wait for it to end, or stop it, and run again"
        )
    if state in _FULL:
        return LedgerFullError(
            f"{place}: the ledger cannot be written ({text}); make room on the server, or name the one that "
            "is written to, and run again: what was sent and not recorded is read back first"
        )
    if not state or state.startswith(_LOST):
        return LedgerError(
            f"{place}: the connection was lost ({text}); run again: what was sent and not recorded is read "
            "back first"
        )
    if state == "42501":
        return LedgerError(f"{place}: {text}; the role of [ledger] url must own the tables, or be given them")
    return LedgerError(f"{place}: {text}")


_DOWN = (
    "refused", "timeout", "timed out", "translate host", "No such file", "unreachable", "no route",
    "starting up", "shutting down", "too many", "remaining connection slots", "closed the connection",
)  # fmt: skip


def unreachable(error: psycopg.Error, place: str) -> MpstockError:
    """Return what it means that no connection could be made."""
    text = _words(error)
    if any(words.lower() in text.lower() for words in _DOWN):
        return LedgerError(f"{place}: the server cannot be reached ({text}); start it, or mend [ledger] url")
    return ConfigurationError(
        f"{place} refuses: {text}; look at the user, the password and the database's name", place=PLACE
    )


def _words(error: psycopg.Error) -> str:
    """Return the first line of what it says."""
    primary = error.diag.message_primary
    if primary:
        return primary
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
