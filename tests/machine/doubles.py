"""The world's warehouse systems and accounts, and how one process reaches them.

A warehouse system is a journal: every entry has its moment, also those still to come. What it answers is the
state of `behind` ago, and its as-of says so. An account is that of `mpstock.inmemory`, with more ways to
refuse. Each request takes a little time, in which other things may happen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from attrs import define, evolve, field

from mpstock import (
    Change,
    Hold,
    Level,
    Limits,
    Listing,
    ListingPage,
    Observation,
    OrderPage,
    OrderStage,
    Outcome,
    OutcomeStatus,
    Rate,
    Reading,
)
from mpstock.errors import AuthenticationError, NotSentError
from mpstock.inmemory.paging import pages_of
from mpstock.testing import VirtualClock
from tests.machine.processes import Process
from tests.reconcile.shops import Account, Killed

__all__ = ["Books", "Entry", "Market", "Row", "SinkView", "SourceView", "Watch"]

T = TypeVar("T")

LATENCY = 0.05
"""How long an answer takes, in seconds."""

PAGE = 2

Row = tuple[str, str]
"""A product in one own warehouse."""


@define
class Entry:
    """So many units more or fewer of a row from then on; `key` names the order that it books."""

    at: datetime
    row: Row
    units: int
    key: str = ""


@define
class Books:
    """One warehouse system.

    `bad` are rows whose quantity it does not know, `omits` those that it leaves out of the whole while they
    are zero. `holds` are carts. `half`: the next complete answers leave these rows out, and say that they are
    not all. `failures` are errors and the number of pages after which they come. `slow`: so many seconds a
    page takes beyond an answer's time.
    """

    name: str
    clock: VirtualClock
    rows: tuple[Row, ...]
    entries: list[Entry] = field(factory=list[Entry])
    bad: set[Row] = field(factory=set[Row])
    omits: set[Row] = field(factory=set[Row])
    half: set[Row] = field(factory=set[Row])
    holds: dict[str, Hold] = field(factory=dict[str, Hold])
    failures: list[tuple[Exception, int]] = field(factory=list[tuple[Exception, int]])
    behind: timedelta = timedelta(0)
    slow: float = 0.0

    def enter(self, row: Row, units: int, *, at: datetime | None = None, key: str = "") -> None:
        """Make an entry, now or later."""
        self.entries.append(Entry(at or self.clock.now(), row, units, key))

    def level(self, row: Row, at: datetime) -> int:
        """What the books say as of then."""
        return sum(entry.units for entry in self.entries if entry.row == row and entry.at <= at)

    def goods(self, row: Row, at: datetime) -> int:
        """What was there as of then if nobody had ordered anything."""
        return sum(e.units for e in self.entries if e.row == row and e.at <= at and not e.key)

    def moved(self, row: Row, since: datetime, until: datetime) -> bool:
        """Whether anything was entered in that time."""
        return any(e.row == row and since < e.at <= until for e in self.entries)

    def leaves_out(self, row: Row, at: datetime, *, whole: bool) -> bool:
        """Whether an answer does not mention a row that it is about; what has moved is always told."""
        return whole and (row in self.half or (row in self.omits and not self.level(row, at)))


class Market(Account):
    """One account: as it is in memory, and refuses in more ways. `lost` and `spoiled` count pushes to come.

    `lost`: the first change is taken, of the others some are, and nobody is told which. `spoiled`: refused as
    a whole, naming nobody. `stale`: so many seconds after a write it may tell what it showed before.
    """

    lost = 0
    spoiled = 0
    stale = 0.0
    early: list[tuple[str, str]]
    """What was written before its cooldown was over."""

    def __init__(self, *arguments: Any, **limits: Any) -> None:
        super().__init__(*arguments, **limits)
        self.early = []
        self._before: dict[tuple[str, str], list[tuple[float, int]]] = {}

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        async for page in super().observe(listings):
            yield [
                evolve(one, quantity=self.told((one.external_id, one.warehouse), one.quantity or 0))
                for one in page
            ]

    def told(self, pair: tuple[str, str], shown: int) -> int:
        """What is told of a listing that shows so much: what it showed before what was written lately."""
        since = self.clock.monotonic() - self.stale
        return next((before for at, before in self._before.get(pair, ()) if at > since), shown)

    def is_edited(self, pair: tuple[str, str], quantity: int) -> None:
        """Somebody moves a number in the cabinet, where everybody sees it."""
        self.shown[pair] = quantity
        self._before.pop(pair, None)

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        if self.spoiled:
            self.spoiled -= 1
            self.pushes.append(tuple(changes))
            return [Outcome(OutcomeStatus.WHOLE, "BAD", "something in it is wrong")] * len(changes)
        outcomes = list(await super().push(changes))
        if self.lost and len(changes) > 1:
            self.lost -= 1
            doubt = Outcome(OutcomeStatus.DOUBT, "CONFLICT", "the answer does not list it")
            outcomes[1:] = [o if o.code == "TOO_OFTEN" else doubt for o in outcomes[1:]]
        return outcomes

    def _write(self, change: Change) -> Outcome:
        pair = (change.listing.external_id, change.listing.warehouse)
        before, shown = self._written.get(pair), self.shown.get(pair, 0)
        outcome = super()._write(change)
        if outcome.status is OutcomeStatus.OK:
            self._before.setdefault(pair, []).append((self.clock.monotonic(), shown))
        if outcome.code == "TOO_OFTEN":
            self.early.append(pair)
        if outcome.status in (OutcomeStatus.BUSY, OutcomeStatus.UNSENT):
            # It never came as far as the listing.
            if before is None:
                self._written.pop(pair, None)
            else:
                self._written[pair] = before
        return outcome

    def heal(self) -> None:
        super().heal()
        self._broken_orders.clear()
        self.lost = self.spoiled = 0


class Watch(Protocol):
    """What the world wants to know of the requests of a process."""

    def begins(self, process: Process, kind: str, name: str) -> None:
        """A request has begun."""

    def fails(self, process: Process, kind: str, name: str) -> None:
        """A request has failed."""

    def says(self, books: Books, row: Row, as_of: datetime) -> None:
        """A process is told what a row was as of then; whether it keeps that is another matter."""

    def has_read(
        self, process: Process, books: Books, cursor: str | None, as_of: datetime, told: dict[Row, bool]
    ) -> None:
        """A process has read the books to their end; `told` says of each row whether its level is known."""

    def has_carts(self, process: Process, keys: set[str]) -> None:
        """A process has read the carts."""

    def has_listings(self, process: Process, name: str) -> None:
        """A process has read what an account sells."""

    def has_orders(self, process: Process, name: str, stages: dict[str, OrderStage]) -> None:
        """A process has read an account's orders to their end."""

    def is_late(self, name: str, changes: Sequence[Change]) -> None:
        """Changes are on their way whose process has died."""

    def arrives(self, process: Process, name: str, changes: Sequence[Change]) -> None:
        """A process sends changes."""

    def answered(
        self, process: Process, name: str, changes: Sequence[Change], outcomes: Sequence[Outcome] | None
    ) -> None:
        """An account has taken changes in, and says so or, with None, fails."""


