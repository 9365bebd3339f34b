"""`mpstock sync --tape` and `mpstock replay`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mpstock.cli.commands import run
from tests.cli.memory import Commands


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    """A shop in memory, recorded once into the folder `tapes`."""
    found = Commands(tmp_path, capsys)
    found.text("sync", "--tape", str(tmp_path / "tapes"))
    return found


def told(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert run(["replay", *arguments]) == code
    return "".join(capsys.readouterr())


def test_a_recorded_run_comes_out_again(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of one tape: every number as it was, which ends with 0."""
    text = told(capsys, str(commands.path.parent / "tapes"))
    assert "2 numbers of 2 listings come out as they were recorded" in text
    assert "oversold, at the worst" in text


def test_another_policy_and_its_keys(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    """`--policy` and `--set` say what would have been shown, and `--json` has all of it."""
    arguments = ["--policy", "standard", "--set", "absolute=3", "--set", "cap=20", "--json"]
    data: Any = json.loads(told(capsys, str(commands.path.parent / "tapes"), *arguments))
    found = {one["sku"]: (one["recorded"], one["replayed"]) for one in data["differences"]}
    assert found == {"A": (8, 7), "B": (28, 20)}
    assert (data["otherwise"], data["sinks"]["shop"]["otherwise"]) == (2, 2)


def test_buffers_of_a_settings_file(
    commands: Commands, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """`--buffers` takes the buffers of another file, and needs none of its keys and variables."""
    other = tmp_path / "other.toml"
    other.write_text(
        '[sinks.shop]\ntoken = "${NOBODY_HAS_IT}"\nbuffer = { policy = "all" }\n'
        '[[sinks.shop.warehouses]]\ncode = "w"\n[products]\nfile = "p.csv"\n',
        encoding="utf-8",
    )
    (tmp_path / "p.csv").write_text("sku,buffer.cap\nB,5\n", encoding="utf-8")
    data = json.loads(told(capsys, str(tmp_path / "tapes"), "--buffers", str(other), "--json"))
    found = [(one["sku"], one["recorded"], one["replayed"]) for one in data["differences"]]
    assert found == [("B", 28, 5), ("A", 8, 10)]
    assert f"with the buffers of {other}" in data["buffers"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "absolute=3"], "--set: says a key of no policy"),
        (["--policy", "standard", "--set", "absolute"], "must look like absolute=5"),
        (["--policy", "standart"], "standard"),
        (["--policy", "standard", "--set", "absolut=5"], "absolute"),
        (["--policy", "all", "--buffers", "x.toml"], "either a buffer or a settings file"),
    ],
)
def test_what_is_wrong_is_named(
    commands: Commands, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """Wrong options end with 2, and say what to write instead."""
    assert says in told(capsys, str(commands.path.parent / "tapes"), *arguments, code=2)
