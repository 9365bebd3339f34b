"""Whether the service lives, and whether it does what it is there for: the truth, and of what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from mpstock.errors import LedgerError
from mpstock.owners import gone

if TYPE_CHECKING:
    from mpstock.config import ScheduleSettings, SourceConfig
    from mpstock.ledger.leases import Holder
    from mpstock.ledger.runs import CursorRow
    from mpstock.service.service import Service

__all__ = ["Check", "State", "alive", "look", "stale_after", "worst"]

State = Literal["ok", "degraded", "failing"]

PATIENCE = 10.0
"""Seconds within which the ledger's thread must answer. Its longest step takes less than one."""

GRACE = timedelta(minutes=5)
"""How much longer than until its second next time a source may go unread: a run takes its time."""

_STATES: Sequence[State] = ("ok", "degraded", "failing")


@frozen
class Check:
    """One thing that was looked at. `degraded`: something is wrong, but what comes in is still taken."""

    name: str
    state: State
    message: str = ""


def worst(checks: Sequence[Check]) -> State:
    """Return the worst state of them."""
    return _STATES[max((_STATES.index(check.state) for check in checks), default=0)]


async def alive(service: Service) -> bool:
    """Say whether the event loop (it runs this) and the ledger's thread answer."""
    try:
        async with service.engine.clock.timeout(PATIENCE):
            await service.engine.worker.run(int)
    except TimeoutError:
        return False
    return True


async def look(service: Service) -> list[Check]:
    """Look at everything that the service needs to do its work."""
    if service.stopping:
        return [Check("service", "failing", "it has been told to stop")]
    found: list[Check] = []
    try:
        async with service.engine.clock.timeout(PATIENCE):
            found = await service.engine.worker.run(_look, service)
    except TimeoutError:
        found = [Check("ledger", "failing", f"its thread has not answered within {PATIENCE:.0f} s")]
    return [*found, _schedule(service)]


def _look(service: Service) -> list[Check]:
    ledger, now = service.engine.ledger, service.engine.clock.now()
    try:
        ledger.vitals.check()
        cursors = {row.name: row for row in ledger.runs.cursors()}
        holders = {holder.sink: holder for holder in ledger.leases.holders(now, gone)}
    except LedgerError as error:
        return [Check("ledger", "failing", str(error))]
    found = [Check("ledger", "ok")]
    for source in service.config.sources.values():
        row = cursors.get(f"source:{source.name}")
        found.append(_source(service, source, row, now))
    found += _sinks(service, holders)
    return found


def _source(service: Service, source: SourceConfig, row: CursorRow | None, now: datetime) -> Check:
    name = f"source {source.name}"
    read_at = row.read_at if row is not None else None
    schedule = service.config.schedule if service.schedule else None
    limit = stale_after(source, schedule, read_at or service.started_at)
    if limit is not None and now > limit:
        when = f"was read last at {read_at:%Y-%m-%d %H:%M:%S}Z" if read_at is not None else "was never read"
        why = f": {row.error}" if row is not None and row.error else ""
        return Check(name, "degraded", f"{when}{why}")
    if row is not None and row.failed_at is not None:
        return Check(name, "ok", f"the last reading failed: {row.error}")
    return Check(name, "ok", "" if read_at is not None else "not read yet")


def stale_after(
    source: SourceConfig, schedule: ScheduleSettings | None, read_at: datetime
) -> datetime | None:
    """Return until when a source that was read then is not stale; None = for ever.

    By its `max_age` and, where there is a schedule, by the second next time at which it was to be read: one
    reading may fail.
    """
    limits: list[datetime] = [] if source.max_age is None else [read_at + source.max_age]
    if schedule is not None:
        for when in (schedule.every, schedule.full):
            first = when.after(read_at, schedule.timezone)
            second = None if first is None else when.after(first, schedule.timezone)
            if second is not None:
                limits.append(second + GRACE)
                break
    return min(limits, default=None)


def _sinks(service: Service, holders: dict[str, Holder]) -> Iterator[Check]:
    for built in service.engine.sinks:
        holder = holders.get(built.name)
        if holder is None or holder.owner == service.engine.leases.owner:
            yield Check(f"sink {built.name}", "ok", "" if holder is None else "this process writes to it")
        else:
            yield Check(f"sink {built.name}", "degraded", f"another process writes to it: {holder}")


def _schedule(service: Service) -> Check:
    if not service.schedule:
        return Check("schedule", "ok", "there is none here")
    scheduler = service.scheduler
    if scheduler is not None and scheduler.alive():
        failing = [f"{job.job}: {job.error}" for job in scheduler.jobs.values() if job.status == "failed"]
        return Check("schedule", "ok", "; ".join(failing))
    return Check(
        "schedule", "failing", (scheduler.error if scheduler is not None else "") or "nobody keeps it"
    )
