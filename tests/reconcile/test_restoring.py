"""A ledger that is put back from an older copy: the marketplaces show newer numbers than it knows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mpstock.inmemory import InMemorySource
from tests.reconcile.shops import Account, Play, make, shows

pytestmark = pytest.mark.sqlite("copies of its file")


class Story:
    """At the time of the copy the shop shows `then`, afterwards `later`; then the disk is lost."""

    def __init__(self, folder: Path, *, then: int, later: int) -> None:
        self.play: Play
        self.source: InMemorySource
        self.account: Account
        self.play, self.source, self.account = make(folder, {"A": then, "B": 5})
        self.copy = folder / "copy.db"
        self.play.sync()
        with self.play.open() as shop:
            shop.backup(self.copy, actor="cron")
        self.plain = shutil.copy(self.play.ledger, folder / "plain.db")
        self.source.set("A", later)
        self.play.sync()
        assert shows(self.account)["A"] == later

    def put_back(self, file: str | Path) -> None:
        """The ledger is lost, and a copy put in its place."""
        for name in ("mpstock.db", "mpstock.db-wal", "mpstock.db-shm"):
            self.play.ledger.with_name(name).unlink(missing_ok=True)
        shutil.copy(file, self.play.ledger)


@pytest.mark.parametrize(("then", "later"), [(3, 10), (10, 3)], ids=["would oversell", "would hide"])
def test_an_ordinary_sync_on_a_backup_mends_what_moved_since(tmp_path: Path, then: int, later: int) -> None:
    """The source is back at the number of the backup, so nothing seems to have moved; the shop shows else."""
    story = Story(tmp_path, then=then, later=later)
    story.source.set("A", then)
    story.put_back(story.copy)
    report = story.play.sync()
    assert shows(story.account) == {"A": then, "B": 5}
    assert report.exit_code == 0
    assert sum(len(push) for push in story.account.sent[-1:]) == 1
    with story.play.open() as shop:
        assert next((a.actor, a.action) for a in shop.actions()) == ("restore", "restore")
        assert shop.verify_log().holds
    assert story.play.sync().pushed == 0


def test_a_plain_copy_of_the_file_does_not_know_what_it_is(tmp_path: Path) -> None:
    """Why the backup is marked: the same file without the mark leaves the shop overselling."""
    story = Story(tmp_path, then=3, later=10)
    story.source.set("A", 3)
    story.put_back(story.plain)
    story.play.sync()
    assert shows(story.account)["A"] == 10
    # The one who put it back says so, and all is well.
    with story.play.open() as shop:
        assert shop.restored(actor="anna", reason="the disk died") == 2
    story.play.sync()
    assert shows(story.account)["A"] == 3
    with story.play.open() as shop:
        last = shop.actions()[0]
        assert (last.actor, last.action, last.reason) == ("anna", "restore", "the disk died")


def test_a_full_sync_mends_a_plain_copy_too(tmp_path: Path) -> None:
    """`--full` compares with what is observed, whatever the ledger believes."""
    story = Story(tmp_path, then=3, later=10)
    story.source.set("A", 3)
    story.put_back(story.plain)
    story.play.sync(full=True)
    assert shows(story.account)["A"] == 3


def test_a_dry_run_on_a_copy_starts_it_anew_as_well(tmp_path: Path) -> None:
    """What it shows is true: it has read back what the listings show."""
    story = Story(tmp_path, then=3, later=10)
    story.source.set("A", 3)
    story.put_back(story.copy)
    (change,) = story.play.plan().changes
    assert (change.old, change.new) == (10, 3)


def test_a_source_that_tells_changes_is_read_completely(tmp_path: Path) -> None:
    """Its cursor is as old as the copy, and some sources tell changes of a day only."""
    story = Story(tmp_path, then=3, later=10)
    story.put_back(story.copy)
    assert story.play.sync().sources["erp"].complete


def test_the_backup_is_told_of_where_it_was_made(tmp_path: Path) -> None:
    """The ledger that goes on knows who has taken a copy of it, and is none itself."""
    story = Story(tmp_path, then=3, later=10)
    with story.play.open() as shop:
        (action,) = shop.actions()
        assert (action.actor, action.action, action.scope["path"]) == ("cron", "backup", str(story.copy))
