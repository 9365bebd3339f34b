"""A fleet on a real PostgreSQL and queue: tenants are taken in, what is due is done once, nothing is lost."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status

from mpstock.errors import ConfigurationError, TransientError
from mpstock.fleet.queue import BULK, QUICK, Job
from tests.fleet.fleets import Play, needs_postgresql
from tests.reconcile.shops import shows

pytestmark = needs_postgresql


def test_a_tenant_s_file_is_enough(play: Play) -> None:
    """A file in the folder: its settings are taken in, its first run fills its account."""
    _, account = play.tenant("one", {"A": 5})

    async def story() -> None:
        async with play.open() as fleet:
            assert await fleet.settle() == 1
            await play.work_off(fleet)
            assert await fleet.settle() == 0
            assert await fleet.defer("one", "pull")
            await play.work_off(fleet)

    asyncio.run(story())
    assert shows(account) == {"A": 5}


def test_a_task_waits_in_the_queue_once(play: Play) -> None:
    """Ten webhooks in a second cost one push; another tenant's is another."""
    play.tenant("one")
    play.tenant("two")

    async def story() -> list[bool]:
        async with play.open() as fleet:
            await fleet.settle()
            await play.work_off(fleet)
            return [await fleet.defer(name, "push") for name in ("one", "one", "two")]

    assert asyncio.run(story()) == [True, False, True]


def test_a_broken_tenant_is_told_and_stops_nobody(play: Play) -> None:
    """What is wrong in one file is kept with that tenant, without its secrets, until the file changes."""
    play.tenant("bad", more="\n[guards]\nsecrets = 'no'\n")
    _, account = play.tenant("good", {"A": 5})

    async def story() -> str:
        async with play.open() as fleet:
            await fleet.settle()
            await play.work_off(fleet)
            await fleet.defer("good", "pull")
            await play.work_off(fleet)
            with pytest.raises(ConfigurationError, match="secrets"):
                await fleet.defer("bad", "pull")
            found = await fleet.store.tenant("bad")
            assert found is not None
            play.tenant("bad")
            await fleet.settle()
            await play.work_off(fleet)
            assert await fleet.defer("bad", "pull")
            return found.error

    error = asyncio.run(story())
    assert "secrets" in error
    assert "the-key-of-all" not in error
    assert shows(account) == {"A": 5}


def test_a_source_that_fails_is_recorded_with_its_tenant(play: Play) -> None:
    """A run that could not do its work is no error of the queue: it is the tenant's, and told there."""
    source, _ = play.tenant("one", {"A": 5})
    source.fail(TransientError("no route to host"))

    async def story() -> tuple[object, ...]:
        async with play.open() as fleet:
            await fleet.settle()
            await play.work_off(fleet)
            async with fleet.queue.pool.connection() as connection:
                await connection.execute(
                    "UPDATE mpstock_fleet_tasks SET due_at = now() + interval '20 hours'"
                )
            await fleet.defer("one", "full")
            await play.work_off(fleet)
            async with fleet.queue.pool.connection() as connection:
                rows = await connection.execute(
                    "SELECT status, error, failures, due_at - ended_at < interval '6 minutes' "
                    "FROM mpstock_fleet_tasks WHERE task = 'full'"
                )
                row = await rows.fetchone()
                left = await connection.execute("SELECT count(*) FROM procrastinate_jobs")
                return (*(row or ()), *(await left.fetchone() or ()))

    status, error, failures, soon, left = asyncio.run(story())
    assert (status, failures, soon, left) == ("failed", 1, True, 0)
    assert "no route to host" in str(error)


def test_tenants_of_one_account_share_a_lock(play: Play) -> None:
    """Who talks to an account is alone with it, whichever tenant it is for; a third tenant is not held up."""
    play.tenant("one")
    play.tenant("two", account="one")
    play.tenant("three")

    async def story() -> dict[str, str]:
        async with play.open() as fleet:
            await fleet.settle()
            await play.work_off(fleet)
            found = [await fleet.store.tenant(name) for name in ("one", "two", "three")]
            return {one.name: one.lock for one in found if one is not None}

    locks = asyncio.run(story())
    assert locks == {"one": "account play:one", "two": "account play:one", "three": "account play:three"}


