"""Sends one sink's changes: zeros first, in full batches, each quantity computed as its place comes up.

Keys queue, quantities do not: the queue is the ledger's, a batch is taken from it only when the limiter
has given the place to send it. Batches overlap; the outcome of each is recorded as it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from mpstock.errors import NotSentError
from mpstock.ledger.stocks import LONGEST_REST
from mpstock.model import Outcome, OutcomeStatus
from mpstock.reconcile.adapters import BuiltSink, Failure, Tell
from mpstock.reconcile.alarms import refused_fall
from mpstock.reconcile.answers import ask
from mpstock.reconcile.grounds import Grounds
from mpstock.reconcile.pushed import PushResult, pushed
from mpstock.reconcile.streams import PATIENCE, Group, Serving, Stream, Streams
from mpstock.reconcile.tasks import first_of

if TYPE_CHECKING:
    from mpstock.clock import Clock
    from mpstock.config import QuarantineSettings
    from mpstock.ledger import Ledger
    from mpstock.ledger.batches import Batch
    from mpstock.ledger.dirt import Mark
    from mpstock.ledger.worker import Worker
    from mpstock.reconcile.leasing import Lease
    from mpstock.reconcile.looking import Looking
    from mpstock.reconcile.planning import Planner

__all__ = ["Pusher"]

IN_FLIGHT = 16
"""Batches under way at once: rate × round trip of the fastest sink with room to spare."""

ATTEMPTS = 4
"""Tries of one change within a run; then it waits for the next run."""

SINK_FAILURES = 4
"""Pushes in a row that fail as a whole before the sink counts as down for this run."""

LOOK_AGAIN = 1.0
"""Seconds between two looks at the ledger while nothing may be sent."""

DEFECTS = 24
"""Pushes that a plugin's own exceptions may spoil in a run: enough to find one culprit in 1,000 by halves."""

_REQUEUED = set(OutcomeStatus) - {OutcomeStatus.OK, OutcomeStatus.ERROR}


