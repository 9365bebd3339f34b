"""The ledger as a database: its tables and migrations, and what it says when it cannot be used."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mpstock import Reading
from mpstock.errors import (
    ConfigurationError,
    LedgerError,
    LedgerFullError,
    LedgerLockedError,
    LedgerVersionError,
)
from mpstock.ledger import Ledger
from mpstock.ledger.migrating import HEAD, VERSIONS
from mpstock.model import Level
from tests.ledger.reading import NOW, read
from tests.ledgers import ON_POSTGRES


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a lock."""
    monkeypatch.setattr("mpstock.ledger.database.BUSY_TIMEOUT", 0.05)


@pytest.mark.sqlite("its tables")
def test_the_migrations_make_the_tables_of_the_schema(path: Path) -> None:
    """What Alembic builds from nothing is what the engine's tables say."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine

    from mpstock.ledger.schema import metadata

    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def _made(path: Path) -> tuple[dict[str, str], dict[str, list[Any]]]:
    """The statements of indexes and triggers, and the columns of tables with types, defaults and keys."""
    with sqlite3.connect(path) as connection:
        found = connection.execute(
            "SELECT type, name, sql FROM sqlite_master "
            "WHERE name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
        ).fetchall()
        columns = {
            name: [row[1:] for row in connection.execute(f"PRAGMA table_xinfo('{name}')")]
            for kind, name, _ in found
            if kind == "table"
        }
    connection.close()
    spoken = {name: " ".join(sql.split()) for kind, name, sql in found if kind in ("index", "trigger")}
    return spoken, columns


@pytest.mark.sqlite("its words")
def test_defaults_partial_indexes_and_triggers_are_the_same_as_well(path: Path, tmp_path: Path) -> None:
    """What Alembic's comparison does not look at, or not closely: the database's own words of both."""
    from sqlalchemy import create_engine

    from mpstock.ledger.log_schema import TRIGGERS
    from mpstock.ledger.schema import metadata

    other = tmp_path / "other.db"
    engine = create_engine(f"sqlite:///{other}")
    metadata.create_all(engine)
    engine.dispose()
    assert _made(path) == _made(other)
    assert set(TRIGGERS) <= set(_made(path)[0])


def test_the_migrations_are_a_chain_to_the_version_of_this_mpstock() -> None:
    """Every version that is known is a migration, in that order, and the last one is the head."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "mpstock.ledger:migrations")
    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(revisions)) == VERSIONS
    assert revisions[0] == HEAD


