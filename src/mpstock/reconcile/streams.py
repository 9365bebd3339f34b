"""The lines in which batches wait: a sink warehouse that is busy, a group that was refused as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from mpstock.ledger.stocks import LONGEST_REST
from mpstock.model import OutcomeStatus

if TYPE_CHECKING:
    from mpstock.ledger.pushes import Pushes
    from mpstock.model import Outcome

__all__ = ["PATIENCE", "Group", "Serving", "Stream", "Streams", "Turn"]

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

    def reopens(self, now: datetime) -> datetime:
        """Return when to look again at a stream that is not open."""
        if self.pause_until is not None and now < self.pause_until:
            return self.pause_until
        # Serial: the batch in flight wakes the loop when it comes back.
        return now + timedelta(seconds=60)


@frozen
class Turn:
    """The stream whose changes go next, None if none may; `zeros`: there are zeros among them.

    `moments` are the times at which to look again: now, if a stream's changes may go.
    """

    stream: Stream | None
    zeros: bool
    moments: Sequence[datetime]


class Streams:
    """The streams of one sink: one for each of its warehouses in `codes`, or one for all (None).

    `only` are the states to look at, if given.
    """

    def __init__(
        self,
        pushes: Pushes,
        sink: str,
        batch: int,
        cooldown: timedelta,
        codes: Sequence[str] | None,
        only: Collection[int] | None,
    ) -> None:
        self._pushes = pushes
        self._sink = sink
        self._batch = batch
        self._cooldown = cooldown
        self._only = only
        self._by_warehouse = codes is not None
        keys: Sequence[str | None] = (None,) if codes is None else codes
        self._streams = {code: Stream(code) for code in keys}

    def next(self, now: datetime) -> Turn:
        """Find the stream that is served next: one with zeros, then one with fewer batches in flight.

        In the ledger's thread. Its cost follows the streams of which something may go, and what is asked of
        the ledger does not: one question tells of all of them, and only raises may be worth waiting with.
        """
        fronts = self._pushes.fronts(self._sink, now, by_warehouse=self._by_warehouse, only=self._only)
        ranked: list[tuple[bool, bool, int, int, Stream]] = []
        resting: list[str | None] = []
        for number, stream in enumerate(self._streams.values()):
            if stream.closed:
                continue
            lane = fronts.get(stream.warehouse)
            if lane is None:
                resting.append(stream.warehouse)
            else:
                ranked.append((not stream.open(now), lane != 0, stream.in_flight, number, stream))
        moments: list[datetime] = []
        for shut, no_zeros, _, _, stream in sorted(ranked):
            if fronts[stream.warehouse] == 2:
                queue = self._pushes.queue(
                    self._sink, stream.warehouse, now, self._batch, self._cooldown, self._only
                )
                if not queue.worth_sending(self._batch):
                    if queue.next_at is not None:
                        moments.append(max(queue.next_at, now))
                    continue
            if not shut:
                return Turn(stream, not no_zeros, [now])
            moments.append(stream.reopens(now))
        if resting:
            codes = resting if self._by_warehouse and len(resting) < len(self._streams) else None
            first = self._pushes.first_rested(self._sink, now, warehouses=codes, only=self._only)
            if first is not None and first - now <= PATIENCE:
                moments.append(first)
        return Turn(None, False, moments)

    def apart(self, states: Iterable[tuple[int, str]]) -> list[tuple[Stream, list[int]]]:
        """Divide (state, sink warehouse) into those of each stream."""
        parts: dict[str | None, list[int]] = {}
        for state, warehouse in states:
            code = warehouse if self._by_warehouse else None
            if code in self._streams:
                parts.setdefault(code, []).append(state)
        return [(self._streams[code], part) for code, part in parts.items()]


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
