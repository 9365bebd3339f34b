"""A day of a shop on the virtual clock: what it sells that is not there, how long a zero takes, its cost.

1C, Ozon and Wildberries are the vendors' doubles with their real limits and a round trip; buyers come by
chance, a third of the products has 3 units or fewer, 1C books late. The shop reads orders every minute,
1C's changes every quarter of an hour, everything at 02:00, and acts on 1C's webhooks at once. Unless told
`--no-faults`, 1C is down for half an hour and answers the full read with nothing, both marketplaces fail in
bursts and lose answers to what they have applied, and somebody else spends Ozon's limit for three minutes.

Beside it stands an oracle: the same buyers, and a seller who knows the truth and reacts at once.

    python -m benchmarks.day [--products 20000] [--hours 24] [--seed 1] [--buyers 3000] [--buffer 0]
                             [--no-faults] [--json FILE]

Ends with 1 if a request was refused with 429 that nobody but the shop can have caused.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.day.figures import lines_of, told
from benchmarks.day.running import foreseen, live, undisturbed
from benchmarks.day.world import MIDNIGHT, make
from mpstock.simulation import Market
from mpstock.testing import VirtualClock, run_virtual


def add_options(parser: argparse.ArgumentParser, *, products: int, buyers: float) -> None:
    """Add the options that say what happens in the day."""
    parser.add_argument("--products", type=int, default=products)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--buyers", type=float, default=buyers, help="a day")
    parser.add_argument("--deliveries", type=float, default=300.0, help="a day")
    parser.add_argument("--write-offs", type=float, default=300.0, help="a day")
    parser.add_argument("--webhooks", type=float, default=0.9, help="share of the write-offs that 1C tells")
    parser.add_argument("--book-lag", type=float, default=600.0, help="seconds by which 1C books late")
    parser.add_argument("--buffer", type=int, default=0, help="units kept back of each listing")
    parser.add_argument("--rtt", type=float, default=0.3, help="a round trip, in seconds")
    parser.add_argument("--no-faults", dest="faults", action="store_false")
    parser.add_argument("--json", type=Path, help="write the figures into this file as well")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, products=20_000, buyers=3_000.0)
    options = parser.parse_args(argv)
    wall: dict[str, float] = {}
    began, computed = time.perf_counter(), time.process_time()
    with foreseen(options) as best:
        clock = VirtualClock(MIDNIGHT)
        world = make(options, clock, Market)
        with undisturbed("day") as folder:
            wall["making"] = time.perf_counter() - began
            before = time.perf_counter()
            run_virtual(lambda: live(world, folder), clock=clock, threads=False)
            wall["day"] = time.perf_counter() - before
        report = best()
    wall["all"] = time.perf_counter() - began
    wall["computing"] = time.process_time() - computed
    figures = told(world, report, wall)
    print("\n".join(lines_of(figures)))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return 1 if sum(figures["429"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
