"""The queue of tasks: Procrastinate's tables, and the one way by which the fleet puts something into them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from attrs import field, frozen
from procrastinate import App, JobContext, PsycopgConnector, exceptions
from procrastinate.psycopg_connector import wrap_exceptions

from mpstock.fleet.store import reach
from mpstock.fleet.timetable import TASKS

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

__all__ = ["BULK", "QUICK", "Job", "Queue", "Work"]

QUICK, BULK = "mpstock quick", "mpstock bulk"
"""The queues: long runs have one of their own, and few places in each worker."""

PRIORITY = {"enrol": 50, "push": 40, "orders": 30, "pull": 20, "tidy": 5, "full": 10, "verify": 10}
"""The higher the sooner: what was sold or brought goes before what is read in its time."""

REST = 0
"""The priority of what goes on with a task that gave its place back: behind all that has not begun."""

ATTEMPTS = 5

Work = Callable[["Job"], Awaitable[None]]


@frozen
class Job:
    """A task of one tenant in the queue. `key` is how it waits there at most once."""

    task: str
    tenant: str
    adapter: str = ""
    lock: str = ""
    queue: str = QUICK
    priority: int = field(default=-1)
    id: int = 0

    @property
    def key(self) -> str:
        return f"{self.task} {self.tenant} {self.adapter}".rstrip()

    @property
    def rank(self) -> int:
        """Its priority; what is not said follows from the task."""
        return PRIORITY[self.task] if self.priority < 0 else self.priority


class Queue:
    """Procrastinate, with the fleet's tasks. Use it as an async context manager.

    Args:
        url: the database, reached directly.
        work: what does a job.
        connections: how many connections it may have beside the ones that it listens on.
    """

    def __init__(self, url: str, work: Work, connections: int = 4) -> None:
        self._url = url
        self._work = work
        connector = PsycopgConnector(
            conninfo=url, min_size=1, max_size=connections, timeout=30.0, kwargs={"prepare_threshold": None}
        )
        self.app = App(connector=connector)
        for name in ("enrol", *TASKS):
            self.app.task(name=f"mpstock.{name}", queue=QUICK, pass_context=True)(self._named(name))

    def _named(self, name: str) -> Callable[..., Awaitable[None]]:
        async def run(context: JobContext, tenant: str, adapter: str = "") -> None:
            job = context.job
            await self._work(Job(name, tenant, adapter, job.lock or "", job.queue, job.priority, job.id or 0))

        return run

    async def __aenter__(self) -> Queue:
        # Asked once by itself: a pool tries for half a minute before it says anything.
        await reach(self._url)
        await self.app.open_async()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.app.close_async()

    @property
    def pool(self) -> AsyncConnectionPool[Any]:
        """The connections, which the fleet's own tables are reached by too."""
        connector = self.app.connector
        assert isinstance(connector, PsycopgConnector)
        return connector.pool

    async def create(self) -> None:
        """Make Procrastinate's tables, unless they are there."""
        if not await self.app.check_connection_async():
            await self.app.schema_manager.apply_schema_async()

    async def defer(self, jobs: Sequence[Job]) -> int:
        """Put jobs into the queue, as one step; one that waits there already is left. Returns how many."""
        for attempt in range(ATTEMPTS):
            try:
                return await self._defer(jobs)
            except exceptions.UniqueViolation:
                # Another has put one of them there this very moment.
                if attempt == ATTEMPTS - 1:
                    raise
        return 0

    async def _defer(self, jobs: Sequence[Job]) -> int:
        unique = {job.key: job for job in jobs}.values()
        if not unique:
            return 0
        rows = [
            (job.queue, f"mpstock.{job.task}", job.rank, job.lock or None, job.key, job.tenant, job.adapter)
            for job in unique
        ]
        async with wrap_exceptions(), self.pool.connection() as connection:
            found = await connection.execute(_DEFER, tuple(map(list, zip(*rows, strict=True))))
            row = await found.fetchone()
            return 0 if row is None else int(row[0])

    async def stalled(self, after: timedelta) -> list[Job]:
        """Return the jobs whose worker has not said for so long that it lives."""
        found = await self.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=after.total_seconds())
        return [
            Job(
                job.task_name.removeprefix("mpstock."),
                str(job.task_kwargs.get("tenant", "")), str(job.task_kwargs.get("adapter", "")),
                job.lock or "", job.queue, job.priority, job.id or 0,
            )
            for job in found
            if job.task_name.startswith("mpstock.")
        ]  # fmt: skip

    async def tidy(self, keep: timedelta) -> None:
        """Delete the jobs that have ended longer ago than that, whatever way."""
        await self.app.job_manager.delete_old_jobs(
            max(int(keep.total_seconds() / 3600), 1),
            include_failed=True, include_cancelled=True, include_aborted=True,
        )  # fmt: skip

    async def replace(self, job: Job) -> bool:
        """Take a job from a dead worker, which gives its lock back, and queue another in its place.

        Another, not the same: should the dead one wake and say that its job is done, that is not this one.
        Returns whether it still was that worker's.
        """
        async with wrap_exceptions(), self.pool.connection() as connection:
            ended = await connection.execute(
                "UPDATE procrastinate_jobs SET status = 'aborted', abort_requested = false, "
                "attempts = attempts + 1 WHERE id = %s AND status = 'doing' RETURNING id",
                (job.id,),
            )
            if await ended.fetchone() is None:
                return False
        await self.defer([job])
        return True


_DEFER = """
WITH wanted AS (
    SELECT * FROM unnest(%s::text[], %s::text[], %s::int[], %s::text[], %s::text[], %s::text[], %s::text[])
        AS told (queue, task, priority, lock, key, tenant, adapter)
), fresh AS (
    SELECT * FROM wanted WHERE NOT EXISTS (
        SELECT FROM procrastinate_jobs j WHERE j.queueing_lock = wanted.key AND j.status = 'todo'
    )
)
SELECT coalesce(array_length(procrastinate_defer_jobs_v1(ARRAY(
    SELECT ROW(
        queue, task, priority, lock, key,
        jsonb_strip_nulls(jsonb_build_object('tenant', tenant, 'adapter', nullif(adapter, ''))), NULL
    )::procrastinate_job_to_defer_v1
    FROM fresh
)), 1), 0)
"""
