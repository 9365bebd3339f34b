"""The command that tells what was sent, and what people did: log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from mpstock.cli.group import cli, common, open_shop
from mpstock.cli.output import Output


@cli.command()
@click.option("--sku", help="Only this product.")
@click.option("--sink", help="Only this sink.")
@click.option("--run", "run_", type=int, help="Only this run.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="How many lines.")
@click.option("--actions", is_flag=True, help="What people did, instead of what was sent.")
@click.option("--verify", is_flag=True, help="Whether the log is as it was written.")
@click.option("--head", metavar="HASH", help="With --verify: the head that was noted earlier.")
@common
def log(
    config: Path,
    as_json: bool,
    sku: str | None,
    sink: str | None,
    run_: int | None,
    limit: int,
    actions: bool,
    verify: bool,
    head: str | None,
) -> int:
    """Show what was pushed, newest first: old and new quantity, cause, run, by whom, and the answer."""
    output = Output(as_json)
    if head is not None and not verify:
        raise click.UsageError("--head is a matter of --verify")
    if sum((actions, verify)) > 1 or ((actions or verify) and (sku or sink)):
        raise click.UsageError("--actions and --verify go neither together nor with --sku and --sink")
    with open_shop(config) as shop:
        if verify:
            return _verified(output, shop.verify_log(head=head))
        if actions:
            return _actions(output, shop.actions(run=run_, limit=limit))
        return _lines(output, shop.log(sku=sku, sink=sink, run=run_, limit=limit))


def _lines(output: Output, entries: Any) -> int:
    from mpstock.reconcile.report import as_data

    if output.as_json:
        output.document({"log": as_data(entries)})
        return 0
    output.table(
        "Sync log",
        (
            "time", "sku", "sink", "warehouse", "old", "new", "cause", "run", "by", "reason", "outcome",
            "message",
        ),
        [
            (
                f"{e.at:%Y-%m-%d %H:%M:%S}",
                e.sku, e.sink, e.warehouse, e.old, e.new, e.cause, e.run, e.actor,
                _reason(e), e.status,
                ": ".join(part for part in (e.error_code, e.error_message) if part),
            )
            for e in entries
        ],
    )  # fmt: skip
    return 0


def _reason(entry: Any) -> str:
    plan = "" if entry.plan_id is None else f"plan {entry.plan_id}"
    return "; ".join(part for part in (entry.reason, plan) if part)


def _actions(output: Output, entries: Any) -> int:
    from mpstock.reconcile.report import as_data

    if output.as_json:
        output.document({"actions": as_data(entries)})
        return 0
    output.table(
        "What people did",
        ("time", "by", "action", "to", "run", "reason"),
        [
            (
                f"{e.at:%Y-%m-%d %H:%M:%S}", e.actor, e.action,
                json.dumps(dict(e.scope), ensure_ascii=False) if e.scope else "", e.run, e.reason,
            )
            for e in entries
        ],
    )  # fmt: skip
    return 0


def _verified(output: Output, found: Any) -> int:
    code = 0 if found.holds else 1
    if output.as_json:
        output.document({"exit_code": code, **found.as_dict()})
        return code
    for text in found.lines():
        output.line(text, "" if found.holds else "red")
    return code
