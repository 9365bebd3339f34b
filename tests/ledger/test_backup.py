"""Copies of the ledger: of one moment, whole or not there, and never in the place of another file."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from mpstock.errors import ConfigurationError, LedgerError, LedgerFullError
from mpstock.ledger import Ledger
from mpstock.ledger.backup import back_up
from tests import ledgers
from tests.byhand import tampering
from tests.ledger.reading import NOW
from tests.ledger.test_chain import held, write

pytestmark = pytest.mark.sqlite("copies of its file")


@pytest.fixture(scope="module", autouse=True)
def _ledgers_are_migrated() -> Iterator[None]:
    """The migrations are of no interest here."""
    with ledgers.copied():
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mpstock.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    """A ledger with a log of 30 batches."""
    ledger = Ledger(f"sqlite:///{path}")
    with ledger.transaction():
        write(ledger, batches=30)
    yield ledger
    ledger.close()


def test_a_copy_is_a_ledger_of_its_own_in_one_file(ledger: Ledger, tmp_path: Path) -> None:
    """Everything is in it, its log holds, it can be opened, and nothing lies beside it."""
    made = back_up(ledger.database, tmp_path / "copy.db", NOW)
    assert made is not None
    assert made.log == held(ledger)
    assert made.size == (tmp_path / "copy.db").stat().st_size
    assert sorted(file.name for file in tmp_path.glob("copy*")) == ["copy.db"]
    with closing(Ledger(f"sqlite:///{tmp_path / 'copy.db'}")) as copy:
        assert held(copy) == held(ledger)
        assert copy.copies.made_at() == NOW
    assert ledger.copies.made_at() is None


def test_what_is_written_meanwhile_waits_for_nothing_and_is_not_in_it(
    ledger: Ledger, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run in another process writes between all steps: the copy is of the moment at which it began."""
    monkeypatch.setattr("mpstock.ledger.backup._PAGES", 3)
    before = held(ledger)
    other = Ledger(f"sqlite:///{path}")
    steps = 0

    def write_more() -> bool:
        nonlocal steps
        steps += 1
        write(other, batches=1)
        return False

    made = back_up(ledger.database, tmp_path / "copy.db", NOW, stop=write_more)
    other.close()
    assert steps > 5
    assert made is not None
    assert made.log == before
    assert held(ledger).rows == before.rows + 4 * steps


def test_nothing_is_ever_overwritten(ledger: Ledger, tmp_path: Path) -> None:
    """Not even a file that appears while the copy is made."""
    copy = tmp_path / "copy.db"
    copy.write_bytes(b"precious")
    with pytest.raises(ConfigurationError, match=r"copy\.db is there already"):
        back_up(ledger.database, copy, NOW)
    copy.unlink()

    def appear() -> bool:
        copy.write_bytes(b"precious")
        return False

    with pytest.raises(ConfigurationError, match=r"copy\.db is there already"):
        back_up(ledger.database, copy, NOW, stop=appear)
    assert copy.read_bytes() == b"precious"
    assert sorted(file.name for file in tmp_path.glob("copy*")) == ["copy.db"]


def test_a_copy_that_is_stopped_leaves_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """Neither under its name nor under another; and what a killed one left is in nobody's way."""
    (tmp_path / "copy.db.part").write_bytes(b"half a page")
    assert back_up(ledger.database, tmp_path / "copy.db", NOW, stop=lambda: True) is None
    assert list(tmp_path.glob("copy*")) == []


def test_a_folder_that_is_not_there_is_told(ledger: Ledger, tmp_path: Path) -> None:
    """A typing error makes no folder."""
    with pytest.raises(ConfigurationError, match=r"the folder .*elsewhere does not exist"):
        back_up(ledger.database, tmp_path / "elsewhere" / "copy.db", NOW)


@contextmanager
def small_disk(size: int) -> Iterator[None]:
    """No file may become larger than that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_and_leaves_nothing(ledger: Ledger, tmp_path: Path) -> None:
    """No half of a copy is left to be trusted one day."""
    with small_disk(20_000), pytest.raises(LedgerFullError, match="no room for a copy"):
        back_up(ledger.database, tmp_path / "copy.db", NOW)
    assert list(tmp_path.glob("copy*")) == []
    assert held(ledger).holds


def test_a_damaged_ledger_makes_no_copy(ledger: Ledger, path: Path, tmp_path: Path) -> None:
    """A page went bad: the older backups are worth more than a copy of the damage."""
    page = ledger.database.scalar("SELECT rootpage FROM sqlite_master WHERE name = 'ix_stock_sync_log_run'")
    size = ledger.database.scalar("PRAGMA page_size")
    ledger.close()
    with path.open("rb+") as file:
        file.seek((page - 1) * size + 200)
        file.write(b"\xff" * (size - 200))
    with (
        closing(Ledger(f"sqlite:///{path}")) as damaged,
        pytest.raises(LedgerError, match="the ledger is damaged"),
    ):
        back_up(damaged.database, tmp_path / "copy.db", NOW)
    assert list(tmp_path.glob("copy*")) == []


def test_a_log_that_was_tampered_with_is_copied_and_told(ledger: Ledger, path: Path, tmp_path: Path) -> None:
    """It is evidence; the copy says what is wrong with it."""
    with tampering(path) as connection:
        connection.execute("UPDATE stock_sync_log SET new_qty = 99 WHERE id = 5")
    made = back_up(ledger.database, tmp_path / "copy.db", NOW)
    assert made is not None
    assert [place.seal for place in made.log.breaks] == [2]


def test_a_ledger_in_memory_can_be_kept_as_well(tmp_path: Path) -> None:
    """What a script has worked out becomes a file."""
    with closing(Ledger("sqlite://")) as ledger:
        write(ledger, batches=2)
        assert back_up(ledger.database, tmp_path / "copy.db", NOW) is not None
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT count(*) FROM stock_sync_log").fetchone() == (8,)
