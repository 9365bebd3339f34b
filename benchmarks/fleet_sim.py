"""How many sellers a fleet serves: a simulation of its queue and workers, fed by what one run costs.

    python -m benchmarks.fleet_sim --measure [--tenants 20] [--json FILE]   what a run costs, on this machine
    python -m benchmarks.fleet_sim [--costs FILE] [--json FILE]             10 to 100,000 sellers, from that

Measured is, for each task of a seller whose numbers have not moved, and of one of whom a tenth has: processor
time of the worker, of PostgreSQL, commits, requests to vendors. The doubles run in a process of their own.

Simulated is an hour of the queue as it is: due times spread as `mpstock.fleet` spreads them, priorities, one
task at a time per seller, two queues, places that a run holds while it waits for vendors, one processor core
per worker that its runs share. Not simulated: networks that fail, vendors that are slow.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import json
import math
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from attrs import define, field, frozen

from mpstock.fleet import Fleet
from mpstock.fleet.timetable import offset

__all__ = ["Cost", "Plan", "Sizes", "main", "measure", "simulate"]

ROUND_TRIP = 0.25
"""Seconds that a vendor takes to answer, with the way there and back."""

LONG, SLICE = 60.0, 120.0
"""A run that took longer the last time is a long one; so long may one send. As `[worker]` has them."""


@frozen
class Cost:
    """What one run costs: processor seconds of the worker and of PostgreSQL, commits, requests."""

    worker: float
    database: float
    commits: float
    requests: float


@frozen
class Plan:
    """What is to be served: so many sellers, how often, by how many worker processes of how many places."""

    sellers: int
    workers: int
    concurrency: int = 16
    bulk: float = 0.25
    orders: float = 300.0
    pull: float = 900.0
    seconds: float = 3600.0
    large: float = 0.001
    fair: bool = True


@frozen
class Sizes:
    """How long the runs of large sellers are: seconds of reading, and of sending under the vendor's limit.

    A million products take Ozon two hours: 100 in a request, 80 requests in a minute.
    """

    reading: float = 300.0
    sending: float = 7500.0
    part: float = 1.0


@define(order=True)
class _Waiting:
    rank: int
    number: int
    seller: int = field(order=False)
    task: str = field(order=False)
    due: float = field(order=False)
    left: float = field(order=False, default=0.0)


@define
class _Worker:
    free: dict[str, int]
    core: float = 0.0


def simulate(plan: Plan, costs: Mapping[str, Cost], sizes: Sizes = Sizes(), seed: int = 1) -> dict[str, Any]:
    """Let an hour of such a fleet pass; returns how late tasks began and how busy everybody was."""
    chance = random.Random(seed)
    every = {"orders": plan.orders, "pull": plan.pull}
    rank = {"orders": -30, "pull": -20, "full": -10}
    large = set(chance.sample(range(plan.sellers), min(round(plan.sellers * plan.large), plan.sellers)))
    events: list[tuple[float, int, str, Any]] = []
    number = 0

    def at(moment: float, kind: str, what: Any) -> None:
        nonlocal number
        number += 1
        heapq.heappush(events, (moment, number, kind, what))

    for seller in range(plan.sellers):
        for task, seconds in every.items():
            first = offset(f"shop-{seller}", task, timedelta(seconds=seconds)).total_seconds()
            at(first, "due", (seller, task))
    for seller in large:
        # All large ones begin within the first minutes: the worst that can happen to the small ones.
        at(chance.uniform(0, 300), "due", (seller, "full"))
    places = max(int(plan.concurrency * plan.bulk), 1) if plan.fair else 0
    pool = [_Worker({"quick": plan.concurrency, "bulk": places}) for _ in range(plan.workers)]
    # Who has a free place longest is asked first, as waiting workers are by a notification.
    idle: dict[str, deque[int]] = {
        queue: deque(number for number in range(plan.workers) for _ in range(pool[0].free[queue]))
        for queue in ("quick", "bulk")
    }
    queues: dict[str, list[_Waiting]] = {"quick": [], "bulk": []}
    running: set[int] = set()
    behind: dict[int, list[tuple[str, _Waiting]]] = {}
    queued: set[tuple[int, str]] = set()
    lags: dict[str, list[float]] = {"small": [], "large": []}
    busy = database = commits = 0.0
    done = 0

    def start(queue: str, now: float) -> None:
        nonlocal busy, database, commits, done
        waiting = queues[queue]
        while waiting and idle[queue]:
            job = heapq.heappop(waiting)
            if job.seller in running:
                # One task of a seller at a time: this one is next when that has ended.
                behind.setdefault(job.seller, []).append((queue, job))
                continue
            running.add(job.seller)
            queued.discard((job.seller, job.task))
            worker = idle[queue].popleft()
            lags["large" if job.task == "full" or job.seller in large else "small"].append(now - job.due)
            cost = costs[job.task]
            core = pool[worker]
            core.core = max(core.core, now) + cost.worker
            wait = cost.requests * ROUND_TRIP
            left = 0.0
            if job.task == "full":
                if not job.left:
                    wait, left = sizes.reading + SLICE, sizes.sending * sizes.part - SLICE
                elif plan.fair:
                    wait, left = min(job.left, SLICE), job.left - SLICE
                else:
                    wait = job.left
                if not plan.fair:
                    wait, left = sizes.reading + sizes.sending * sizes.part, 0.0
            busy += cost.worker
            database += cost.database
            commits += cost.commits
            done += 1
            at(core.core + wait, "end", (queue, worker, job, max(left, 0.0)))

    def put(queue: str, job: _Waiting) -> None:
        key = (job.seller, job.task)
        if key not in queued:
            queued.add(key)
            heapq.heappush(queues[queue], job)

    while events and events[0][0] < plan.seconds:
        now, _, kind, what = heapq.heappop(events)
        if kind == "due":
            seller, task = what
            queue = "bulk" if task == "full" and plan.fair else "quick"
            number += 1
            put(queue, _Waiting(rank[task], number, seller, task, now))
            if task in every:
                at(now + every[task], "due", what)
            start(queue, now)
        else:
            queue, worker, job, left = what
            running.discard(job.seller)
            idle[queue].append(worker)
            for other, held in behind.pop(job.seller, ()):
                heapq.heappush(queues[other], held)
            if left:
                number += 1
                put("bulk" if plan.fair else "quick", _Waiting(0, number, job.seller, job.task, now, left))
            for one in ("quick", "bulk"):
                start(one, now)
    waiting = [now_due for queue in queues.values() for now_due in queue]
    lags["small"] += [plan.seconds - job.due for job in waiting if job.seller not in large]
    return {
        "sellers": plan.sellers,
        "workers": plan.workers,
        "places": plan.workers * plan.concurrency,
        "runs_per_s": round(done / plan.seconds, 1),
        "lag_p50_s": _at(lags["small"], 0.5),
        "lag_p99_s": _at(lags["small"], 0.99),
        "lag_large_p99_s": _at(lags["large"], 0.99),
        "cores_busy": round(busy / plan.seconds / plan.workers, 2),
        "database_cores": round(database / plan.seconds, 2),
        "commits_per_s": round(commits / plan.seconds),
        "waiting_at_the_end": len(waiting),
    }


def _at(values: Sequence[float], part: float) -> float | None:
    return round(sorted(values)[min(int(len(values) * part), len(values) - 1)], 2) if values else None


# -------------------------------------------------------------------------------- what a run costs


@contextmanager
def _doubles(folder: Path, tenants: int, products: int) -> Iterator[tuple[str, list[str]]]:
    """The doubles of so many tenants in a process of their own; yields their address and WB's tokens."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, str(folder), tenants, products), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join(10)


