"""Hands out places under the limits, in the order of asking."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import define, frozen

from mpstock.errors import PluginContractError, TransientError
from mpstock.interfaces import Rate
from mpstock.owners import gone, register
from mpstock.pacing.hints import Hints, read_hints
from mpstock.pacing.state import ScopeState
from mpstock.pacing.store import PaceStore, State
from mpstock.pacing.turns import Granted, Round, Waiter, take_turns

if TYPE_CHECKING:
    import asyncio

    from mpstock.clock import Clock

__all__ = ["Pacer", "Slot"]

LEASE = 120.0
"""Seconds after which a place without an answer counts as answered."""


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
        self._owner = register(self)
        self._numbers = itertools.count()

    def declare(self, account: str, rates: Sequence[Rate]) -> None:
        """Make the limits of `account` known. Of two declarations of one scope the slower one holds."""
        known = self._rates.setdefault(account, {})
        for rate in rates:
            _validate(account, rate)
            old = known.get(rate.scope)
            if old is None or rate.requests / rate.period <= old.requests / old.period:
                known[rate.scope] = rate

    async def budgets(self) -> list[Budget]:
        """Return what is left of every limit that was declared, as this and other processes have used it."""
        known = [(account, rate) for account, rates in self._rates.items() for rate in rates.values()]

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
        rates = self._rates[account]
        scopes = tuple(dict.fromkeys(scope for waiter in waiters for scope in waiter.scopes))

        def change(states: list[State | None]) -> tuple[list[State], Round]:
            now = self._now()
            loaded = {
                scope: ScopeState.load(state, rates[scope], now)
                for scope, state in zip(scopes, states, strict=True)
            }
            moved = {scope for scope, state in loaded.items() if state.settle(rates[scope], now, gone)}
            result, touched = take_turns(waiters, loaded, rates, now, self._owner, self._numbers)
            after = [
                loaded[scope].dump() if old is None or scope in touched | moved else old
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
        hints = read_hints(headers or {}, self._clock.now(), status)

        def book(scope: str, state: ScopeState, rate: Rate, now: float) -> None:
            state.answered(rate, now, granted.key, granted.start, items, status, hints)

        await self._amend(account, scopes, book)
        self._stir(account, for_answer=True)
        return hints

    async def _released(self, account: str, scopes: Sequence[str], granted: Granted) -> None:
        def give_back(scope: str, state: ScopeState, rate: Rate, now: float) -> None:
            state.release(granted.key, *granted.stamps[scope])

        await self._amend(account, scopes, give_back)
        self._stir(account)

    async def _amend(
        self,
        account: str,
        scopes: Sequence[str],
        amend: Callable[[str, ScopeState, Rate, float], None],
    ) -> None:
        rates = self._rates[account]

        def change(states: list[State | None]) -> tuple[list[State], None]:
            now = self._now()
            after: list[State] = []
            for scope, data in zip(scopes, states, strict=True):
                state = ScopeState.load(data, rates[scope], now)
                state.settle(rates[scope], now, gone)
                amend(scope, state, rates[scope], now)
                after.append(state.dump())
            return after, None

        if scopes:
            await self._store.update([f"{account}/{scope}" for scope in scopes], change)

    def _stir(self, account: str, *, for_answer: bool = False) -> None:
        queue = self._queues.get(account)
        if queue is not None and (queue.awaits or not for_answer):
            queue.stir.set()


def _validate(account: str, rate: Rate) -> None:
    wrong = [
        name
        for name, good in (
            ("requests", rate.requests >= 1),
            ("period", rate.period > 0),
            ("spacing", rate.spacing is None or rate.spacing >= 0),
            ("burst", rate.burst >= 1),
            ("error_cost", rate.error_cost >= 1),
            ("parallel", rate.parallel is None or rate.parallel >= 1),
            ("items", rate.items is None or rate.items >= 1),
        )
        if not good
    ]
    if wrong:
        raise PluginContractError(
            f"rate scope {rate.scope!r} of account {account!r}: {', '.join(wrong)} must be positive"
        )
