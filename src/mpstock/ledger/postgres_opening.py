"""How a ledger on PostgreSQL is opened: its URL, who may, its tables, and its tenant."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
from psycopg.adapt import Buffer, Loader
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.string import TextLoader

from mpstock.errors import ConfigurationError, LedgerError
from mpstock.ledger.migrating import HEAD, refuse_unknown
from mpstock.ledger.postgres_errors import PLACE, translated, unreachable

__all__ = ["check", "connect", "migrate", "options", "place", "tenant"]

_DEFAULTS = {
    "connect_timeout": "10",
    "application_name": "mpstock",
    # A peer that is gone without a word is noticed within a minute.
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}


class _Truth(Loader):
    """What is true as SQLite gives it: 1."""

    def load(self, data: Buffer) -> int:
        return 1 if bytes(data) == b"t" else 0


class _Number(Loader):
    """A sum of whole numbers as the whole number that it is."""

    def load(self, data: Buffer) -> float:
        text = bytes(data).decode()
        return float(text) if "." in text else int(text)


def options(url: str) -> dict[str, Any]:
    """Return what a URL says, as libpq names it.

    Raises:
        ConfigurationError: it is no such URL.
    """
    # Written so for SQLAlchemy, it means the same.
    plain = re.sub(r"^(?:postgres|postgresql(?:\+psycopg)?)://", "postgresql://", url)
    try:
        found = conninfo_to_dict(plain)
    except psycopg.ProgrammingError:
        # It would be told with what it stumbled over, which may be a part of the password.
        raise ConfigurationError(
            "is no URL of PostgreSQL; write postgresql://user:password@host/database, and in the password "
            "%40 for @, %2F for /, %23 for #, %25 for %",
            place=PLACE,
        ) from None
    return {**_DEFAULTS, **found}


def place(found: Mapping[str, Any], name: str) -> str:
    """Return where it is, for messages."""
    host, port = found.get("host", "localhost"), found.get("port")
    return f"postgresql://{host}{f':{port}' if port else ''}/{found.get('dbname', '')} (tenant {name})"


def connect(found: Mapping[str, Any], where: str) -> psycopg.Connection[Any]:
    """Connect; what is sent is a transaction of its own unless it begins one."""
    try:
        connection = psycopg.connect(**found, autocommit=True, prepare_threshold=None)
    except psycopg.Error as error:
        raise unreachable(error, where) from None
    for name, loader in (("bool", _Truth), ("numeric", _Number), ("json", TextLoader), ("jsonb", TextLoader)):
        connection.adapters.register_loader(name, loader)
    return connection


def check(connection: psycopg.Connection[Any], where: str) -> None:
    """Refuse what a ledger cannot be kept in, or for a role that row-level security does not hold for.

    Raises:
        ConfigurationError: it says what to do.
    """
    row = _asked(
        connection,
        where,
        "SELECT rolsuper OR rolbypassrls, rolname, current_setting('server_encoding'), "
        "current_setting('standard_conforming_strings'), current_setting('server_version_num')::int, "
        "current_schema() FROM pg_roles WHERE rolname = current_user",
    )
    above, role, encoding, strings, version, schema = row
    if above:
        raise ConfigurationError(
            f"the role {role!r} sees the rows of every tenant: it is a superuser, or has BYPASSRLS. Make one "
            "that is not: CREATE ROLE mpstock LOGIN PASSWORD '…'; ALTER DATABASE … OWNER TO mpstock",
            place=PLACE,
        )
    if encoding != "UTF8":
        raise ConfigurationError(
            f"the database has the encoding {encoding}; make one with CREATE DATABASE … ENCODING 'UTF8' "
            "TEMPLATE template0",
            place=PLACE,
        )
    if strings != "on":
        raise ConfigurationError("standard_conforming_strings is off for this role; set it on", place=PLACE)
    if version < _OLDEST:
        raise ConfigurationError(
            f"the server is PostgreSQL {version // 10_000}; a ledger needs {_OLDEST // 10_000} or newer",
            place=PLACE,
        )
    if schema is None:
        raise ConfigurationError(
            "no schema of the role's search_path is there; make one: CREATE SCHEMA … AUTHORIZATION …",
            place=PLACE,
        )


_OLDEST = 130_000


def migrate(
    connection: psycopg.Connection[Any], again: Callable[[], psycopg.Connection[Any]], where: str
) -> None:
    """Bring the tables to this version's schema, where they are not there yet; one process at a time.

    `again` makes a connection like that one, for the work itself.

    Raises:
        LedgerVersionError: the tables are a newer version's.
    """
    there = _asked(connection, where, "SELECT to_regclass('alembic_version') IS NOT NULL")[0]
    known = _asked(connection, where, "SELECT max(version_num) FROM alembic_version")[0] if there else None
    refuse_unknown(known, where)
    if known == HEAD:
        return
    from mpstock.ledger.postgres_migrating import upgrade

    upgrade(again, where)


def tenant(connection: psycopg.Connection[Any], name: str, where: str) -> int:
    """Return the number of a tenant; one that is new gets one."""
    quoted = "'" + name.replace("'", "''") + "'"
    found = f"SELECT id FROM tenants WHERE name = {quoted}"
    row = _asked(connection, where, found)
    if row is None:
        _asked(connection, where, f"INSERT INTO tenants (name) VALUES ({quoted}) ON CONFLICT DO NOTHING")
        row = _asked(connection, where, found)
    if row is None:
        raise LedgerError(f"{where}: the tenant could not be made")
    return int(row[0])


def _asked(connection: psycopg.Connection[Any], where: str, text: str) -> Any:
    try:
        cursor = connection.execute(text.encode())
        return cursor.fetchone() if cursor.description else None
    except psycopg.Error as error:
        raise translated(error, where) from error