@pytest.mark.sqlite("one file of that version")
def test_a_ledger_of_a_newer_version_is_refused(path: Path) -> None:
    """The error names the file, both versions and the mend; the file is left as it was."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    connection.close()
    with pytest.raises(LedgerVersionError, match=rf"{path}.*'0999'.*{HEAD}.*[Uu]pgrade"):
        Ledger(f"sqlite:///{path}")


def test_a_lock_is_waited_for_and_then_told(path: Path, impatient: None) -> None:
    """Another process writes and does not end: a clear error, and afterwards all is well."""
    ledger, other = Ledger(f"sqlite:///{path}"), Ledger(f"sqlite:///{path}")
    with other.transaction(at_once=True), pytest.raises(LedgerLockedError, match="another process"):
        read(ledger, Level("A", "main", 5))
    other.close()
    read(ledger, Level("A", "main", 5))
    assert ledger.levels.product_ids(["A"]) == {"A": 1}
    ledger.close()


def test_a_short_lock_is_sat_out(path: Path) -> None:
    """A write of another process that ends costs nothing but the wait."""
    ledger = Ledger(f"sqlite:///{path}")
    begun = threading.Event()

    def write() -> None:
        other = Ledger(f"sqlite:///{path}")
        with other.transaction():
            begun.set()
            time.sleep(0.1)
        other.close()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    read(ledger, Level("A", "main", 5))
    writer.join()
    ledger.close()


def test_a_second_process_reads_during_a_write(path: Path, ledger: Ledger, impatient: None) -> None:
    """Opening and reading need no lock: `mpstock status` beside a run sees what is recorded so far."""
    read(ledger, Level("A", "main", 5))
    with ledger.transaction():
        ledger.levels.begin_read("erp").ingest(Reading([Level("B", "main", 5)], NOW), NOW)
        second = Ledger(f"sqlite:///{path}")
        assert second.levels.product_ids(["A", "B"]) == {"A": 1}
        assert second.runs.last() == []
        second.close()
    assert set(ledger.levels.product_ids(["A", "B"])) == {"A", "B"}


@pytest.mark.sqlite("its pragma")
def test_what_must_outlive_a_power_cut_waits_for_the_disk(ledger: Ledger) -> None:
    """Also right after something that need not; 2 is FULL, 1 is NORMAL (SQLite, PRAGMA synchronous)."""

    def waits() -> bool:
        return bool(ledger.database.scalar("PRAGMA synchronous") == 2)

    for _ in range(2):
        with ledger.transaction(durable=False):
            assert not waits()
        with ledger.transaction():
            assert waits()
            with ledger.transaction(durable=False):
                # A part of the one that waits.
                assert waits()
    with ledger.transaction(durable=False):
        pass
    ledger.runs.remember("outside", "a transaction")
    assert waits()


def test_a_transaction_that_fails_in_any_place_leaves_the_ledger_as_it_was(ledger: Ledger) -> None:
    """Within, or at its commit; the next one works, and knows nothing of it."""

    def broken_off() -> None:
        with ledger.transaction():
            read(ledger, Level("A", "main", 5))
            with ledger.transaction():
                raise ZeroDivisionError

    def refused_at_the_end() -> None:
        with ledger.transaction():
            read(ledger, Level("A", "main", 5))
            if not ON_POSTGRES:
                ledger.database.query("PRAGMA defer_foreign_keys = ON")
            ledger.database.execute("UPDATE stock_levels SET product_id = 77")

    with pytest.raises(ZeroDivisionError):
        broken_off()
    with pytest.raises(LedgerError, match=r"(?i)foreign key"):
        refused_at_the_end()
    assert ledger.levels.product_ids(["A"]) == {}
    read(ledger, Level("A", "main", 5))
    assert ledger.levels.product_ids(["A"]) == {"A": 1}


@pytest.mark.sqlite("its pages")
def test_a_full_disk_is_told_and_nothing_is_half_written(ledger: Ledger) -> None:
    """No space: a clear error, the transaction is undone as a whole, and room heals it."""
    read(ledger, Level("A", "main", 5))
    pages = ledger.database.scalar("PRAGMA page_count")
    ledger.database.query(f"PRAGMA max_page_count = {pages + 2}")
    many = [Level(f"P{number}", "main", 1) for number in range(5_000)]
    with pytest.raises(LedgerFullError, match="free some space"):
        read(ledger, *many)
    assert ledger.levels.product_ids(["A", "P0", "P4999"]) == {"A": 1}
    ledger.database.query("PRAGMA max_page_count = 1073741823")
    read(ledger, *many)
    assert len(ledger.levels.product_ids(["A", "P0", "P4999"])) == 3


@pytest.mark.sqlite("its pragma")
def test_a_ledger_that_may_not_be_written_is_told(ledger: Ledger) -> None:
    """Read-only: the error says to look at the permissions."""
    ledger.database.query("PRAGMA query_only = ON")
    with pytest.raises(LedgerFullError, match="permissions"):
        read(ledger, Level("A", "main", 5))


@pytest.mark.sqlite("its file")
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_file_is_told(path: Path) -> None:
    """A file without the permission to write it is refused with a clear error."""
    path.chmod(0o444)
    with pytest.raises(LedgerFullError, match="permissions"):
        read(Ledger(f"sqlite:///{path}"), Level("A", "main", 5))


@pytest.mark.sqlite("its file")
@pytest.mark.parametrize(
    "content", [b"this is no database, only text of some length\n" * 200, b"PK\x03\x04" * 500]
)
def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """Someone's other file under that name: a clear error, not a byte is touched."""
    path = tmp_path / "mpstock.db"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="no ledger"):
        Ledger(f"sqlite:///{path}")
    assert path.read_bytes() == content


