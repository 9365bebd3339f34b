"""One case of a run in a process of its own: what it took, and the bare statements on the same rows.

    python -m benchmarks.reconciling.cases FOLDER PRODUCTS CASE [--times 1] [--bare]

The first one makes the ledger; each other one goes on where the one before it has ended. Prints JSON. With
`--url` the ledger is there, on PostgreSQL, and what is told are seconds of the clock: the work is another
process's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, field

from benchmarks.measuring import alone, peak_mb
from benchmarks.reconciling.probe import Probe, probing
from benchmarks.reconciling.shop import BATCHES, Account, Warehouses, chosen, shown, write_feed
from mpstock import AsyncShop
from mpstock.clock import SystemClock
from mpstock.ledger.opening import is_postgres

__all__ = ["CASES", "Folder", "changed", "run"]

CASES = ("first", "nightly", "one_percent", "tiny", "hundred")
"""The first sync; a full reading with 1 % changed; 1 %, 0.01 % and 100 products told by the source."""


def changed(case: str, products: int) -> int:
    """Return how many products change before a case."""
    share = {"first": products, "nightly": products // 100, "one_percent": products // 100}
    return max(1, share.get(case, 100 if case == "hundred" else products // 10_000))


@define
class Folder:
    """Where the feed lies, the ledger unless it has a URL, and how often the products have changed."""

    path: Path
    url: str = ""

    @property
    def ledger(self) -> str:
        return self.url or f"sqlite:///{self.path / 'ledger.db'}"

    @property
    def on_postgres(self) -> bool:
        return is_postgres(self.url)

    @property
    def feed(self) -> Path:
        return self.path / "feed.csv"

    def turns(self) -> dict[int, int]:
        """Return how often products have changed, those that have."""
        kept = self.path / "turns.json"
        if not kept.exists():
            return {}
        return {int(product): turn for product, turn in json.loads(kept.read_text(encoding="utf-8")).items()}

    def keep(self, turns: dict[int, int]) -> None:
        (self.path / "turns.json").write_text(json.dumps(turns), encoding="utf-8")


@define
class Bare:
    """What the bare statements took on the rows of this run, in seconds; None: they had nothing to do.

    In processes of their own: the peak of memory that is measured here is the engine's.
    """

    folder: Folder
    took: dict[str, float | None] = field(factory=lambda: dict[str, float | None](plan=None, record=None))

    def beside(self, probe: Probe) -> None:
        """Let them run before the engine plans, and before it takes its first batch."""
        probe.before.update({what: partial(self._run, what) for what in self.took})

    def _run(self, what: str) -> None:
        self.took[what] = alone("benchmarks.peers.bare", self.folder.ledger, what)["seconds"]


async def _once(
    shop: AsyncShop,
    accounts: Sequence[Account],
    case: str,
    with_bare: Bare | None,
    clock: Callable[[], float],
) -> dict[str, Any]:
    before = [(account.requests, account.changes) for account in accounts]
    with probing(clock) as probe:
        if with_bare is not None:
            with_bare.beside(probe)
        wall, cpu = time.perf_counter(), time.process_time()
        report = await shop.sync(full=case == "nightly")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sent = [(a.requests - requests, a.changes - changes)
            for a, (requests, changes) in zip(accounts, before, strict=True)]  # fmt: skip
    return {
        "exit_code": report.exit_code,
        "wall": wall - probe.aside[0],
        "cpu": cpu - probe.aside[1],
        "ledger": probe.parts(),
        "changes": sum(changes for _, changes in sent),
        "requests": sum(requests for requests, _ in sent),
        "bound": sum(
            math.ceil(changes / BATCHES[a.name]) for a, (_, changes) in zip(accounts, sent, strict=True)
        ),
    }  # fmt: skip


async def run(
    folder: Folder, products: int, case: str, *, times: int = 1, with_bare: bool = False
) -> dict[str, Any]:
    """Run one case so many times, each with other products; return the medians of what it took."""
    clock, turns = SystemClock(), folder.turns()
    shows = None if case == "first" else turns
    accounts = [Account(name, products, shows) for name in BATCHES]
    source = Warehouses(products, clock, folder.feed, turns)
    runs: list[dict[str, Any]] = []
    alongside = Bare(folder) if with_bare else None
    counted = time.perf_counter if folder.on_postgres else time.thread_time
    before = peak_mb()
    started = time.process_time()
    async with AsyncShop(
        sources={"erp": source}, sinks={one.name: one for one in accounts}, ledger=folder.ledger
    ) as shop:
        opened = time.process_time() - started
        for turn in range(times):
            if case != "first":
                source.move(chosen(products, changed(case, products), seed=len(turns) + turn))
            if case in ("first", "nightly"):
                write_feed(folder.feed, products, turns)
            runs.append(await _once(shop, accounts, case, alongside, counted))
    folder.keep(turns)
    wrong = sum(
        account.numbers[product] != shown(product, turns.get(product, 0))
        for account in accounts
        for product in range(products)
    )
    if wrong:
        raise AssertionError(f"{case}: {wrong} listings do not show what the warehouses hold")
    return {
        "case": case,
        "products": products,
        "changed": changed(case, products),
        "times": times,
        **{key: max(one[key] for one in runs) for key in ("exit_code",)},
        **{key: sum(one[key] for one in runs) for key in ("changes", "requests", "bound")},
        **{key: statistics.median(one[key] for one in runs) for key in ("wall", "cpu")},
        "ledger": {
            part: statistics.median(one["ledger"][part] for one in runs) for part in runs[0]["ledger"]
        },
        "opening": opened,
        "bare": None if alongside is None else alongside.took,
        "memory_mb": {"before": before, "peak": peak_mb()},
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("products", type=int)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--url", default="")
    options = parser.parse_args(argv)
    found = asyncio.run(
        run(
            Folder(options.folder, options.url),
            options.products,
            options.case,
            times=options.times,
            with_bare=options.bare,
        )
    )
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
