"""`/healthz` and `/readyz` tell the truth, and no more of it than is anybody's business."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import evolve

from mpstock.config import MonitoringSettings, ScheduleSettings, SourceConfig, When
from mpstock.errors import TransientError
from mpstock.inmemory import InMemorySource
from mpstock.ledger.migrating import HEAD
from mpstock.secret import Secret
from mpstock.service import create_app
from mpstock.service.monitoring import health
from mpstock.testing import VirtualClock, run_virtual
from tests.service.scheduled import never, shop_of

TOKEN = "a token of the monitoring"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
MONITORING = MonitoringSettings(tokens=(Secret(TOKEN),), users={"prometheus": Secret("its own password")})


def asking(
    path: Path,
    ask: Callable[[httpx.AsyncClient, Any], Awaitable[Any]],
    *,
    settings: ScheduleSettings | None = None,
    monitoring: MonitoringSettings = MONITORING,
    source: Any = None,
    sink: Any = None,
) -> Any:
    """Run a service on time that jumps, and ask it."""
    clock = VirtualClock()

    async def play() -> Any:
        shop = shop_of(path, settings or never(), clock, source=source, sink=sink)
        config = shop._assembly.config
        shop._assembly.config = evolve(config, service=evolve(config.service, monitoring=monitoring))
        app = create_app(shop, schedule=settings is not None)
        service = app.state.service
        async with (
            service,
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client,
        ):
            return await ask(client, service)

    return run_virtual(play, clock=clock)


def _checks(answer: httpx.Response) -> dict[str, tuple[str, str]]:
    return {check["name"]: (check["status"], check["message"]) for check in answer.json()["checks"]}


def test_a_service_that_does_its_work_says_so(tmp_path: Path) -> None:
    """Anybody hears that it is well; with a token or a password also of what that is said."""

    async def ask(client: httpx.AsyncClient, _service: Any) -> None:
        await asyncio.sleep(60)
        for address in ("/healthz", "/readyz", "/readyz?strict"):
            answer = await client.get(address)
            assert (answer.status_code, answer.json()) == (200, {"status": "ok"}), address
            assert answer.headers["cache-control"] == "no-store"
        answer = await client.get("/readyz", headers=AUTHORIZED)
        assert set(_checks(answer)) == {"ledger", "source erp", "sink shop", "schedule"}
        named = await client.get("/readyz", auth=("prometheus", "its own password"))
        assert named.json() == answer.json()
        wrong = await client.get("/readyz", headers={"Authorization": "Bearer no token at all"})
        assert wrong.json() == {"status": "ok"}

    asking(tmp_path, ask, settings=ScheduleSettings())


class _Closed(InMemorySource):
    """Was read once, and cannot be read since."""

    async def read(self, cursor: str | None) -> Any:
        if self.reads:
            raise TransientError("503 from http://erp?key=***", adapter="erp")
        async for reading in super().read(cursor):
            yield reading


def test_a_source_that_is_not_read_degrades_it_after_two_times(tmp_path: Path) -> None:
    """What comes in is still taken: a plain check passes, a strict one does not, and it says since when."""

    async def ask(client: httpx.AsyncClient, _service: Any) -> None:
        await asyncio.sleep(34 * 60)
        assert (await client.get("/readyz?strict")).status_code == 200
        state, message = _checks(await client.get("/readyz", headers=AUTHORIZED))["source erp"]
        assert (state, message) == ("ok", "the last reading failed: erp: 503 from http://erp?key=***")
        await asyncio.sleep(2 * 60)
        plain = await client.get("/readyz")
        assert (plain.status_code, plain.json()) == (200, {"status": "degraded"})
        assert (await client.get("/readyz?strict")).status_code == 503
        state, message = _checks(await client.get("/readyz", headers=AUTHORIZED))["source erp"]
        assert state == "degraded"
        assert message == "was read last at 2026-01-12 09:00:00Z: erp: 503 from http://erp?key=***"

    asking(tmp_path, ask, settings=never(every="15m"), source=_Closed({"A": 5}))


@pytest.mark.parametrize(
    ("every", "full", "max_age", "fresh_for"),
    [
        ("15m", "02:00", None, timedelta(minutes=35)),
        ("15m", "02:00", timedelta(minutes=20), timedelta(minutes=20)),
        # Read at nine in the evening, the last time of the day: the next are at eight and nine.
        ("0 8-21 * * *", "never", None, timedelta(hours=12, minutes=5)),
        ("never", "02:00", None, timedelta(hours=29, minutes=5)),
        ("never", "never", None, None),
    ],
)
def test_a_source_may_go_unread_for_as_long_as_the_schedule_leaves_it(
    every: str, full: str, max_age: timedelta | None, fresh_for: timedelta | None
) -> None:
    """Nights and days off in a cron line are no alarm."""
    read_at = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
    limit = health.stale_after(SourceConfig("erp", max_age=max_age), never(every=every, full=full), read_at)
    assert (None if limit is None else limit - read_at) == fresh_for


def test_a_ledger_that_cannot_be_written_fails_it(tmp_path: Path) -> None:
    """Another process has the lock, or another version has changed the tables: nothing can be taken."""

    async def ask(client: httpx.AsyncClient, service: Any) -> None:
        ledger = service.engine.ledger
        ledger.database.execute("UPDATE alembic_version SET version_num = '9999'")
        answer = await client.get("/readyz", headers=AUTHORIZED)
        # It may be the tables of other tests as well.
        ledger.database.execute("UPDATE alembic_version SET version_num = ?", (HEAD,))
        assert answer.status_code == 503
        state, message = _checks(answer)["ledger"]
        assert state == "failing"
        assert "another mpstock has changed them" in message

    asking(tmp_path, ask)


def test_a_service_that_hangs_is_not_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the ledger's thread does not come back both checks say so, in time."""
    monkeypatch.setattr(health, "PATIENCE", 0.1)
    gate = threading.Event()

    async def play() -> None:
        app = create_app(shop_of(tmp_path, never(), VirtualClock()), schedule=False)
        async with (
            app.state.service as service,
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop") as client,
        ):
            stuck = asyncio.create_task(service.engine.worker.run(gate.wait))
            await asyncio.sleep(0)
            try:
                assert (await client.get("/healthz")).status_code == 503
                assert (await client.get("/readyz")).status_code == 503
            finally:
                gate.set()
                await stuck
            assert (await client.get("/healthz")).status_code == 200

    asyncio.run(play())