@pytest.mark.sqlite("its URL")
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:////there/is/no/such/folder/mpstock.db", "does not exist"),
        ("mysql://localhost/mpstock", "mysql"),
        ("mpstock.db", "sqlite:///"),
    ],
)
def test_a_url_that_cannot_be_used_names_its_setting(url: str, told: str) -> None:
    """The error names the table and key, and what to write."""
    with pytest.raises(ConfigurationError, match=told) as caught:
        Ledger(url)
    assert "[ledger] url" in str(caught.value)


def test_available_is_generated(ledger: Ledger) -> None:
    """`available` is quantity − reserved, computed by the database, for whoever queries it by hand."""
    read(ledger, Level("A", "main", 9, 4), Level("B", "main", None))
    rows = ledger.database.query("SELECT available FROM stock_levels ORDER BY id")
    with pytest.raises(LedgerError, match=r"generated|DEFAULT"):
        ledger.database.execute("UPDATE stock_levels SET available = 1")
    assert rows == [(5,), (None,)]


@pytest.mark.sqlite("its words")
@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("stock_levels", {"source", "product_id", "warehouse_id"}),
        ("marketplace_stocks", {"product_id", "marketplace", "warehouse_code"}),
        ("products", {"sku"}),
        ("warehouses", {"code"}),
        ("listings", {"marketplace", "external_id", "warehouse_code"}),
        ("holds", {"origin", "key", "product_id"}),
    ],
)
def test_keys_are_unique_in_the_database(path: Path, table: str, columns: set[str]) -> None:
    """Two rows of one key cannot be, whoever writes them."""
    with sqlite3.connect(path) as connection:
        unique = [
            {row[2] for row in connection.execute(f"PRAGMA index_info('{index[1]}')")}
            for index in connection.execute(f"PRAGMA index_list('{table}')").fetchall()
            if index[2]
        ]
    connection.close()
    assert columns in unique


@pytest.mark.sqlite("its words")
def test_the_tables_that_users_query_have_their_columns(path: Path) -> None:
    """The three tables of the documentation, with the documented columns."""
    wanted = {
        "stock_levels": "source product_id warehouse_id quantity reserved available updated_at",
        "marketplace_stocks": (
            "product_id marketplace warehouse_code synced_quantity last_synced_at sync_status error_message"
        ),
        "stock_sync_log": "product_id marketplace warehouse_code old_qty new_qty source run synced_at",
    }
    with sqlite3.connect(path) as connection:
        for table, columns in wanted.items():
            found = {row[1] for row in connection.execute(f"PRAGMA table_xinfo('{table}')")}
            assert set(columns.split()) <= found
    connection.close()


def test_an_open_transaction_ends_with_its_exception(ledger: Ledger) -> None:
    """Nested ones join it; an error anywhere undoes all of it, and the next one starts anew."""

    def broken() -> None:
        with ledger.transaction():
            ledger.runs.remember("a", "1")
            with ledger.transaction():
                ledger.runs.remember("b", "2")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    assert (ledger.runs.recall("a"), ledger.runs.recall("b")) == (None, None)
    with ledger.transaction():
        ledger.runs.remember("a", "3")
    assert ledger.runs.recall("a") == "3"


def test_ids_of_a_page_that_was_rolled_back_are_forgotten(ledger: Ledger) -> None:
    """A warehouse that was new in an undone page is made again by the next one."""

    def broken() -> None:
        with ledger.transaction():
            ledger.levels.ensure_warehouse("msk")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        broken()
    read(ledger, Level("A", "msk", 1))
    assert list(ledger.levels.warehouse_codes().values()) == ["msk"]


def test_closing_twice_is_harmless(path: Path) -> None:
    """A second close does nothing."""
    ledger = Ledger(f"sqlite:///{path}")
    ledger.close()
    ledger.close()


def test_text_of_any_script_passes_unharmed(ledger: Ledger) -> None:
    """Articles in Russian, with blanks and quotes, are found again as they were."""
    skus = ["Артикул-1", "a'b\"c", "日本", "x y", "A", "a"]
    read(ledger, *[Level(sku, "Склад №1", 1) for sku in skus])
    assert set(ledger.levels.product_ids(skus)) == set(skus)
