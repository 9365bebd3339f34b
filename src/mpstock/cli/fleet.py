"""The commands for many sellers at once: mpstock fleet init, worker, status, defer."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mpstock.cli.group import cli, configured_by
from mpstock.cli.output import Output
from mpstock.errors import ConfigurationError

if TYPE_CHECKING:
    from mpstock.fleet import Fleet
    from mpstock.fleet.status import FleetStatus
    from mpstock.service.logs import LogFormat

__all__: list[str] = []

T = TypeVar("T")

_SHOWN = 20


@cli.group()
def fleet() -> None:
    """Many sellers on one PostgreSQL, their work spread over workers (settings: fleet.toml)."""


def _in(config: Path, work: Callable[[Fleet], Awaitable[T]], **options: Any) -> T:
    """Do something with the fleet of a settings file."""
    try:
        from mpstock.fleet import Fleet
    except ImportError as error:
        raise ConfigurationError(f"a fleet needs {error.name}: pip install 'mpstock[fleet]'") from error
    opened = Fleet.open(config, **options)

    async def run() -> T:
        async with opened as fleet:
            return await work(fleet)

    return asyncio.run(run())


@fleet.command()
@configured_by("fleet.toml")
def init(config: Path, as_json: bool) -> int:
    """Make the tables of the fleet and its queue; a second time changes nothing."""

    async def work(opened: Fleet) -> int:
        await opened.create()
        return await opened.settle()

    tenants = _in(config, work)
    output = Output(as_json)
    if as_json:
        output.document({"to_be_taken_in": tenants})
    else:
        output.line(f"the tables are there; {tenants} tenants wait for a worker: mpstock fleet worker")
    return 0


@fleet.command()
@click.option("--concurrency", type=click.IntRange(1), help="Runs at the same time; by default [worker].")
@click.option(
    "--queues", default="quick,bulk", show_default=True, metavar="NAMES", help="Serve only these queues."
)
@click.option(
    "--log",
    type=click.Choice(["auto", "text", "json"]),
    default="auto",
    help="How the log is written; auto: text on a terminal, JSON otherwise.",
)
@configured_by("fleet.toml")
def worker(config: Path, as_json: bool, concurrency: int | None, queues: str, log: LogFormat) -> int:
    """Do what is due for the tenants, until stopped."""
    from mpstock.service.logs import set_up_logs

    chosen = tuple(name.strip() for name in queues.split(",") if name.strip())
    unknown = sorted(set(chosen) - {"quick", "bulk"})
    if unknown or not chosen:
        raise click.BadParameter("name quick, bulk or both, with a comma between", param_hint="--queues")

    async def work(opened: Fleet) -> None:
        from mpstock.fleet import Worker

        set_up_logs(log, [opened.settings.url, opened.settings.ledgers])
        await opened.check()
        working = Worker(opened, queues=chosen, concurrency=concurrency)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, working.stop)
        await working.run()

    _in(config, work, connections=4 + 2 * (concurrency or 8))
    if as_json:
        Output(as_json).document({"stopped": True})
    return 0


@fleet.command()
@click.argument("tenant", required=False)
@configured_by("fleet.toml")
def status(config: Path, as_json: bool, tenant: str | None) -> int:
    """Show how the fleet is: what waits, runs, is late or in trouble; of one TENANT every task."""

    async def work(opened: Fleet) -> FleetStatus:
        from mpstock.fleet.status import fleet_status

        await opened.check()
        return await fleet_status(opened, None if tenant is None else [tenant])

    found = _in(config, work)
    output = Output(as_json)
    if as_json:
        output.document(found.as_dict())
    else:
        _show(output, found, every=tenant is not None)
    return found.exit_code


@fleet.command()
@click.argument("tenant")
@click.argument("task")
@click.argument("adapter", default="")
@configured_by("fleet.toml")
def defer(config: Path, as_json: bool, tenant: str, task: str, adapter: str) -> int:
    """Queue a TASK of a TENANT now: push, orders, pull, full, verify or tidy.

    ADAPTER is the one source to pull, or the one sink to push to or verify.
    """

    async def work(opened: Fleet) -> bool:
        await opened.check()
        return await opened.defer(tenant, task, adapter)

    queued = _in(config, work)
    output = Output(as_json)
    if as_json:
        output.document({"tenant": tenant, "task": task, "adapter": adapter, "queued": queued})
    else:
        output.line("queued" if queued else "it waits in the queue already")
    return 0


def _show(output: Output, found: FleetStatus, *, every: bool) -> None:
    output.table(
        f"{found.tenants} tenants, {found.workers} workers",
        ("queue", "waiting", "running"),
        [(name, found.queued.get(name, 0), found.running.get(name, 0)) for name in ("quick", "bulk")],
    )
    if found.lag_p50 is not None:
        output.line(
            f"tasks began {found.lag_p50:.0f} s after they were due (median), {found.lag_p99:.0f} s (99 %)"
        )
    if found.due:
        output.line(f"{found.due} are due and not queued yet", "yellow")
    if found.stalled:
        output.line(f"{found.stalled} are of workers that have died, and will be queued again", "yellow")
    if found.tenants and not found.workers:
        output.line("no worker is up: mpstock fleet worker", "red")
    for name, error in list(found.broken.items())[:_SHOWN]:
        output.line(f"{name}: {error}", "red")
    shown = found.last if every else found.failing[:_SHOWN]
    if shown:
        output.table(
            "Tasks" if every else "Failing",
            ("tenant", "task", "status", "begun", "seconds", "pushed", "failures", "error"),
            [
                (
                    run.tenant, f"{run.task} {run.adapter}".strip(), run.status,
                    None if run.begun_at is None else f"{run.begun_at:%Y-%m-%d %H:%M:%S}Z",
                    None if run.seconds is None else round(run.seconds), run.pushed, run.failures, run.error,
                )
                for run in shown
            ],
        )  # fmt: skip
    more = len(found.broken) + len(found.failing) - 2 * _SHOWN
    if more > 0 and not every:
        output.line("… and more (all of them with --json)")
