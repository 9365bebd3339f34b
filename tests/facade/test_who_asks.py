"""Who asked for a run, and why, is kept with it."""

from __future__ import annotations

import getpass
import os
import platform
from pathlib import Path

import pytest

from mpstock.asked import LONGEST_REASON, Asked
from mpstock.errors import ConfigurationError
from mpstock.ledger import Ledger
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Play, make

NOW = VirtualClock().now()


def asked_for(play: Play) -> list[tuple[str, str, str]]:
    """Kind, actor and reason of each run, oldest first."""
    ledger = Ledger(f"sqlite:///{play.ledger}")
    try:
        return [(run.kind, run.actor, run.reason) for run in reversed(ledger.runs.last())]
    finally:
        ledger.close()


def test_a_run_keeps_who_asked_for_it_and_why(tmp_path: Path) -> None:
    """Both are told to the shop; a plan and its application may have different people."""
    play, _, _ = make(tmp_path, {"A": 5})
    with play.open() as shop:
        plan = shop.plan(actor="anna", reason="Monday's check")
        shop.apply(plan, actor="boris", reason="looks right")
        shop.sync(actor="cron")
    assert asked_for(play) == [
        ("plan", "anna", "Monday's check"), ("apply", "boris", "looks right"), ("sync", "cron", ""),
    ]  # fmt: skip


def test_without_a_name_it_is_the_user_of_the_system(tmp_path: Path) -> None:
    """Nobody has to say who they are for the log to know it."""
    play, _, _ = make(tmp_path, {"A": 5})
    play.sync()
    assert asked_for(play) == [("sync", f"{getpass.getuser()}@{platform.node()}", "")]


def test_a_user_without_a_name_is_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container runs under a number that no file gives a name."""
    from mpstock import asked

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", nameless)
    asked.this_user.cache_clear()
    try:
        assert Asked().actor == f"uid-{os.getuid()}@{platform.node()}"
    finally:
        asked.this_user.cache_clear()


def test_names_and_reasons_are_one_line() -> None:
    """They are shown in tables; what only looks like nothing is nothing."""
    asked = Asked("  anna \n", "two\nlines\tof it ")
    assert (asked.actor, asked.reason) == ("anna", "two lines of it")
    assert Asked("  ").actor == Asked().actor


@pytest.mark.parametrize(
    ("actor", "reason", "option"), [("x" * 1_001, "", "--by"), ("", "x" * 1_001, "--reason")]
)
def test_a_letter_is_no_reason(actor: str, reason: str, option: str) -> None:
    """Too long a text is refused, by the name of its option."""
    with pytest.raises(ConfigurationError, match=f"{option}.*{LONGEST_REASON}"):
        Asked(actor, reason)


def test_actions_are_told_newest_first(tmp_path: Path) -> None:
    """What somebody did is kept with its scope, and found again by action and run."""
    ledger = Ledger(f"sqlite:///{tmp_path / 'mpstock.db'}")
    try:
        run = ledger.runs.begin("sync", "manual", NOW, Asked("anna", ""))
        ledger.actions.record(Asked("anna", "a flood"), "stop", NOW, scope={"sink": "ozon", "skus": ["Ж-1"]})
        ledger.actions.record(Asked("boris"), "release", NOW, scope={"guard": "zeroing"}, run=run)
        told = [(a.actor, a.action, a.scope, a.reason, a.run, a.at) for a in ledger.actions.last()]
        assert told == [
            ("boris", "release", {"guard": "zeroing"}, "", run, NOW),
            ("anna", "stop", {"sink": "ozon", "skus": ["Ж-1"]}, "a flood", None, NOW),
        ]
        assert [a.action for a in ledger.actions.last(action="stop")] == ["stop"]
        assert [a.action for a in ledger.actions.last(run=run)] == ["release"]
        assert [a.action for a in ledger.actions.last(limit=1)] == ["release"]
    finally:
        ledger.close()
