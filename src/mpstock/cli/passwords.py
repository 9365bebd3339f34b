"""The command that makes a password fit to be kept: password."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mpstock.cli.group import cli, common
from mpstock.cli.output import Output
from mpstock.errors import ConfigurationError

__all__: list[str] = []

SHORTEST = 8


@cli.command()
@common
def password(config: Path, as_json: bool) -> int:
    """Print the hash of a password, for [service.users.NAME]. Asks for it, or reads a line from a pipe."""
    from mpstock.passwords import hashed

    if sys.stdin.isatty():
        text = str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    else:
        text = sys.stdin.readline().rstrip("\r\n")
    if len(text) < SHORTEST:
        raise ConfigurationError(f"a password has {SHORTEST} characters or more", place="password")
    output = Output(as_json)
    told = hashed(text)
    if as_json:
        output.document({"password": told})
    else:
        output.line(told)
    return 0
