"""A vendor's double as a program of its own, as somebody starts it who has only its documentation."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["running", "tables"]

SRC = Path(__file__).resolve().parents[1] / "src"


@contextmanager
def running(module: str, *arguments: str, until: str) -> Iterator[str]:
    """Run `python -m module`; give what it prints up to the line with `until`. Ends as with Ctrl-C."""
    program = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SRC), "PYTHONUTF8": "1"},
        encoding="utf-8",
    )
    try:
        assert program.stdout is not None
        printed = ""
        while until not in printed:
            line = program.stdout.readline()
            assert line, program.communicate()
            printed += line
        yield printed
    finally:
        program.send_signal(signal.SIGINT)
        program.communicate(timeout=20)


def tables(printed: str) -> dict[str, Any]:
    """Read the tables for mpstock.toml in what a double prints; they begin a line."""
    lines = printed.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if line.startswith("["))
    return tomllib.loads("".join(lines[first:]))
