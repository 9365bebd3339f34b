"""A shop that is always on, on time that jumps: what it did by itself, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import evolve

from mpstock.config import ScheduleSettings
from mpstock.facade.asynchronous import AsyncShop
from mpstock.inmemory import InMemorySink, InMemorySource
from mpstock.ledger import Ledger
from mpstock.ledger.timetable import ScheduledJob
from mpstock.service import Service
from mpstock.testing import VirtualClock, run_virtual

__all__ = ["never", "rows", "shop_of", "started"]


def never(**but: Any) -> ScheduleSettings:
    """A schedule with these jobs and no others."""
    off = dict.fromkeys(("every", "full", "orders", "verify", "tidy"), "never")
    return ScheduleSettings(**{**off, **but})


def shop_of(
    path: Path, schedule: ScheduleSettings, clock: Any, *, source: Any = None, sink: Any = None
) -> AsyncShop:
    """A shop with a source and a sink in memory, and a ledger in that folder."""
    source, sink = source or InMemorySource({"A": 5}), sink or InMemorySink(["A"])
    source.clock = sink.clock = clock
    shop = AsyncShop(
        sources={"erp": source},
        sinks={"shop": sink},
        ledger=path / "ledger.db",
        clock=clock,
    )
    shop._assembly.config = evolve(shop.config, schedule=schedule)
    return shop


def started(
    path: Path, schedule: ScheduleSettings, start: datetime, lasts: timedelta, **adapters: Any
) -> list[tuple[str, datetime]]:
    """Let a service be up for so long, and return what it began by itself, each with its time."""
    clock = VirtualClock(start)
    begun: list[tuple[str, datetime]] = []

    async def play() -> None:
        async with Service(shop_of(path, schedule, clock, **adapters)) as service:
            with service.news.listen() as events:
                listening = asyncio.create_task(_note(events, begun))
                await asyncio.sleep(lasts.total_seconds())
                listening.cancel()

    run_virtual(play, clock=clock, threads=False)
    return begun


async def _note(events: Any, begun: list[tuple[str, datetime]]) -> None:
    async for event in events:
        if event.kind == "job_started" and event.data["name"] != "heard":
            begun.append((event.data["name"], event.at))


@contextmanager
def _opened(path: Path) -> Iterator[Ledger]:
    ledger = Ledger(f"sqlite:///{path / 'ledger.db'}")
    try:
        yield ledger
    finally:
        ledger.close()


def rows(path: Path) -> dict[str, ScheduledJob]:
    """The rows of the schedule in the ledger of that folder."""
    with _opened(path) as ledger:
        return ledger.timetable.jobs()
