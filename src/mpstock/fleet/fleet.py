"""A fleet: many tenants on one PostgreSQL, their tasks in one queue."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import OrderedDict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpstock.clock import SystemClock
from mpstock.errors import ConfigurationError, MpstockError
from mpstock.fleet.accounts import accounts
from mpstock.fleet.pace import FleetPaceStore
from mpstock.fleet.queue import BULK, QUICK, REST, Job, Queue
from mpstock.fleet.runs import Result, Running, check_task, run_task
from mpstock.fleet.schema import VERSION
from mpstock.fleet.settings import FleetSettings, load
from mpstock.fleet.store import Due, FleetStore
from mpstock.fleet.tenants import configured, open_tenants
from mpstock.fleet.timetable import next_time, recurring, uncovered
from mpstock.owners import register
from mpstock.plugins import PluginRegistry

if TYPE_CHECKING:
    from mpstock.clock import Clock
    from mpstock.config import Configuration
    from mpstock.facade.asynchronous import AsyncShop

__all__ = ["Fleet"]

PAGE = 2_000
"""Tasks that are queued in one step."""

KEPT = 500
"""Settings of tenants that are kept read."""

SELDOM = timedelta(hours=1)
"""What recurs within it needs no other try when it fails."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=1)
"""How long after a failure what comes seldom is tried again: twice as long each time."""

LEASED_PAUSE = timedelta(seconds=20)
"""How long after it found a lease taken a task is tried again."""

TRIES = 3
"""How often a task that does not recur is tried."""

_logger = logging.getLogger("mpstock.fleet")