def _serve(pipe: Any, folder: str, tenants: int, products: int) -> None:
    from benchmarks.fleet_trial import World
    from mpstock.simulation import Simulator, serve

    world = World(Path(folder), [f"t{n:03}" for n in range(tenants)], products, random.Random(1))
    tokens = [cast(Any, world.accounts[f"wb/{name}"].double).token for name in world.tenants]
    with serve(cast(Simulator, world.street)) as (base,):
        pipe.send((base, tokens))
        while (part := pipe.recv()) is not None:
            world.move(part)


def _database_seconds(folder: Path) -> float:
    """Processor seconds of PostgreSQL so far: of the postmaster, its living and its ended children."""
    master = (folder / "data" / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0]
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if path.parent.name == master:
            ticks += sum(map(int, fields[11:15]))
        elif fields[1] == master:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(tenants: int, products: int) -> dict[str, Any]:
    """Return what the runs of sellers with so many products cost here, one after the other."""
    from benchmarks.fleet_trial import FLEET, OZON_KEY, TENANT, TIMEOUT
    from tests import postgres

    server = postgres.server()
    database = server.create_database()
    costs: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="mpstock-fleet-") as name:
        folder = Path(name)
        (folder / "stock").mkdir()
        (folder / "tenants").mkdir()
        with _doubles(folder, tenants, products) as (base, tokens):
            names = [f"t{number:03}" for number in range(tenants)]
            for number, tenant in enumerate(names):
                shared = number - (number % 10 == 9)
                text = TENANT.format(
                    ledger="", csv=folder / "stock" / f"{tenant}.csv", base=base, ozon=f"t{shared:03}",
                    client=7_000_000 + shared, name=tenant, number=number,
                )  # fmt: skip
                (folder / "tenants" / f"{tenant}.toml").write_text(text, encoding="utf-8")
            keys = [f"OZON_KEY={OZON_KEY}", *(f"WB_{n}={token}" for n, token in enumerate(tokens))]
            (folder / "tenants" / ".env").write_text("\n".join(keys), encoding="utf-8")
            (folder / "fleet.toml").write_text(
                FLEET.format(
                    url=server.url(database), ledgers="", concurrency=1, timeout=TIMEOUT, every="15m"
                ),
                encoding="utf-8",
            )

            async def run() -> None:
                async with Fleet.open(folder / "fleet.toml") as fleet:
                    await fleet.create()
                    await fleet.settle()
                    for tenant in names:
                        await fleet.enrol(tenant)
                    for tenant in names[:2]:
                        # What a process imports and connects once is no run's.
                        await fleet.run(tenant, "pull")
                    for task in ("full", "pull", "orders", "push"):
                        began = time.process_time(), _database_seconds(server.folder), _commits(server)
                        wall = time.perf_counter()
                        for tenant in names:
                            await fleet.run(tenant, task)
                        # The counters of a connection come a moment after it has ended.
                        await asyncio.sleep(1.5)
                        costs[task] = {
                            "worker": (time.process_time() - began[0]) / tenants,
                            "database": (_database_seconds(server.folder) - began[1]) / tenants,
                            "commits": (_commits(server) - began[2]) / tenants,
                            "wall": (time.perf_counter() - wall - 1.5) / tenants,
                        }

            asyncio.run(run())
    server.drop_database(database)
    rounded = {task: {key: round(value, 4) for key, value in cost.items()} for task, cost in costs.items()}
    return {"machine": _machine(), "tenants": tenants, "products": products, "runs": rounded}


