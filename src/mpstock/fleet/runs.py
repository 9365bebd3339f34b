"""One task of one tenant, as a plain function: what every engine that spreads work calls."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from mpstock.errors import ConfigurationError, Interrupted
from mpstock.fleet.timetable import TASKS
from mpstock.nearest import suggestion

if TYPE_CHECKING:
    from mpstock.clock import Clock
    from mpstock.facade.asynchronous import AsyncShop

__all__ = ["Result", "Running", "check_task", "run_now", "run_task"]


@frozen
class Result:
    """What came of a task: `done`, `failed`, or `stopped` before its end; `error` says why.

    `goes_on`: it gave its place back while there was something to send. `leased`: another process still held
    the lease of a sink.
    """

    status: str
    pushed: int = 0
    error: str = ""
    goes_on: bool = False
    leased: bool = False

    @property
    def failed(self) -> bool:
        """Whether it could not do its work."""
        return self.status == "failed"


def run_now(path: str | os.PathLike[str], tenant: str, task: str, adapter: str = "") -> Result:
    """Do one task of one tenant of the fleet that a settings file describes, here and now.

    For other engines that spread work: Celery, Airflow, cron. The fleet's tables must be there, its workers
    need not. Not for code that runs in an event loop: there it is `await fleet.run(…)`.

    Raises:
        ConfigurationError: there is no such tenant or task, or settings cannot be used.
        LedgerError: the database cannot be used; nothing more was sent.
    """
    from mpstock.fleet.fleet import Fleet

    async def work() -> Result:
        async with Fleet.open(path) as fleet:
            await fleet.check()
            return await fleet.run(tenant, task, adapter)

    return asyncio.run(work())


def check_task(task: str) -> None:
    """Raise `ConfigurationError` for a task that there is not."""
    if task not in TASKS:
        meant = suggestion(task, TASKS, what="the tasks are")
        raise ConfigurationError(f"there is no task {task!r}; {meant}", place="task")


@define(eq=False)
class Running:
    """A task under way in this process, which can be asked to stop."""

    shop: AsyncShop
    clock: Clock
    slice: timedelta | None = None
    sliced: bool = False
    _since: float | None = None
    _timer: asyncio.Task[None] | None = field(default=None)

    def progress(self, phase: str, _name: str, _done: int, _total: int | None) -> None:
        """Hear how far it is: the time that it may take counts from when it begins to send.

        What was read halfway would be read from the beginning again; what was sent is sent.
        """
        if phase == "push" and self._timer is None and self.slice is not None:
            self._timer = asyncio.ensure_future(self._end(self.slice))

    async def _end(self, after: timedelta) -> None:
        await self.clock.sleep(after.total_seconds())
        self.sliced = True
        self.shop.interrupt()

    def stop(self) -> None:
        """Ask it to stop: what is on the wire is waited for and recorded."""
        self.shop.interrupt(for_good=True)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


async def run_task(
    shop: AsyncShop,
    task: str,
    adapter: str = "",
    *,
    slice: timedelta | None = None,  # noqa: A002  (the word of the settings)
    clock: Clock | None = None,
    began: Callable[[Running], Any] = lambda _running: None,
) -> Result:
    """Do one task for the shop of one tenant; the caller opens and closes that.

    Args:
        shop: the tenant's shop.
        task: `push`, `orders`, `pull`, `full`, `verify` or `tidy`.
        adapter: for `pull` the one source to read, for `push` and `verify` the one sink; empty = all.
        slice: how long it may send before it gives its place back; None = until it is done.
        clock: by which that is measured; None = the machine's.
        began: told of the task under way, to stop it by.

    Raises:
        ConfigurationError: there is no such task, or it takes no such adapter.
        LedgerError: the ledger cannot be used; nothing more was sent.
    """
    from mpstock.clock import SystemClock

    check_task(task)
    running = Running(shop, clock or SystemClock(), slice)
    began(running)
    try:
        return _result(await _work(shop, task, adapter, running), running)
    except Interrupted:
        return Result("stopped", goes_on=True)
    finally:
        running.close()


async def _work(shop: AsyncShop, task: str, adapter: str, running: Running) -> Any:
    one = [adapter] if adapter else None
    told: dict[str, Any] = {"cause": "schedule", "actor": "fleet", "progress": running.progress}
    match task:
        case "push":
            return await shop.sync(read="nothing", sinks=one, **told)
        case "pull":
            return await shop.sync(sources=one, **told)
        case "verify":
            return await shop.verify(one, urgent=True, cause="schedule", progress=running.progress)
    if adapter:
        raise ConfigurationError(f"{task} is of all that a tenant has; leave {adapter!r} out", place=task)
    match task:
        case "orders":
            return await shop.sync(read="orders", **told)
        case "full":
            return await shop.sync(full=True, **told)
        case _:
            return await shop.tidy()


def _result(report: Any, running: Running) -> Result:
    """Say what came of a run. Single items that are refused or held are no failure: the next finds them."""
    pushed = getattr(report, "pushed", 0)
    if getattr(report, "status", "") == "interrupted":
        return Result("stopped", pushed, goes_on=True)
    parts = [*getattr(report, "sources", {}).values(), *getattr(report, "sinks", {}).values()]
    errors = [f"{part.name}: {part.error}" for part in parts if part.error]
    leased = any(getattr(part, "error_kind", "") == "leased" for part in parts)
    failed = leased or getattr(report, "exit_code", 0) in (2, 3)
    return Result("failed" if failed else "done", pushed, "; ".join(errors), leased=leased)
