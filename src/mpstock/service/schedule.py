"""What the service does by itself: each job at its times, once, whatever sleep or restart comes between.

When a job is due is in the ledger, so a restart forgets nothing, and of two processes one takes it. What was
missed meanwhile is made up once. A job that was cut off is made up as well: by the process that starts next,
or by another one that finds its owner dead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from mpstock.errors import Interrupted, LedgerError
from mpstock.ledger.timetable import ScheduledJob
from mpstock.owners import gone, register, unregister
from mpstock.service.runner import LATER, SOON, Job

if TYPE_CHECKING:
    from mpstock.config import When
    from mpstock.facade.asynchronous import AsyncShop
    from mpstock.reconcile.engine import Progress
    from mpstock.reconcile.report import Report
    from mpstock.service.service import Service

__all__ = ["Scheduler", "keep_schedule"]

NAP = timedelta(seconds=30)
"""The longest that nobody looks: a clock that was set, or a machine that slept, is noticed within it."""

DEAD_AFTER = timedelta(minutes=3)
"""A process that runs a job and has not said so for this long has died, on whatever machine it was."""

SET_BACK = timedelta(hours=1)
"""A clock that was set back by less repeats nothing; one that was wrong by more is believed anew."""

SELDOM = timedelta(hours=1)
"""What recurs within it needs no other try when it fails."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=1)
"""How long after a failure what comes seldom is tried again: twice as long each time."""

_logger = logging.getLogger("mpstock.service.schedule")


@frozen
class _Kind:
    """A kind of job. `urgent` ones are for now at the first start; `covers` is what it does along the way."""

    name: str
    work: Callable[[AsyncShop, Progress], Awaitable[Any]]
    urgency: int = LATER
    at_once: bool = False
    covers: str = ""


async def _orders(shop: AsyncShop, progress: Progress) -> Report:
    return await shop.sync(read="orders", cause="schedule", actor="service", progress=progress)


async def _full(shop: AsyncShop, progress: Progress) -> Report:
    return await shop.sync(full=True, cause="schedule", actor="service", progress=progress)


async def _every(shop: AsyncShop, progress: Progress) -> Report:
    return await shop.sync(cause="schedule", actor="service", progress=progress)


async def _verify(shop: AsyncShop, progress: Progress) -> Any:
    return await shop.verify(urgent=True, cause="schedule", progress=progress)


async def _tidy(shop: AsyncShop, _progress: Progress) -> Any:
    return await shop.tidy()


_KINDS = (
    _Kind("orders", _orders, SOON, at_once=True),
    _Kind("full", _full, covers="every"),
    _Kind("every", _every, at_once=True),
    _Kind("verify", _verify),
    _Kind("tidy", _tidy),
)
"""In the order in which those that are due together are asked for."""


