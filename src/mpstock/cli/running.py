"""The commands that make a run: plan, sync."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mpstock.cli.group import asked, cli, common, open_shop
from mpstock.cli.output import Output


@cli.command()
@click.option("--full", is_flag=True, help="Read every source completely, and what every sink shows.")
@click.option("--sku", "skus", multiple=True, help="Only this product; may be given several times.")
@asked
@common
def plan(
    config: Path, as_json: bool, full: bool, skus: tuple[str, ...], actor: str | None, reason: str | None
) -> int:
    """Show the changes that a run would make. Reads and records levels, sends nothing."""
    output = Output(as_json)
    with open_shop(config) as shop, output.progress() as progress:
        result = shop.plan(full=full, skus=skus or None, actor=actor, reason=reason, progress=progress)
    _show_plan(output, result)
    return int(result.exit_code)


@cli.command()
@click.option("--full", is_flag=True, help="Read every source completely, and what every sink shows.")
@click.option("--dry-run", is_flag=True, help="Read and plan, but send nothing.")
@click.option("--sku", "skus", multiple=True, help="Only this product; may be given several times.")
@click.option(
    "--release", multiple=True, metavar="GUARD", help="Let through what this guard holds (zeroing)."
)
@asked
@common
def sync(
    config: Path,
    as_json: bool,
    full: bool,
    dry_run: bool,
    skus: tuple[str, ...],
    release: tuple[str, ...],
    actor: str | None,
    reason: str | None,
) -> int:
    """Read the sources and push what differs to the sinks."""
    output = Output(as_json)
    with open_shop(config) as shop, output.progress() as progress:
        report = shop.sync(
            full=full, dry_run=dry_run, skus=skus or None, release=release, actor=actor, reason=reason,
            progress=progress,
        )  # fmt: skip
    if as_json:
        data = report.as_dict()
        if report.plan is not None:
            data["plan"] = report.plan.as_dict()
        output.document(data)
        return int(report.exit_code)
    if report.plan is not None:
        _show_plan(output, report.plan)
        return int(report.exit_code)
    _show_report(output, report)
    return int(report.exit_code)


def _show_plan(output: Output, result: Any) -> None:
    if output.as_json:
        output.document(result.as_dict())
        return
    shown = result.changes[:50]
    output.table(
        f"Plan of run {result.run}: {len(result.changes)} changes",
        ("sku", "sink", "warehouse", "shows", "will show", "lane", "cause", "held by"),
        [(c.sku, c.sink, c.warehouse, c.old, c.new, c.lane, c.cause, c.held) for c in shown],
    )
    if len(result.changes) > len(shown):
        output.line(f"… and {len(result.changes) - len(shown)} more (all of them with --json)")
    for held in result.held:
        output.line(f"held: {held.reason}", "yellow")
    _show_failures(output, result)


def _show_report(output: Output, report: Any) -> None:
    output.table(
        f"Run {report.run}: {report.status} in {report.seconds:.1f} s",
        ("source", "rows", "moved", "complete", "problems"),
        [
            (s.name, s.rows, s.changed, "yes" if s.complete else "no", s.problems)
            for s in report.sources.values()
        ],
    )
    output.table(
        "",
        ("sink", "orders", "no product", "pushed", "requests", "failed", "pending", "held", "drifted"),
        [
            (
                s.name, s.orders, s.without_product, s.pushed, s.requests, s.failed, s.pending, s.held,
                s.drifted,
            )
            for s in report.sinks.values()
        ],
    )  # fmt: skip
    for sink in report.sinks.values():
        if sink.unknown_orders:
            output.line(
                f"{sink.name}: {sink.unknown_orders} orders of articles that no source knows; "
                "nothing keeps their units back: mpstock status names them",
                "yellow",
            )
        if sink.stop:
            output.line(f"{sink.name}: {sink.stop}", "yellow")
        if sink.stopped:
            output.line(f"{sink.name}: {sink.stopped} changes are not sent: stopped by hand", "yellow")
        if sink.orders_error:
            output.line(f"{sink.name}: its orders could not be read: {sink.orders_error}", "red")
    for held in report.held:
        output.line(f"held: {held.reason}", "yellow")
    for text in report.errors[:20]:
        output.line(text, "red")
    if len(report.errors) > 20:
        output.line("… and more: mpstock log, mpstock status", "red")
    _show_failures(output, report)


def _show_failures(output: Output, result: Any) -> None:
    for source in result.sources.values():
        if source.error:
            output.line(source.error, "red")
        for problem in source.first_problems:
            output.line(f"{source.name}: {problem}", "yellow")
    for sink in result.sinks.values():
        if sink.error:
            output.line(sink.error, "red")
