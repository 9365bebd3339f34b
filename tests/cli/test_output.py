"""What every command writes: one JSON document where asked, plain text into a pipe."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.play import Play, Result, command, ended, shop, skus, spawn

COMMANDS = [
    ("plugins",),
    ("check",),
    ("plan",),
    ("sync",),
    ("sync", "--full"),
    ("sync", "--dry-run"),
    ("explain", "SKU-0001"),
    ("explain", "SKU-0001", "--run", "1", "--why-not", "50", "--sink", "ozon"),
    ("status",),
    ("log",),
]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    folder = tmp_path_factory.mktemp("shop")
    with shop(folder, dict.fromkeys(skus(300), 10)) as stage:
        stage.run("sync").ok()
        yield stage


def _run(play: Play, *arguments: str) -> Result:
    return command(*arguments) if arguments[0] == "plugins" else play.run(*arguments)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_json_is_one_document_and_nothing_else(play: Play, arguments: tuple[str, ...]) -> None:
    """With `--json` standard output is one JSON document, in UTF-8 as it is, and standard error is silent."""
    result = _run(play, *arguments, "--json").ok()
    assert isinstance(result.json, dict)
    assert result.stderr == ""
    assert result.stdout.endswith("}\n")


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_piped_output_is_plain_text(play: Play, arguments: tuple[str, ...]) -> None:
    """Into a pipe go no colours, no carriage returns, no bars, and no line of a table is folded."""
    result = _run(play, *arguments).ok()
    assert result.plain
    assert result.stderr == ""
    assert result.stdout.strip()


def test_a_piped_table_has_one_line_a_row(play: Play) -> None:
    """What is long in a table is not folded at the width of some terminal: `grep` finds whole rows."""
    lines = play.run("log", "--sku", "SKU-0001").ok().stdout.splitlines()
    assert [line for line in lines if "SKU-0001" in line and "22142605386000" in line and "ozon" in line]


def test_a_process_of_its_own_writes_the_same(play: Play) -> None:
    """`python -m mpstock sync --json` in the shop's folder: one document, plain, exit code 0."""
    result = ended(play.spawn("sync", "--json")).ok()
    assert result.json["exit_code"] == 0
    assert result.stderr == ""
    assert ended(play.spawn("sync")).ok().plain


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("sync", "--sku", "NOBODY"), 2),
        (("sync", "--release", "nothing"), 2),
        (("explain", "NOBODY"), 2),
        (("explain", "SKU-0001", "--at", "lunch"), 2),
        (("explain", "SKU-0001", "--run", "99"), 2),
        (("explain", "SKU-0001", "--sink", "ozone"), 2),
        (("explain", "SKU-0001", "--why-not", "0"), 2),
        (("explain", "SKU-0001", "--html", "/nowhere/why.html"), 2),
        (("sync", "--fulll"), 2),
        (("explain",), 2),
        (("log", "--limit", "0"), 2),
        (("log", "--run", "x"), 2),
        (("sink",), 2),
    ],
    ids=str,
)
def test_errors_are_one_json_document_too(play: Play, arguments: tuple[str, ...], code: int) -> None:
    """An error with `--json` is a document with `error` and `exit_code`, and said on standard error too."""
    result = command(*arguments, "--json") if arguments == ("sink",) else play.run(*arguments, "--json")
    assert result.code == code
    assert result.json["exit_code"] == code
    assert result.json["error"]
    assert result.stderr.strip()
    assert "Traceback" not in result.said


def test_a_missing_settings_file_is_one_json_document(tmp_path: Path) -> None:
    """Also where nothing could be opened."""
    result = command("status", "--json", "--config", str(tmp_path / "none.toml"))
    assert result.code == 2
    assert result.json["exit_code"] == 2


def test_a_reader_that_has_seen_enough_is_no_error(play: Play) -> None:
    """`mpstock log --json | head -1`, with more than a pipe holds: no traceback."""
    process = play.spawn("log", "--limit", "1000", "--json", bufsize=1)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(30) in (0, 141)


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal is made by POSIX")
def test_on_a_terminal_there_are_colours_and_bars_and_json_has_none(play: Play) -> None:
    """On a terminal long work shows bars on standard error; `--json` stays a bare document there too."""

    def on_terminal(*arguments: str) -> str:
        ours, theirs = pty.openpty()
        process = spawn(
            *arguments, cwd=play.folder, env={"TERM": "xterm-256color"}, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        said = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:
                break
            if not data:
                break
            said += data
        os.close(ours)
        assert process.wait(30) == 0
        return said.decode()

    said = on_terminal("sync", "--full")
    assert "\x1b[" in said
    assert "reading" in said
    as_json = on_terminal("sync", "--full", "--json")
    assert "\x1b[" not in as_json
    assert as_json.startswith("{")


@pytest.mark.parametrize("name", ["demo", "plugins", "check", "plan", "sync", "explain", "status", "log"])
def test_help_of_every_command(name: str) -> None:
    """Each command explains itself; all are listed by `mpstock --help`."""
    assert name in command("--help").ok().stdout
    assert "--json" in command(name, "--help").ok().stdout


def test_the_version_is_told() -> None:
    """`mpstock --version`."""
    from mpstock import __version__

    assert __version__ in command("--version").ok().stdout
