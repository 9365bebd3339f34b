"""What the sinks have sold and what they show: read before anything is planned, and again while it is pushed.

A number that is read back lower may be a sale. So after each read-back the orders are read once more, and
only then is anything computed: else the unit that was sold a moment ago would be put back on sale. Where it
shows exactly what the known orders leave, there is nothing more that they could tell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from mpstock.errors import LedgerError, PluginContractError
from mpstock.reconcile.adapters import BuiltSink, Failure, fingerprint
from mpstock.reconcile.drift import Judge
from mpstock.reconcile.tasks import together
from mpstock.reconcile.verifying import Observed, Verifier
from mpstock.tracing import traced

if TYPE_CHECKING:
    from mpstock.clock import Clock
    from mpstock.ledger import Ledger
    from mpstock.ledger.listing_rows import ObservedRow
    from mpstock.ledger.orders import OrderReading
    from mpstock.ledger.worker import Worker
    from mpstock.model import OrderPage
    from mpstock.reconcile.recording import RunRecord
    from mpstock.tapes import Tape

__all__ = ["JUST_BEFORE", "Following", "OrdersRead", "Watcher"]

ROUNDS = 3
"""Read-backs and readings of orders in turn; a shop that sells faster is read on at the next run."""

JUST_BEFORE = timedelta(seconds=5)
"""Orders that were read so lately, with nothing slow in between, are read just before a push."""

Progress = Callable[[str, str, int, "int | None"], None]


@frozen
class OrdersRead:
    """What came of reading a sink's orders: how many were told, had moved, and voided a listing's base."""

    told: int = 0
    moved: int = 0
    voided: int = 0
    failure: Failure | None = None

    def after(self, earlier: OrdersRead) -> OrdersRead:
        """Return this reading and an earlier one of the same run as one."""
        return evolve(
            self,
            told=max(self.told, earlier.told),
            moved=self.moved + earlier.moved,
            voided=self.voided + earlier.voided,
        )


@define
class Watcher:
    """Keeps the ledger level with what the sinks have sold and what they show.

    `fresh_for` is how long orders that were read count as read just before a push.
    """

    ledger: Ledger
    worker: Worker
    clock: Clock
    sinks: Sequence[BuiltSink]
    fresh_for: timedelta = timedelta()
    _read_at: dict[str, datetime] = field(factory=dict[str, datetime])
    _reading: dict[str, asyncio.Lock] = field(factory=dict[str, asyncio.Lock])
    _observing: asyncio.Lock = field(factory=asyncio.Lock)
    _refreshing: asyncio.Lock = field(factory=asyncio.Lock)
    _voided: bool = False
    _failed_looks: dict[str, Failure] = field(factory=dict[str, Failure])

    async def orders(self, run: RunRecord, progress: Progress) -> None:
        """Read every sink's orders, side by side."""

        async def read(built: BuiltSink) -> None:
            progress("orders", built.name, 0, None)
            found = await self.read_orders(run, built)
            progress("orders", built.name, found.told, found.told)

        await together([read(built) for built in self.sinks if _tells(built)])

    async def observe(
        self, run: RunRecord, *, full: bool, progress: Progress, sample: int = 0, shadows: bool = False
    ) -> None:
        """Read back what is not known, and a sample; or, with `full`, everything. Then the orders, until they
        agree; only then it is judged why something shows another number than was known.

        With `shadows` everything is read back of the sinks in shadow mode: others write there.
        """
        async with self._observing:
            await self._observe(run, full=full, progress=progress, sample=sample, shadows=shadows)

    async def _observe(
        self, run: RunRecord, *, full: bool, progress: Progress, sample: int, shadows: bool
    ) -> None:
        verifier = Verifier(self.ledger, self.worker, self.clock, run.id, run.tape)

        async def observe(built: BuiltSink) -> None:
            seen, whole = Observed(), full or (shadows and built.shadowed)
            for again in range(ROUNDS):
                if run.leaves_out(built.name):
                    break
                progress("observe", built.name, 0, None)
                now = await verifier.observe(
                    built, full=whole and not again, sample=0 if again or whole else sample
                )
                seen = now.after(seen)
                run.observed[built.name] = now.after(run.observed.get(built.name, Observed()))
                if now.failure is not None:
                    run.failures[f"sinks.{built.name}"] = now.failure
                progress("observe", built.name, now.rows, now.rows)
                # What shows what was known, or what the known orders leave, tells of no other sale.
                if not (now.rows if whole else now.told) or not _tells(built):
                    break
                if not (await self.read_orders(run, built)).voided:
                    break
            await self.worker.run(
                Judge(self.ledger, built.name, built.sink.limits).settle,
                self.clock.now(),
                run=run.id,
                heard=_tells(built) and f"orders.{built.name}" not in run.failures,
                arrived=seen.arrived,
                whole=whole and seen.failure is None and not run.leaves_out(built.name),
            )
            if whole and seen.failure is None and not run.leaves_out(built.name):
                run.looked.add(built.name)

        await together([observe(built) for built in self.sinks])

    async def look(self, run: RunRecord, built: BuiltSink, rows: Sequence[ObservedRow]) -> OrdersRead | None:
        """Read these listings of a sink back, then its orders, and what these have voided.

        What was sent in doubt may have arrived, and units of it been sold. Returns what the orders told; None
        if something could not be read: the run tells of it.
        """
        seen = await Verifier(self.ledger, self.worker, self.clock, run.id, run.tape).look(built, rows)
        run.observed[built.name] = seen.after(run.observed.get(built.name, Observed()))
        failed = self._failed_looks.pop(built.name, None)
        if failed is not None and run.sink_failure(built.name) is failed:
            del run.failures[f"sinks.{built.name}"]
        if seen.failure is not None:
            self._failed_looks[built.name] = seen.failure
            run.failures.setdefault(f"sinks.{built.name}", seen.failure)
        if not _tells(built):
            return None if seen.failure else OrdersRead()
        found = await self.read_orders(run, built)
        if found.voided:
            await self.observe(run, full=False, progress=_silent)
        return None if seen.failure or found.failure else found

    async def again(self, run: RunRecord, every: timedelta) -> bool:
        """Read the orders once more if that is due, and what they say is moved; whether anything has."""
        return await self._again(run, self.due(run, every))

    async def just_before(self, run: RunRecord) -> bool:
        """Read the orders before a push, but for those that were just read; whether that moves anything."""
        now = self.clock.now()
        return await self._again(
            run,
            [
                built
                for built in self.sinks
                if _tells(built)
                and (
                    (read_at := self._read_at.get(built.name)) is None
                    or now - read_at >= self.fresh_for
                    or f"orders.{built.name}" in run.failures
                )
            ],
        )

    async def _again(self, run: RunRecord, due: Sequence[BuiltSink]) -> bool:
        moved = False

        async def read(built: BuiltSink) -> None:
            nonlocal moved
            found = await self.read_orders(run, built)
            moved = moved or found.voided > 0 or found.moved > 0

        await together([read(built) for built in due])
        if not moved:
            return False
        await self.observe(run, full=False, progress=_silent)
        return True

    def due(self, run: RunRecord, every: timedelta) -> list[BuiltSink]:
        """Return the sinks whose orders were read longer ago than that."""
        now = self.clock.now()
        return [
            b for b in self.sinks if _tells(b) and now - self._read_at.get(b.name, run.started_at) >= every
        ]

    async def refresh(self, run: RunRecord, every: timedelta) -> None:
        """Read the orders of the sinks that are due, side by side, and what is not known after that.

        Meant for work beside a run: where the run itself is reading back, that is left to it.
        """

        async def read(built: BuiltSink) -> None:
            self._voided |= (await self.read_orders(run, built)).voided > 0

        async with self._refreshing:
            await together([read(built) for built in self.due(run, every)])
            if self._voided and not self._observing.locked():
                self._voided = False
                await self.observe(run, full=False, progress=_silent)

    @traced("mpstock.orders", "built")
    async def read_orders(self, run: RunRecord, built: BuiltSink) -> OrdersRead:
        """Read one sink's orders, by one at a time; a failure is recorded, not raised."""
        async with self._reading.setdefault(built.name, asyncio.Lock()):
            return await self._read_orders(run, built)

    async def _read_orders(self, run: RunRecord, built: BuiltSink) -> OrdersRead:
        name = f"orders:{built.name}"
        self._read_at[built.name] = self.clock.now()
        try:
            found = await self._take(built, name, run.tape)
            run.failures.pop(f"orders.{built.name}", None)
        except LedgerError:
            raise
        except Exception as error:
            failure = Failure.of(error, built.config)
            await self.worker.run(self.ledger.runs.fail_cursor, name, failure.message, self.clock.now())
            run.failures[f"orders.{built.name}"] = failure
            found = OrdersRead(failure=failure)
        run.orders[built.name] = found.after(run.orders.get(built.name, OrdersRead()))
        return found

    async def _take(self, built: BuiltSink, name: str, tape: Tape | None) -> OrdersRead:
        # Which orders are open does not depend on any other setting than whose account it is.
        settings = fingerprint(built.sink.limits.account)
        state = await self.worker.run(self.ledger.runs.cursor, name)
        cursor = state.cursor if state is not None and state.settings == settings else None
        lowers = built.sink.limits.self_decrements != "no"
        reading = self.ledger.orders.begin_reading(built.name, lowers=lowers)
        started = self.clock.now()
        first: datetime | None = None
        complete = False
        async for page in built.sink.orders(cursor):
            if page.as_of.tzinfo is None:
                raise PluginContractError(f"{built.name}: the as_of of its orders has no time zone")
            first = first or page.as_of
            await self.worker.run(self._ingest, reading, page, tape)
            complete = page.complete
            cursor = page.cursor if page.cursor is not None else cursor

        def finish() -> None:
            # What it has left out may have come since it began to ask, whatever its pages say of themselves.
            as_of = started if first is None else min(first, started)
            with self.ledger.transaction(at_once=True):
                if complete:
                    reading.settle_absent(as_of, self.clock.now())
                self.ledger.runs.move_cursor(
                    name, cursor, as_of, settings=settings, rows=reading.told, complete=complete,
                    now=self.clock.now(),
                )  # fmt: skip

        await self.worker.run(finish)
        return OrdersRead(reading.told, reading.moved, reading.voided)

    def _ingest(self, reading: OrderReading, page: OrderPage, tape: Tape | None) -> None:
        if reading.passes_over(page.orders):
            return
        with self.ledger.transaction(at_once=True):
            reading.ingest(page.orders, page.as_of, self.clock.now())
            self.ledger.symptoms.note_oversold(reading.sink, page.orders, page.as_of)
            if tape is not None:
                products = self.ledger.orders.told.products(reading.sink, [one.key for one in page.orders])
                tape.ordered(reading.sink, page, products, self.clock.now())


