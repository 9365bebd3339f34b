"""What goes to the terminal: tables for people, one JSON document for programs, progress while it lasts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import define, field
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

__all__ = ["Output"]

# A pipe has no width: what reads it wants a row to be one line.
_ENDLESS = 10_000

_PHASES = {
    "orders": "reading the orders of",
    "read": "reading",
    "listings": "listings of",
    "observe": "reading back",
    "plan": "planning",
    "push": "pushing to",
    "certify": "holding to the contract:",
}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Go on unheard where rich would leave: the exit code tells of the work, not of the reader."""
        self.quiet = True
        _stop_writing()


@define
class Output:
    """Where a command says what it has to say."""

    as_json: bool = False
    _console: _Console = field(init=False)
    _errors: _Console = field(init=False)

    def __attrs_post_init__(self) -> None:
        on_terminal = sys.stdout.isatty()
        self._console = _Console(
            file=sys.stdout,
            highlight=False,
            soft_wrap=not on_terminal,
            width=None if on_terminal else _ENDLESS,
        )
        self._errors = _Console(file=sys.stderr, highlight=False, soft_wrap=True)

    def document(self, data: Any) -> None:
        """Print the one JSON document."""
        try:
            sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")
            sys.stdout.flush()
        except BrokenPipeError:
            _stop_writing()

    def line(self, text: str, style: str = "") -> None:
        """Print a line, as it stands."""
        self._console.print(Text(text), style=style)

    def error(self, text: str) -> None:
        """Print a line on the error stream."""
        self._errors.print(Text(text), style="red")

    def table(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table; numbers to the right."""
        table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
        for index, name in enumerate(columns):
            numeric = bool(rows) and all(isinstance(row[index], (int, type(None))) for row in rows)
            table.add_column(name, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(Text("—" if cell is None else str(cell)) for cell in row))
        self._console.print(table)
        self._console.print()

    @contextmanager
    def progress(self) -> Iterator[Any]:
        """Yield a callback for `Shop.sync(progress=…)`; shows bars on a terminal, nothing when piped."""
        if self.as_json or not sys.stderr.isatty():
            yield None
            return
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._errors, transient=True) as bars:
            tasks: dict[tuple[str, str], Any] = {}

            def tell(phase: str, name: str, done: int, total: int | None) -> None:
                key = (phase, name)
                if key not in tasks:
                    tasks[key] = bars.add_task(f"{_PHASES.get(phase, phase)} {name}".strip(), total=total)
                bars.update(tasks[key], completed=done, total=total)

            yield tell


def _stop_writing() -> None:
    """Send what is still to come nowhere: the reader of a pipe has seen enough (`mpstock log | head`)."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
