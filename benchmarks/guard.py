"""Hold what a change costs against a budget of counts: no time is measured, so that no busy machine matters.

A fixed small shop goes through a first sync and one of few changes, on time that jumps and in one thread.
Counted are the Python functions that are called, for each listing that changes; and how many more that are
for the same few changes in a shop four times as large. `benchmarks/budget.json` has what was measured last;
a tenth more is allowed. What has become cheaper, or dearer for a good reason, is written there by `--update`.

    python -m benchmarks.guard [--update]

Ends with 1 if a count is above its budget.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.reconciling.shop import BATCHES, Account, Warehouses, chosen, write_feed
from mpstock import AsyncShop
from mpstock.testing import VirtualClock, run_virtual

BUDGET = Path(__file__).with_name("budget.json")
ROOM = 1.10
FEW = 20


def count(products: int, folder: Path) -> dict[str, float]:
    """Return the calls for each listing that changes: at the first sync, and when few have changed."""
    clock, feed = VirtualClock(), folder / f"{products}.csv"
    write_feed(feed, products, {})
    calls = 0

    def seen(_frame: FrameType, event: str, _what: Any) -> None:
        nonlocal calls
        calls += event == "call"

    async def play() -> dict[str, float]:
        nonlocal calls
        source = Warehouses(products, clock, feed)
        sinks = {name: Account(name, products) for name in BATCHES}
        found: dict[str, float] = {}
        async with AsyncShop(
            sources={"erp": source}, sinks=sinks, ledger=folder / f"{products}.db", clock=clock
        ) as shop:
            # What is imported, and made once, is in no count.
            await shop.sync(read="nothing")
            for case in ("first", "few"):
                before = sum(sink.changes for sink in sinks.values())
                if case == "few":
                    source.move(chosen(products, FEW, seed=1))
                calls = 0
                sys.setprofile(seen)
                try:
                    await shop.sync()
                finally:
                    sys.setprofile(None)
                found[case] = calls / (sum(sink.changes for sink in sinks.values()) - before)
        return found

    return run_virtual(play, clock=clock, threads=False)


def counts() -> dict[str, float]:
    """Return all that is held against the budget."""
    with tempfile.TemporaryDirectory(prefix="mpstock-guard-") as folder:
        small, large = count(250, Path(folder)), count(1_000, Path(folder))
    return {
        "calls for a change, first sync": round(large["first"], 1),
        "calls for a change, few changes": round(large["few"], 1),
        "few changes, in a shop four times as large": round(large["few"] / small["few"], 3),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--update", action="store_true", help="write what was counted as the new budget")
    options = parser.parse_args(argv)
    found = counts()
    if options.update:
        BUDGET.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    budget = json.loads(BUDGET.read_text(encoding="utf-8"))
    over = 0
    for name, value in found.items():
        wrong = value > ROOM * budget[name]
        over += wrong
        print(f"{name:<46}{value:>10}  budget {budget[name]:>10}  {'OVER' if wrong else 'within'}")
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