@define
class Pusher:
    """Pushes what is ready in the ledger to one sink until nothing is left that may go in this run.

    `only` are the states to push, where another pusher sends the others later; `replan` plans what was marked
    since, and judges it. `looking` looks at what may be there already; without it that is left to another
    pusher.
    """

    built: BuiltSink
    ledger: Ledger
    worker: Worker
    clock: Clock
    planner: Planner
    run: int
    causes: Mapping[str, str]
    tell: Tell
    stop: asyncio.Event
    refresh: Callable[[], bool]
    quarantine: QuarantineSettings
    at_most: Mapping[int, int] | None = None
    progress: Callable[[int], None] = lambda _count: None
    nudge: Callable[[], None] = lambda: None
    looking: Looking | None = None
    only: Collection[int] | None = None
    replan: Callable[[Sequence[Mark]], int] | None = None
    lease: Lease = field(kw_only=True)
    result: PushResult = field(factory=PushResult)
    _streams: Streams = field(init=False)
    _groups: deque[Group] = field(factory=deque[Group])
    _tries: Counter[int] = field(factory=Counter[int])
    _failures: int = 0
    _defects: int = 0
    _pause_until: datetime | None = None
    _changed: asyncio.Event = field(factory=asyncio.Event)

    def __attrs_post_init__(self) -> None:
        limits = self.built.sink.limits
        codes = self.planner.codes(self.built.name) if limits.by_warehouse else None
        self._streams = Streams(
            self.ledger.pushes, self.built.name, limits.batch, self._cooldown, codes, self.only
        )

    @property
    def _cooldown(self) -> timedelta:
        return self.built.cooldown

    async def push(self) -> PushResult:
        """Push until the queue is empty, the sink is down, or a stop was asked for.

        What is on the wire when a stop comes is waited for and recorded.
        """
        tasks: set[asyncio.Task[None]] = set()
        await self._set_apart()
        try:
            while not self._over():
                # Cleared before looking: what changes while we look ends the rest at once.
                self._changed.clear()
                self.nudge()
                waits = await self._next_wait()
                if waits is None and not tasks and not self._under_way:
                    break
                if waits == 0 and len(tasks) < IN_FLIGHT:
                    serving = Serving()
                    task = asyncio.create_task(self._serve(serving))
                    tasks.add(task)
                    await self._until_composed(serving, task)
                else:
                    await self._rest(waits or None, tasks)
                tasks = await self._reap(tasks)
        finally:
            # Cancelled or not: what was sent is worth knowing.
            if tasks:
                await asyncio.shield(asyncio.gather(*tasks, return_exceptions=True))
            if self.looking is not None:
                await self.looking.end()
        await self._reap(tasks)
        self.result.failure = self.result.failure or self.lease.failure
        return self.result

    async def _set_apart(self) -> None:
        """Send what was refused again and again apart from all else: it may have spoilt its batch."""
        if self.only is not None:
            return
        suspects = await self.worker.run(
            self.ledger.quarantine.suspects, self.built.name, self.quarantine.after
        )
        parts = self._streams.apart(suspects)
        if not parts:
            return
        # Only what a stream of this run sends: of another warehouse nothing is put off.
        chosen = [state for _, states in parts for state in states]
        await self.worker.run(self.ledger.pushes.park, chosen)
        self._leave(chosen)
        size = self.built.sink.limits.batch
        for stream, states in parts:
            for first in range(0, len(states), size):
                self._groups.append(Group(stream, states[first : first + size], self.clock.now()))

    @property
    def _under_way(self) -> set[asyncio.Task[bool]]:
        return set() if self.looking is None else self.looking.under_way

    def _leave(self, states: Collection[int], back: Iterable[int] = ()) -> None:
        """Do not look at these: they go apart from all else, or not in this run."""
        if self.looking is not None:
            self.looking.leave(states, back=back)

    async def _if_ours(self, change: Callable[[], None]) -> None:
        """Change what waits for this sink, unless another process writes to it by now."""

        def work() -> None:
            with self.ledger.transaction():
                if self.lease.confirm():
                    change()

        await self.worker.run(work)
        self._changed.set()

    def wake(self) -> None:
        """Look at the queue again: something in it has changed."""
        self._changed.set()

    async def _until_composed(self, serving: Serving, task: asyncio.Task[None]) -> None:
        """Wait until a batch is on its way; a stop ends the wait for the limiter, but not for a batch."""
        composed = asyncio.create_task(serving.composed.wait())
        stop = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait([composed, stop, task], return_when=asyncio.FIRST_COMPLETED)
            if self.stop.is_set() and not serving.placed:
                task.cancel()
        finally:
            composed.cancel()
            stop.cancel()
            await asyncio.gather(composed, stop, return_exceptions=True)

    def _over(self) -> bool:
        return (
            self.stop.is_set()
            or self.built.shadowed
            or self.result.failure is not None
            or self.lease.lost is not None
        )

    async def _reap(self, tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        done = {task for task in tasks if task.done()}
        for task in done:
            if not task.cancelled():
                task.result()
        return tasks - done

    async def _rest(self, seconds: float | None, tasks: set[asyncio.Task[None]]) -> None:
        """Wait until a batch comes back, a stop is asked for, or the seconds have passed.

        Where nothing happens by itself it looks again before long: another process may have been told of
        something that falls.
        """
        if self._changed.is_set():
            return
        if seconds is not None:
            seconds = min(seconds, LOOK_AGAIN)
        waiting: list[Coroutine[Any, Any, Any]] = [self.stop.wait(), self._changed.wait()]
        if seconds is not None:
            waiting.append(self.clock.sleep(seconds))
        if seconds is None and self._under_way:
            # What another process is told of meanwhile does not wait for a look.
            with contextlib.suppress(TimeoutError):
                async with self.clock.timeout(LOOK_AGAIN):
                    await first_of(waiting, {*tasks, *self._under_way})
            return
        await first_of(waiting, {*tasks, *self._under_way})

    def _refresh(self) -> None:
        """Plan what was marked meanwhile; in the ledger's thread."""
        if self.refresh() and self.looking is not None:
            # Another process may have come back with an answer that makes doubtful what it shows.
            self.looking.stale = True

    async def _next_wait(self) -> float | None:
        """Return seconds until something may go (0 = now), None if nothing of this run is left."""
        await self.worker.run(self._refresh)
        now = self.clock.now()
        moments: list[datetime] = []
        paused = self._pause_until is not None and now < self._pause_until
        if self.looking is not None:
            look = await self.looking.go_on(now, self._if_ours, paused=paused)
            moments += [] if look is None else [look]
        if self._pause_until is not None and paused:
            return (self._pause_until - now).total_seconds()
        for group in self._groups:
            if not group.stream.closed and group.not_before - now <= PATIENCE:
                moments.append(group.not_before if group.stream.open(now) else group.stream.reopens(now))
        turn = await self.worker.run(self._streams.next, now)
        moments += turn.moments
        if not moments:
            return None
        return max((min(moments) - now).total_seconds(), 0.0)

    async def _serve(self, serving: Serving) -> None:
        """Take a place from the limiter, compose a batch, send it, record what came of it."""
        try:
            async with self.built.slot(self.lease.covers):
                if self._over():
                    return
                serving.placed = True
                composed = await self._compose()
                serving.composed.set()
                if composed is None:
                    return
                stream, batch = composed
                stream.in_flight += 1
                sent = self.clock.now()
                try:
                    outcomes = await self._send(batch)
                finally:
                    stream.in_flight -= 1
        except NotSentError as error:
            # The limiter has no place for so long that waiting for it is not worth while.
            self._failed(Failure.of(error, self.built.config), error.retry_after)
            self._changed.set()
            return
        await self._record(batch, stream, outcomes, sent)

    async def _compose(self) -> tuple[Stream, Batch] | None:
        now = self.clock.now()
        turn = await self.worker.run(self._streams.next, now)
        # Zeros first, then what was refused as a whole, then all else.
        for _ in range(0 if turn.zeros else len(self._groups)):
            group = self._groups.popleft()
            if group.not_before <= now and group.stream.open(now):
                return await self._take(group.stream, len(group.states), now, group.states)
            self._groups.append(group)
        if turn.stream is None:
            return None
        return await self._take(turn.stream, self.built.sink.limits.batch, now, None)

    async def _take(
        self, stream: Stream, limit: int, now: datetime, group: Sequence[int] | None
    ) -> tuple[Stream, Batch] | None:
        def compose() -> Batch | None:
            self._refresh()
            self.planner.now = now
            with self.ledger.transaction():
                if not self.lease.confirm() or not self.built.shut_or_open(self.ledger):
                    return None
                return self.ledger.pushes.compose(
                    self.built.name,
                    stream.warehouse,
                    limit,
                    now,
                    run=self.run,
                    cooldown=self._cooldown,
                    replan=self.replan or self.planner.plan_marked,
                    grounds=Grounds(self.planner, self.built.name),
                    group=group,
                    at_most=self.at_most,
                    only=self.only,
                )

        batch = await self.worker.run(compose)
        return None if batch is None else (stream, batch)

    async def _send(self, batch: Batch) -> list[Outcome]:
        changes = [item.change for item in batch.items]
        if not self.lease.covers():
            # It did when this was composed. What has slept since is computed anew, if it is still ours.
            return [Outcome(OutcomeStatus.UNSENT, "", "the lease ran out", 0.0)] * len(changes)
        self.result.requests += 1
        answer = await ask(self.built, changes)
        if answer.paused and answer.failure is not None:
            self._failed(answer.failure, answer.retry_after)
            if answer.outcomes[0].status is OutcomeStatus.UNSENT:
                pause = answer.retry_after if answer.retry_after is not None else self._backoff()
                return [evolve(outcome, retry_after=pause) for outcome in answer.outcomes]
        elif answer.defect:
            # A defect that one item brings to light must not keep its neighbours from being sent.
            self._defects += 1
            if self._defects >= DEFECTS:
                self.result.failure = answer.failure
        elif answer.failure is not None:
            self.result.failure = answer.failure
        else:
            self._failures = 0
        return list(answer.outcomes)

    def _failed(self, failure: Failure, retry_after: float | None) -> None:
        self._failures += 1
        now = self.clock.now()
        seconds = retry_after if retry_after is not None else self._backoff()
        pause = timedelta(seconds=min(seconds, LONGEST_REST.total_seconds()))
        self._pause_until = max(self._pause_until or now, now + pause)
        if self._failures >= SINK_FAILURES or pause > PATIENCE:
            self.result.failure = failure

    def _backoff(self) -> float:
        return float(2 ** min(self._failures, 5)) / 2

    async def _record(self, batch: Batch, stream: Stream, outcomes: list[Outcome], sent: datetime) -> None:
        now = self.clock.now()
        if len(batch.items) == 1 and outcomes[0].status is OutcomeStatus.WHOLE:
            # Alone and still refused: it is this change itself.
            outcomes = [evolve(outcomes[0], status=OutcomeStatus.ERROR)]
        outcomes = self.built.redacted(outcomes)
        await self.worker.run(
            self.ledger.pushes.settle,
            batch, outcomes, now, run=self.run, cooldown=self._cooldown, causes=self.causes,
            rest=self.quarantine.rest,
        )  # fmt: skip
        whole: list[int] = []
        park: list[int] = []
        for item, outcome in zip(batch.items, outcomes, strict=True):
            stream.answered(outcome, now)
            if self.result.note(self.built.name, item, outcome) and item.lane < 2:
                self.tell("mpstock_alert", refused_fall(self.run, now, self.built.name, item.change, outcome))
            if outcome.status not in _REQUEUED:
                if self.at_most is not None:
                    park.append(item.id)
                continue
            if outcome.status is OutcomeStatus.WHOLE:
                whole.append(item.id)
                continue
            self._tries[item.id] += 1
            if self._tries[item.id] >= ATTEMPTS:
                park.append(item.id)
        left = {*whole, *park}
        self._leave(left, back=[item.id for item in batch.items if item.id not in left])
        if whole:
            half = (len(whole) + 1) // 2
            pause = max((outcome.retry_after or 0.0 for outcome in outcomes), default=0.0)
            due = now + max(self._cooldown, timedelta(seconds=min(pause, LONGEST_REST.total_seconds())))
            self._groups.extend(Group(stream, part, due) for part in (whole[:half], whole[half:]) if part)
        if park:
            await self._if_ours(lambda: self.ledger.pushes.park(park))
        if self.planner.tape is not None:
            self.planner.tape.sent(self.built.name, batch.items, outcomes, sent, now)
        queued = self.planner.backlog.sent([item.id for item in batch.items], sent)
        event = pushed(self.run, self.built.name, batch.items, outcomes, sent, now, queued)
        self.tell("mpstock_pushed", event)
        self.progress(sum(outcome.status not in _REQUEUED for outcome in outcomes))
        self._changed.set()
