"""The command that says what needs a person: alerts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mpstock.cli.by_hand import length
from mpstock.cli.group import cli, common, open_shop
from mpstock.cli.output import Output


@cli.command()
@click.option("--all", "over", is_flag=True, help="Also what is over, of the last 30 days.")
@click.option("--silence", "subject", metavar="SUBJECT", help="Tell nobody, unless it becomes critical.")
@click.option("--for", "lasts", metavar="LENGTH", help="With --silence: so long (2h, 3d); else a day.")
@click.option("--tell", "tell", metavar="SUBJECT", help="Tell of it again.")
@click.option("--test", "test", is_flag=True, help="Send a test to each of [alerts] urls.")
@click.option("--by", "actor", metavar="NAME", help="Who silences it; by default you (user@host).")
@common
def alerts(
    config: Path,
    as_json: bool,
    over: bool,
    subject: str | None,
    lasts: str | None,
    tell: str | None,
    test: bool,
    actor: str | None,
) -> int:
    """Say what needs a person, the worst first, with what to do about it. Sends nothing to marketplaces."""
    from datetime import timedelta

    if sum((subject is not None, tell is not None, test)) > 1:
        raise click.UsageError("--silence, --tell and --test go one at a time")
    if lasts is not None and subject is None:
        raise click.UsageError("--for says for how long --silence is")
    output = Output(as_json)
    with open_shop(config) as shop:
        if test:
            return _tested(output, shop.test_alerts())
        if subject is not None or tell is not None:
            span = timedelta() if subject is None else length(lasts)
            return _show(output, [shop.silence(subject or tell, lasts=span, actor=actor)])
        return _show(output, shop.alerts(over=over))


def _tested(output: Output, sent: Any) -> int:
    from mpstock.reconcile.report import as_data

    failed = [one for one in sent if one.error]
    if output.as_json:
        output.document({"ways": as_data(sent)})
        return 1 if failed else 0
    for one in sent:
        output.line(f"{one.way}: {one.error or 'sent'}", "red" if one.error else "green")
    return 1 if failed else 0


def _show(output: Output, rows: Any) -> int:
    from mpstock.reconcile.report import as_data

    if output.as_json:
        output.document(
            {
                "alerts": [
                    {**as_data(one.trouble), "title": one.title, "message": one.message, "mend": one.mend}
                    for one in rows
                ]
            }
        )
        return 0
    if not rows:
        output.line("nothing needs a person")
    for one in rows:
        trouble = one.trouble
        style = "" if not trouble.stands else "red" if trouble.severity == "critical" else "yellow"
        output.line(f"{trouble.severity if trouble.stands else 'over'}: {one.title}", style)
        output.line(f"  {one.message}")
        if trouble.stands and one.mend:
            output.line(f"  {one.mend}")
        until = "" if trouble.recovered_at is None else f", over since {trouble.recovered_at:%Y-%m-%d %H:%M}Z"
        quiet = (
            f", silenced until {trouble.silenced_until:%Y-%m-%d %H:%M}Z by {trouble.silenced_by}"
            if trouble.silenced_until is not None
            else ""
        )
        output.line(f"  {trouble.subject}, since {trouble.first_seen_at:%Y-%m-%d %H:%M}Z{until}{quiet}")
    return 0