def _commits(server: Any) -> int:
    with server.admin() as admin:
        return int(admin.execute("SELECT sum(xact_commit) FROM pg_stat_database").fetchone()[0])


def _machine() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = "unknown processor"
    return f"{os.cpu_count()} × {model}, Python {sys.version.split()[0]}"


REQUESTS = {"orders": 7.0, "pull": 10.0, "full": 16.0, "push": 0.0}
"""Requests of one run to Ozon and Wildberries together, one after the other for the most part."""

COSTS = Path(__file__).with_name("fleet_costs.json")
"""What was measured once, with the machine that it was measured on."""


def read_costs(path: Path) -> dict[str, Cost]:
    """Return what was measured."""
    runs = json.loads(path.read_text(encoding="utf-8"))["runs"]
    return {
        task: Cost(cost["worker"], cost["database"], cost["commits"], REQUESTS[task])
        for task, cost in runs.items()
    }


def workers_for(sellers: int, costs: Mapping[str, Cost], plan: Plan) -> int:
    """Return how many workers so many sellers need: cores 60 % busy, places half full."""
    rates = {"orders": sellers / plan.orders, "pull": sellers / plan.pull}
    cores = sum(rate * costs[task].worker for task, rate in rates.items()) / 0.6
    places = sum(rate * costs[task].requests * ROUND_TRIP for task, rate in rates.items()) / 0.5
    return max(math.ceil(max(cores, places / plan.concurrency)), 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, or simulate; see the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--measure", action="store_true", help="what a run costs, on this machine")
    parser.add_argument("--tenants", type=int, default=20)
    parser.add_argument("--products", type=int, default=100)
    parser.add_argument("--costs", type=Path, default=COSTS)
    parser.add_argument("--sellers", type=int, nargs="*", default=[10, 100, 1_000, 10_000, 100_000])
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args(argv)
    if args.measure:
        told: Any = measure(args.tenants, args.products)
    else:
        costs = read_costs(args.costs)
        rows = []
        for sellers in args.sellers:
            seconds = 1800.0 if sellers <= 10_000 else 600.0
            plan = Plan(sellers, workers_for(sellers, costs, Plan(sellers, 1)), seconds=seconds)
            rows.append(simulate(plan, costs))
        told = {"fleets": rows, "fairness": fairness(costs)}
    text = json.dumps(told, indent=2, ensure_ascii=False)
    print(text)
    if args.json is not None:
        args.json.write_text(text + "\n", encoding="utf-8")
    return 0


def fairness(costs: Mapping[str, Cost]) -> dict[str, Any]:
    """Return how late small sellers are served beside large ones, with and without a queue for these."""
    found = {}
    for name, large, fair in (
        ("no large one", 0.0, True),
        ("100 large", 0.01, True),
        ("100 large, one queue", 0.01, False),
    ):
        workers = workers_for(10_000, costs, Plan(10_000, 1))
        told = simulate(Plan(10_000, workers, large=large, fair=fair, seconds=1800.0), costs)
        found[name] = {key: told[key] for key in ("lag_p50_s", "lag_p99_s", "waiting_at_the_end")}
    return found


if __name__ == "__main__":
    sys.exit(main())
