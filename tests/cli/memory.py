"""A shop in memory behind a settings file, and commands on it without a process of their own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mpstock.cli.commands import run

TOML = """
[ledger]
url = "sqlite:///mpstock.db"
[sources.erp]
plugin = "memory"
levels = { A = 10, B = 30 }
[sinks.shop]
plugin = "memory"
skus = ["A", "B"]
[[sinks.shop.warehouses]]
code = "w"
"""


class Commands:
    """Runs commands in a folder with a settings file."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = folder / "mpstock.toml"
        self.path.write_text(TOML, encoding="utf-8")
        self.ledger = folder / "mpstock.db"
        self._capsys = capsys

    def text(self, *arguments: str, code: int = 0) -> str:
        """Run a command that ends with `code`; return what it printed on both streams."""
        assert run([*arguments, "--config", str(self.path)]) == code
        out, err = self._capsys.readouterr()
        return out + err

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run a command with `--json`; return its document."""
        assert run([*arguments, "--json", "--config", str(self.path)]) == code
        return json.loads(self._capsys.readouterr().out)
