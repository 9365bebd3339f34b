"""`mpstock certify`: what it prints and writes, and the codes that it ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mpstock.cli.commands import run


@pytest.mark.slow
def test_what_comes_with_mpstock_is_certified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The adapters in memory and the policies pass; both reports are written, and say the same."""
    assert run(["certify", "builtin", "--out", str(tmp_path / "reports"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    written = json.loads((tmp_path / "reports/mpstock-certify-builtin.json").read_text(encoding="utf-8"))
    assert printed == written
    assert printed["line"] in (tmp_path / "reports/mpstock-certify-builtin.md").read_text(encoding="utf-8")
    assert {"sink memory", "source memory", "policy standard"} <= set(printed["subjects"])


def test_a_plugin_that_is_not_there_is_a_mistake_of_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown name ends with 2 and says what was meant; nothing is written."""
    assert run(["certify", "ozno", "--out", str(tmp_path)]) == 2
    assert "did you mean ozon" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
