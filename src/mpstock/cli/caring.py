"""The commands that look after the ledger: backup."""

from __future__ import annotations

from pathlib import Path

import click

from mpstock.cli.group import asked, cli, common, open_shop
from mpstock.cli.output import Output


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@asked
@common
def backup(config: Path, as_json: bool, file: Path, actor: str | None, reason: str | None) -> int:
    """Copy the ledger to a new file, while runs go on."""
    output = Output(as_json)
    with open_shop(config) as shop:
        made = shop.backup(file, actor=actor, reason=reason)
    code = 0 if made.log.holds else 1
    if as_json:
        output.document({"exit_code": code, **made.as_dict()})
        return code
    output.line(f"{made.path}: {made.size / 1_000_000:.1f} MB as of {made.taken_at:%Y-%m-%d %H:%M:%S}Z")
    for text in made.log.lines():
        output.line(text, "" if made.log.holds else "red")
    return code
