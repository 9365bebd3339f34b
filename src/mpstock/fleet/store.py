"""What the fleet keeps in its database: its tenants, when their tasks are due, and what came of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, LiteralString

from attrs import frozen

from mpstock.errors import LedgerError
from mpstock.fleet.accounts import locks
from mpstock.fleet.schema import TABLES, VERSION

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg_pool import AsyncConnectionPool

    from mpstock.fleet.timetable import Recurring

__all__ = ["Due", "FleetStore", "Tenant", "reach"]


@frozen
class Tenant:
    """One tenant as the fleet knows it.

    `revision` is that of its settings, `enrolled` the one that was taken in; `error` says what is wrong.
    """

    name: str
    revision: str
    enrolled: str
    lock: str
    error: str


@frozen
class Due:
    """A task that is due. `seconds` is how long it took the last time."""

    tenant: str
    task: str
    adapter: str
    recurs: str
    zone: str
    due_at: datetime
    seconds: float | None
    lock: str


class FleetStore:
    """The fleet's tables. Each method is one transaction."""

    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection[Any]]:
        from psycopg import Error
        from psycopg_pool import PoolTimeout

        try:
            async with self._pool.connection() as connection:
                yield connection
        except (Error, PoolTimeout) as error:
            # The driver's words may have the address in them, and it a password.
            raise LedgerError(f"the fleet's database failed: {type(error).__name__}") from error

    async def create(self) -> None:
        """Make the tables that are not there."""
        async with self._transaction() as connection:
            # Two that do it at once are one after the other.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('mpstock fleet'))")
            await connection.execute(TABLES)
            await connection.execute(
                "INSERT INTO mpstock_fleet SELECT %s WHERE NOT EXISTS (SELECT FROM mpstock_fleet)", (VERSION,)
            )

    async def version(self) -> int | None:
        """Return the version of the tables; None where there are none."""
        async with self._transaction() as connection:
            found = await _one(connection, "SELECT to_regclass('mpstock_fleet') IS NOT NULL")
            if not found[0]:
                return None
            return int((await _one(connection, "SELECT max(version) FROM mpstock_fleet"))[0])

    async def settings_revisions(self) -> dict[str, str]:
        """Return each tenant whose settings are here, with a digest of them."""
        async with self._transaction() as connection:
            rows = await connection.execute("SELECT tenant, md5(settings) FROM mpstock_fleet_settings")
            return dict(await rows.fetchall())

    async def settings_text(self, tenant: str) -> str | None:
        """Return the settings of one tenant."""
        async with self._transaction() as connection:
            rows = await connection.execute(
                "SELECT settings FROM mpstock_fleet_settings WHERE tenant = %s", (tenant,)
            )
            row = await rows.fetchone()
            return None if row is None else str(row[0])

    async def put_settings(self, tenant: str, text: str | None) -> None:
        """Keep the settings of one tenant; None takes them away."""
        async with self._transaction() as connection:
            if text is None:
                await connection.execute("DELETE FROM mpstock_fleet_settings WHERE tenant = %s", (tenant,))
                return
            await connection.execute(
                "INSERT INTO mpstock_fleet_settings (tenant, settings) VALUES (%s, %s) "
                "ON CONFLICT (tenant) DO UPDATE SET settings = excluded.settings, changed_at = now()",
                (tenant, text),
            )

    # ------------------------------------------------------------------ tenants

    async def take_in(self, revisions: Mapping[str, str], now: datetime) -> list[str]:
        """Know these tenants and no others; returns those whose settings are not taken in yet."""
        async with self._transaction() as connection:
            await connection.execute(
                "INSERT INTO mpstock_fleet_tenants (tenant, revision, lock, seen_at) "
                "SELECT name, revision, 'tenant ' || name, %s FROM unnest(%s::text[], %s::text[]) "
                "AS told (name, revision) ON CONFLICT (tenant) DO UPDATE SET revision = excluded.revision, "
                "seen_at = excluded.seen_at WHERE mpstock_fleet_tenants.revision <> excluded.revision",
                (now, list(revisions), list(revisions.values())),
            )
            await connection.execute(
                "DELETE FROM mpstock_fleet_tenants WHERE tenant <> ALL(%s::text[])", (list(revisions),)
            )
            rows = await connection.execute(
                "SELECT tenant FROM mpstock_fleet_tenants WHERE revision <> enrolled ORDER BY tenant"
            )
            return [row[0] for row in await rows.fetchall()]

    async def tenant_count(self) -> int:
        """Return how many tenants are known."""
        async with self._transaction() as connection:
            return int((await _one(connection, "SELECT count(*) FROM mpstock_fleet_tenants"))[0])

    async def tenant(self, name: str) -> Tenant | None:
        """Return one tenant."""
        async with self._transaction() as connection:
            rows = await connection.execute(
                "SELECT tenant, revision, enrolled, lock, error FROM mpstock_fleet_tenants WHERE tenant = %s",
                (name,),
            )
            row = await rows.fetchone()
            return None if row is None else Tenant(*row)

    async def enrol(
        self,
        name: str,
        revision: str,
        accounts: Mapping[str, str],
        tasks: Sequence[tuple[Recurring, datetime | None]],
    ) -> None:
        """Take in what a tenant's settings say: its accounts, its tasks with when each is due first.

        A task that recurs as before keeps its time.
        """
        async with self._transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('mpstock fleet accounts'))")
            linked = await _linked(connection, name)
            await connection.execute("DELETE FROM mpstock_fleet_accounts WHERE tenant = %s", (name,))
            async with connection.cursor() as cursor:
                await cursor.executemany(
                    "INSERT INTO mpstock_fleet_accounts (tenant, sink, account) VALUES (%s, %s, %s)",
                    [(name, sink, account) for sink, account in accounts.items()],
                )
            linked |= await _linked(connection, name)
            held: dict[str, set[str]] = {other: set() for other in {name, *linked}}
            rows = await connection.execute(
                "SELECT tenant, account FROM mpstock_fleet_accounts WHERE tenant = ANY(%s)", (list(held),)
            )
            for tenant, account in await rows.fetchall():
                held[tenant].add(account)
            async with connection.cursor() as cursor:
                await cursor.executemany(
                    "UPDATE mpstock_fleet_tenants SET lock = %s WHERE tenant = %s AND lock <> %s",
                    [(lock, tenant, lock) for tenant, lock in locks(held).items()],
                )
                await cursor.executemany(
                    "INSERT INTO mpstock_fleet_tasks (tenant, task, recurs, zone, due_at) "
                    "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (tenant, task, adapter) DO UPDATE SET "
                    "recurs = excluded.recurs, zone = excluded.zone, due_at = excluded.due_at "
                    "WHERE (mpstock_fleet_tasks.recurs, mpstock_fleet_tasks.zone) "
                    "<> (excluded.recurs, excluded.zone)",
                    [(name, one.task, one.recurs, one.zone, due_at) for one, due_at in tasks],
                )
            await connection.execute(
                "UPDATE mpstock_fleet_tasks SET recurs = '', due_at = NULL "
                "WHERE tenant = %s AND recurs <> '' AND task <> ALL(%s)",
                (name, [one.task for one, _ in tasks]),
            )
            await connection.execute(
                "UPDATE mpstock_fleet_tenants SET enrolled = %s, error = '' WHERE tenant = %s",
                (revision, name),
            )

    async def refuse(self, name: str, revision: str, error: str) -> None:
        """Say why a tenant's settings cannot be used: nothing is done for it until they change."""
        async with self._transaction() as connection:
            await connection.execute(
                "UPDATE mpstock_fleet_tenants SET enrolled = %s, error = %s WHERE tenant = %s",
                (revision, error, name),
            )
            await connection.execute(
                "UPDATE mpstock_fleet_tasks SET recurs = '', due_at = NULL WHERE tenant = %s", (name,)
            )

    # ------------------------------------------------------------------ tasks

    async def due(self, now: datetime, limit: int) -> list[Due]:
        """Return what is due, the oldest first; it stays due until it is put off."""
        async with self._transaction() as connection:
            rows = await connection.execute(
                "SELECT t.tenant, t.task, t.adapter, t.recurs, t.zone, t.due_at, t.seconds, n.lock "
                "FROM mpstock_fleet_tasks t JOIN mpstock_fleet_tenants n USING (tenant) "
                "WHERE t.due_at <= %s ORDER BY t.due_at LIMIT %s",
                (now, limit),
            )
            return [Due(*row) for row in await rows.fetchall()]

    async def put_off(self, put: Collection[tuple[Due, datetime | None]]) -> None:
        """Say when tasks that were due are due next."""
        columns = list(zip(*((d.tenant, d.task, d.adapter, d.due_at, at) for d, at in put), strict=True))
        async with self._transaction() as connection:
            await connection.execute(
                "UPDATE mpstock_fleet_tasks t SET due_for = t.due_at, due_at = told.next "
                "FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[]) "
                "AS told (tenant, task, adapter, due_at, next) WHERE (t.tenant, t.task, t.adapter) "
                "= (told.tenant, told.task, told.adapter) AND t.due_at = told.due_at",
                tuple(map(list, columns)),
            )

    async def task(self, tenant: str, task: str, adapter: str) -> tuple[datetime | None, int] | None:
        """Return when a task is due next, and how often in a row it has failed."""
        async with self._transaction() as connection:
            rows = await connection.execute(
                "SELECT due_at, failures FROM mpstock_fleet_tasks "
                "WHERE (tenant, task, adapter) = (%s, %s, %s)",
                (tenant, task, adapter),
            )
            row = await rows.fetchone()
            return None if row is None else (row[0], row[1])

    async def begin(self, tenant: str, task: str, adapter: str, worker: str, now: datetime) -> None:
        """Say that a task is being done."""
        async with self._transaction() as connection:
            await connection.execute(
                "INSERT INTO mpstock_fleet_tasks (tenant, task, adapter, status, begun_at, due_for, worker) "
                "VALUES (%s, %s, %s, 'running', %s, %s, %s) ON CONFLICT (tenant, task, adapter) DO UPDATE "
                "SET status = 'running', begun_at = excluded.begun_at, ended_at = NULL, "
                "worker = excluded.worker, due_for = coalesce(mpstock_fleet_tasks.due_for, excluded.due_for)",
                (tenant, task, adapter, now, now, worker),
            )

    async def end(
        self,
        tenant: str,
        task: str,
        adapter: str,
        worker: str,
        now: datetime,
        *,
        status: str,
        error: str,
        pushed: int,
        again_at: datetime | None = None,
    ) -> None:
        """Record what came of a task, unless another worker has it by now.

        `again_at` is when one that has failed is tried again, where that is sooner than it is due.
        """
        async with self._transaction() as connection:
            await connection.execute(
                "UPDATE mpstock_fleet_tasks SET status = %(status)s, error = %(error)s, ended_at = %(now)s, "
                "seconds = extract(epoch FROM %(now)s - begun_at), pushed = %(pushed)s, "
                "failures = CASE WHEN %(status)s = 'failed' THEN failures + 1 ELSE 0 END, "
                "due_at = least(due_at, %(again)s) "
                "WHERE tenant = %(tenant)s AND task = %(task)s AND adapter = %(adapter)s "
                "AND worker = %(worker)s AND status = 'running'",
                {
                    "status": status, "error": error, "now": now, "pushed": pushed, "again": again_at,
                    "tenant": tenant, "task": task, "adapter": adapter, "worker": worker,
                },
            )  # fmt: skip

    async def counts(self, now: datetime, stalled: timedelta) -> dict[str, Any]:
        """Return how many tenants, workers and tasks there are in each state, and how late tasks begin."""
        async with self._transaction() as connection:
            tenants = await _one(connection, "SELECT count(*) FROM mpstock_fleet_tenants")
            broken = await connection.execute(
                "SELECT tenant, error FROM mpstock_fleet_tenants WHERE error <> '' ORDER BY tenant"
            )
            workers = await _one(
                connection,
                "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - %s",
                (stalled,),
            )
            due = await _one(
                connection, "SELECT count(*) FROM mpstock_fleet_tasks WHERE due_at <= %s", (now,)
            )
            lag = await _one(
                connection,
                "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY lag), "
                "percentile_cont(0.99) WITHIN GROUP (ORDER BY lag) FROM (SELECT greatest(extract(epoch "
                "FROM CASE WHEN due_at <= %s THEN %s - due_at ELSE begun_at - due_for END), 0) AS lag "
                "FROM mpstock_fleet_tasks WHERE recurs <> '' AND (begun_at IS NOT NULL OR due_at <= %s)) l",
                (now, now, now),
            )
            jobs = await connection.execute(
                "SELECT status::text, queue_name, count(*) FROM procrastinate_jobs "
                "WHERE status IN ('todo', 'doing') GROUP BY status, queue_name"
            )
            queues: dict[str, dict[str, int]] = {"todo": {}, "doing": {}}
            for status, queue, count in await jobs.fetchall():
                queues[status][queue.removeprefix("mpstock ")] = count
            return {
                "tenants": tenants[0], "broken": dict(await broken.fetchall()), "workers": workers[0],
                "due": due[0], "queued": queues["todo"], "running": queues["doing"],
                "lag_p50": _seconds(lag[0]), "lag_p99": _seconds(lag[1]),
            }  # fmt: skip

    async def last_runs(self, tenants: Sequence[str] | None) -> list[tuple[Any, ...]]:
        """Return the last run of each task of these tenants (None = of all) that was begun ever."""
        async with self._transaction() as connection:
            rows = await connection.execute(
                "SELECT tenant, task, adapter, status, begun_at, seconds, "
                "greatest(extract(epoch FROM begun_at - due_for), 0)::float8, pushed, failures, error "
                "FROM mpstock_fleet_tasks WHERE begun_at IS NOT NULL AND (%s::text[] IS NULL "
                "OR tenant = ANY(%s::text[])) ORDER BY tenant, task, adapter",
                (None if tenants is None else list(tenants),) * 2,
            )
            return await rows.fetchall()

    async def update_pace(
        self, keys: Sequence[str], change: Callable[[list[str | None]], list[str | None]]
    ) -> None:
        """Read the limiters' states of these keys, and write what `change` returns, as one step.

        None = as it was. All keys are of one account.
        """
        async with self._transaction() as connection:
            # Rows that are not there yet cannot be locked; that a crash loses the last states is allowed for.
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0)), "
                "set_config('synchronous_commit', 'off', true)",
                (keys[0].rpartition("/")[0],),
            )
            rows = await connection.execute(
                "SELECT key, state FROM mpstock_fleet_pace WHERE key = ANY(%s)", (list(keys),)
            )
            found = dict(await rows.fetchall())
            after = change([found.get(key) for key in keys])
            put = [(key, state) for key, state in zip(keys, after, strict=True) if state is not None]
            if put:
                await connection.execute(
                    "INSERT INTO mpstock_fleet_pace (key, state) "
                    "SELECT * FROM unnest(%s::text[], %s::text[]) "
                    "ON CONFLICT (key) DO UPDATE SET state = excluded.state",
                    tuple(map(list, zip(*put, strict=True))),
                )


