"""One run after the other: who wants one asks here; what waits under the same name is run once for all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from mpstock.errors import Interrupted, MpstockError
from mpstock.service.news import Event, News

if TYPE_CHECKING:
    from mpstock.facade.asynchronous import AsyncShop
    from mpstock.reconcile.engine import Progress

__all__ = ["HEARD", "LATER", "PEOPLE", "SOON", "Job", "Runner", "Running"]

HEARD, PEOPLE, SOON, LATER = 0, 1, 2, 3
"""How urgent a job is: what a webhook brought, what a person asked for, the orders, all else."""

_logger = logging.getLogger("mpstock.service")


@frozen
class Job:
    """A run that somebody wants. `work` gets the shop, and whom to tell of its progress."""

    name: str
    work: Callable[[AsyncShop, Progress], Awaitable[Any]]
    urgency: int = LATER


@define
class Running:
    """The job that runs now: since when, and how far each phase of each adapter is (done, total if known)."""

    name: str
    since: datetime
    progress: dict[tuple[str, str], tuple[int, int | None]] = field(
        factory=dict[tuple[str, str], "tuple[int, int | None]"]
    )


@define(eq=False)
class _Waiting:
    job: Job
    number: int
    done: asyncio.Future[Any]


class Runner:
    """Runs jobs one at a time, the most urgent first."""

    def __init__(self, shop: AsyncShop, news: News, now: Callable[[], datetime]) -> None:
        self.running: Running | None = None
        self._shop = shop
        self._news = news
        self._now = now
        self._waiting: dict[str, _Waiting] = {}
        self._asked = asyncio.Event()
        self._number = 0
        self._closed = False

    @property
    def waiting(self) -> Sequence[str]:
        """The names of the jobs that wait, in the order in which they will run."""
        return [waiting.job.name for waiting in self._in_order()]

    @property
    def closed(self) -> bool:
        """Whether it takes no more jobs."""
        return self._closed

    def ask(self, job: Job) -> asyncio.Future[Any]:
        """Ask for a run; what waits under this name already is shared, and runs as the more urgent of both.

        The future has what the work returns or raises; nobody needs to wait for it. After the service has
        been told to stop it is cancelled.
        """
        found = self._waiting.get(job.name)
        if found is None:
            self._number += 1
            done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            # An exception that nobody waits for has been logged by us.
            done.add_done_callback(lambda future: future.cancelled() or future.exception())
            found = _Waiting(job, self._number, done)
            if self._closed:
                done.cancel()
                return done
            self._waiting[job.name] = found
        elif job.urgency < found.job.urgency:
            found.job = job
        self._asked.set()
        return found.done

    async def run(self) -> None:
        """Run what is asked for, until closed."""
        while not self._closed:
            waiting = next(iter(self._in_order()), None)
            if waiting is None:
                self._asked.clear()
                await self._asked.wait()
                continue
            del self._waiting[waiting.job.name]
            await self._one(waiting)

    def close(self) -> None:
        """Take no more jobs; the one under way is asked to stop, and records what is on the wire."""
        self._closed = True
        for waiting in self._waiting.values():
            waiting.done.cancel()
        self._waiting.clear()
        self._asked.set()
        if self.running is not None:
            self._shop.interrupt()

    def _in_order(self) -> list[_Waiting]:
        return sorted(self._waiting.values(), key=lambda waiting: (waiting.job.urgency, waiting.number))

    async def _one(self, waiting: _Waiting) -> None:
        job = waiting.job
        self.running = running = Running(job.name, self._now())
        self._tell("job_started", name=job.name)

        def progress(phase: str, name: str, done: int, total: int | None) -> None:
            running.progress[phase, name] = (done, total)
            self._tell("progress", name=job.name, phase=phase, adapter=name, done=done, total=total)

        error: BaseException | None = None
        try:
            result = await job.work(self._shop, progress)
            if not waiting.done.done():
                waiting.done.set_result(result)
        except asyncio.CancelledError as stopped:
            error = stopped
            waiting.done.cancel()
            raise
        except Exception as failure:
            error = failure
            # One job that fails must not end the service: the next one may well succeed.
            if isinstance(failure, Interrupted):
                _logger.info("%s was stopped", job.name, extra={"job": job.name})
            elif isinstance(failure, MpstockError):
                _logger.error("%s: %s", job.name, failure, extra={"job": job.name})
            else:
                _logger.exception("%s failed", job.name)
            if not waiting.done.done():
                waiting.done.set_exception(failure)
        finally:
            self.running = None
            self._tell("job_finished", name=job.name, error="" if error is None else str(error))

    def _tell(self, kind: str, **data: Any) -> None:
        self._news.tell(Event(kind, self._now(), data))
