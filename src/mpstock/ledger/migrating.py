"""Brings a ledger's tables to the version of this mpstock, and refuses one of a newer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mpstock.errors import LedgerVersionError

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["HEAD", "VERSIONS", "migrate", "refuse_unknown", "upgrade_through"]

VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Every schema version that this mpstock knows, oldest first; a test holds it against the migrations."""

HEAD = VERSIONS[-1]


def migrate(connection: Connection, place: str) -> None:
    """Bring the tables behind `connection` to `HEAD`, in one transaction.

    `place` names the ledger in the error. Alembic is imported only when there is work for it.

    Raises:
        LedgerVersionError: the ledger has a version that this mpstock does not know.
    """
    # Looked at without a transaction: whoever only reads does not wait for a writer.
    if _known(connection, place) == HEAD:
        return
    with connection.begin():
        if _known(connection, place) == HEAD:
            return
        upgrade_through(connection)


def upgrade_through(connection: Connection) -> None:
    """Run the migrations that are left, in the transaction that is open on `connection`."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "mpstock.ledger:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _known(connection: Connection, place: str) -> str | None:
    """Return the version of the tables, None where there are none; refuse one that is not known."""
    driver: Any = connection.connection.driver_connection
    if not driver.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
        return None
    row = driver.execute("SELECT version_num FROM alembic_version").fetchone()
    found = None if row is None else str(row[0])
    refuse_unknown(found, place)
    return found


def refuse_unknown(found: str | None, place: str) -> None:
    """Refuse a version of the tables that this mpstock does not know; `place` names the ledger.

    Raises:
        LedgerVersionError: it is not known.
    """
    if found is not None and found not in VERSIONS:
        raise LedgerVersionError(
            f"{place} has schema version {found!r}, this mpstock knows up to {HEAD!r}: "
            "it was written by a newer mpstock. Upgrade mpstock (pip install -U mpstock) to open it"
        )
