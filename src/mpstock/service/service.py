"""One shop that is always on: its doors write to the ledger, its runner acts on what they wrote."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from mpstock.hookspecs import hookimpl
from mpstock.service.alerting import keep_alerts
from mpstock.service.dashboard import keep_dashboard
from mpstock.service.logs import log_news
from mpstock.service.monitoring.metrics import Metrics
from mpstock.service.news import Event, News
from mpstock.service.runner import HEARD, Job, Runner
from mpstock.service.schedule import Scheduler, keep_schedule
from mpstock.service.systemd import keep_watchdog_quiet
from mpstock.service.webhooks.tending import tend

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    from mpstock.config import Configuration, ServiceSettings
    from mpstock.events import Alert, Planned, Pushed, RunFinished
    from mpstock.facade.asynchronous import AsyncShop
    from mpstock.reconcile.engine import Engine, Progress

__all__ = ["LOOPS", "Service"]

Loop = Callable[["Service"], Awaitable[None]]

LOOPS: tuple[Loop, ...] = (
    keep_schedule,
    keep_alerts,
    keep_watchdog_quiet,
    log_news,
    tend,
    keep_dashboard,
)
"""What goes on by itself while a service is up, each until it is cancelled."""

_logger = logging.getLogger("mpstock.service")


class Service:
    """Keeps one shop in step as long as it is up. Use it as an async context manager, or start and stop it.

    Args:
        shop: the shop; the service closes it when it stops.
        schedule: whether it reads and verifies by itself; without, it acts only on what it is brought and
            asked (another process, or a task queue, has the schedule).
    """

    def __init__(self, shop: AsyncShop, *, schedule: bool = True) -> None:
        self.shop = shop
        self.schedule = schedule
        self.news = News()
        self.metrics = Metrics()
        self.news.follow(self.metrics.hear)
        self.runner: Runner
        self.engine: Engine
        self.started_at: datetime
        self.scheduler: Scheduler | None = None
        self._starting = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._up = False
        self._stopped = False
        self._stopping_since: float | None = None
        self._abandoned = asyncio.Event()
        self._last_heard = float("-inf")
        self._gathering: asyncio.Task[None] | None = None

    @property
    def config(self) -> Configuration:
        """The settings of the shop."""
        return self.shop.config

    @property
    def settings(self) -> ServiceSettings:
        """The table `[service]`."""
        return self.shop.config.service

    @property
    def up(self) -> bool:
        """Whether it has started and not been stopped."""
        return self._up

    async def __aenter__(self) -> Service:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open the ledger, build the adapters, begin to run; a second call does nothing.

        Raises:
            RuntimeError: it has been stopped before.
            MpstockError: the shop cannot be opened.
        """
        async with self._starting:
            if self._up:
                return
            if self._stopped:
                raise RuntimeError("this service has been stopped; make a new one")
            self.engine = await self.shop._assembly.start()
            self.started_at = self.engine.clock.now()
            for transport in self.shop._assembly.transports:
                transport.heard = self.metrics.exchanged
            self.runner = Runner(self.shop, self.news, self.engine.clock.now)
            self.shop._assembly.plugins.register(_Listener(self.news), name="service")
            self._begin(self.runner.run())
            for loop in LOOPS:
                self._begin(loop(self))
            self._up = True
            # What came in before the last process died is in the ledger, and nobody has acted on it yet.
            self.act()

    @property
    def stopping(self) -> bool:
        """Whether it has been told to stop."""
        return self._stopping_since is not None

    def begin_stop(self) -> None:
        """Begin no more work, and ask the run under way to end; what comes in is still taken. See `stop`."""
        if self._up and self._stopping_since is None:
            self._stopping_since = self.engine.clock.monotonic()
            self.shop.interrupt(for_good=True)
            self.runner.close()
            self.news.close()

    def abandon(self) -> None:
        """Wait no longer for what is on its way: it counts as doubtful, and is looked at by the next run."""
        self._abandoned.set()

    async def stop(self) -> None:
        """Take no more work, let the batch in flight be answered and recorded, close the shop.

        It waits for that as long as `[service] stop_within` says, from when it was first told to stop.
        """
        async with self._starting:
            if not self._up:
                return
            self.begin_stop()
            self._up, self._stopped = False, True
            runner, *others = self._tasks
            if self._gathering is not None:
                others.append(self._gathering)
            for task in others:
                task.cancel()
            await self._answered(runner)
            while not runner.done():
                # A run that is cancelled once still waits for what is on the wire.
                runner.cancel()
                await asyncio.wait([runner], timeout=0.1)
            await asyncio.gather(runner, *others, return_exceptions=True)
            self._tasks.clear()
            await self.shop.aclose()

    async def _answered(self, runner: asyncio.Task[None]) -> None:
        """Wait until the run under way has ended, but not too long."""
        clock = self.engine.clock
        since = clock.monotonic() if self._stopping_since is None else self._stopping_since
        left = since + self.settings.stop_within.total_seconds() - clock.monotonic()
        waits = [asyncio.ensure_future(clock.sleep(left)), asyncio.ensure_future(self._abandoned.wait())]
        try:
            await asyncio.wait([runner, *waits], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if not runner.done():
            _logger.warning("what is on its way is not waited for any longer; the next run looks at it")

    def act(self) -> None:
        """Something has come into the ledger: push what it moves, at once or (`debounce`) a little later."""
        self.engine.wake()
        clock, debounce = self.engine.clock, self.settings.webhooks.debounce.total_seconds()
        wait = self._last_heard + debounce - clock.monotonic()
        if wait <= 0:
            self._last_heard = clock.monotonic()
            self.runner.ask(Job("heard", _push_what_was_heard, HEARD))
        elif self._gathering is None or self._gathering.done():
            self._gathering = asyncio.ensure_future(self._act_later(wait))

    async def _act_later(self, seconds: float) -> None:
        await self.engine.clock.sleep(seconds)
        self._gathering = None
        self.act()

    def _begin(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        task.add_done_callback(_log_failure)
        self._tasks.append(task)


async def _push_what_was_heard(shop: AsyncShop, progress: Progress) -> Any:
    return await shop.sync(read="nothing", cause="webhook", actor="service", progress=progress)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _logger.critical("a part of the service has ended: %s", error, exc_info=error)


class _Listener:
    """Hears what the engine tells every plugin, and hands it to the listeners of this process."""

    def __init__(self, news: News) -> None:
        self._news = news

    @hookimpl
    def mpstock_planned(self, event: Planned) -> None:
        self._tell("planned", event)

    @hookimpl
    def mpstock_pushed(self, event: Pushed) -> None:
        self._tell("pushed", event)

    @hookimpl
    def mpstock_run_finished(self, event: RunFinished) -> None:
        self._tell("run_finished", event)

    @hookimpl
    def mpstock_alert(self, event: Alert) -> None:
        self._tell("alert", event)

    def _tell(self, kind: str, event: Planned | Pushed | RunFinished | Alert) -> None:
        self._news.tell(Event(kind, event.at, {"event": event}))
