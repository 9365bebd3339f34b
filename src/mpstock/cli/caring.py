"""The commands that look after the ledger: doctor, repair, backup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mpstock.cli.group import asked, cli, common, open_shop
from mpstock.cli.output import Output

_STYLES = {"error": "red", "warning": "yellow", "note": ""}


@cli.command()
@common
def doctor(config: Path, as_json: bool) -> int:
    """Look after the ledger: what is damaged, out of step, stuck, or too large. Changes nothing."""
    from mpstock.reconcile.report import as_data

    output = Output(as_json)
    with open_shop(config) as shop:
        found = shop.doctor()
    code = _code(found)
    if as_json:
        output.document({"exit_code": code, "findings": as_data(found)})
    else:
        _show(output, found)
    return code


@cli.command()
@click.option("--apply", is_flag=True, help="Do it; without, it is only said what would be done.")
@click.option("--restored", is_flag=True, help="The file was put back from a copy: read everything anew.")
@asked
@common
def repair(
    config: Path, as_json: bool, apply: bool, restored: bool, actor: str | None, reason: str | None
) -> int:
    """Mend what in the ledger can be worked out anew. Says what it would do, unless told to do it."""
    output = Output(as_json)
    if restored and not apply:
        raise click.UsageError("--restored changes what the next run does: say --apply as well")
    listings = None
    with open_shop(config) as shop:
        if restored:
            listings = shop.restored(actor=actor, reason=reason)
        result = shop.repair(apply=apply, actor=actor, reason=reason)
    code = _code(result.findings)
    if as_json:
        output.document({"exit_code": code, **result.as_dict(), "read_anew": listings})
        return code
    if listings is not None:
        output.line(f"the next run reads back what {listings} listings show before it sends anything")
    for entry in result.repairs:
        done = "to be mended" if entry.mended is None else f"mended: {entry.mended}"
        output.line(f"{entry.code}: {entry.what}; {done}")
    if not result.repairs:
        output.line("there is nothing to mend")
    elif not result.applied:
        output.line("nothing was changed; with --apply it is")
        return code
    _show(output, result.findings)
    return code


def _code(found: Any) -> int:
    return 1 if any(finding.severity != "note" for finding in found) else 0


def _show(output: Output, found: Any) -> None:
    if not found:
        output.line("nothing is wrong with the ledger", "green")
    for finding in found:
        output.line(f"{finding.severity:7} {finding.code}: {finding.what}", _STYLES[finding.severity])
        for text in finding.first:
            output.line(f"          {text}")
        output.line(f"        {finding.mend}")


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
