"""A day of `mpstock run` on the virtual clock: its schedule, its doors and its alerts before the doubles.

The same world as `benchmarks.day` (doubles with their real limits, buyers by chance, faults by the hour), but
nobody calls the shop: the service keeps its own schedule, and 1C posts what has changed to
`POST /webhooks/erp/stock`, at times twice, until it is accepted. At noon the service is stopped as by
SIGTERM, and a new one comes 20 minutes later on the same ledger. At the end the accounts are compared with
what the formula says.

    python -m benchmarks.service_day [--products 5000] [--hours 24] [--seed 1] [--buyers 1500]
                                     [--no-faults] [--json FILE]

Ends with 1 if a request was refused with 429 that only the shop can have caused, if a job of the schedule was
left out, a webhook was lost, or the accounts were not in step when the day was over.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence

from benchmarks.day.__main__ import add_options
from benchmarks.day.running import foreseen, undisturbed
from benchmarks.day.world import MIDNIGHT, make
from benchmarks.service_day.figures import lines_of, told, wrong
from benchmarks.service_day.living import Service, live
from mpstock.simulation import Market
from mpstock.testing import VirtualClock, run_virtual


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_options(parser, products=5_000, buyers=1_500.0)
    options = parser.parse_args(argv)
    # What the faults make the service say is told by its alerts.
    logging.disable(logging.CRITICAL)
    wall: dict[str, float] = {}
    began, computed = time.perf_counter(), time.process_time()
    with foreseen(options) as best:
        clock = VirtualClock(MIDNIGHT)
        world = make(options, clock, Market)
        with undisturbed("service-day") as folder:
            service = Service(world, folder / "mpstock.toml")
            run_virtual(lambda: live(service), clock=clock, threads=False)
        report = best()
    wall["all"] = time.perf_counter() - began
    wall["computing"] = time.process_time() - computed
    figures = told(service, report, wall)
    print("\n".join(lines_of(figures)))
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    for complaint in (complaints := wrong(figures)):
        print(f"WRONG: {complaint}")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
