"""The log is chained: what is edited, removed, put in, moved or cut off is found, and where."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mpstock.asked import Asked
from mpstock.errors import ConfigurationError, LedgerError
from mpstock.ledger import Ledger
from mpstock.ledger.chain import LogVerification, verify
from tests.byhand import tampering
from tests.ledger.reading import NOW
from tests.ledgers import ON_POSTGRES

ROWS = 4


def write(ledger: Ledger, batches: int = 5, *, actor: str = "anna", reason: str = "a check") -> int:
    """One run that sends so many batches of `ROWS` changes each; returns its number."""
    run = ledger.runs.begin("sync", "manual", NOW, Asked(actor, reason))
    for push in range(batches):
        rows = [
            (
                product,
                "main",
                None if product == 1 else push,
                push + product,
                "1c",
                "ok",
                None,
                "ж\x00'",
                None,
            )
            for product in range(1, ROWS + 1)
        ]
        with ledger.transaction():
            ledger.log.add(run, push + 1, "ozon", rows, NOW)
    return run


def filled(path: Path) -> Path:
    """A ledger with two runs of five batches, and two actions."""
    ledger = Ledger(f"sqlite:///{path}")
    with ledger.transaction():
        write(ledger)
        ledger.actions.record(Asked("anna", "a flood"), "stop", NOW, scope={"sink": "ozon"})
        write(ledger, actor="boris")
        ledger.actions.record(Asked("anna"), "resume", NOW, scope={"sink": "ozon"})
    ledger.close()
    return path


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("chain") / "mpstock.db")


@pytest.fixture
def path(tmp_path: Path, original: Path) -> Path:
    """The file of `chained`."""
    return filled(tmp_path / "mpstock.db") if ON_POSTGRES else Path(shutil.copy(original, tmp_path))


@pytest.fixture
def chained(path: Path) -> Iterator[Ledger]:
    """A copy of the original."""
    ledger = Ledger(f"sqlite:///{path}")
    yield ledger
    ledger.close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A new one."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'new.db'}")
    yield ledger
    ledger.close()


def held(ledger: Ledger, **keys: Any) -> LogVerification:
    return verify(ledger.database, ledger.seals, **keys)


def test_a_log_that_nobody_touched_holds(chained: Ledger) -> None:
    """All of it was looked at, and the head is the last digest, as `meta` has it."""
    found = held(chained)
    assert (found.holds, found.breaks) == (True, ())
    assert (found.seals, found.rows, found.actions, found.pruned, found.unsealed) == (12, 10 * ROWS, 2, 0, 0)
    assert found.head == chained.seals.head().digest
    assert len(found.head) == 64


def test_an_empty_log_holds(ledger: Ledger) -> None:
    """A new ledger has a head already: the beginning, which can be noted as well."""
    found = held(ledger)
    assert (found.holds, found.seals, found.rows) == (True, 0, 0)
    assert found.head == ledger.seals.beginning()
    write(ledger)
    assert held(ledger, noted=found.head).holds


COLUMNS = {
    "product_id": "2", "marketplace": "'wb'", "warehouse_code": "'other'", "old_qty": "77", "new_qty": "0",
    "source": "'order'", "run": "1", "push": "9", "status": "'error'", "error_code": "'NO'",
    "error_message": "''", "synced_at": "'2020-01-01 00:00:00.000000'", "explanation_id": "5",
}  # fmt: skip


def test_every_column_of_the_log_is_tried() -> None:
    """The list of this test is the table's."""
    from mpstock.ledger.schema import metadata

    assert set(COLUMNS) == {column.name for column in metadata.tables["stock_sync_log"].columns} - {"id"}


@pytest.mark.parametrize("column", COLUMNS)
def test_an_edited_row_is_found_whatever_is_edited(chained: Ledger, path: Path, column: str) -> None:
    """The batch, its run and its rows are named, and nothing else is broken."""
    with tampering(path) as connection:
        connection.execute(f"UPDATE stock_sync_log SET {column} = {COLUMNS[column]} WHERE id = 25")
    found = held(chained)
    assert (found.broken, found.breaks[0].seal, found.breaks[0].run) == (1, 8, 2)
    assert (found.breaks[0].first, found.breaks[0].last) == (25, 28)
    assert str(found.breaks[0]).startswith(
        "batch 8 of run 2, rows 25 to 28 of the log: a row of it was changed"
    )


