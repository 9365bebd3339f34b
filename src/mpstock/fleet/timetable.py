"""When each tenant's tasks are due: spread over their interval, each tenant at its own moments, for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal, get_args
from zoneinfo import ZoneInfo

from attrs import frozen

from mpstock.config import When
from mpstock.config.recurring import NEVER

if TYPE_CHECKING:
    from mpstock.config import ScheduleSettings

__all__ = ["COVERS", "TASKS", "Recurring", "TaskName", "next_time", "offset", "recurring", "uncovered"]

TaskName = Literal["push", "orders", "pull", "full", "verify", "tidy"]
"""What can be done for a tenant.

`push` sends what has moved in its ledger; `orders` reads what its sinks have sold, and pushes; `pull` reads
what has changed in its sources, and pushes; `full` reads everything and compares it with what the sinks show;
`verify` reads back what they show and sends nothing; `tidy` lets go what is older than its settings say.
"""

TASKS: tuple[TaskName, ...] = get_args(TaskName)

COVERS: dict[str, frozenset[str]] = {
    "full": frozenset({"pull", "orders", "push"}),
    "pull": frozenset({"orders", "push"}),
    "orders": frozenset({"push"}),
}
"""What a task does along the way: due at the same moment, it need not be done on its own."""

_RECURRING: dict[TaskName, str] = {
    "orders": "orders",
    "pull": "every",
    "full": "full",
    "verify": "verify",
    "tidy": "tidy",
}


@frozen
class Recurring:
    """One task of one tenant, and how it recurs: as its settings say, in the zone that they name."""

    task: TaskName
    recurs: str
    zone: str


def recurring(schedule: ScheduleSettings) -> list[Recurring]:
    """Return the tasks that a tenant's `[schedule]` asks for."""
    found = []
    for task, key in _RECURRING.items():
        when: When = getattr(schedule, key)
        if not when.never:
            found.append(Recurring(task, str(when), schedule.timezone.key))
    return found


def offset(tenant: str, task: str, within: timedelta) -> timedelta:
    """Return a tenant's own part of an interval: the same for ever, and another for each tenant and task."""
    number = int.from_bytes(hashlib.sha256(f"{tenant}\0{task}".encode()).digest()[:8], "big")
    return within * (number / 2**64)


def next_time(
    tenant: str, task: str, recurs: str, zone: str, spread: timedelta, moment: datetime
) -> datetime | None:
    """Return the first time after a moment at which a tenant's task is due, in UTC; None = it does not recur.

    A length of time lies on a grid that begins at the tenant's own part of it. What comes at a time of day
    or by a cron line comes so much later, up to `spread`.
    """
    when = When.of(recurs or NEVER)
    if when.every is not None:
        first = _EPOCH + offset(tenant, task, when.every)
        return first + when.every * ((moment - first) // when.every + 1)
    later = offset(tenant, task, spread)
    found = when.after(moment - later, ZoneInfo(zone))
    return None if found is None else found + later


def uncovered(due: Iterable[str]) -> set[str]:
    """Return which of the tasks of one tenant, due at the same time, do not come along with another."""
    tasks = set(due)
    along = {other for task in tasks for other in COVERS.get(task, ())}
    return tasks - along


_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
