"""`mpstock run` as a process of its own, before a marketplace that takes its time to answer.

    python -m tests.service.slow_program MPSTOCK_TOML SECONDS

Says `pushing` on standard output when a batch is on the wire.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from typing import Any

from mpstock.cli.commands import run
from mpstock.inmemory import InMemorySink


def main(config: str, seconds: float, *options: str) -> int:
    """Run the service; returns its exit code."""
    push: Any = InMemorySink.push

    async def slowly(sink: InMemorySink, changes: Sequence[Any]) -> Any:
        print("pushing", flush=True)
        await asyncio.sleep(seconds)
        return await push(sink, changes)

    InMemorySink.push = slowly  # type: ignore[method-assign, assignment]
    return run(["run", "--config", config, "--port", "0", *options])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], float(sys.argv[2]), *sys.argv[3:]))