@pytest.mark.parametrize(
    "edit",
    [
        "actor = 'somebody else'", "reason = 'quite another'", "cause = 'webhook'", "plan_id = 3",
        "kind = 'apply'", "started_at = '2020-01-01 00:00:00.000000'",
    ],
)  # fmt: skip
def test_who_asked_for_a_run_and_why_is_sealed_with_its_batches(
    chained: Ledger, path: Path, edit: str
) -> None:
    """Each batch of that run tells; those of the other hold."""
    with tampering(path) as connection:
        connection.execute(f"UPDATE runs SET {edit} WHERE id = 1")
    found = held(chained)
    assert found.broken == 5
    assert {place.run for place in found.breaks} == {1}


def test_the_outcome_of_a_run_may_still_be_written(chained: Ledger) -> None:
    """A run is closed after its batches were sealed."""
    chained.runs.finish(2, "done", 0, {}, NOW)
    assert held(chained).holds


EDITS = {
    "a row is removed": ("DELETE FROM stock_sync_log WHERE id = 26", 8, "3 of its 4 rows"),
    "a batch is emptied": ("DELETE FROM stock_sync_log WHERE id BETWEEN 25 AND 28", 8, "0 of its 4 rows"),
    "two rows change places": (
        """UPDATE stock_sync_log SET id = 999 WHERE id = 25; UPDATE stock_sync_log SET id = 25 WHERE id = 26;
        UPDATE stock_sync_log SET id = 26 WHERE id = 999""",
        8,
        "changed",
    ),
    "a batch and its seal are removed": (
        "DELETE FROM stock_sync_log WHERE id BETWEEN 25 AND 28; DELETE FROM log_seals WHERE id = 8",
        9,
        "1 batches before it are gone",
    ),
    "the beginning is cut off": (
        "DELETE FROM stock_sync_log WHERE id <= 8; DELETE FROM log_seals WHERE id <= 2",
        3,
        "2 batches before it are gone",
    ),
    "a seal is edited": ("UPDATE log_seals SET sealed_at = '2020-01-01' WHERE id = 8", 8, "changed"),
    "a seal gets another run": ("UPDATE log_seals SET run_id = 1 WHERE id = 8", 8, "changed"),
    "a digest is edited": (
        "UPDATE log_seals SET digest = substr(digest, 2) || 'f' WHERE id = 8", 8, "changed",
    ),
    "a link is edited": ("UPDATE log_seals SET previous = 'x' WHERE id = 8", 8, "does not follow"),
    "a seal claims everything": ("UPDATE log_seals SET rows = 1099511627776 WHERE id = 8", 8, "it says"),
    "rows are declared as let go": (
        """DELETE FROM stock_sync_log WHERE id BETWEEN 25 AND 28;
        UPDATE log_seals SET pruned_at = '2026-01-01' WHERE id = 8""",
        8,
        "no retention let them go",
    ),
    "a number becomes a blob": ("UPDATE stock_sync_log SET new_qty = x'00ff' WHERE id = 25", 8, "changed"),
    "a text is no text": (
        "UPDATE stock_sync_log SET error_message = CAST(x'ff' AS TEXT) WHERE id = 25", 8, "cannot be read",
    ),
    "a run is removed": ("DELETE FROM runs WHERE id = 2", 7, "changed"),
    "an action is edited": ("UPDATE actions SET actor = 'nobody' WHERE id = 1", 6, "changed"),
    "an action is removed": ("DELETE FROM actions WHERE id = 1", 6, "0 of its 1 rows"),
}  # fmt: skip

OF_ANY_TYPE = ("a number becomes a blob", "a text is no text")
"""What only SQLite lets anybody write."""


@pytest.mark.parametrize("edit", [edit for edit in EDITS if not (ON_POSTGRES and edit in OF_ANY_TYPE)])
def test_tampering_is_found_where_it_is(chained: Ledger, path: Path, edit: str) -> None:
    """Removed, moved, edited, forged: the first broken batch is the one that was touched."""
    statements, seal, told = EDITS[edit]
    with tampering(path) as connection:
        connection.executescript(statements)
    found = held(chained)
    assert not found.holds
    assert found.breaks[0].seal == seal
    assert told in found.breaks[0].what


