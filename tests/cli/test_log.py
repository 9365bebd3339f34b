"""`mpstock log`: who and why, what people did, and whether the log is as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest

from mpstock.asked import Asked
from mpstock.ledger import Ledger
from mpstock.testing import VirtualClock
from tests.byhand import tampering
from tests.cli.memory import Commands


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    commands = Commands(tmp_path, capsys)
    commands.text("sync", "--by", "anna", "--reason", "the first one")
    return commands


def test_each_line_says_who_asked_for_it_and_why(commands: Commands) -> None:
    """As a table and as JSON; `status` says it of the runs."""
    lines = commands.json("log")["log"]
    assert [(line["new"], line["actor"], line["reason"], line["plan_id"]) for line in lines] == [
        (28, "anna", "the first one", None), (8, "anna", "the first one", None),
    ]  # fmt: skip
    table = commands.text("log")
    assert "anna" in table
    assert "the first one" in table
    (run,) = commands.json("status")["runs"]
    assert (run["actor"], run["reason"], run["plan"]) == ("anna", "the first one", None)


def test_what_people_did_has_its_own_list(commands: Commands) -> None:
    """`--actions` shows them with scope and reason, of one run where that is asked for."""
    ledger = Ledger(f"sqlite:///{commands.ledger}")
    now = VirtualClock().now()
    ledger.actions.record(Asked("anna", "a flood"), "stop", now, scope={"sink": "shop"})
    ledger.actions.record(Asked("anna"), "release", now, run=1)
    ledger.close()
    told = commands.json("log", "--actions")["actions"]
    assert [(line["action"], line["scope"], line["run"]) for line in told] == [
        ("release", {}, 1), ("stop", {"sink": "shop"}, None),
    ]  # fmt: skip
    assert [line["action"] for line in commands.json("log", "--actions", "--run", "1")["actions"]] == [
        "release"
    ]
    assert "a flood" in commands.text("log", "--actions")


def test_verify_says_that_the_log_is_whole_and_shows_its_head(commands: Commands) -> None:
    """The head that `--verify` shows is the one of `status --json`, and holds when it is given back."""
    found = commands.json("log", "--verify")
    assert (found["exit_code"], found["holds"], found["rows"], found["breaks"]) == (0, True, 2, [])
    assert commands.json("status")["log_head"] == found["head"]
    text = commands.text("log", "--verify", "--head", found["head"][:12])
    assert text.startswith("the log is as it was written: 2 rows")
    assert text.endswith(f"head {found['head']}\n")


def test_verify_ends_with_1_and_names_the_batch_where_it_is_not(commands: Commands) -> None:
    """Somebody has edited a number."""
    with tampering(commands.ledger) as connection:
        connection.execute("UPDATE stock_sync_log SET new_qty = 9 WHERE id = 1")
    text = commands.text("log", "--verify", code=1)
    assert "batch 1 of run 1, rows 1 to 2 of the log: a row of it was changed" in text
    found = commands.json("log", "--verify", code=1)
    assert (found["exit_code"], found["broken"], found["breaks"][0]["run"]) == (1, 1, 1)


def test_a_head_of_another_log_is_told(commands: Commands) -> None:
    """A log that was written anew looks whole by itself."""
    assert "the head that was noted is not in the chain" in commands.text(
        "log", "--verify", "--head", "0" * 64, code=1
    )


@pytest.mark.parametrize(
    "options",
    [
        ("--head", "0" * 64), ("--actions", "--verify"), ("--verify", "--sku", "A"),
        ("--actions", "--sink", "shop"), ("--verify", "--head", "no head"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_together_are_refused(
    commands: Commands, options: tuple[str, ...]
) -> None:
    """A wrong question gets no answer that looks like one."""
    assert commands.json("log", *options, code=2)["exit_code"] == 2
