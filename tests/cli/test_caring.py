"""`mpstock doctor`, `repair` and `backup`: what they print, and the codes that they end with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.byhand import by_hand
from tests.cli.memory import Commands


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    commands = Commands(tmp_path, capsys)
    commands.text("sync")
    return commands


def spoil(commands: Commands) -> None:
    with by_hand(commands.ledger) as hand:
        hand.execute("UPDATE marketplace_stocks SET ready = 1")


@pytest.mark.sqlite("copies of its file")
def test_a_ledger_that_is_well_ends_with_0(commands: Commands, tmp_path: Path) -> None:
    """Notes want nobody; after a backup there is not even one."""
    assert "no_backup" in commands.text("doctor")
    made = commands.json("backup", str(tmp_path / "copy.db"), "--by", "anna")
    assert (made["exit_code"], made["log"]["holds"]) == (0, True)
    assert (tmp_path / "copy.db").stat().st_size == made["size"]
    assert commands.text("doctor") == "nothing is wrong with the ledger\n"
    assert (
        commands.text("repair", "--apply") == "there is nothing to mend\nnothing is wrong with the ledger\n"
    )


def test_a_ledger_that_wants_somebody_ends_with_1_until_it_is_mended(commands: Commands) -> None:
    """The plan names what it would do and does not do it."""
    spoil(commands)
    assert commands.json("doctor", code=1)["findings"][0]["code"] == "states"
    told = commands.text("repair", code=1)
    assert "states: 2 listings" in told
    assert "nothing was changed" in told
    done = commands.json("repair", "--apply", "--reason", "as found")
    assert [(r["code"], r["count"], r["mended"]) for r in done["repairs"]] == [("states", 2, 2)]
    assert commands.json("log", "--actions")["actions"][0]["reason"] == "as found"


def test_a_file_that_was_put_back_is_declared(commands: Commands) -> None:
    """`--restored` says how many listings the next run reads back; without `--apply` it is no plan."""
    assert commands.json("repair", "--restored", code=2)["exit_code"] == 2
    assert commands.json("repair", "--restored", "--apply")["read_anew"] == 2


@pytest.mark.sqlite("copies of its file")
def test_a_backup_overwrites_nothing(commands: Commands, tmp_path: Path) -> None:
    """It ends with 2, and says so."""
    (tmp_path / "copy.db").write_bytes(b"precious")
    assert "is there already" in commands.text("backup", str(tmp_path / "copy.db"), code=2)
