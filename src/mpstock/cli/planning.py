"""The commands about plans: plan, apply, rollback."""

from __future__ import annotations

from pathlib import Path

import click

from mpstock.cli.by_hand import length
from mpstock.cli.group import asked, cli, common, open_shop
from mpstock.cli.output import Output
from mpstock.cli.showing import RELEASE, show_plan, show_run

OUT = click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep the plan in this file, to apply it later.",
)


@cli.command()
@click.option("--full", is_flag=True, help="Read every source completely, and what every sink shows.")
@click.option("--sku", "skus", multiple=True, help="Only this product; may be given several times.")
@OUT
@RELEASE
@asked
@common
def plan(
    config: Path,
    as_json: bool,
    full: bool,
    skus: tuple[str, ...],
    out: Path | None,
    release: tuple[str, ...],
    actor: str | None,
    reason: str | None,
) -> int:
    """Show the changes that a run would make. Reads and records levels, sends nothing."""
    output = Output(as_json)
    with open_shop(config) as shop, output.progress() as progress:
        result = shop.plan(
            full=full, skus=skus or None, release=release, actor=actor, reason=reason, progress=progress
        )
    if out is not None:
        result.save(out)
    show_plan(output, result)
    if out is not None and not as_json:
        output.line(_next(out))
    return int(result.exit_code)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show what would be sent now, and send nothing.")
@click.option("--even-if-old", is_flag=True, help="Also if the plan was made more than 24 hours ago.")
@asked
@common
def apply(
    config: Path,
    as_json: bool,
    file: Path,
    dry_run: bool,
    even_if_old: bool,
    actor: str | None,
    reason: str | None,
) -> int:
    """Send what a saved plan says, and never more than is wanted now; refused if its listings have moved."""
    from mpstock import Plan

    output = Output(as_json)
    kept = Plan.load(file)
    with open_shop(config) as shop, output.progress() as progress:
        report = shop.apply(
            kept, dry_run=dry_run, even_if_old=even_if_old, actor=actor, reason=reason, progress=progress
        )
    return show_run(output, report)


@cli.command()
@click.argument("run", type=int)
@OUT
@click.option("--apply", "at_once", is_flag=True, help="Carry the plan out at once.")
@click.option("--for", "lasts", metavar="LENGTH", help="Keep the numbers so long: 2h, 3d; 24h if left out.")
@asked
@common
def rollback(
    config: Path,
    as_json: bool,
    run: int,
    out: Path | None,
    at_once: bool,
    lasts: str | None,
    actor: str | None,
    reason: str | None,
) -> int:
    """Plan to put back what a run replaced, never above what is available now."""
    output = Output(as_json)
    with open_shop(config) as shop, output.progress() as progress:
        result = shop.rollback(run, lasts=length(lasts), actor=actor, reason=reason)
        if out is not None:
            result.save(out)
        if at_once:
            if not as_json:
                show_plan(output, result)
            return show_run(output, shop.apply(result, actor=actor, reason=reason, progress=progress))
    show_plan(output, result)
    if not as_json:
        output.line(f"nothing was sent; {_next(out)}")
    return int(result.exit_code)


def _next(out: Path | None) -> str:
    if out is None:
        return "to carry it out: mpstock rollback RUN --apply, or with --out FILE to look at it first"
    return f"kept in {out}; look at it, then: mpstock apply {out}"
