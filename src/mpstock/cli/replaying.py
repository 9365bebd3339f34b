"""The command that reckons recorded runs again: replay."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mpstock.cli.group import cli
from mpstock.cli.output import Output
from mpstock.errors import ConfigurationError

__all__ = ["replay"]

_SHOWN = 10


@cli.command()
@click.argument("tape", type=click.Path(path_type=Path))
@click.option("--policy", metavar="NAME", help="With this buffer policy for every listing.")
@click.option("--set", "keys", multiple=True, metavar="KEY=VALUE", help="A key of that policy.")
@click.option(
    "--buffers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="With the buffers of this settings file; nothing else of it is looked at.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def replay(as_json: bool, tape: Path, policy: str | None, keys: tuple[str, ...], buffers: Path | None) -> int:
    """Reckon recorded runs again, and say what would have been with other buffers.

    TAPE is what `mpstock sync --tape` has written, or a folder of such tapes: days, run after run. Nothing is
    sent, and no account and no ledger is asked.
    """
    import mpstock

    output = Output(as_json)
    result = mpstock.replay(tape, buffer=_buffer(policy, keys), settings=buffers)
    if as_json:
        output.document(result.as_dict())
        return result.exit_code
    output.line(result.title)
    output.line(result.verdict, "green" if not result.otherwise else "yellow" if result.buffers else "red")
    head = ("as it was", "as it would have been") if result.buffers else ("as it was",)
    for name in [None, *(result.sinks if len(result.sinks) > 1 else ())]:
        rows = [
            (told, *(f"{value:,g}" for value in values[: len(head)])) for told, *values in result.rows(name)
        ]
        output.table(name or "All sinks", ("", *head), rows)
    if result.differences:
        output.table(
            "The largest differences",
            ("sku", "sink", "warehouse", "run", "recorded", "replayed"),
            [
                (d.sku, d.sink, d.warehouse, d.run, d.recorded, d.replayed)
                for d in result.differences[:_SHOWN]
            ],
        )
    for note in result.all_notes():
        output.line(note, "yellow")
    return result.exit_code


def _buffer(policy: str | None, keys: tuple[str, ...]) -> dict[str, Any] | None:
    from mpstock.tapes.otherwise import value_of

    if policy is None:
        if keys:
            raise ConfigurationError("says a key of no policy; name one with --policy", place="--set")
        return None
    table: dict[str, Any] = {"policy": policy}
    for key in keys:
        name, equals, value = key.partition("=")
        if not equals or not name.strip():
            raise ConfigurationError(f"must look like absolute=5, not {key!r}", place="--set")
        table[name.strip()] = value_of(value.strip())
    return table
