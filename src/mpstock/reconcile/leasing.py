"""One at a time: a run writes only to the sinks whose leases it holds, and only while it holds them.

A lease cannot keep a request from a marketplace. So it is looked at in the transaction that composes a batch,
and once more right before the batch is sent: what is left of it must be longer than the request may take.
Whoever takes over from a process that has not given its lease back finds what that one had on the wire, and
calls it doubtful in the same transaction.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.errors import LedgerError
from mpstock.ledger.leases import Holder
from mpstock.owners import gone, register, running_program, unregister
from mpstock.reconcile.adapters import Failure

if TYPE_CHECKING:
    from mpstock.clock import Clock
    from mpstock.ledger import Ledger
    from mpstock.ledger.worker import Worker
    from mpstock.reconcile.adapters import BuiltSink

__all__ = ["DEADLINE", "Lease", "Leasing", "held_by"]

DEADLINE = 60.0
"""Seconds that one push may take of a sink that does not say."""

SPARE = 60.0
"""Seconds that a lease runs beyond two requests' deadlines: renewed late, under load, it still serves."""

_logger = logging.getLogger("mpstock.leases")


@define(eq=False)
class Lease:
    """The lease of one sink, as this run holds it. Times are in seconds.

    What is left of it is reckoned twice, and the less counts: by the wall clock, which others go by and
    somebody may set, and by the clock that never goes back and goes on while the machine sleeps.

    `lost`: who has taken it since; None while it is ours.
    """

    leasing: Leasing
    sink: str
    token: int
    deadline: float
    length: float
    expires_at: datetime
    renewed: float
    lost: Holder | None = None

    @property
    def left(self) -> float:
        """Seconds until it runs out."""
        clock = self.leasing.clock
        by_wall = (self.expires_at - clock.now()).total_seconds()
        return min(by_wall, self.length - (clock.monotonic() - self.renewed))

    def covers(self) -> bool:
        """Say whether a request that is sent now is answered, or given up, before it runs out."""
        return self.lost is None and self.left > self.deadline

    def confirm(self, tokens: Mapping[str, int] | None = None) -> bool:
        """Make sure that it is ours, for long enough; in the ledger's thread.

        In a transaction it stays so until that ends. `tokens` are those that `Leases.tokens` has just now,
        where they were asked for.
        """
        if self.lost is not None:
            return False
        leases = self.leasing.ledger.leases
        if self.left > (self.length + self.deadline) / 2:
            if (leases.tokens([self.sink]) if tokens is None else tokens).get(self.sink) == self.token:
                return True
        elif self.renew():
            return True
        self._lose(leases.holder(self.sink))
        return False

    def renew(self) -> bool:
        """Let it run for its whole length again; in the ledger's thread. False: another has taken it."""
        clock = self.leasing.clock
        # What is reckoned from is taken before the ledger is asked: waiting for it is time that has passed.
        renewed, now = clock.monotonic(), clock.now()
        ledger = self.leasing.ledger
        with ledger.transaction(durable=False):
            expires_at = ledger.leases.renew(self.sink, self.token, now, timedelta(seconds=self.length))
            if expires_at is None:
                self._lose(ledger.leases.holder(self.sink))
                return False
        self.renewed, self.expires_at = renewed, expires_at
        return True

    async def ready(self) -> bool:
        """Say whether a request may be sent now; a lease that is too short for it is renewed first."""
        if not self.covers() and self.lost is None:
            await self.leasing.worker.run(self.renew)
        return self.covers()

    @property
    def failure(self) -> Failure | None:
        """Why nothing more may be sent; None while the lease is ours."""
        return None if self.lost is None else held_by(self.lost, "has taken over the writing to")

    def _lose(self, holder: Holder | None) -> None:
        if self.lost is None:
            now = self.leasing.clock.now()
            self.lost = holder or Holder(
                self.sink, "", self.token + 1, now, now, now, timedelta(), "another process"
            )
            _logger.warning("%s: the lease is lost: %s", self.sink, self.lost)


def held_by(holder: Holder, does: str = "is writing to") -> Failure:
    """Say of a sink who writes to it."""
    return Failure("leased", f"{holder.sink}: another process {does} it: {holder}; nothing is sent from here")