WHOLE = {
    "a row is put in": (
        """INSERT INTO stock_sync_log (id, product_id, marketplace, warehouse_code, old_qty, new_qty, source,
        run, push, status, error_code, error_message, synced_at, explanation_id)
        SELECT 41, product_id, marketplace, warehouse_code, old_qty, new_qty, source, run, push, status,
        error_code, error_message, synced_at, NULL FROM stock_sync_log WHERE id = 40""",
        "1 rows of stock_sync_log, from row 41 on, are under no seal",
    ),
    "an action is put in": (
        "INSERT INTO actions (at, actor, action) VALUES ('2026-01-01', 'x', 'stop')",
        "1 rows of actions, from row 3 on, are under no seal",
    ),
    "the tail is cut off": (
        """DELETE FROM stock_sync_log WHERE id > 36; DELETE FROM log_seals WHERE id > 10;
        DELETE FROM actions WHERE id = 2""",
        "the chain ends at batch 10, and its head is batch 12: the tail was cut off",
    ),
    "everything is cut off": (
        "DELETE FROM stock_sync_log; DELETE FROM log_seals; DELETE FROM actions",
        "the chain ends at batch 0, and its head is batch 12",
    ),
    "the head is removed": ("DELETE FROM meta WHERE key = 'log.head'", "the head of the chain is gone"),
    "the head is edited": (
        """UPDATE meta SET value = replace(value, '"digest": "', '"digest": "x') WHERE key = 'log.head'""",
        "the head of the chain is not its last batch",
    ),
    "the head counts otherwise": (
        """UPDATE meta SET value = replace(value, '"rows": 40', '"rows": 39') WHERE key = 'log.head'""",
        "the head counts 39 rows and 2 actions, the chain 40 and 2",
    ),
    "the head is no head": ("UPDATE meta SET value = 'x' WHERE key = 'log.head'", "it was changed"),
}


@pytest.mark.parametrize("edit", WHOLE)
def test_what_concerns_the_chain_as_a_whole_is_told(chained: Ledger, path: Path, edit: str) -> None:
    """Rows under no seal, a tail that was cut off, a head that is not the chain's."""
    statements, told = WHOLE[edit]
    with tampering(path) as connection:
        connection.executescript(statements)
    found = held(chained)
    assert any(told in str(place) for place in found.breaks), found.breaks


@pytest.mark.parametrize("edit", [edit for edit in WHOLE if "put in" not in edit])
def test_a_run_after_the_tampering_goes_on_and_hides_nothing(chained: Ledger, path: Path, edit: str) -> None:
    """The log never stops a sync; what was done to it is found afterwards as well."""
    with tampering(path) as connection:
        connection.executescript(WHOLE[edit][0])
    write(chained, batches=3)
    assert not held(chained).holds


def test_the_head_can_be_set_back_only_so_far(chained: Ledger, path: Path) -> None:
    """Cutting the tail and making the head fit needs the head's own digest: one noted elsewhere tells."""
    noted = held(chained).head
    with tampering(path) as connection:
        connection.execute("DELETE FROM stock_sync_log WHERE id > 36")
        connection.execute("DELETE FROM log_seals WHERE id > 10")
        connection.execute("DELETE FROM actions WHERE id = 2")
        connection.execute(
            """UPDATE meta SET value = (SELECT '{"seal": 10, "rows": 36, "actions": 1, "digest": "' """
            """|| digest || '"}' FROM log_seals WHERE id = 10) WHERE key = 'log.head'"""
        )
    assert held(chained).holds
    found = held(chained, noted=noted)
    assert not found.holds
    assert "the head that was noted is not in the chain" in found.breaks[0].what


def test_a_noted_head_is_found_again_however_long_the_log_has_become(chained: Ledger) -> None:
    """What was noted is in the chain as long as nothing before it was changed; its beginning is enough."""
    noted = held(chained).head
    write(chained)
    assert held(chained, noted=noted).holds
    assert held(chained, noted=f" {noted[:12].upper()}\n").holds
    assert not held(chained, noted="0" * 64).holds


@pytest.mark.parametrize("noted", ["", "abc", "not a head at all", "g" * 64])
def test_what_is_no_head_is_refused(chained: Ledger, noted: str) -> None:
    """A slip of the pen is no alarm."""
    with pytest.raises(ConfigurationError, match=r"--head: .* is no head of a log"):
        held(chained, noted=noted)


