"""What cannot wait for the end of a long run: sent while the run still reads and plans, beside it.

A reading of a large shop takes minutes, and what a webhook, an order, a cart or a person says meanwhile has
nothing to do with it. It is planned, judged and sent apart; all else waits until it is planned and judged as
a whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.reconcile.guards import Judge
from mpstock.reconcile.looking import Looking
from mpstock.reconcile.planning import FRESH
from mpstock.reconcile.pushing import LOOK_AGAIN, Pusher
from mpstock.reconcile.sending import until_all_rest
from mpstock.reconcile.suspicion import judge_stale
from mpstock.reconcile.tasks import one_of, together
from mpstock.reconcile.watching import JUST_BEFORE

if TYPE_CHECKING:
    from mpstock.ledger.dirt import Mark
    from mpstock.ledger.listing_rows import ObservedRow
    from mpstock.reconcile.adapters import BuiltSink
    from mpstock.reconcile.engine import Engine
    from mpstock.reconcile.planning import Planner
    from mpstock.reconcile.recording import RunRecord
    from mpstock.reconcile.watching import Watcher

__all__ = ["beside"]


@asynccontextmanager
async def beside(engine: Engine, run: RunRecord, watcher: Watcher) -> AsyncIterator[None]:
    """Send what is urgent while the body reads and plans; a batch on its way at the end is waited for.

    Raises:
        LedgerError: the ledger cannot be written.
    """
    sender = _Sender(engine, run, watcher)
    task = asyncio.create_task(sender.send_until_over())
    try:
        yield
    finally:
        sender.over.set()
        sender.wake()
        await task


@define(eq=False)
class _Sender:
    """Sends the products with an urgent mark, round by round; `seen` is the last of these marks."""

    engine: Engine
    run: RunRecord
    watcher: Watcher
    over: asyncio.Event = field(factory=asyncio.Event)
    seen: tuple[int, int] = (0, 0)
    states: set[int] = field(factory=set[int])
    planner: Planner = field(init=False)
    judge: Judge = field(init=False)
    lookings: dict[str, Looking] = field(factory=dict[str, "Looking"])
    _woken: asyncio.Event = field(factory=asyncio.Event)

    def wake(self) -> None:
        """Look at the ledger now."""
        self._woken.set()

    async def send_until_over(self) -> None:
        """Look at the ledger when told to, and from time to time: another process may have been told.

        Not in the first moment: most runs have read and planned by then, and send it with all else.
        """
        await one_of((self.over,), self.engine.clock, LOOK_AGAIN)
        await together([self._send(), self._follow_orders()])

    async def _send(self) -> None:
        engine = self.engine
        engine.wakes.append(self.wake)
        try:
            while not self._ends():
                self._woken.clear()
                if await engine.worker.run(self._urgent, 1):
                    await self._round()
                else:
                    await one_of((self._woken,), engine.clock, LOOK_AGAIN)
        finally:
            engine.wakes.remove(self.wake)

    async def _follow_orders(self) -> None:
        while not self._ends():
            await self.watcher.refresh(self.run, self.engine.config.schedule.orders_apart)
            await one_of((self.over,), self.engine.clock, LOOK_AGAIN)

    def _ends(self) -> bool:
        return self.over.is_set() or self.engine.stop.is_set()

    def _urgent(self, limit: int) -> Sequence[Mark]:
        return self.engine.ledger.dirt.urgent(*self.seen, limit)

    async def _round(self) -> None:
        """Plan, judge and send what is urgent now, and what becomes so while it is sent."""
        engine, work = self.engine, self.engine.worker.run
        # What was sold while the sources are read is not put back on sale.
        await self.watcher.refresh(self.run, JUST_BEFORE)
        await work(self._begin, await engine._writes(self.run))
        await work(self._plan_urgent)
        if self.states and not self._ends():
            await until_all_rest(engine, self._push, self.over)

    def _begin(self, writes: frozenset[str]) -> None:
        engine = self.engine
        untrusted = engine.ledger.runs.failing_sources() | self.run.untrusted
        self.planner = engine.planner(untrusted)
        self.planner.run, self.planner.broken = self.run.id, self.run.broken
        self.planner.tape = self.run.tape
        self.planner.writes = writes
        stale = judge_stale(
            engine.sources, self.planner.reckoner.rules, self.planner.waiting, engine.clock.now()
        )
        names = [built.name for built in engine.sinks]
        self.judge = Judge(
            engine.ledger, engine.config.guards, names, engine.causes, (), stale, unheld=self.run.unheld
        )
        self.states.clear()

    def _plan_urgent(self) -> bool:
        """Plan and judge what became urgent; whether there was any. Runs in the ledger's thread."""
        if self.engine.leases.confirm():
            # What another writes to by now is for that one to plan.
            return False
        marks = self._urgent(FRESH)
        if not marks:
            return False
        self.seen = (marks[-1][1], marks[-1][0])
        self._plan(marks)
        return True

    def _plan(self, marks: Sequence[Mark]) -> int:
        """Plan marked products, judge what comes of it, and let it be sent if what it shows is known."""
        ledger, self.planner.now = self.engine.ledger, self.engine.clock.now()
        products = [mark[0] for mark in marks]
        with ledger.transaction():
            planned = self.planner.plan_marked(marks)
            self.judge.judge(self.planner.now, [built.name for built in self.engine.mine], products)
            self.states.update(
                state
                for state, _, _, _, base, wanted, *_ in ledger.stocks.of_products(products)
                if base is not None or wanted == 0
            )
        return planned

    def _looking(self, built: BuiltSink) -> Looking:
        async def look(rows: Sequence[ObservedRow]) -> bool:
            return await self.watcher.look(self.run, built, rows) is not None

        found = self.lookings.get(built.name)
        if found is None:
            engine = self.engine
            found = Looking(built.name, engine.ledger.doubts, engine.worker, look, among=self.states)
            self.lookings[built.name] = found
        found.stale = True
        return found

    async def _push(self, built: BuiltSink) -> bool:
        engine = self.engine
        if self.run.leaves_out(built.name) or built.shadowed:
            return False
        pusher = Pusher(
            built, engine.ledger, engine.worker, engine.clock, self.planner, self.run.id, engine.causes,
            engine.tell, self.over, self._plan_urgent, engine.config.push.quarantine,
            looking=self._looking(built), only=self.states, replan=self._plan,
            lease=engine.leases.mine[built.name],
        )  # fmt: skip
        pusher.result = self.run.results.setdefault(built.name, pusher.result)
        engine.wakes.append(pusher.wake)
        try:
            await pusher.push()
        finally:
            engine.wakes.remove(pusher.wake)
            # The run itself finds out whether the sink is still down when its own turn comes.
            failure, pusher.result.failure = pusher.result.failure, None
        return failure is None