class Fleet:
    """Use it as an async context manager.

    Args:
        settings: read from fleet.toml, or made in code.
        plugins: the plugins to build adapters with; by default all that are installed.
        clock: what time it is; by default the machine's clock.

    `running` are the tasks under way in this process, by the id of their job.
    """

    def __init__(
        self,
        settings: FleetSettings,
        *,
        plugins: PluginRegistry | None = None,
        clock: Clock | None = None,
        connections: int = 4,
    ) -> None:
        self.settings = settings
        self.plugins = plugins if plugins is not None else PluginRegistry()
        self.clock: Clock = clock if clock is not None else SystemClock()
        self.queue = Queue(settings.url.reveal(), self.do, connections)
        self.running: dict[int, Running] = {}
        self.name = register(self)
        self.store: FleetStore
        self._read: OrderedDict[tuple[str, str], Configuration] = OrderedDict()

    @classmethod
    def open(cls, path: str | os.PathLike[str] = "fleet.toml", **options: Any) -> Fleet:
        """Return the fleet that a settings file describes, for `async with`.

        Raises:
            ConfigurationError: the file or the environment is wrong; all of it is named.
        """
        return cls(load(Path(path)), **options)

    async def __aenter__(self) -> Fleet:
        await self.queue.__aenter__()
        self.store = FleetStore(self.queue.pool)
        self.tenants = open_tenants(self.settings, self.store)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.queue.__aexit__(*error)

    async def create(self) -> None:
        """Make the tables of the queue, of the fleet and of the ledgers, where they are not there yet."""
        await self.queue.create()
        await self.store.create()
        if self.settings.ledger_url is not None:
            await asyncio.to_thread(_make_ledgers, self.settings.ledger_url)

    async def check(self) -> None:
        """Raise `ConfigurationError` unless the tables are there, of this version."""
        version = await self.store.version()
        if version is None:
            raise ConfigurationError(
                "the fleet's database has no tables yet; make them with: mpstock fleet init",
                place="[fleet] url",
            )
        if version != VERSION:
            raise ConfigurationError(
                f"the fleet's tables are of version {version}, and this mpstock knows {VERSION}; "
                "run mpstock fleet init with the newer one",
                place="[fleet] url",
            )

    # ------------------------------------------------------------------ what is to be done

    async def settle(self) -> int:
        """Look at which tenants there are; those whose settings are new are queued to be taken in."""
        revisions = await self.tenants.revisions()
        if not revisions and (known := await self.store.tenant_count()):
            # A folder that is not mounted is no reason to forget everybody.
            raise ConfigurationError(
                f"there is no tenant any more where {known} were; if that is so, make the tables anew",
                place="[fleet] tenants",
            )
        changed = await self.store.take_in(revisions, self.clock.now())
        return await self.queue.defer([Job("enrol", tenant) for tenant in changed])

    async def defer_due(self) -> int:
        """Queue what is due, each task once however often it was missed. Returns how many were."""
        queued = 0
        while True:
            now = self.clock.now()
            due = await self.store.due(now, PAGE)
            if not due:
                return queued
            wanted = self._wanted(due)
            queued += await self.queue.defer([self._job(one) for one in wanted])
            # Queued first: whoever dies in between has them queued once all the same.
            await self.store.put_off([(one, self._next(one, now)) for one in due])
            if len(due) < PAGE:
                return queued

    def _wanted(self, due: list[Due]) -> list[Due]:
        """Return what does not come along with another task of the same tenant."""
        tasks: dict[str, set[str]] = {}
        for one in due:
            tasks.setdefault(one.tenant, set()).add(one.task)
        apart = {tenant: uncovered(names) for tenant, names in tasks.items()}
        return [one for one in due if one.task in apart[one.tenant]]

    def _job(self, due: Due) -> Job:
        long = due.seconds is not None and due.seconds > self.settings.worker.long.total_seconds()
        return Job(due.task, due.tenant, due.adapter, due.lock, BULK if long else QUICK)

    def _next(self, due: Due, now: datetime) -> datetime | None:
        return next_time(due.tenant, due.task, due.recurs, due.zone, self.settings.spread, now)

    async def defer(self, tenant: str, task: str, adapter: str = "") -> bool:
        """Queue a task of one tenant now; False where it waits there already.

        For whoever hears that something has moved: a webhook's `push`, a person's `full`.

        Raises:
            ConfigurationError: there is no such tenant or task, or its settings cannot be used.
        """
        check_task(task)
        found = await self.store.tenant(tenant)
        if found is None:
            await self.tenants.tables(tenant)
            raise ConfigurationError(
                f"{tenant!r} has not been taken in yet; a worker does it within seconds", place="tenant"
            )
        if found.error:
            raise ConfigurationError(f"{tenant}: {found.error}", place="tenant")
        return await self.queue.defer([Job(task, tenant, adapter, found.lock)]) > 0

    async def tidy(self) -> None:
        """Let go the tasks in the queue's table that have broken off long ago."""
        await self.queue.tidy(self.settings.keep)

    async def mend(self) -> list[Job]:
        """Take the tasks of dead workers from them, which gives the locks back, and queue them anew."""
        stalled = await self.queue.stalled(self.settings.worker.stalled_after)
        mended = [job for job in stalled if await self.queue.replace(job)]
        for job in mended:
            _logger.warning("%s: its worker has died; it is queued again", job.key)
        return mended

    # ------------------------------------------------------------------ doing it

    async def do(self, job: Job) -> None:
        """Do one job of the queue. What goes wrong is recorded, and no reason for the queue to give up."""
        if job.task == "enrol":
            await self.enrol(job.tenant)
            return
        worker, begun = f"{self.name}#{job.id}", self.clock.now()
        await self.store.begin(job.tenant, job.task, job.adapter, worker, begun)
        result = await self._result(job)
        again = None
        if result.failed:
            _logger.error("%s: %s", job.key, result.error, extra={"tenant": job.tenant, "job": job.task})
            again = await self._again(job, result)
        await self.store.end(
            job.tenant, job.task, job.adapter, worker, self.clock.now(),
            status=result.status, error=result.error, pushed=result.pushed, again_at=again,
        )  # fmt: skip
        if result.goes_on:
            # The rest of what a task does is to send what differs: it need not be read again for it.
            rest = "push" if job.task in ("full", "pull", "orders") else job.task
            await self.queue.defer([Job(rest, job.tenant, job.adapter, job.lock, BULK, REST)])

    async def _result(self, job: Job) -> Result:
        try:
            return await self.run(job.tenant, job.task, job.adapter, number=job.id)
        except MpstockError as error:
            return Result("failed", error=str(error))
        except Exception as error:
            _logger.exception("%s failed", job.key)
            return Result("failed", error=f"{type(error).__name__}; the worker's log says more")

    async def _again(self, job: Job, result: Result) -> datetime | None:
        """Return when a task that has failed is tried again, where it does not come again soon anyway."""
        found = await self.store.task(job.tenant, job.task, job.adapter)
        due_at, failures = (None, 0) if found is None else found
        now = self.clock.now()
        if result.leased:
            # Its holder has died or sleeps, and nobody can know which before the lease runs out.
            return now + LEASED_PAUSE
        if due_at is None:
            return now + FIRST_PAUSE if failures < TRIES else None
        pause = min(FIRST_PAUSE * 2 ** min(failures, 6), LONGEST_PAUSE)
        return now + pause if due_at - now > SELDOM else None

    async def run(self, tenant: str, task: str, adapter: str = "", *, number: int = 0) -> Result:
        """Do one task of one tenant here and now, whoever spreads the work.

        Raises:
            ConfigurationError: there is no such tenant or task, or its settings cannot be used.
            LedgerError: the ledger cannot be used; nothing more was sent.
        """
        async with await self.shop(tenant) as shop:
            try:
                return await run_task(
                    shop, task, adapter, slice=self.settings.worker.slice, clock=self.clock,
                    began=lambda running: self.running.__setitem__(number, running),
                )  # fmt: skip
            finally:
                self.running.pop(number, None)

    async def shop(self, tenant: str) -> AsyncShop:
        """Return the shop of one tenant, with the limits of its accounts shared by the whole fleet."""
        from mpstock.facade.asynchronous import AsyncShop

        config = await self.config(tenant)
        shop = AsyncShop(config, plugins=self.plugins, clock=self.clock)
        shop._assembly.pace_store = FleetPaceStore(self.store, tenant, config.sources)
        return shop

    async def config(self, tenant: str) -> Configuration:
        """Return the settings of one tenant; those that have not changed are read once."""
        known = await self.store.tenant(tenant)
        key = (tenant, "" if known is None else known.revision)
        found = self._read.get(key)
        if found is None:
            found = await configured(tenant, self.tenants, self.settings, self.plugins)
            if known is not None:
                self._read[key] = found
                while len(self._read) > KEPT:
                    self._read.popitem(last=False)
        return found

    async def enrol(self, tenant: str) -> None:
        """Take in what a tenant's settings say. If they cannot be used, that is recorded: others go on."""
        known = await self.store.tenant(tenant)
        if known is None or known.enrolled == known.revision:
            return
        try:
            config = await self.config(tenant)
            held = await accounts(config, self.plugins, self.clock)
        except MpstockError as error:
            _logger.error("%s: %s", tenant, error, extra={"tenant": tenant})
            await self.store.refuse(tenant, known.revision, str(error))
            return
        now, spread = self.clock.now(), self.settings.spread
        tasks = [
            (one, next_time(tenant, one.task, one.recurs, one.zone, spread, now))
            for one in recurring(config.schedule)
        ]
        await self.store.enrol(tenant, known.revision, held, tasks)


def _make_ledgers(url: str) -> None:
    """Make the tables of the ledgers: a role that may not, or may too much, is told of once and now."""
    from mpstock.ledger.opening import open_database

    database = open_database(url)
    try:
        database.migrate()
    finally:
        database.close()