def test_rows_from_before_the_seals_are_not_called_broken(ledger: Ledger, tmp_path: Path) -> None:
    """A ledger of an earlier version has rows that nobody sealed: they are counted, what follows holds."""
    path = tmp_path / "new.db"
    with tampering(path) as connection:
        connection.executemany(
            "INSERT INTO stock_sync_log (id, product_id, marketplace, warehouse_code, new_qty, source, "
            "run, push, status, synced_at) VALUES (?, 1, 'wb', 'main', 3, '1c', 1, 1, 'ok', ?)",
            [(number, "2026-01-01 00:00:00.000000") for number in range(1, 8)],
        )
        connection.execute(
            "INSERT INTO meta (key, value) VALUES ('log.unsealed', '7') "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        )
    write(ledger, batches=1)
    found = held(ledger)
    assert (found.holds, found.unsealed, found.rows) == (True, 7, ROWS)
    with tampering(path) as connection:
        # To call sealed rows unsealed ones is found too: the beginning of the chain depends on it.
        connection.execute("UPDATE meta SET value = '9' WHERE key = 'log.unsealed'")
    assert not held(ledger).holds


@pytest.mark.sqlite("no ledger of that version was ever on PostgreSQL")
def test_the_migration_remembers_what_was_not_sealed(tmp_path: Path) -> None:
    """A ledger that the version before wrote is opened: its rows are from before the seals."""
    from alembic import command
    from alembic.config import Config

    from mpstock.ledger.sqlite import SqliteDatabase

    path = tmp_path / "old.db"
    old = SqliteDatabase(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", "mpstock.ledger:migrations")
    with old._connection.begin():
        config.attributes["connection"] = old._connection
        command.upgrade(config, "0002")
    old.close()
    with sqlite3.connect(path) as connection:
        connection.execute(
            "INSERT INTO stock_sync_log (id, product_id, marketplace, warehouse_code, new_qty, source, run, "
            "push, status, synced_at) VALUES (5, 1, 'wb', 'main', 3, '1c', 1, 1, 'ok', "
            "'2026-01-01 00:00:00.000000')"
        )
    connection.close()
    ledger = Ledger(f"sqlite:///{path}")
    assert ledger.seals.unsealed() == 5
    write(ledger, batches=1)
    found = held(ledger)
    assert (found.holds, found.unsealed, found.rows) == (True, 1, ROWS)
    ledger.close()


REFUSED = (
    "UPDATE stock_sync_log SET new_qty = 0",
    "DELETE FROM stock_sync_log WHERE id = 1",
    "UPDATE log_seals SET digest = ''",
    "UPDATE log_seals SET pruned_at = '2026-01-01', rows = 0, digest = '' WHERE id = 1",
    "UPDATE log_seals SET pruned_at = '2026-01-01' WHERE subject = 'actions'",
    "DELETE FROM log_seals",
    "UPDATE actions SET reason = ''",
    "DELETE FROM actions",
    "UPDATE runs SET actor = ''",
    "DELETE FROM runs WHERE id = 1",
)


@pytest.mark.parametrize("statement", REFUSED)
def test_an_honest_mistake_is_stopped_by_the_database_itself(chained: Ledger, statement: str) -> None:
    """A statement in the wrong window changes nothing: the triggers refuse it, with the reason."""
    with pytest.raises(LedgerError, match=r"only added to|never changed|never removed|tells of this run"):
        chained.database.execute(statement)
    assert held(chained).holds


def test_a_batch_and_its_seal_are_written_together_or_not_at_all(chained: Ledger) -> None:
    """What is killed between the two leaves neither; the chain goes on from where it was."""
    before = held(chained)

    def killed() -> None:
        with chained.transaction():
            write(chained, batches=1)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        killed()
    assert held(chained) == before
    write(chained, batches=1)
    assert held(chained).holds


def test_what_is_verified_is_as_of_one_moment(chained: Ledger, path: Path) -> None:
    """A run that goes on writing meanwhile, in another process, breaks nothing."""
    other = Ledger(f"sqlite:///{path}")
    with chained.database.snapshot():
        assert held(chained).rows == 10 * ROWS
        write(other, batches=2)
        assert held(chained).rows == 10 * ROWS
    other.close()
    found = held(chained)
    assert (found.holds, found.rows) == (True, 12 * ROWS)


def test_only_the_first_places_are_named(chained: Ledger, path: Path) -> None:
    """A log that is broken everywhere is told of in a few lines, and counted."""
    with tampering(path) as connection:
        connection.execute("UPDATE stock_sync_log SET new_qty = new_qty + 1")
    found = held(chained, limit=3)
    assert (found.broken, len(found.breaks)) == (10, 3)
