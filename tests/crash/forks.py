"""Starts commands as processes of their own, many in a second, and lets them die where they are told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

__all__ = ["Forks", "Process", "forks"]

ROOT = Path(__file__).resolve().parents[2]


@frozen
class Process:
    """A command on its way. `code` of `wait` is None while it is stopped."""

    forks: Forks
    id: int
    folder: Path
    name: str

    def wait(self) -> int | None:
        """Wait until it ends or stops; return the exit code (negative: the signal), None if it is stopped."""
        answer = self.forks.ask({"wait": self.id})
        return None if answer.get("stopped") else int(answer["code"])

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Send it a signal."""
        os.kill(self.id, how)

    @property
    def boundaries(self) -> list[str]:
        """The boundaries that it has reached, in their order."""
        return (self.folder / f"{self.name}.boundaries").read_text(encoding="utf-8").splitlines()

    @property
    def said(self) -> str:
        """What it said, on both streams."""
        files = [self.folder / f"{self.name}.{part}" for part in ("out", "err")]
        return "".join(file.read_text(encoding="utf-8") for file in files)


@define
class Forks:
    """Forks commands off one program."""

    program: subprocess.Popen[str]
    _numbers: Iterator[int] = field(factory=count)

    def ask(self, order: dict[str, Any]) -> dict[str, Any]:
        """Give an order, and return the answer."""
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.write(json.dumps(order) + "\n")
        self.program.stdin.flush()
        line = self.program.stdout.readline()
        assert line, "the forking program has ended"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def start(
        self,
        *arguments: str,
        folder: Path,
        at: str | None = None,
        nth: int = 1,
        how: signal.Signals = signal.SIGKILL,
    ) -> Process:
        """Start a command in a folder; at the `nth` boundary of the kind `at` it sends itself the signal."""
        name = f"process-{next(self._numbers) % 8}"
        order = {"arguments": arguments, "folder": str(folder), "name": name, "at": at, "nth": nth}
        return Process(self, self.ask({**order, "how": int(how)})["process"], folder, name)

    def run(self, *arguments: str, folder: Path) -> Process:
        """Run a command to its end, which must be a good one."""
        process = self.start(*arguments, folder=folder)
        code = process.wait()
        assert code == 0, f"{code}: {process.said}"
        return process


@contextmanager
def forks() -> Iterator[Forks]:
    """Start the program that forks; it ends with the block."""
    path = os.pathsep.join(part for part in (str(ROOT / "src"), os.environ.get("PYTHONPATH", "")) if part)
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.forking"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1", "COLUMNS": "200"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout is not None
        assert json.loads(program.stdout.readline()) == {"ready": True}
        yield Forks(program)
    finally:
        assert program.stdin is not None
        program.stdin.close()
        program.wait(20)
        if program.stdout is not None:
            program.stdout.close()
