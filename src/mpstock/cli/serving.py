"""The command that stays: run."""

from __future__ import annotations

from pathlib import Path

import click

from mpstock.cli.group import cli, common
from mpstock.cli.output import Output
from mpstock.errors import ConfigurationError

__all__: list[str] = []


@cli.command()
@click.option("--host", metavar="ADDRESS", help="The address to listen on; by default [service] host.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; by default [service] port.")
@click.option("--no-schedule", is_flag=True, help="Act only on what is brought and asked.")
@common
def run(config: Path, as_json: bool, host: str | None, port: int | None, no_schedule: bool) -> int:
    """Keep everything in step until stopped: schedule, webhooks, alerts, dashboard."""
    try:
        from mpstock.service.serving import serve
    except ImportError as error:
        raise ConfigurationError(
            f"running as a service needs {error.name}: pip install 'mpstock[service]'"
        ) from error
    output = Output(as_json)
    url = serve(config, host=host, port=port, schedule=not no_schedule, listening=output.error)
    if as_json:
        output.document({"url": url, "stopped": True})
    return 0
