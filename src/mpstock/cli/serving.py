"""The command that stays: run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mpstock.cli.group import cli, common
from mpstock.cli.output import Output
from mpstock.errors import ConfigurationError

if TYPE_CHECKING:
    from mpstock.service.logs import LogFormat

__all__: list[str] = []


@cli.command()
@click.option("--host", metavar="ADDRESS", help="The address to listen on; by default [service] host.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; by default [service] port.")
@click.option("--no-schedule", is_flag=True, help="Act only on what is brought and asked.")
@click.option(
    "--log",
    type=click.Choice(["auto", "text", "json"]),
    default="auto",
    help="How the log is written; auto: text on a terminal, JSON otherwise.",
)
@common
def run(
    config: Path, as_json: bool, host: str | None, port: int | None, no_schedule: bool, log: LogFormat
) -> int:
    """Keep everything in step until stopped: schedule, webhooks, alerts, dashboard."""
    try:
        from mpstock.service.serving import serve
    except ImportError as error:
        raise ConfigurationError(
            f"running as a service needs {error.name}: pip install 'mpstock[service]'"
        ) from error
    url = serve(config, host=host, port=port, schedule=not no_schedule, log=log)
    if as_json:
        Output(as_json).document({"url": url, "stopped": True})
    return 0