class Scheduler:
    """Asks the runner of a service for what is due.

    `jobs` are the rows of the ledger as they were last seen; `looked` is when that was, on the clock that
    never goes back; `error` says why the last look failed, and is empty when it has not.
    """

    def __init__(self, service: Service) -> None:
        self.jobs: Mapping[str, ScheduledJob] = {}
        self.looked: float | None = None
        self.error = ""
        self._service = service
        self._clock = service.engine.clock
        self._timetable = service.engine.ledger.timetable
        self._zone = service.config.schedule.timezone
        self._asked: dict[str, asyncio.Future[Any]] = {}
        self._ended = asyncio.Event()
        self._owner = register(self)

    async def run(self) -> None:
        """Go on until cancelled; what was asked for and is still under way is waited for then."""
        try:
            while True:
                await self._look()
                await self._nap()
        finally:
            await self._leave()

    def alive(self) -> bool:
        """Say whether it still looks after what is due."""
        if self.looked is None:
            return False
        return self._clock.monotonic() - self.looked < 3 * NAP.total_seconds() and not self.error

    # ------------------------------------------------------------------ what is due

    async def _look(self) -> None:
        self._ended.clear()
        ended = {name: future for name, future in self._asked.items() if future.done()}
        try:
            waiting = "full" in self._service.runner.waiting
            taken = await self._service.engine.worker.run(self._settle, ended, waiting)
        except LedgerError as error:
            # The next look may well succeed, and nothing has been taken.
            if str(error) != self.error:
                _logger.error("the schedule cannot be kept: %s", error)
            self.error = str(error)
            return
        self.error = ""
        self.looked = self._clock.monotonic()
        for name in ended:
            del self._asked[name]
        for kind in taken:
            future = self._service.runner.ask(Job(kind.name, kind.work, kind.urgency))
            future.add_done_callback(lambda _: self._ended.set())
            self._asked[kind.name] = future

    def _settle(
        self, ended: Mapping[str, asyncio.Future[Any]], full_waits: bool, *, leaving: bool = False
    ) -> list[_Kind]:
        """Record what has ended and take what is due, as one step. Runs in the ledger's thread."""
        taken: list[_Kind] = []
        with self._service.engine.ledger.transaction(durable=False, at_once=True):
            now = self._clock.now()
            rows = self._timetable.jobs()
            for name in ended.keys() & rows.keys():
                self._end(rows[name], ended[name], now)
            self._timetable.still_alive(self._owner, now)
            if not leaving:
                self._timetable.keep_only([kind.name for kind in _KINDS if not self._when(kind).never])
                covered = {"every"} if full_waits else set[str]()
                rows = self._timetable.jobs()
                for kind in _KINDS:
                    if self._take(kind, rows.get(kind.name), now, covered):
                        taken.append(kind)
                        covered.add(kind.covers)
            self.jobs = self._timetable.jobs()
        return taken

    def _take(self, kind: _Kind, row: ScheduledJob | None, now: datetime, covered: set[str]) -> bool:
        job = self._current(kind, row, now)
        if job is None:
            return False
        cut_off = job.status == "running"
        if cut_off:
            if job.owner == self._owner or not _abandoned(job, now):
                return False
        elif job.due_at > now:
            return False
        following = _following(self._when(kind), job.due_at, now, self._zone)
        if kind.name in covered and not cut_off:
            self._timetable.put(kind.name, job.recurs, following)
            return False
        if cut_off or now - job.due_at > NAP * 2:
            was = "was cut off" if cut_off else f"was due at {job.due_at:%Y-%m-%d %H:%M:%S}Z"
            _logger.info("%s %s, and is made up", kind.name, was)
        return self._timetable.take(job, following, self._owner, now)

    def _current(self, kind: _Kind, job: ScheduledJob | None, now: datetime) -> ScheduledJob | None:
        """Return the job with a due time that fits the settings and the clock; None where it never comes."""
        when, recurs = self._when(kind), self._recurs(kind)
        begun = job.begun_at if job is not None else None
        # After a small step back of the clock, what was done a moment ago is not to be done again.
        since = begun if begun is not None and now < begun <= now + SET_BACK else now
        latest = when.after(since, self._zone)
        if latest is None:
            return None
        if job is None:
            due_at = now if kind.at_once else latest
        elif job.recurs != recurs:
            # By the new settings, from when it last ran: what they would have brought since is made up.
            due_at = latest if begun is None else when.after(begun, self._zone) or latest
        else:
            due_at = job.due_at
        # Later than the next time from now it can be only by a clock that was ahead.
        due_at = min(due_at, latest)
        if job is None or (job.recurs, job.due_at) != (recurs, due_at):
            self._timetable.put(kind.name, recurs, due_at)
            job = (
                ScheduledJob(kind.name, recurs, due_at)
                if job is None
                else evolve(job, recurs=recurs, due_at=due_at)
            )
        return job

    def _when(self, kind: _Kind) -> When:
        found: When = getattr(self._service.config.schedule, kind.name)
        return found

    def _recurs(self, kind: _Kind) -> str:
        """The settings that its times follow from."""
        when = self._when(kind)
        return str(when) if when.every is not None else f"{when} {self._zone.key}"

    # ------------------------------------------------------------------ what has ended

    def _end(self, job: ScheduledJob, future: asyncio.Future[Any], now: datetime) -> None:
        when = next(self._when(kind) for kind in _KINDS if kind.name == job.job)
        status, error = _result(future)
        # What fell due while it ran would find what it has just found.
        due_at = _following(when, job.due_at, now, self._zone)
        if status == "stopped" and self._service.runner.closed:
            # Not by a person, but because the service ends: it is made up when that is back.
            due_at = min(job.taken_for or now, now)
        failures = 0
        if status == "failed":
            failures = job.failures + 1
            if due_at - now > SELDOM:
                due_at = min(due_at, now + min(FIRST_PAUSE * 2 ** min(failures - 1, 6), LONGEST_PAUSE))
                _logger.warning(
                    "%s failed, and is tried again at %s", job.job, f"{due_at:%Y-%m-%d %H:%M:%S}Z"
                )
        self._timetable.end(
            job.job, self._owner, now, status=status, due_at=due_at, error=error, failures=failures
        )

    async def _leave(self) -> None:
        if self._asked:
            await asyncio.wait(self._asked.values())
        try:
            await self._service.engine.worker.run(self._settle, self._asked, False, leaving=True)
        except LedgerError as error:
            # Whoever comes next finds its owner gone.
            _logger.warning("how the last jobs ended could not be recorded: %s", error)
        unregister(self._owner)

    async def _nap(self) -> None:
        """Wait until the next job is due, or one that was asked for has ended, or for a while."""
        now = self._clock.now()
        dues = [job.due_at - now for job in self.jobs.values() if job.status != "running"]
        seconds = max(min([NAP, *dues]), timedelta()).total_seconds()
        nap = asyncio.ensure_future(self._clock.sleep(seconds))
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait([nap, ended], return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            ended.cancel()


async def keep_schedule(service: Service) -> None:
    """Do what is due, as long as the service is up."""
    if service.schedule:
        service.scheduler = Scheduler(service)
        await service.scheduler.run()


def _following(when: When, due_at: datetime, now: datetime, zone: Any) -> datetime:
    """Return the next time after one that is due; a length of time stays on the grid that it lies on."""
    if due_at > now:
        return due_at
    if when.every is not None:
        return due_at + when.every * ((now - due_at) // when.every + 1)
    return when.after(now, zone) or datetime.max.replace(tzinfo=UTC)


def _abandoned(job: ScheduledJob, now: datetime) -> bool:
    return gone(job.owner) or job.alive_at is None or abs(now - job.alive_at) > DEAD_AFTER


def _result(future: asyncio.Future[Any]) -> tuple[str, str]:
    """Return how a job ended, and what it said of it."""
    if future.cancelled():
        return "stopped", ""
    if (raised := future.exception()) is not None:
        return ("stopped", "") if isinstance(raised, Interrupted) else ("failed", str(raised))
    report = future.result()
    if getattr(report, "status", "") == "interrupted":
        return "stopped", ""
    parts = [*getattr(report, "sources", {}).values(), *getattr(report, "sinks", {}).values()]
    errors = [f"{part.name}: {part.error}" for part in parts if part.error]
    leased = any(getattr(part, "error_kind", "") == "leased" for part in parts)
    # Single items that are refused or held are no failure of the run: the next one finds them again.
    failed = leased or getattr(report, "exit_code", 0) in (2, 3)
    return ("failed" if failed else "done"), "; ".join(errors)
