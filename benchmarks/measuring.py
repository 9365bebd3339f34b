"""What every measurement needs: processes of their own, the peak of memory, and time of one thread."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["ROOT", "alone", "cpu_of", "peak_mb"]

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[1]
_STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """Return the most resident memory that this program has had, in megabytes."""
    if _STATUS.exists():
        # What the kernel tells of a process counts that of the program which has started it as well.
        (line,) = (one for one in _STATUS.read_text().splitlines() if one.startswith("VmHWM:"))
        return round(int(line.split()[1]) / (1 << 10), 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux tells kilobytes, macOS bytes.
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def cpu_of(work: Callable[[], T]) -> tuple[T, float]:
    """Do something; return what it returned, and the seconds that this thread computed for it."""
    before = time.thread_time()
    return work(), time.thread_time() - before


def alone(module: str, *words: object) -> dict[str, Any]:
    """Run a module in a process of its own, for a peak is a process's for ever; return what it prints.

    It prints one JSON document, and nothing else.

    Raises:
        RuntimeError: it ended with an error; the text is what it wrote there.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(map(str, words))}: {done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
