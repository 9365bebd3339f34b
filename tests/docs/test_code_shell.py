"""What the pages tell to type: the shell takes it, the command line and the doubles know each option."""

from __future__ import annotations

import argparse
import configparser
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import click
import pytest

from mpstock.cli.commands import run  # noqa: F401  (adds every command)
from mpstock.cli.group import cli
from mpstock.reconcile.guards import GUARDS
from tests.docs.markdown import PAGES, ROOT, blocks

SHELLS = ("bash", "sh", "console")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"
]
OURS = {
    "mpstock",
    *(path.parent.name.replace("_", "-") for path in ROOT.glob("src/mpstock_*/pyproject.toml")),
}


def typed(page: Path) -> str:
    """Return everything that a page tells to type; of a terminal that it shows, what follows the prompt."""
    found = []
    for block in blocks(page):
        if block.language == "console":
            found += [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]
        elif block.language in SHELLS:
            found.append(block.text)
    return "\n".join(found)


def lines(page: Path) -> list[list[str]]:
    """Return a page's commands as words, each without what stands before it: `NAME=… command`."""
    found = []
    for line in typed(page).replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;")
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:
            continue  # a text over several lines: none of our commands takes one
        commands = " ".join("\n" if set(word) <= set("&|;") else shlex.quote(word) for word in words)
        for command in commands.split("\n"):
            parts = shlex.split(command)
            while parts and re.match(r"[A-Z_]+=", parts[0]):
                parts = parts[1:]
            if parts:
                found.append(parts)
    return found


EACH = [(page.relative_to(ROOT).as_posix(), words) for page in PAGES for words in lines(page)]


def all_of(*programs: str) -> list[tuple[str, list[str]]]:
    """Return (page, arguments) of every command that calls one of these programs."""
    found = []
    for page, words in EACH:
        name = Path(words[0]).name
        if name == "opentelemetry-instrument":
            words = words[words.index("mpstock") :]
            name = "mpstock"
        if name in programs:
            found.append((page, words[1:]))
    return found


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the commands of the pages read."""
    for folder in ("tapes", "exchange"):
        (tmp_path / folder).mkdir()
    for name in ("p.json", "other.toml", "mpstock.toml", "fleet.toml"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parse(arguments: list[str]) -> None:
    """Let the command line take the arguments, down to the command that is meant, and do nothing."""
    command: click.Command = cli
    context = click.Context(cli, info_name="mpstock")
    name, rest = "mpstock", arguments
    while isinstance(command, click.Group) and rest:
        name, *rest = rest
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"there is no command {name}")
        command, context = found, click.Context(found, parent=context, info_name=name)
    command.make_context(name, rest, parent=context.parent)


def test_every_mpstock_command_is_taken(at_home: Path) -> None:
    """Each command of each page is there and takes exactly these options, values and arguments."""
    commands = all_of("mpstock")
    assert len(commands) > 100
    wrong = []
    for page, arguments in commands:
        try:
            parse(arguments)
        except click.ClickException as error:
            wrong.append(f"{page}: mpstock {shlex.join(arguments)}: {error.format_message()}")
        for option, value in pairwise(arguments):
            # Which guards there are is known to the shop, not to the parser.
            if option == "--release" and value not in GUARDS:
                wrong.append(f"{page}: there is no guard {value}")
    assert wrong == []


def test_a_wrong_option_would_be_found() -> None:
    """The parser is the real one: a misspelt option, a value that cannot be, and a word too much are told."""
    for arguments in (["sync", "--ful"], ["log", "--limit", "many"], ["status", "SKU-1"], ["synch"]):
        with pytest.raises(click.ClickException):
            parse(arguments)


class _ParsedError(Exception):
    """The arguments were taken."""


def test_every_double_takes_its_arguments(at_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m …` names a module that is there, and its own parser takes what follows."""
    parse_args = argparse.ArgumentParser.parse_args

    def parsed(self: argparse.ArgumentParser, *arguments: object) -> None:
        parse_args(self)
        raise _ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    called = {
        tuple(arguments[1:])
        for _, arguments in all_of("python")
        if arguments[0] == "-m" and arguments[1].startswith("mpstock_")
    }
    assert len(called) > 5
    for module, *rest in sorted(called):
        monkeypatch.setattr(sys, "argv", [module, *rest])
        # It is run as a program: what an earlier test has imported of it must not be in the way.
        monkeypatch.delitem(sys.modules, module, raising=False)
        with pytest.raises(_ParsedError):
            runpy.run_module(module, run_name="__main__")


def test_what_pip_installs_is_there() -> None:
    """Packages of ours are in the workspace, their extras in pyproject.toml, and folders where they are."""
    wrong = []
    for page, arguments in all_of("pip", "python"):
        if "install" not in arguments:
            continue
        for word in arguments[arguments.index("install") + 1 :]:
            name, _, extras = word.rstrip("]").partition("[")
            if name.startswith("./"):
                good = (ROOT / name / "pyproject.toml").is_file()
            else:
                good = not name.startswith("mpstock") or name in OURS
            if name in ("mpstock", "."):
                good = good and set(filter(None, extras.split(","))) <= set(EXTRAS)
            if not good:
                wrong.append(f"{page}: {word}")
    assert wrong == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_the_shell_takes_every_block() -> None:
    """No quote is left open, no line broken off."""
    scripts = {page.relative_to(ROOT).as_posix(): typed(page) for page in PAGES}
    whole = "\n".join(f"# {name}\n{text}" for name, text in scripts.items() if text)
    done = subprocess.run(["bash", "-n"], input=whole, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_units_and_timetables_call_what_is_there(at_home: Path) -> None:
    """systemd's unit can be read, and it and cron's lines start commands that the command line takes."""
    started = []
    for page in PAGES:
        for block in blocks(page, "ini"):
            unit = configparser.ConfigParser(interpolation=None)
            unit.read_string(block.text)
            started.append(unit["Service"]["ExecStart"])
        for block in blocks(page, "text"):
            started += re.findall(r"^[\d*/]+(?: +\S+){4} +cd \S+ && (.+)$", block.text, re.MULTILINE)
    assert len(started) >= 3
    for line in started:
        program, *arguments = shlex.split(line)
        assert os.path.basename(program) == "mpstock"  # noqa: PTH119  (a path of Linux, everywhere)
        parse(arguments)
