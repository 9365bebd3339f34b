"""`mpstock alerts`: what stands with its mend, JSON for programs, silence, and a test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mpstock.cli.commands import run


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings without a source, on a ledger that knows of a run that broke off."""
    from datetime import UTC, datetime

    from mpstock.ledger import Ledger

    path = tmp_path / "mpstock.toml"
    path.write_text("", encoding="utf-8")
    ledger = Ledger(f"sqlite:///{tmp_path / 'mpstock.db'}")
    at = datetime(2026, 11, 26, tzinfo=UTC)
    ledger.runs.finish(ledger.runs.begin("sync", "manual", at), "failed", 2, {"error": "no space"}, at)
    ledger.close()
    return path


def _run(*arguments: str) -> int:
    return run(arguments)


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert _run("alerts", "--json", *arguments) == 0
    return json.loads(capsys.readouterr().out)["alerts"]


def test_what_stands_is_shown_with_what_to_do(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The title, what is the matter, the mend, and the subject by which it can be silenced."""
    assert _run("alerts", "--config", str(config)) == 0
    told = capsys.readouterr().out
    assert "critical: mpstock: run 1 has broken off" in told
    assert "no space" in told
    assert "mpstock doctor" in told
    assert "run_failed, since" in told


def test_a_subject_is_silenced_and_told_again(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By whom and until when stands in the list."""
    where = ("--config", str(config))
    _json(capsys, *where)
    (row,) = _json(capsys, *where, "--silence", "run_failed", "--for", "2h", "--by", "ann")
    assert (row["silenced_by"], row["silenced_until"] is not None) == ("ann", True)
    (row,) = _json(capsys, *where, "--tell", "run_failed")
    assert row["silenced_until"] is None


def test_options_that_do_not_go_together(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Are a usage error; so is a subject that is not there."""
    where = ("--config", str(config))
    assert _run("alerts", *where, "--test", "--tell", "x") == 2
    assert _run("alerts", *where, "--for", "2h") == 2
    assert _run("alerts", *where, "--silence", "run_faild") == 2
    assert "mpstock alerts --all" in capsys.readouterr().err


def test_a_test_that_does_not_arrive_ends_with_one(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says why, without the URL."""
    config.write_text('[alerts]\nurls = ["nosuch://sEcReT"]\n', encoding="utf-8")
    assert _run("alerts", "--config", str(config), "--test") == 1
    told = capsys.readouterr().out
    assert "does not know this kind of URL" in told
    assert "sEcReT" not in told
