"""What `import mpstock` costs over a bare Python, and what it pulls in."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.table.figures import Figure

__all__ = ["figures"]

HEAVY = ("httpx", "sqlalchemy", "cattrs", "asyncio")
GOAL = 100.0


def figures(times: int = 9) -> Iterator[Figure]:
    """Yield the cost of the import, bare and with it in turn, so that both see the same machine."""
    bare: list[float] = []
    with_it: list[float] = []
    for _ in range(times):
        bare.append(_started("pass"))
        with_it.append(_started("import mpstock"))
    cost = statistics.median(with_it) - statistics.median(bare)
    # The fastest of all is the one that nothing else has disturbed.
    least = min(with_it) - min(bare)
    code = f"import sys, json, mpstock; print(json.dumps([n for n in {HEAVY!r} if n in sys.modules]))"
    pulled = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    yield Figure(
        "starting", "import mpstock over bare Python", cost, "ms", GOAL,
        f"medians of {times}; the fastest {least:.0f} ms; bare Python {statistics.median(bare):.0f} ms",
    )  # fmt: skip
    yield Figure("starting", "heavy modules that it pulls in", len(pulled), "", 0, ", ".join(pulled or HEAVY))


def _started(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return (time.perf_counter() - began) * 1000
