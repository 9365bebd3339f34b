from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from mpstock.cli.commands import run  # noqa: F401  (adds every command)
from mpstock.cli.group import cli
from mpstock.plugins import LOAD_PLUGINS
from mpstock.reconcile.guards import GUARDS
from mpstock.reconcile.report import EXIT_PRECEDENCE
from tests.docs.markdown import DOCS, PAGES, ROOT, blocks, code_words, read, tables

REFERENCE = DOCS / "reference/command-line.md"
COMMANDS: dict[str, click.Command] = {}
for _name, _command in cli.commands.items():
    if isinstance(_command, click.Group):
        COMMANDS |= {f"{_name} {name}": command for name, command in _command.commands.items()}
    else:
        COMMANDS[_name] = _command
GROUPS = {name.split()[0] for name in COMMANDS if " " in name}
each_command = pytest.mark.parametrize("name", COMMANDS)


def options(command: click.Command) -> set[str]:
    return {
        next(option for option in parameter.opts if option.startswith("--"))
        for parameter in command.params
        if isinstance(parameter, click.Option)
    }


def section(page: Path, heading: str) -> str:
    return read(page).split(f"\n{heading}\n", 1)[1].split("\n## ", 1)[0]


@each_command
def test_each_command_is_documented_with_its_options(name: str) -> None:
    """The reference has a section for each command with exactly the options that it takes."""
    text = section(REFERENCE, f"## `mpstock {name}`")
    told = {
        option for row in re.findall(r"^\| (`--.*?) \|", text, re.MULTILINE) for option in code_words(row)
    }
    assert told == options(COMMANDS[name])


def test_no_command_is_documented_that_is_not_there() -> None:
    """Every `mpstock …` that a page tells to type is a command, with options that it takes."""
    wrong = []
    for page in PAGES:
        lines = [line for block in blocks(page, "bash") for line in block.text.splitlines()]
        lines += [line for block in blocks(page, "text") for line in block.text.splitlines()]
        lines += [word for word in code_words(read(page)) if "\n" not in word]
        for line in lines:
            for found, rest in re.findall(r"(?:^|[ /&])mpstock ([a-z]+)(?![-\w])([^#|`]*)", line.strip()):
                name = found
                if found in GROUPS:
                    name = " ".join([found, *rest.split()[:1]])
                used = set(re.findall(r"--[a-z-]+", rest))
                if name not in COMMANDS or not used <= options(COMMANDS[name]):
                    wrong.append(f"{page.relative_to(ROOT)}: {line.strip()}")
    assert wrong == []


def test_the_exit_codes_are_documented() -> None:
    """README, its Russian twin and the reference have the same exit codes, and say which comes first."""
    pages = [ROOT / "README.md", ROOT / "README.ru.md", DOCS / "reference/exit-codes.md"]
    for page in pages:
        codes = [
            {row[0] for row in table[1:]} for table in tables(page) if "130" in {row[0] for row in table}
        ]
        assert codes == [{str(code) for code in EXIT_PRECEDENCE}], page.name
    order = ", ".join(str(code) for code in EXIT_PRECEDENCE if code)
    assert order in read(DOCS / "reference/exit-codes.md")


def test_each_guard_is_documented() -> None:
    """What `--release` takes is said where the option is, and on the page about what is held."""
    for guard in GUARDS:
        assert f"`{guard}`" in read(REFERENCE)
        assert f"--release {guard}" in read(DOCS / "howto/when-something-is-held.md")


def test_the_environment_is_documented() -> None:
    """The variable that chooses plugins is in the reference."""
    assert f"`{LOAD_PLUGINS}`" in read(REFERENCE)
