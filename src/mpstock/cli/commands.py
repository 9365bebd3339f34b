"""The commands: each opens the shop, asks it for one thing, and shows the answer."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from mpstock.cli.output import Output
from mpstock.errors import (
    AdapterError,
    AuthenticationError,
    Interrupted,
    LedgerLockedError,
    MpstockError,
    StalePlanError,
)

__all__ = ["run"]


class _CommandGroup(click.Group):
    """Lists the commands in the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mpstock", prog_name="mpstock")
def cli() -> None:
    """Keeps the stock shown on marketplaces equal to what the warehouse system can promise."""


def _common(command: Callable[..., int]) -> Callable[..., int]:
    command = click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
    )(command)
    return click.option(
        "--config",
        "config",
        type=click.Path(path_type=Path),
        default=Path("mpstock.toml"),
        show_default=True,
        help="The settings file.",
    )(command)


def _open(config: Path) -> Any:
    import mpstock

    return mpstock.open(config)


@cli.command()
@click.option(
    "--products",
    default=5_000,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    help="How many products the shop has.",
)
@click.option(
    "--speed",
    default=50.0,
    show_default=True,
    type=click.FloatRange(0, min_open=True),
    help="So many times as fast as real time.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def demo(products: int, speed: float, as_json: bool) -> int:
    """Play the main job against the doubles of 1C, Ozon and Wildberries. Needs no keys."""
    from mpstock.cli.demo import play

    return play(Output(as_json), products=products, speed=speed)


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def plugins(as_json: bool) -> int:
    """List the plugins that are installed, the broken ones with the reason."""
    from mpstock.plugins import PluginRegistry

    output = Output(as_json)
    installed = PluginRegistry().installed()
    rows = [
        (
            plugin.name,
            plugin.distribution,
            plugin.version,
            plugin.state,
            ", ".join(
                f"{kind} {name}"
                for kind, names in (
                    ("source", plugin.sources), ("sink", plugin.sinks), ("policy", plugin.policies),
                )
                for name in names
            ),
            plugin.error,
        )
        for plugin in installed
    ]  # fmt: skip
    columns = ("plugin", "distribution", "version", "state", "brings", "error")
    if as_json:
        output.document({"plugins": [dict(zip(columns, row, strict=True)) for row in rows]})
    else:
        output.table("Plugins", columns[:5], [row[:5] for row in rows])
        for row in rows:
            if row[5]:
                output.line(f"{row[0]}: {row[5]}", "red")
    return 1 if any(plugin.state != "ok" for plugin in installed) else 0


@cli.command()
@click.option(
    "--write-test", metavar="SKU", help="Write this product's number once to each sink and read it back."
)
@_common
def check(config: Path, as_json: bool, write_test: str | None) -> int:
    """Look after settings, credentials, accounts and mapping. Changes nothing unless asked."""
    import mpstock
    from mpstock.config import load
    from mpstock.plugins import PluginRegistry

    output = Output(as_json)
    registry = PluginRegistry()
    with mpstock.Shop(load(config, plugins=registry, tolerant=True), plugins=registry) as shop:
        parts = shop.check(write_test=write_test)
    code = 2 if any(part.refused for part in parts) else 0
    if as_json:
        output.document({"exit_code": code, "parts": [part.as_dict() for part in parts]})
        return code
    styles = {"ok": "green", "warning": "yellow", "error": "red"}
    for part in parts:
        output.line(f"{part.subject}: {part.worst}", f"bold {styles[part.worst]}")
        for finding in part.findings:
            output.line(f"  {finding.level:7} {finding.subject}: {finding.message}", styles[finding.level])
            if finding.mend:
                output.line(f"          {finding.mend}")
    return code


@cli.command()
@click.option("--full", is_flag=True, help="Read every source completely, and what every sink shows.")
@click.option("--sku", "skus", multiple=True, help="Only this product; may be given several times.")
@_common
def plan(config: Path, as_json: bool, full: bool, skus: tuple[str, ...]) -> int:
    """Show the changes that a run would make. Reads and records levels, sends nothing."""
    output = Output(as_json)
    with _open(config) as shop, output.progress() as progress:
        result = shop.plan(full=full, skus=skus or None, progress=progress)
    _show_plan(output, result)
    return int(result.exit_code)


@cli.command()
@click.option("--full", is_flag=True, help="Read every source completely, and what every sink shows.")
@click.option("--dry-run", is_flag=True, help="Read and plan, but send nothing.")
@click.option("--sku", "skus", multiple=True, help="Only this product; may be given several times.")
@click.option(
    "--release", multiple=True, metavar="GUARD", help="Let through what this guard holds (zeroing)."
)
@_common
def sync(
    config: Path, as_json: bool, full: bool, dry_run: bool, skus: tuple[str, ...], release: tuple[str, ...]
) -> int:
    """Read the sources and push what differs to the sinks."""
    output = Output(as_json)
    with _open(config) as shop, output.progress() as progress:
        report = shop.sync(full=full, dry_run=dry_run, skus=skus or None, release=release, progress=progress)
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


@cli.command()
@click.argument("sku")
@_common
def explain(config: Path, as_json: bool, sku: str) -> int:
    """Say how each listing of a product comes to its number."""
    output = Output(as_json)
    with _open(config) as shop:
        explanation = shop.explain(sku)
    if as_json:
        output.document(explanation.as_dict())
    else:
        for text in explanation.lines():
            output.line(text)
    return 0


@cli.command()
@_common
def status(config: Path, as_json: bool) -> int:
    """Say what is in step, what waits, what fails, and what has no counterpart. Sends nothing."""
    output = Output(as_json)
    with _open(config) as shop:
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
        for text in (*sink.first_unattended, *sink.first_unknown_orders):
            output.line(f"  {sink.name}: {text}", "yellow")
        if sink.first_without_product:
            output.line(f"  {sink.name}, listings without a product:")
            for text in sink.first_without_product:
                output.line(f"    {text}", "yellow")
        if sink.first_without_listing:
            output.line(f"  {sink.name}, products without a listing: {', '.join(sink.first_without_listing)}")
    return 0


@cli.command()
@click.option("--sku", help="Only this product.")
@click.option("--sink", help="Only this sink.")
@click.option("--run", "run_", type=int, help="Only this run.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="How many lines.")
@_common
def log(config: Path, as_json: bool, sku: str | None, sink: str | None, run_: int | None, limit: int) -> int:
    """Show what was pushed, newest first: old and new quantity, cause, run, and what the sink answered."""
    from mpstock.reconcile.report import as_data

    output = Output(as_json)
    with _open(config) as shop:
        entries = shop.log(sku=sku, sink=sink, run=run_, limit=limit)
    if as_json:
        output.document({"log": as_data(entries)})
        return 0
    output.table(
        "Sync log",
        ("time", "sku", "sink", "warehouse", "old", "new", "cause", "run", "outcome", "message"),
        [
            (
                f"{e.at:%Y-%m-%d %H:%M:%S}",
                e.sku, e.sink, e.warehouse, e.old, e.new, e.cause, e.run, e.status,
                ": ".join(part for part in (e.error_code, e.error_message) if part),
            )
            for e in entries
        ],
    )  # fmt: skip
    return 0


def run(arguments: Sequence[str]) -> int:
    """Run one command line; returns the exit code. Nothing but the answer goes to standard output."""
    as_json = "--json" in arguments
    output = Output(as_json)
    previous = signal.signal(signal.SIGTERM, _terminate)
    try:
        return int(cli.main(list(arguments), prog_name="mpstock", standalone_mode=False) or 0)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show(sys.stderr)
        return _failed(output, error.format_message(), 2, told=True)
    except (Interrupted, KeyboardInterrupt, click.Abort):
        return _failed(output, "stopped; what was sent is recorded, the next run goes on from there", 130)
    except MpstockError as error:
        return _failed(output, str(error), _code(error))
    finally:
        signal.signal(signal.SIGTERM, previous)


def _code(error: MpstockError) -> int:
    if isinstance(error, StalePlanError):
        return 1
    if isinstance(error, AdapterError) and not isinstance(error, AuthenticationError):
        return 3
    return 1 if isinstance(error, LedgerLockedError) else 2


def _failed(output: Output, message: str, code: int, *, told: bool = False) -> int:
    if not told:
        output.error(f"mpstock: {message}")
    if output.as_json:
        output.document({"error": message, "exit_code": code})
    return code


def _terminate(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
