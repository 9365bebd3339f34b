"""The commands: each opens the shop, asks it for one thing, and shows the answer."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

import click

from mpstock.cli import (
    alerting,
    by_hand,
    caring,
    certifying,
    explaining,
    fleet,
    log,
    passwords,
    planning,
    replaying,
    running,
    serving,
    setting_up,
    shadowing,
    starting,
    telling,
    verifying,
)
from mpstock.cli.group import cli
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

_MODULES = (
    starting,
    setting_up,
    planning,
    shadowing,
    running,
    serving,
    passwords,
    verifying,
    explaining,
    replaying,
    telling,
    alerting,
    log,
    by_hand,
    caring,
    fleet,
    certifying,
)
"""Imported for the commands that they add, in the order in which a newcomer needs them."""


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
    except StalePlanError as error:
        return _failed(output, str(error), 1, moved=error.moved)
    except MpstockError as error:
        return _failed(output, str(error), _code(error))
    finally:
        signal.signal(signal.SIGTERM, previous)


def _code(error: MpstockError) -> int:
    if isinstance(error, AdapterError) and not isinstance(error, AuthenticationError):
        return 3
    return 1 if isinstance(error, LedgerLockedError) else 2


def _failed(
    output: Output, message: str, code: int, *, told: bool = False, moved: Sequence[object] | None = None
) -> int:
    if not told:
        output.error(f"mpstock: {message}")
    if output.as_json:
        document: dict[str, object] = {"error": message, "exit_code": code}
        if moved is not None:
            from mpstock.reconcile.report import as_data

            document["moved"] = as_data(moved)
        output.document(document)
    return code


def _terminate(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
