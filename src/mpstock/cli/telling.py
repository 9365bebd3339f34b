"""The command that tells what the ledger knows of the whole shop: status."""

from __future__ import annotations

from pathlib import Path

from mpstock.cli.group import cli, common, open_shop
from mpstock.cli.output import Output


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
