"""The lines in which batches wait: a sink warehouse that is busy, a group that was refused as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.ledger.stocks import LONGEST_REST
from mpstock.model import OutcomeStatus

if TYPE_CHECKING:
    from mpstock.model import Outcome

__all__ = ["PATIENCE", "Group", "Serving", "Stream"]

PATIENCE = timedelta(minutes=3)
"""The longest a run waits for something that may go later; what rests longer waits for the next run."""

SERIAL_FOR = timedelta(minutes=2)
"""How long a sink warehouse that was busy is served one request at a time."""


@define
class Stream:
    """One line of batches: a sink warehouse where the sink takes one at a time, else the whole sink."""

    warehouse: str | None
    in_flight: int = 0
    pause_until: datetime | None = None
    busy_since: datetime | None = None
    closed: bool = False
    serial_until: datetime | None = None

    def answered(self, outcome: Outcome, now: datetime) -> None:
        """Take note of whether the sink warehouse is busy; if it stays so, the next run tries again."""
        if outcome.status is not OutcomeStatus.BUSY:
            self.busy_since = None
            return
        pause = now + timedelta(seconds=min(outcome.retry_after or 5.0, LONGEST_REST.total_seconds()))
        self.pause_until = max(self.pause_until or pause, pause)
        self.serial_until = now + SERIAL_FOR
        self.busy_since = self.busy_since or now
        self.closed = now - self.busy_since > PATIENCE or pause - now > PATIENCE

    def open(self, now: datetime) -> bool:
        if self.closed:
            return False
        if self.pause_until is not None and now < self.pause_until:
            return False
        return not (self.serial_until is not None and now < self.serial_until and self.in_flight)


@define
class Serving:
    """How far one batch has come: whether it has its place, and whether it is composed."""

    placed: bool = False
    composed: asyncio.Event = field(factory=asyncio.Event)


@define
class Group:
    """Part of a batch that was refused as a whole, to be sent apart from all else."""

    stream: Stream
    states: Sequence[int]
    not_before: datetime
