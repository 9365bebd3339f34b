"""What plans and runs look like on a terminal, and the options that several commands have for them."""

from __future__ import annotations

from typing import Any

import click

from mpstock.cli.output import Output

__all__ = ["RELEASE", "show_plan", "show_report", "show_run"]

RELEASE = click.option(
    "--release", multiple=True, metavar="GUARD", help="Let through what this guard holds (zeroing, …)."
)


def show_run(output: Output, report: Any) -> int:
    """Show what a run did or, of a dry one, what it would do; returns its exit code."""
    if output.as_json:
        data = report.as_dict()
        if report.plan is not None:
            data["plan"] = report.plan.as_dict()
        output.document(data)
    elif report.plan is not None:
        show_plan(output, report.plan)
        for text in report.notes:
            output.line(text, "yellow")
    else:
        show_report(output, report)
    return int(report.exit_code)


def show_plan(output: Output, result: Any) -> None:
    """Show a plan: its first changes, what is held, and what a rollback leaves as it is."""
    if output.as_json:
        output.document(result.as_dict())
        return
    shown = result.changes[:50]
    output.table(
        result.title,
        ("sku", "sink", "warehouse", "shows", "will show", "lane", "cause", "held by"),
        [(c.sku, c.sink, c.warehouse, c.old, c.new, c.lane, c.cause, c.held) for c in shown],
    )
    if len(result.changes) > len(shown):
        output.line(f"… and {len(result.changes) - len(shown)} more (all of them with --json)")
    for held in result.held:
        output.line(f"held: {held.reason}", "yellow")
    for reason, count in result.skipped_reasons():
        output.line(f"left as they are, {count}: {reason}", "yellow")
    _show_failures(output, result)


def show_report(output: Output, report: Any) -> None:
    """Show what a run did."""
    from mpstock.reconcile.report import kinds_of

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
        if sink.mode == "shadow":
            output.line(f"{sink.name}: in shadow mode, {sink.would_send} changes would be sent", "yellow")
        if sink.stop:
            output.line(f"{sink.name}: {sink.stop}", "yellow")
        if sink.stopped:
            output.line(f"{sink.name}: {sink.stopped} changes are not sent: stopped by hand", "yellow")
        if sink.drifts:
            output.line(f"{sink.name}, drifted: {kinds_of(sink.drifts)}", "yellow")
        if sink.orders_error:
            output.line(f"{sink.name}: its orders could not be read: {sink.orders_error}", "red")
    for text in report.notes:
        output.line(text, "yellow")
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