def test_what_is_due_is_queued_once_after_a_downtime(play: Play) -> None:
    """Days that were missed are made up by one task each, but for what comes along with another."""
    play.tenant("one")

    async def story() -> list[tuple[str, ...]]:
        async with play.open() as fleet:
            await fleet.settle()
            await play.work_off(fleet)
            async with fleet.queue.pool.connection() as connection:
                await connection.execute(
                    "UPDATE mpstock_fleet_tasks SET due_at = due_at - interval '3 days' WHERE task <> 'tidy'"
                )
            await fleet.defer_due()
            assert await fleet.defer_due() == 0
            async with fleet.queue.pool.connection() as connection:
                rows = await connection.execute(
                    "SELECT task_name, lock FROM procrastinate_jobs ORDER BY task_name"
                )
                return await rows.fetchall()

    assert asyncio.run(story()) == [
        ("mpstock.full", "account play:one"),
        ("mpstock.verify", "account play:one"),
    ]


def test_a_long_run_is_queued_with_the_long_ones(play: Play) -> None:
    """What took longer than `long` the last time waits for one of the few places of its kind."""
    play.tenant("one")

    async def story() -> list[tuple[str, ...]]:
        async with play.open() as fleet:
            await fleet.settle()
            await play.work_off(fleet)
            async with fleet.queue.pool.connection() as connection:
                await connection.execute(
                    "UPDATE mpstock_fleet_tasks SET due_at = now() - interval '1 day', "
                    "seconds = CASE task WHEN 'full' THEN 61 ELSE 59 END WHERE task IN ('full', 'verify')"
                )
            await fleet.defer_due()
            async with fleet.queue.pool.connection() as connection:
                rows = await connection.execute("SELECT task_name, queue_name FROM procrastinate_jobs")
                return await rows.fetchall()

    assert sorted(asyncio.run(story())) == [("mpstock.full", BULK), ("mpstock.verify", QUICK)]


def test_a_dead_worker_s_job_is_queued_anew_and_its_lock_given_back(play: Play) -> None:
    """Another job takes its place: when the dead one wakes and says that it is done, that is not this one."""
    _, account = play.tenant("one", {"A": 5})
    play.change(heartbeat=timedelta(milliseconds=1), stalled_after=timedelta(milliseconds=3))

    async def story() -> None:
        async with play.open() as fleet:
            await fleet.settle()
            await play.work_off(fleet)
            await fleet.defer("one", "pull")
            manager = fleet.queue.app.job_manager
            worker = await manager.register_worker()
            taken = await manager.fetch_job(queues=None, worker_id=worker)
            assert taken is not None
            await asyncio.sleep(0.01)
            await fleet.defer("one", "verify")
            mended = await fleet.mend()
            assert [(job.task, job.tenant) for job in mended] == [("pull", "one")]
            assert await fleet.mend() == []
            await play.work_off(fleet)
            with pytest.raises(ConnectorException):
                await manager.finish_job(taken, Status.SUCCEEDED, True)

    asyncio.run(story())
    assert shows(account) == {"A": 5}


def test_a_run_that_takes_too_long_gives_its_place_back(play: Play) -> None:
    """After a slice of sending what is left is queued behind all others, and goes on where it was."""
    _, account = play.tenant("one", {f"S{number:03}": 5 for number in range(1000)})
    play.change(slice=timedelta(microseconds=1))

    async def story() -> list[tuple[object, ...]]:
        async with play.open() as fleet:
            await fleet.settle()
            await play.work_off(fleet)
            result = await fleet.run("one", "full")
            assert (result.status, result.goes_on) == ("stopped", True)
            assert 0 < len(shows(account)) < 1000
            await fleet.do(Job("full", "one", lock="account play:one"))
            async with fleet.queue.pool.connection() as connection:
                rows = await connection.execute(
                    "SELECT task_name, queue_name, priority, lock FROM procrastinate_jobs"
                )
                return await rows.fetchall()

    assert asyncio.run(story()) == [("mpstock.push", BULK, 0, "account play:one")]
