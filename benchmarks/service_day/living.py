"""The service through its day: started, posted to, stopped at noon, started again, looked at in the end."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from attrs import define, field

from benchmarks.day.events import faults, write_offs
from benchmarks.day.world import HOUR, SETTINGS, Kind, World
from mpstock import AsyncShop, Report
from mpstock.service import create_app
from mpstock.testing import shop_in_process

__all__ = ["Service", "live"]

TOKEN = "0123456789abcdef-of-the-day"

MORE = f"""
[service.webhooks]
tokens = ["{TOKEN}"]
"""

OUT, BACK = 12.0, 12.0 + 1 / 3
"""From which hour to which there is no service: it is brought up to date, say."""

BOOKED = timedelta(minutes=45)
"""So long after the last order 1C has booked it, and no order's lag ends any more between two runs."""


@define
class Watched:
    """What was posted of one product and is not on a marketplace yet: since when.

    `idle` counts what this marketplace had nothing to hear of: it showed that number, or less, already.
    """

    since: dict[str, float] = field(factory=dict[str, float])
    waits: list[float] = field(factory=list[float])
    idle: int = 0

    def posted(self, sku: str, now: float) -> None:
        self.since.setdefault(sku, now)

    def wrote(self, sku: str, now: float) -> None:
        since = self.since.pop(sku, None)
        if since is not None:
            self.waits.append(now - since)

    def done(self, began: float, open_: Collection[str]) -> None:
        """Forget what was posted before a push began that has ended, and has nothing left to send of it."""
        for sku, since in list(self.since.items()):
            if since <= began and sku not in open_:
                del self.since[sku]
                self.idle += 1


@define(eq=False)
class Service:
    """The day of one service: the world around it, and what is seen of it."""

    world: World
    path: Path
    door: httpx.AsyncClient | None = None
    answers: Counter[int] = field(factory=Counter[int])
    repeated: int = 0
    kept_waiting: int = 0
    refused: list[str] = field(factory=list[str])
    on_its_way: dict[str, Watched] = field(factory=dict[str, Watched])
    jobs: dict[str, list[float]] = field(factory=dict[str, "list[float]"])
    due: dict[str, list[float]] = field(factory=dict[str, "list[float]"])
    unended: int = 0
    alerts: Counter[str] = field(factory=Counter[str])
    standing: list[str] = field(factory=list[str])
    stopping: list[float] = field(factory=list[float])
    left_in_flight: int = 0
    out_of_step: list[str] = field(factory=list[str])


async def live(service: Service) -> None:
    """Bring both accounts level, then let the day pass over a service that is always on."""
    world = service.world
    text = SETTINGS.format(token=world.wb.token, buffer=world.options.buffer)
    service.path.write_text(text + MORE, encoding="utf-8")
    async with _shop(service) as shop:
        await shop.sync(full=True, cause="opening")
    world.begin()
    for name in ("ozon", "wb"):
        service.on_its_way[name] = Watched()
        world.lines[name].wrote = _both(world.watch.wrote, service.on_its_way[name], world)
    beside = [
        asyncio.create_task(world.market.advance(world.options.hours * HOUR)),
        asyncio.create_task(_booked(service)),
    ]
    if world.options.faults:
        beside.append(asyncio.create_task(faults(world)))
    async with _up(service):
        await world.until(min(OUT, world.options.hours))
    if world.options.hours > OUT:
        await world.until(min(BACK, world.options.hours))
        async with _up(service):
            await world.until(world.options.hours)
    for task in beside:
        task.cancel()
    for error in await asyncio.gather(*beside, return_exceptions=True):
        if isinstance(error, Exception):
            raise error
    async with _shop(service) as shop:
        await _in_step(service, shop)


def _shop(service: Service) -> AsyncShop:
    world = service.world
    doubles = {
        f"{'sources' if name == 'erp' else 'sinks'}.{name}": line for name, line in world.lines.items()
    }
    return shop_in_process(service.path, doubles, world.clock)


@asynccontextmanager
async def _up(service: Service) -> AsyncIterator[None]:
    """A service that is up, and stopped in order at the end."""
    clock = service.world.clock
    app = create_app(_shop(service))
    running = app.state.service
    await running.start()
    with running.news.listen() as events:
        listening = asyncio.create_task(_hear(service, running, events))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://mpstock"
        ) as service.door:
            try:
                yield
            finally:
                service.door = None
                await _note_alerts(service, running.shop)
                began = clock.monotonic()
                await running.stop()
                service.stopping.append(clock.monotonic() - began)
                await listening
    async with _shop(service) as shop:
        engine = await shop._assembly.start()
        service.left_in_flight += await engine.worker.run(
            engine.ledger.database.scalar,
            "SELECT count(*) FROM marketplace_stocks WHERE in_flight IS NOT NULL",
        )


