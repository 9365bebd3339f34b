"""A worker: it finds what is due, survives its database, ends when told to, and knows when it slept."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from mpstock.clock import SystemClock
from mpstock.fleet import Fleet, Worker
from tests import postgres
from tests.fleet.fleets import Play, needs_postgresql, until
from tests.reconcile.shops import shows

pytestmark = needs_postgresql


def quick(play: Play) -> None:
    play.change(
        look=timedelta(milliseconds=50),
        heartbeat=timedelta(milliseconds=300),
        stalled_after=timedelta(seconds=1),
    )


async def status(fleet: Fleet, task: str) -> str:
    async with fleet.queue.pool.connection() as connection:
        rows = await connection.execute("SELECT status FROM mpstock_fleet_tasks WHERE task = %s", (task,))
        row = await rows.fetchone()
        return "" if row is None else str(row[0])


async def make_due(fleet: Fleet, task: str) -> None:
    async with fleet.queue.pool.connection() as connection:
        await connection.execute("UPDATE mpstock_fleet_tasks SET due_at = now() WHERE task = %s", (task,))


def test_a_worker_alone_brings_a_new_tenant_into_step(play: Play) -> None:
    """It takes in the file, queues what is due, does it, and ends when it is told to."""
    _, account = play.tenant("one", {"A": 5})
    quick(play)

    async def story() -> None:
        async with play.open() as fleet:
            worker = Worker(fleet)
            working = asyncio.ensure_future(worker.run())
            await until(lambda: _there(fleet))
            await make_due(fleet, "pull")
            await until(lambda: shows(account) == {"A": 5})
            worker.stop()
            await asyncio.wait_for(working, 90)

    asyncio.run(story())


async def _there(fleet: Fleet) -> bool:
    found = await fleet.store.tenant("one")
    return found is not None and found.enrolled == found.revision


def test_a_worker_that_loses_its_database_goes_on_when_that_is_back(play: Play) -> None:
    """All its connections are cut, as by a restart of PostgreSQL: it says so, and comes back by itself."""
    stock, account = play.tenant("one", {"A": 5})
    quick(play)

    async def story() -> None:
        async with play.open() as fleet:
            worker = Worker(fleet, pause=timedelta(milliseconds=50))
            working = asyncio.ensure_future(worker.run())
            await until(lambda: _there(fleet))
            with postgres.server().admin() as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", ("mpstock",)
                )
            stock.set("A", 7)

            async def asked() -> bool:
                try:
                    return await fleet.defer("one", "pull")
                except Exception:
                    return False

            await until(asked)
            await until(lambda: shows(account) == {"A": 7})
            worker.stop()
            await asyncio.wait_for(working, 90)

    asyncio.run(story())


def test_a_worker_that_is_told_to_stop_queues_again_what_it_was_doing(play: Play) -> None:
    """What is on the wire is recorded; the rest waits in the queue for another worker."""
    _, account = play.tenant("one", {f"S{number:04}": 5 for number in range(600)})
    quick(play)

    async def story() -> int:
        async with play.open() as fleet:
            worker = Worker(fleet)
            working = asyncio.ensure_future(worker.run())
            await until(lambda: _there(fleet))
            await fleet.defer("one", "full")
            await until(lambda: len(shows(account)) > 0)
            worker.stop()
            await asyncio.wait_for(working, 90)
            pushed = len(shows(account))
            assert await status(fleet, "full") == "stopped"
            await play.work_off(fleet)
            return pushed

    assert 0 < asyncio.run(story()) < 600
    assert len(shows(account)) == 600


class Sleeper(SystemClock):
    """A clock that jumps ahead once, as after the process was suspended."""

    jump = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.jump


def test_a_worker_that_slept_leaves_its_runs_to_others_and_registers_anew(play: Play) -> None:
    """Others have taken over meanwhile: it ends what it did, and says anew who it is."""
    play.tenant("one", {f"S{number:04}": 5 for number in range(600)})
    quick(play)
    clock = Sleeper()

    async def names(fleet: Fleet) -> set[int]:
        async with fleet.queue.pool.connection() as connection:
            rows = await connection.execute("SELECT id FROM procrastinate_workers")
            return {row[0] for row in await rows.fetchall()}

    async def story() -> None:
        async with play.open(clock=clock) as fleet:
            worker = Worker(fleet, pause=timedelta(milliseconds=50))
            working = asyncio.ensure_future(worker.run())
            await until(lambda: _there(fleet))
            before = await names(fleet)
            await fleet.defer("one", "full")
            await until(lambda: bool(fleet.running))
            clock.jump = 60.0

            async def anew() -> bool:
                return await status(fleet, "full") == "stopped" and not before & await names(fleet)

            await until(anew)
            worker.stop()
            await asyncio.wait_for(working, 90)

    asyncio.run(story())
