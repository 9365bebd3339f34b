"""The commands that tell what the ledger knows: explain, status."""

from __future__ import annotations

from pathlib import Path

import click

from mpstock.cli.group import cli, common, open_shop
from mpstock.cli.output import Output


@cli.command()
@click.argument("sku")
@common
def explain(config: Path, as_json: bool, sku: str) -> int:
    """Say how each listing of a product comes to its number."""
    output = Output(as_json)
    with open_shop(config) as shop:
        explanation = shop.explain(sku)
    if as_json:
        output.document(explanation.as_dict())
    else:
        for text in explanation.lines():
            output.line(text)
    return 0


@cli.command()
@common
def status(config: Path, as_json: bool) -> int:
    """Say what is in step, what waits, what fails, and what has no counterpart. Sends nothing."""
    output = Output(as_json)
    with open_shop(config) as shop:
        state = shop.status()
    if as_json:
        output.document(state.as_dict())
        return 0
    for text in state.lines():
        output.line(text)
    for source in state.sources:
        for problem in source.first_problems:
            output.line(f"  {source.name}: {problem}", "yellow")
    for sink in state.sinks:
        for text in sink.errors:
            output.line(f"  {sink.name}: {text}", "red")
        told = (
            *sink.first_resting, *sink.first_unattended, *sink.first_unknown_orders, *sink.first_drifts
        )  # fmt: skip
        for text in told:
            output.line(f"  {sink.name}: {text}", "yellow")
        if sink.first_without_product:
            output.line(f"  {sink.name}, listings without a product:")
            for text in sink.first_without_product:
                output.line(f"    {text}", "yellow")
        if sink.first_without_listing:
            output.line(f"  {sink.name}, products without a listing: {', '.join(sink.first_without_listing)}")
    return 0