async def _note_alerts(service: Service, shop: AsyncShop) -> None:
    service.alerts = Counter(one.trouble.kind for one in await shop.alerts(over=True))
    service.standing = [one.title for one in await shop.alerts()]


async def _hear(service: Service, running: Any, events: AsyncIterator[Any]) -> None:
    """Count what the service does: each job with how late it began, each run, each alert."""
    world, clock = service.world, service.world.clock
    begun: dict[str, float] = {}
    async for event in events:
        data = event.data
        if event.kind == "job_started":
            name = data["name"]
            begun[name] = clock.monotonic()
            row = running.scheduler.jobs.get(name)
            if row is not None and row.taken_for is not None:
                late = (event.at - row.taken_for).total_seconds()
                service.due.setdefault(name, []).append(late)
        elif event.kind == "job_finished":
            since = begun.pop(data["name"])
            service.jobs.setdefault(data["name"], []).append(clock.monotonic() - since)
            if data["name"] == "heard":
                await _forget(service, running, since)
        elif event.kind == "run_finished" and isinstance(data["event"].report, Report):
            _count(world, data["event"].report)
    service.unended += len(begun)


async def _forget(service: Service, running: Any, began: float) -> None:
    engine = running.engine
    for name, watched in service.on_its_way.items():
        if watched.since:
            rows = await engine.worker.run(
                engine.ledger.stocks.rows, open_only=True, after=0, skus=list(watched.since)
            )
            watched.done(began, {row.sku for row in rows if row.sink == name})


def _count(world: World, report: Report) -> None:
    kind = world.kinds.setdefault("all", Kind())
    kind.runs += 1
    kind.pushed += report.pushed
    world.count(report)


async def _booked(service: Service) -> None:
    """Let goods break, and 1C post each of it as it is booked; what comes back from there ends the day."""
    world = service.world
    chance = random.Random(world.options.seed + 20)
    posts: set[asyncio.Task[None]] = set()

    def webhook(sku: str, own: str) -> None:
        if chance.random() < world.options.webhooks:
            posts.add(task := asyncio.create_task(_post(service, sku, own, chance)))
            task.add_done_callback(posts.discard)

    try:
        await write_offs(world, webhook)
    finally:
        for task in posts:
            task.cancel()


async def _post(service: Service, sku: str, own: str, chance: random.Random) -> None:
    """Post one row after 1C has booked it: again each minute until it is accepted, and at times twice."""
    world = service.world
    await world.clock.sleep(30.0 + chance.uniform(0.5, 3.0))
    row = {"sku": sku, "quantity": int(world.onec.levels[sku, own]), "warehouse": own}
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": f"{sku}-{world.clock.monotonic():.3f}"}
    times = chance.choice([1, 1, 2])
    while times:
        if service.door is None:
            # Nobody is there; what 1C could not deliver stays in its plan of exchange.
            service.kept_waiting += 1
            await world.clock.sleep(60.0)
            continue
        for watched in service.on_its_way.values():
            watched.posted(sku, world.clock.monotonic())
        answer = await service.door.post("/webhooks/erp/stock", json={"stocks": [row]}, headers=headers)
        service.answers[answer.status_code] += 1
        if answer.status_code != 200 or answer.json() != {"accepted": 1}:
            service.refused.append(answer.text)
        else:
            world.webhooks += 1
        times -= 1
        service.repeated += times
        await world.clock.sleep(5.0)


def _both(one: Callable[[str], None], watched: Watched, world: World) -> Callable[[str], None]:
    def wrote(sku: str) -> None:
        one(sku)
        watched.wrote(sku, world.clock.monotonic())

    return wrote


async def _in_step(service: Service, shop: AsyncShop) -> None:
    """Count what the marketplaces show otherwise than the formula says, when the market stands still."""
    world = service.world
    await world.clock.sleep(BOOKED.total_seconds())
    await shop.sync(full=True)
    # A raise that waited for a neighbour to fall is planned by the run after.
    await shop.sync(full=True)
    plan = await shop.plan(full=True)
    service.out_of_step = [
        f"{one.sku} on {one.sink} {one.warehouse}: {one.old} and not {one.new} ({one.cause} {one.held})"
        for one in plan.changes
    ]
