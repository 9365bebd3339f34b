"""The command that holds what the marketplaces show against what is known: verify."""

from __future__ import annotations

from pathlib import Path

import click

from mpstock.cli.group import cli, common, open_shop
from mpstock.cli.output import Output


@cli.command()
@click.option("--sink", "sinks", multiple=True, help="Only this sink; may be given several times.")
@common
def verify(config: Path, as_json: bool, sinks: tuple[str, ...]) -> int:
    """Read back everything that the sinks show, and say what differs and why. Sends nothing."""
    output = Output(as_json)
    with open_shop(config) as shop, output.progress() as progress:
        result = shop.verify(sinks or None, progress=progress)
    if as_json:
        output.document(result.as_dict())
        return int(result.exit_code)
    output.table(
        f"Verification, run {result.run}: {result.status}",
        ("sink", "read back", "sale", "not yet visible", "lost write", "platform", "another writer"),
        [
            (
                sink.name, sink.observed,
                *(sink.drifts.get(kind, 0) for kind in
                  ("sale", "not_yet_visible", "lost_write", "platform", "another_writer")),
            )
            for sink in result.sinks.values()
        ],
    )  # fmt: skip
    first = [drift for sink in result.sinks.values() for drift in sink.first]
    if first:
        output.table(
            "What differed, newest first",
            ("sku", "sink", "warehouse", "known", "showed", "why", "time"),
            [
                (
                    d.sku, d.sink, d.warehouse, d.expected, d.observed,
                    "" if d.kind is None else d.kind.value.replace("_", " "), f"{d.at:%Y-%m-%d %H:%M:%S}",
                )
                for d in first
            ],
        )  # fmt: skip
    for sink in result.sinks.values():
        for text in (sink.error, sink.orders_error):
            if text:
                output.line(f"{sink.name}: {text}", "red")
    return int(result.exit_code)