@define
class SourceView:
    """A warehouse system as one process sees it."""

    books: Books
    process: Process
    watch: Watch

    @property
    def rates(self) -> Sequence[Rate]:
        return ()

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        self.process.reading += 1
        try:
            async for reading in self._pages(cursor):
                yield reading
        finally:
            self.process.reading -= 1

    async def _pages(self, cursor: str | None) -> AsyncIterator[Reading]:
        books, process, watch = self.books, self.process, self.watch
        watch.begins(process, "source", books.name)
        process.point("before a request: source")
        as_of = books.clock.now() - books.behind
        since = None if cursor is None else datetime.fromisoformat(cursor)
        rows = [
            row
            for row in books.rows
            if not books.leaves_out(row, as_of, whole=since is None)
            and (since is None or books.moved(row, since, as_of))
        ]
        told = {row: row not in books.bad for row in rows}
        levels = [Level(*row, books.level(row, as_of) if known else None) for row, known in told.items()]
        holds = tuple(books.holds.values())
        partial = since is None and bool(books.half)
        failure, after = books.failures.pop(0) if books.failures else (None, -1)
        pages = list(pages_of(levels, PAGE))
        for number, page in enumerate(pages):
            await asyncio.sleep(LATENCY + books.slow)
            await process.boundary()
            process.point("after an answer: source")
            if failure is not None and number >= min(after, len(pages) - 1):
                watch.fails(process, "source", books.name)
                raise failure
            for level in page:
                if level.quantity is not None:
                    watch.says(books, (level.sku, level.warehouse), as_of)
            last = number == len(pages) - 1
            yield Reading(
                page,
                as_of,
                complete=last and since is None,
                cursor=as_of.isoformat() if last else None,
                holds=holds if last else (),
                absent="unknown" if partial else "zero",
                holds_complete=last,
            )
        watch.has_read(process, books, cursor, as_of, told)
        if not books.rows:
            watch.has_carts(process, {hold.key for hold in holds})


@define
class SinkView:
    """An account as one process reaches it."""

    name: str
    market: Market
    process: Process
    watch: Watch

    @property
    def limits(self) -> Limits:
        return self.market.limits

    @property
    def warehouses(self) -> tuple[str, ...]:
        """The codes of its warehouses."""
        return self.market.warehouses

    async def _asked(self, kind: str) -> None:
        self.watch.begins(self.process, kind, self.name)
        self.process.point(f"before a request: {kind}")
        await asyncio.sleep(LATENCY / 2)
        await self.process.boundary()

    async def _answered(self, kind: str) -> None:
        await asyncio.sleep(LATENCY / 2)
        await self.process.boundary()
        self.process.point(f"after an answer: {kind}")

    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        await self._asked("listings")
        pages = [page async for page in self._failing("listings", self.market.listings(cursor))]
        await self._answered("listings")
        for page in pages:
            yield page
        self.watch.has_listings(self.process, self.name)

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        await self._asked("observe")
        pages = [page async for page in self._failing("observe", self.market.observe(listings))]
        await self._answered("observe")
        for page in pages:
            yield page

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        await self._asked("orders")
        pages = [page async for page in self._failing("orders", self.market.orders(cursor))]
        await self._answered("orders")
        for page in pages:
            yield page
        stages = {order.key: order.stage for page in pages for order in page.orders}
        self.watch.has_orders(self.process, self.name, stages)

    async def _failing(self, kind: str, pages: AsyncIterator[T]) -> AsyncIterator[T]:
        try:
            async for page in pages:
                yield page
        except Exception:
            self.watch.fails(self.process, kind, self.name)
            raise

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        process, watch = self.process, self.watch
        process.alive()
        watch.arrives(process, self.name, changes)
        process.point("before a request: push")
        try:
            process.point("on the wire: push")
        except Killed:
            watch.is_late(self.name, changes)
            raise
        await asyncio.sleep(LATENCY / 2)
        await process.boundary(pushes=True)
        try:
            outcomes = await self.market.push(changes)
        except (NotSentError, AuthenticationError):
            raise
        except Exception:
            watch.answered(process, self.name, changes, None)
            raise
        watch.answered(process, self.name, changes, outcomes)
        process.point("applied and not answered: push")
        await asyncio.sleep(LATENCY / 2)
        await process.boundary(pushes=True)
        process.point("after an answer: push")
        return outcomes