def test_a_schedule_that_nobody_keeps_fails_it(tmp_path: Path) -> None:
    """A loop that died, or has not looked for minutes, is found though pages are still answered."""

    async def ask(client: httpx.AsyncClient, service: Any) -> None:
        await asyncio.sleep(1)
        assert (await client.get("/readyz")).status_code == 200
        service.scheduler.looked -= 300
        assert (await client.get("/readyz")).json() == {"status": "failing"}
        service.begin_stop()
        answer = await client.get("/readyz", headers=AUTHORIZED)
        assert _checks(answer) == {"service": ("failing", "it has been told to stop")}

    asking(tmp_path, ask, settings=never(every=When.of("1h")))


def test_who_writes_to_a_sink_is_told(tmp_path: Path) -> None:
    """While another process sends, this one says which."""

    async def ask(client: httpx.AsyncClient, service: Any) -> None:
        other = shop_of(tmp_path, never(), service.engine.clock)
        engine = await other._assembly.start()
        await asyncio.sleep(1)
        async with engine.leases.held():
            answer = await client.get("/readyz", headers=AUTHORIZED)
            state, message = _checks(answer)["sink shop"]
            assert state == "degraded"
            assert message.startswith("another process writes to it: ")
        assert (await client.get("/readyz")).json() == {"status": "ok"}
        await other.aclose()

    asking(tmp_path, ask)
