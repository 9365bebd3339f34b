"""One worker process: it does what is queued, queues what is due, and takes over from the dead."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from procrastinate import exceptions

from mpstock.errors import MpstockError
from mpstock.fleet.queue import BULK, QUICK

if TYPE_CHECKING:
    from mpstock.fleet.fleet import Fleet

__all__ = ["QUEUES", "Worker"]

QUEUES = ("quick", "bulk")
"""What a worker may be told to serve: short runs, long ones, or both."""

SETTLE = timedelta(seconds=30)
"""How often it is looked which tenants there are."""

TIDY = timedelta(hours=1)
"""How often what has broken off long ago is let go."""

PAUSE = timedelta(seconds=5)
"""How long a worker that lost its database waits before it tries again."""

_logger = logging.getLogger("mpstock.fleet.worker")


class Worker:
    """Works for a fleet until told to stop.

    Args:
        fleet: opened already.
        queues: `quick`, `bulk` or both.
        concurrency: runs at the same time; None = as the settings say.
        pause: after which a queue that broke off is served again.
    """

    def __init__(
        self,
        fleet: Fleet,
        *,
        queues: tuple[str, ...] = QUEUES,
        concurrency: int | None = None,
        pause: timedelta = PAUSE,
    ) -> None:
        from attrs import evolve

        self._fleet = fleet
        self._clock = fleet.clock
        self._queues = queues
        settings = fleet.settings.worker
        self._settings = settings if concurrency is None else evolve(settings, concurrency=concurrency)
        self._pause = pause
        self._stop = asyncio.Event()
        self._anew = asyncio.Event()

    def stop(self) -> None:
        """Begin nothing more; what is on the wire is waited for and recorded, the rest is queued again."""
        self._stop.set()
        for running in list(self._fleet.running.values()):
            running.stop()

    async def run(self) -> None:
        """Work until told to stop; a database that goes away is waited for."""
        loops = [
            asyncio.ensure_future(one)
            for one in (
                self._every(self._settings.look, self._fleet.defer_due),
                self._every(SETTLE, self._fleet.settle),
                self._every(self._settings.stalled_after / 3, self._fleet.mend),
                self._every(TIDY, self._fleet.tidy),
                self._watch_sleep(),
            )
        ]
        try:
            while not self._stop.is_set():
                self._anew.clear()
                await self._serve()
                if not self._stop.is_set() and not self._anew.is_set():
                    await self._nap(self._pause.total_seconds())
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    async def _serve(self) -> None:
        """Serve the queues until told to stop, or to begin anew, or one of them breaks off."""
        shares = {"quick": (QUICK, self._settings.concurrency), "bulk": (BULK, self._settings.places)}
        if len(self._queues) == 1:
            shares = {self._queues[0]: (shares[self._queues[0]][0], self._settings.concurrency)}
        serving = [
            asyncio.ensure_future(self._serve_queue(queue, places)) for queue, places in shares.values()
        ]
        ends = [asyncio.ensure_future(one.wait()) for one in (self._stop, self._anew)]
        await asyncio.wait([*serving, *ends], return_when=asyncio.FIRST_COMPLETED)
        for task in (*serving, *ends):
            # Cancelled, it takes no more jobs, and waits for those that it has.
            task.cancel()
        for outcome in await asyncio.gather(*serving, return_exceptions=True):
            if isinstance(outcome, Exception):
                _logger.error("the queue cannot be served: %s", type(outcome).__name__)
        await asyncio.gather(*ends, return_exceptions=True)

    async def _serve_queue(self, queue: str, places: int) -> None:
        settings = self._settings
        await self._fleet.queue.app.run_worker_async(
            queues=[queue],
            name=queue,
            concurrency=places,
            install_signal_handlers=False,
            fetch_job_polling_interval=settings.look.total_seconds(),
            shutdown_graceful_timeout=settings.stop_within.total_seconds(),
            update_heartbeat_interval=settings.heartbeat.total_seconds(),
            stalled_worker_timeout=settings.stalled_after.total_seconds(),
            delete_jobs="successful",
        )

    async def _every(self, every: timedelta, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            try:
                await work()
            except (MpstockError, exceptions.ConnectorException, OSError) as error:
                # The next look may well succeed: settings are mended, a database comes back.
                _logger.error("%s: %s", getattr(work, "__name__", "work"), error)
            await self._clock.sleep(every.total_seconds())

    async def _watch_sleep(self) -> None:
        """Notice that this process, or its machine, was suspended: others have taken over by then.

        What was under way ends, and the worker says anew that it lives.
        """
        most = self._settings.stalled_after.total_seconds() / 2
        seen = self._clock.monotonic()
        while True:
            await self._clock.sleep(min(1.0, most / 4))
            now = self._clock.monotonic()
            if now - seen > most:
                _logger.warning("this worker slept for %.0f s; what it did is left to others", now - seen)
                for running in list(self._fleet.running.values()):
                    running.stop()
                self._anew.set()
            seen = now

    async def _nap(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with self._clock.timeout(seconds):
                await self._stop.wait()