@define(eq=False)
class Leasing:
    """The leases of one shop's sinks, for its runs, one run at a time.

    `causes` says what the log calls the sources as causes. `mine` are the leases that the run under way
    holds; `others` says who holds the rest.
    """

    ledger: Ledger
    worker: Worker
    clock: Clock
    sinks: Sequence[BuiltSink]
    causes: Mapping[str, str]
    mine: dict[str, Lease] = field(factory=dict[str, Lease])
    others: dict[str, Holder] = field(factory=dict[str, Holder])
    owner: str = ""

    def __attrs_post_init__(self) -> None:
        self.owner = register(self)

    def close(self) -> None:
        """Be done: a lease that could not be given back is free for others."""
        unregister(self.owner)

    @asynccontextmanager
    async def held(self, sinks: Collection[str] | None = None) -> AsyncIterator[Leasing]:
        """Hold the leases of these sinks (None = all) that nobody else holds, and keep renewing them."""
        await self.worker.run(self._take, sinks)
        renewing = asyncio.create_task(self._keep(), name="mpstock leases")
        try:
            yield self
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            await self._give_back()

    def _take(self, sinks: Collection[str] | None) -> None:
        """Take what is free, and call doubtful what its last holder left on the wire, as one step."""
        self.mine.clear()
        self.others.clear()
        command = running_program()
        late: dict[str, datetime | None] = {}
        with self.ledger.transaction(at_once=True):
            leases = self.ledger.leases
            for built in self.sinks:
                built.shut_or_open(self.ledger)
                if sinks is not None and built.name not in sinks:
                    continue
                deadline = _deadline(built)
                length = 2 * deadline + SPARE
                renewed, now = self.clock.monotonic(), self.clock.now()
                taken = leases.take(
                    built.name, self.owner, now,
                    length=timedelta(seconds=length), deadline=timedelta(seconds=deadline),
                    command=command, gone=gone,
                )  # fmt: skip
                if isinstance(taken, Holder):
                    self.others[built.name] = taken
                    continue
                late[built.name] = taken.late_until
                self.mine[built.name] = Lease(
                    self, built.name, taken.token, deadline, length, taken.expires_at, renewed
                )
            # A sink that has left the settings is nobody's: what was sent to it last stays doubtful.
            live = {holder.sink for holder in leases.holders(self.clock.now(), gone)}
            late |= dict.fromkeys(leases.unanswered({built.name for built in self.sinks} | live))
            self.ledger.recovery.recover(self.clock.now(), self._cooldowns, late, self.causes)

    @property
    def _cooldowns(self) -> Mapping[str, timedelta]:
        return {built.name: built.cooldown for built in self.sinks}

    def confirm(self) -> dict[str, Failure]:
        """Make sure of every lease, in the ledger's thread; returns why of those that were lost."""
        # Each is ours or not by itself: whoever takes one a moment later takes it from us anyway.
        tokens = self.ledger.leases.tokens(self.mine)
        for lease in self.mine.values():
            lease.confirm(tokens)
        return {name: failure for name, lease in self.mine.items() if (failure := lease.failure) is not None}

    async def _keep(self) -> None:
        """Renew in time, so that two renewals may fail before a send has to wait for one."""
        if not self.mine:
            return
        every = min((lease.length - lease.deadline) / 3 for lease in self.mine.values())
        while True:
            try:
                async with self.clock.timeout(every):
                    await asyncio.Event().wait()
            except TimeoutError:
                pass
            try:
                await self.worker.run(self._renew_all)
            except LedgerError as error:
                # Whether it is still ours is asked again before anything is sent.
                _logger.warning("the leases could not be renewed: %s", error)

    def _renew_all(self) -> None:
        with self.ledger.transaction(durable=False):
            for lease in self.mine.values():
                if lease.lost is None:
                    lease.renew()

    async def _give_back(self) -> None:
        def work() -> None:
            with self.ledger.transaction(durable=False, at_once=True):
                for lease in self.mine.values():
                    self.ledger.leases.give_back(lease.sink, lease.token, self.clock.now())

        try:
            await self.worker.run(work)
        except LedgerError as error:
            # What the run met before says more. The lease runs out, or ends with this process.
            _logger.warning("the leases could not be given back: %s", error)
        finally:
            self.mine.clear()


def _deadline(built: BuiltSink) -> float:
    return built.config.transport.timeout if built.config.transport is not None else DEADLINE
