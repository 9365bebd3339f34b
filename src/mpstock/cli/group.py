"""The command line's frame: the group of all commands, and the options that they share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

__all__ = ["asked", "cli", "common", "configured_by", "open_shop"]


class _CommandGroup(click.Group):
    """Lists the commands in the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mpstock", prog_name="mpstock")
def cli() -> None:
    """Keeps the stock shown on marketplaces equal to what the warehouse system can promise."""


def common(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that all have which open a shop: `--config` and `--json`."""
    return configured_by("mpstock.toml")(command)


def configured_by(file: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command `--config` and `--json`; `file` is the settings file if nobody names another."""

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        command = click.option(
            "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
        )(command)
        return click.option(
            "--config",
            "config",
            type=click.Path(path_type=Path),
            default=Path(file),
            show_default=True,
            help="The settings file.",
        )(command)

    return decorate


def asked(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options that say who asks for it and why: `--by` and `--reason`."""
    command = click.option("--reason", metavar="TEXT", help="Why, for the log.")(command)
    return click.option(
        "--by", "actor", metavar="NAME", help="Who asks for it, for the log; by default you (user@host)."
    )(command)


def open_shop(config: Path) -> Any:
    """Open the shop of a settings file; imported here, so that `--help` costs nothing."""
    import mpstock

    return mpstock.open(config)