@define
class Following:
    """Reads the orders again while changes are being pushed, beside it, whenever that is due.

    `plan` plans what the orders have moved, and `wake` tells those who push.
    """

    watcher: Watcher
    run: RunRecord
    every: timedelta
    plan: Callable[[], Awaitable[object]]
    wake: Callable[[], None]
    _reading: asyncio.Task[None] | None = None
    _moved: bool = False

    def nudge(self) -> None:
        """Begin to read if it is due and nobody is reading."""
        if (self._reading is None or self._reading.done()) and self.watcher.due(self.run, self.every):
            self._reading = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        if await self.watcher.again(self.run, self.every):
            await self.plan()
            self._moved = True
            self.wake()

    async def look(self, built: BuiltSink, rows: Sequence[ObservedRow]) -> bool:
        """Look as the watcher does, and plan what that has moved; whether it could be read."""
        found = await self.watcher.look(self.run, built, rows)
        if found is not None and (found.moved or found.voided):
            await self.plan()
        return found is not None

    async def end(self) -> bool:
        """Wait for what is being read, and for what is due; whether that has moved something.

        Tells of an error that it met.
        """
        self.nudge()
        if self._reading is not None:
            await self._reading
        moved, self._moved = self._moved, False
        return moved


def _tells(built: BuiltSink) -> bool:
    return built.sink.limits.orders != "none"


def _silent(_phase: str, _name: str, _done: int, _total: int | None) -> None:
    """Tell nobody of the progress."""