async def reach(url: str) -> None:
    """Raise `LedgerError` unless the database of this URL can be reached; no part of the URL is in it."""
    from psycopg import AsyncConnection, OperationalError, ProgrammingError

    try:
        await (await AsyncConnection.connect(url)).close()
    except (OperationalError, ProgrammingError) as error:
        raise LedgerError(
            "the fleet's database cannot be reached; look at [fleet] url in fleet.toml, and whether it is up"
        ) from error


async def _one(connection: AsyncConnection[Any], query: LiteralString, values: Sequence[Any] = ()) -> Any:
    row = await (await connection.execute(query, values)).fetchone()
    assert row is not None
    return row


def _seconds(found: Any) -> float | None:
    return None if found is None else round(float(found), 3)


async def _linked(connection: AsyncConnection[Any], name: str) -> set[str]:
    """Return the tenants that are linked with one by accounts, however far."""
    rows = await connection.execute(
        "WITH RECURSIVE linked AS (SELECT %s::text AS tenant UNION SELECT other.tenant FROM linked "
        "JOIN mpstock_fleet_accounts mine USING (tenant) "
        "JOIN mpstock_fleet_accounts other USING (account)) SELECT tenant FROM linked",
        (name,),
    )
    return {row[0] for row in await rows.fetchall()}
