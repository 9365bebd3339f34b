"""Sends to all sinks side by side, while what is sold and what is told meanwhile is looked at beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from mpstock.ledger.orders import CAUSE as ORDER
from mpstock.reconcile.adapters import BuiltSink
from mpstock.reconcile.looking import Looking
from mpstock.reconcile.pushing import LOOK_AGAIN, Pusher
from mpstock.reconcile.recording import RunRecord, counted
from mpstock.reconcile.tasks import one_of, together
from mpstock.reconcile.watching import Following, Watcher

if TYPE_CHECKING:
    from mpstock.reconcile.engine import Engine, Progress
    from mpstock.reconcile.planning import Planner

__all__ = ["reopen", "send", "until_all_rest"]


async def reopen(engine: Engine, planner: Planner) -> None:
    """Make ready again what earlier runs left over; once all is planned, for what is planned later waits."""
    for sink in planner.writes or ():
        while await engine.worker.run_page(engine.ledger.stocks.reopen, engine.clock.now(), [sink]):
            pass


async def send(
    engine: Engine,
    run: RunRecord,
    planner: Planner,
    at_most: Mapping[int, int] | None,
    progress: Progress,
    watcher: Watcher,
) -> None:
    """Push what is ready to every sink; `at_most` bounds the quantities by a plan that was made before."""
    ledger, work = engine.ledger, engine.worker.run
    counts = counted(await work(ledger.stocks.open_counts, run.states), held=False)
    totals = {name: count for name, count in counts.items() if name not in run.shadowed}

    async def plan_orders() -> None:
        await work(planner.plan_cause, ORDER)

    if totals and await watcher.just_before(run):
        # What was sold while the sources were read is not put back on sale.
        await plan_orders()
    # A run for some products only, or by a plan of before, leaves what comes in meanwhile to others.
    narrow = run.states is not None or at_most is not None

    def refresh() -> bool:
        """Plan and judge what was marked meanwhile; whether there was any. Runs in the ledger's thread."""
        now = engine.clock.now()
        marked, decided = ledger.dirt.revisions()
        heeded = planner.heed(now, decided) > 0
        if heeded:
            marked = ledger.dirt.revision()
        if narrow or planner.seen[0] >= marked or engine.leases.confirm():
            # What another writes to by now is for that one to plan.
            return heeded
        with ledger.transaction():
            planned = planner.plan_fresh(now)
            if planned and run.judge is not None:
                # Nothing is sent before it is judged, whenever it was planned.
                run.judge.judge(now, [built.name for built in engine.mine], planned)
        return heeded or bool(planned)

    async def push(built: BuiltSink) -> bool:
        if run.leaves_out(built.name) or built.shadowed:
            return False
        if run.sink_failure(built.name) is not None:
            # What it shows could not be read: only what is known to differ is sent.
            await work(ledger.pushes.park_unknown, built.name)
        done = 0

        def tell_progress(count: int) -> None:
            nonlocal done
            done += count
            progress("push", built.name, done, totals.get(built.name, 0))

        pusher = Pusher(
            built, ledger, engine.worker, engine.clock, planner, run.id, engine.causes, engine.tell,
            engine.stop, refresh, engine.config.push.quarantine, at_most, tell_progress, following.nudge,
            lookings[built.name], lease=engine.leases.mine[built.name],
        )  # fmt: skip
        pusher.result = run.results.setdefault(built.name, pusher.result)
        engine.wakes.append(pusher.wake)
        try:
            await pusher.push()
        finally:
            engine.wakes.remove(pusher.wake)
        if pusher.result.failure is not None:
            run.failures[f"sinks.{built.name}"] = pusher.result.failure
        return pusher.result.failure is None

    # What is sold meanwhile, here or there, is a fall everywhere.
    following = Following(watcher, run, engine.config.schedule.orders_apart, plan_orders, engine.wake)
    among = run.states if at_most is None else at_most
    lookings = {
        built.name: Looking(
            built.name, ledger.doubts, engine.worker, partial(following.look, built), among=among
        )
        for built in engine.mine
    }
    moved = True
    while moved and not engine.stop.is_set():
        try:
            await until_all_rest(engine, push, engine.stop)
        finally:
            moved = await following.end()
        moved = await work(refresh) or moved


async def until_all_rest(
    engine: Engine, push: Callable[[BuiltSink], Awaitable[bool]], over: asyncio.Event
) -> None:
    """Push to every sink side by side; one that is done looks again as long as another is not.

    What falls while the slowest sink is still being served must not wait for its end. `push` says whether it
    makes sense to come again; `over` ends the looking.
    """
    sinks = engine.mine
    busy = len(sinks)
    all_rest = asyncio.Event()

    async def serve(built: BuiltSink) -> None:
        nonlocal busy
        woken = asyncio.Event()
        engine.wakes.append(woken.set)
        try:
            while True:
                woken.clear()
                again = await push(built)
                busy -= 1
                if not busy:
                    all_rest.set()
                if not again or all_rest.is_set() or over.is_set():
                    return
                await one_of((all_rest, over, woken), engine.clock, LOOK_AGAIN)
                if all_rest.is_set() or over.is_set():
                    return
                busy += 1
        finally:
            engine.wakes.remove(woken.set)

    await together([serve(built) for built in sinks])
