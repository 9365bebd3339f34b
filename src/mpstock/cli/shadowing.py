"""The commands for a sink that another integration writes to: shadow, takeover."""

from __future__ import annotations

from pathlib import Path

import click

from mpstock.cli.by_hand import length
from mpstock.cli.group import asked, cli, common, open_shop
from mpstock.cli.output import Output
from mpstock.cli.showing import show_plan


@cli.command()
@click.option("--sink", help="Only this sink, by its name in the settings.")
@click.option("--for", "lasts", metavar="LENGTH", help="So far back: 12h, 3d; 7d if left out.")
@common
def shadow(config: Path, as_json: bool, sink: str | None, lasts: str | None) -> int:
    """Say how what the sinks in shadow mode showed differs from what would have been sent."""
    from mpstock.facade.shadowing import WEEK

    output = Output(as_json)
    with open_shop(config) as shop:
        report = shop.shadow_report(sink, lasts=length(lasts) or WEEK)
    if as_json:
        output.document(report.as_dict())
        return 0
    for line in report.lines():
        output.line(line)
    if not report.sinks:
        output.line("no sink is in shadow mode; write shadow = true into its table of the settings")
    return 0


@cli.command()
@click.argument("sink")
@click.option("--apply", "at_once", is_flag=True, help="Take it over: the next run sends.")
@click.option("--back", is_flag=True, help="Give it back: nothing is sent any more.")
@asked
@common
def takeover(
    config: Path, as_json: bool, sink: str, at_once: bool, back: bool, actor: str | None, reason: str | None
) -> int:
    """Show what taking a sink over from another integration would change; with --apply, take it over."""
    from mpstock.reconcile.report import as_data

    if at_once and back:
        raise click.UsageError("--apply takes over, --back gives back: choose one")
    output = Output(as_json)
    with open_shop(config) as shop:
        if not at_once and not back:
            with output.progress() as progress:
                plan = shop.plan_takeover(sink, progress=progress)
            show_plan(output, plan)
            if not as_json:
                output.line(
                    f"nothing was sent. Switch off whatever else writes to {sink}, then: "
                    f"mpstock takeover {sink} --apply"
                )
            return int(plan.exit_code)
        decide = shop.take_over if at_once else shop.give_back
        decision = decide(sink, actor=actor, reason=reason)
    if as_json:
        output.document(as_data(decision))
    elif at_once:
        output.line(f"{sink} is live from its next run on, by {decision.actor}: mpstock sync", "bold green")
        output.line(
            "what a guard holds is let through by mpstock sync --release takeover; "
            f"back into shadow mode: mpstock takeover {sink} --back"
        )
    else:
        output.line(f"{sink} is in shadow mode from now on, by {decision.actor}: nothing is sent to it")
    return 0
