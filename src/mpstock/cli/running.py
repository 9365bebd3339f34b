"""The command that makes a run: sync."""

from __future__ import annotations

from pathlib import Path

import click

from mpstock.cli.group import asked, cli, common, open_shop
from mpstock.cli.output import Output
from mpstock.cli.showing import RELEASE, show_run


@cli.command()
@click.option("--full", is_flag=True, help="Read every source completely, and what every sink shows.")
@click.option("--dry-run", is_flag=True, help="Read and plan, but send nothing.")
@click.option("--sku", "skus", multiple=True, help="Only this product; may be given several times.")
@RELEASE
@click.option("--retry", is_flag=True, help="Try again now what was refused too often.")
@click.option(
    "--tape", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
    help="Put a tape of the run into this folder; see mpstock replay.",
)  # fmt: skip
@asked
@common
def sync(
    config: Path,
    as_json: bool,
    full: bool,
    dry_run: bool,
    skus: tuple[str, ...],
    release: tuple[str, ...],
    retry: bool,
    actor: str | None,
    reason: str | None,
    tape: Path | None,
) -> int:
    """Read the sources and push what differs to the sinks."""
    output = Output(as_json)
    with open_shop(config) as shop, output.progress() as progress:
        report = shop.sync(
            full=full, dry_run=dry_run, skus=skus or None, release=release, retry=retry, actor=actor,
            reason=reason, tape=tape, progress=progress,
        )  # fmt: skip
    return show_run(output, report)
