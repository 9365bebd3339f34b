"""Hands out places under the limits, in the order of asking."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import define, frozen

from mpstock.errors import LedgerError, PluginContractError, TransientError
from mpstock.interfaces import Rate
from mpstock.owners import gone, register
from mpstock.pacing.answers import Answer, Answers
from mpstock.pacing.hints import Hints, read_hints
from mpstock.pacing.rates import check_rate
from mpstock.pacing.state import ScopeState
from mpstock.pacing.store import PaceStore, State
from mpstock.pacing.turns import Granted, Round, Waiter, take_turns

if TYPE_CHECKING:
    import asyncio

    from mpstock.clock import Clock

__all__ = ["Pacer", "Slot"]

LEASE = 120.0
"""Seconds after which a place without an answer counts as answered."""

UNBOOKED = 0.5
"""Seconds for which an answer may wait to be written with the next place: as under way until then."""

TICK = 1e-5
"""Seconds by which one sleeps longer, so as not to wake a rounding error too early."""


@define(eq=False)
class _Queue:
    waiters: list[Waiter]
    stir: asyncio.Event
    pump: asyncio.Task[None]
    awaits: bool = True


class Slot:
    """A place under the limits for one request. It must be finished or cancelled."""

    def __init__(self, pacer: Pacer, account: str, waiter: Waiter, granted: Granted) -> None:
        self._pacer = pacer
        self._account = account
        self._scopes = waiter.scopes
        self._items = waiter.items
        self._granted = granted
        self._open = True

    @property
    def start(self) -> float:
        """The wall-clock second at which the place was given."""
        return self._granted.start

    async def finish(
        self,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        items: int | None = None,
    ) -> Hints:
        """Say that the answer is here: `status` and `headers`, or None if there was none.

        `items` corrects how many items the request counted for. Returns what the headers say.
        """
        if not self._open:
            return Hints()
        self._open = False
        count = self._items if items is None else items
        return await self._pacer._answered(self._account, self._scopes, self._granted, count, status, headers)

    async def cancel(self) -> None:
        """Give the place back: nothing was sent."""
        if self._open:
            self._open = False
            await self._pacer._released(self._account, self._scopes, self._granted)


@frozen
class Budget:
    """What is left of one limit: so many of `limit` requests, in `blocked` seconds at the earliest."""

    account: str
    scope: str
    free: int
    limit: int
    blocked: float


class Pacer:
    """Limits of accounts, and who may send when. One for all adapters of a process.

    Several processes that share a store obey the limits together. Within a process the places are given
    in the order of asking; a request that waits for one limit does not hold up those that
    do not count in it.
    """

    def __init__(self, store: PaceStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._rates: dict[str, dict[str, Rate]] = {}
        self._queues: dict[str, _Queue] = {}
        self._answers: defaultdict[str, Answers] = defaultdict(Answers)
        self._timers: dict[str, tuple[asyncio.TimerHandle, asyncio.AbstractEventLoop]] = {}
        self._bookings: set[asyncio.Task[None]] = set()
        self._owner = register(self)
        self._numbers = itertools.count()

    def declare(self, account: str, rates: Sequence[Rate]) -> None:
        """Make the limits of `account` known. Of two declarations of one scope the slower one holds."""
        known = self._rates.setdefault(account, {})
        for rate in rates:
            check_rate(account, rate)
            old = known.get(rate.scope)
            if old is None or rate.requests / rate.period <= old.requests / old.period:
                known[rate.scope] = rate

    async def budgets(self) -> list[Budget]:
        """Return what is left of every limit that was declared, as this and other processes have used it."""
        known = [(account, rate) for account, rates in self._rates.items() for rate in rates.values()]
        await self._book_all()

        def read(states: list[State | None]) -> tuple[list[State], list[Budget]]:
            now = self._now()
            found: list[Budget] = []
            for (account, rate), data in zip(known, states, strict=True):
                state = ScopeState.load(data, rate, now)
                state.settle(rate, now, gone)
                blocked = max(state.blocked_until - now, 0.0)
                found.append(Budget(account, rate.scope, state.free(rate, now), rate.requests, blocked))
            return [data or {} for data in states], found

        keys = [f"{account}/{rate.scope}" for account, rate in known]
        return await self._store.update(keys, read) if keys else []

    async def aclose(self) -> None:
        """Write what is known of answers, so that whoever comes next need not wait for them."""
        for timer, _ in self._timers.values():
            timer.cancel()
        self._timers.clear()
        await self._book_all()
        for task in [one for one in self._bookings if not one.done()]:
            await task

    async def acquire(
        self,
        account: str,
        scopes: Sequence[str],
        *,
        items: int = 1,
        lease: float = LEASE,
        patience: float | None = None,
    ) -> Slot:
        """Wait for a place in all of `scopes` at once and take it; the request may go at once.

        `lease` is the longest that the request can be under way, in seconds. `patience` bounds how
        long a vendor's "not before" is waited for; waiting for one's turn is not bounded.

        Raises:
            PluginContractError: a scope was not declared, or counts fewer items than these.
            TransientError: the vendor blocks the scope for longer than `patience`.
        """
        import asyncio

        from mpstock.carrying import carried_through

        wanted = tuple(dict.fromkeys(scopes))
        self._check(account, wanted, items)
        future: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        self._enqueue(account, Waiter(wanted, items, lease, patience, self._now(), future))
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                await carried_through(future.result().cancel())
            else:
                # Whoever stood behind may be able to go now.
                self._stir(account)
            raise

    def _check(self, account: str, scopes: Sequence[str], items: int) -> None:
        known = self._rates.get(account, {})
        if not scopes:
            raise PluginContractError(f"a request of account {account!r} names no rate scope")
        for scope in scopes:
            if scope not in known:
                declared = ", ".join(sorted(known)) or "none"
                raise PluginContractError(
                    f"rate scope {scope!r} of account {account!r} is not declared (declared: {declared}); "
                    "add it to `Limits.rates` or `Source.rates`"
                )
            most = known[scope].items
            if most is not None and items > most:
                raise PluginContractError(
                    f"one request of {items} items can never go: scope {scope!r} of account {account!r} "
                    f"takes {most} items in {known[scope].period:g} s; send smaller batches"
                )

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _enqueue(self, account: str, waiter: Waiter) -> None:
        import asyncio

        loop = asyncio.get_running_loop()
        queue = self._queues.get(account)
        if queue is None or queue.pump.done() or queue.pump.get_loop() is not loop:
            queue = _Queue([], asyncio.Event(), None)  # type: ignore[arg-type]
            queue.pump = loop.create_task(self._run(account, queue), name=f"mpstock pacing of {account}")
            self._queues[account] = queue
        queue.waiters.append(waiter)
        queue.stir.set()

    async def _run(self, account: str, queue: _Queue) -> None:
        """Serve the waiters of one account until there are none."""
        try:
            while True:
                queue.stir.clear()
                queue.waiters[:] = [one for one in queue.waiters if not one.future.done()]
                if not queue.waiters:
                    return
                waiters = list(queue.waiters)
                queue.awaits = True
                result = await self._round(account, waiters)
                queue.awaits = result.awaits
                await self._hand_out(account, queue, waiters, result)
                if queue.waiters and not queue.stir.is_set():
                    await self._rest(queue, result.wake)
        except Exception as error:
            for waiter in queue.waiters:
                if not waiter.future.done():
                    waiter.future.set_exception(error)
        finally:
            if self._queues.get(account) is queue:
                del self._queues[account]

    async def _rest(self, queue: _Queue, wake: float | None) -> None:
        """Wait until `wake`, or until something stirs: an answer, another waiter, one who left."""
        import asyncio

        if wake is None:
            await queue.stir.wait()
            return
        alarm = asyncio.ensure_future(self._clock.sleep(max(wake - self._now(), 0.0) + TICK))
        alarm.add_done_callback(lambda done: None if done.cancelled() else queue.stir.set())
        try:
            await queue.stir.wait()
        finally:
            alarm.cancel()

    async def _round(self, account: str, waiters: Sequence[Waiter]) -> Round:
        rates, answers = self._rates[account], self._answers[account]
        asked = (scope for waiter in waiters for scope in waiter.scopes)
        scopes = tuple(dict.fromkeys((*asked, *answers.scopes())))
        with answers.booking(scopes) as taking:

            def change(states: list[State | None]) -> tuple[list[State], Round]:
                now = self._now()
                loaded, moved = _settled(scopes, states, rates, now)
                booked = taking.book(loaded, rates)
                result, touched = take_turns(waiters, loaded, rates, now, self._owner, self._numbers)
                if not touched and not moved:
                    # A look that gives out nothing writes nothing.
                    taking.leave()
                    return [state or {} for state in states], result
                after = [
                    loaded[scope].dump() if old is None or scope in touched | moved | booked else old
                    for scope, old in zip(scopes, states, strict=True)
                ]
                return after, result

            return await self._store.update([f"{account}/{scope}" for scope in scopes], change)

    async def _hand_out(self, account: str, queue: _Queue, waiters: Sequence[Waiter], result: Round) -> None:
        for granted in result.granted:
            waiter = waiters[granted.waiter]
            slot = Slot(self, account, waiter, granted)
            if waiter.future.done():
                await slot.cancel()
            else:
                waiter.future.set_result(slot)
        for index, seconds in result.refused.items():
            future = waiters[index].future
            if not future.done():
                future.set_exception(
                    TransientError(
                        f"the vendor takes no request of account {account!r} for another {seconds:.0f} s",
                        retry_after=seconds,
                    )
                )
        queue.waiters[:] = [one for one in queue.waiters if not one.future.done()]

    async def _answered(
        self,
        account: str,
        scopes: Sequence[str],
        granted: Granted,
        items: int,
        status: int | None,
        headers: Mapping[str, str] | None,
    ) -> Hints:
        now = self._clock.now()
        hints = read_hints(headers or {}, now, status)
        answer = Answer(scopes, granted.key, granted.start, now.timestamp(), items, status, hints)
        self._answers[account].add(answer)
        if answer.hurries:
            await self._book(account)
        else:
            self._book_soon(account)
        self._stir(account, for_answer=True)
        return hints

    def _book_soon(self, account: str) -> None:
        """See that the answers are written, should nobody ask for a place of this account meanwhile."""
        import asyncio

        loop = asyncio.get_running_loop()
        timer, of = self._timers.get(account, (None, None))
        if timer is None or of is not loop:
            # Not by the clock of the limits: nothing depends on when it is.
            self._timers[account] = loop.call_later(UNBOOKED, self._book_now, account), loop

    def _book_now(self, account: str) -> None:
        import asyncio

        self._timers.pop(account, None)
        if self._answers[account]:
            task = asyncio.get_running_loop().create_task(self._book_quietly(account))
            self._bookings.add(task)
            task.add_done_callback(self._bookings.discard)

    async def _book_quietly(self, account: str) -> None:
        # They wait on, and whoever asks for the next place hears of what is wrong with the ledger.
        with suppress(LedgerError):
            await self._book(account)

    async def _book_all(self) -> None:
        for account in list(self._answers):
            await self._book(account)

    async def _book(self, account: str) -> None:
        """Write the answers that wait."""
        rates, answers = self._rates[account], self._answers[account]
        scopes = tuple(dict.fromkeys(answers.scopes()))
        if not scopes:
            return
        with answers.booking(scopes) as taking:

            def change(states: list[State | None]) -> tuple[list[State], None]:
                loaded, _ = _settled(scopes, states, rates, self._now())
                taking.book(loaded, rates)
                return [loaded[scope].dump() for scope in scopes], None

            await self._store.update([f"{account}/{scope}" for scope in scopes], change)

    async def _released(self, account: str, scopes: Sequence[str], granted: Granted) -> None:
        rates = self._rates[account]

        def change(states: list[State | None]) -> tuple[list[State], None]:
            loaded, _ = _settled(scopes, states, rates, self._now())
            for scope, state in loaded.items():
                state.release(granted.key, *granted.stamps[scope])
            return [loaded[scope].dump() for scope in scopes], None

        await self._store.update([f"{account}/{scope}" for scope in scopes], change)
        self._stir(account)

    def _stir(self, account: str, *, for_answer: bool = False) -> None:
        queue = self._queues.get(account)
        if queue is not None and (queue.awaits or not for_answer):
            queue.stir.set()


def _settled(
    scopes: Sequence[str], states: Sequence[State | None], rates: Mapping[str, Rate], now: float
) -> tuple[dict[str, ScopeState], set[str]]:
    """Return the states as of now, and the scopes whose state must be written for that alone."""
    loaded = {
        scope: ScopeState.load(state, rates[scope], now) for scope, state in zip(scopes, states, strict=True)
    }
    return loaded, {scope for scope, state in loaded.items() if state.settle(rates[scope], now, gone)}
