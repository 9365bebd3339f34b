"""Sees every request of every process, keeps what they have surely been told, and says what was wrong.

An exception would count as a failure of the account: what is wrong is remembered, and told after the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from attrs import define, field

from mpstock import Change, OrderStage, Outcome, OutcomeStatus
from tests.machine.counting import count
from tests.machine.doubles import Books, Market, Row
from tests.machine.hands import Hands
from tests.machine.layout import LISTINGS, Pair, advertise
from tests.machine.processes import Process
from tests.machine.truth import Statement, Truth

__all__ = ["Guard", "Run", "Witness"]


LATE = timedelta(seconds=20)
"""How late a request arrives whose process has died meanwhile."""


@define
class Guard:
    """The zeroing guard as the settings say it; None where it never fires."""

    share: float
    count: int


@define
class Run:
    """What a run has done so far: `reads` before which orders were read, what failed, what it may not do."""

    kind: str
    full: bool = False
    released: bool = False
    at_most: Mapping[Pair, int] | None = None
    orders: set[str] = field(factory=set[str])
    failed: set[str] = field(factory=set[str])
    zeros: dict[tuple[str, str, str], set[Pair]] = field(factory=dict[tuple[str, str, str], set[Pair]])
    live: Mapping[Pair, int] = field(factory=dict[Pair, int])
    doubted: dict[Pair, datetime] = field(factory=dict[Pair, datetime])
    orders_at: dict[str, datetime] = field(factory=dict[str, datetime])
    wrote: bool = False
    troubled: bool = False


@define
class Witness:
    """Watches all requests of one world.

    `divided` are listings that get a part of what there is, which may be nothing.
    `touched` are listings that somebody else may have moved since they were written or read back: by what
    and when.
    `settled`: since the last run without a fault nothing has moved but the sources.
    """

    truth: Truth
    markets: Mapping[str, Market]
    buffers: dict[str, Mapping[str, Any]]
    hands: Hands
    guard: Guard | None = None
    divided: set[Pair] = field(factory=set[Pair])
    between_sinks: str = "shared"
    wrong: list[str] = field(factory=list[str])
    touched: dict[Pair, tuple[str, datetime]] = field(factory=dict[Pair, tuple[str, datetime]])
    settled: bool = False
    accepted: list[tuple[Pair, int]] = field(factory=list[tuple[Pair, int]])
    heard: dict[str, datetime] = field(factory=dict[str, datetime])
    late: list[tuple[datetime, str, Sequence[Change]]] = field(
        factory=list[tuple[datetime, str, Sequence[Change]]]
    )
    _pending: list[tuple[datetime, Process | None, Callable[[], None], str]] = field(
        factory=list[tuple[datetime, "Process | None", Callable[[], None], str]]
    )
    _perhaps: dict[str, Callable[[], None]] = field(factory=dict[str, Callable[[], None]])
    _runs: dict[int, Run] = field(factory=dict[int, Run])

    # ------------------------------------------------------------------ what the world says

    def run(self, process: Process, run: Run) -> None:
        """A process begins a run."""
        run.live = {pair: self.shown(pair) for pair in LISTINGS} if self.settled else {}
        self._runs[id(process)] = run

    def run_of(self, process: Process) -> Run:
        """The run that a process is in."""
        return self._runs.setdefault(id(process), Run("none"))

    def shown(self, pair: Pair) -> int:
        """What buyers see."""
        return self.markets[pair[0]].shown.get(pair[1:], 0)

    def advertised(self, pair: Pair, available: int) -> int:
        """What a listing may show of so much: as a person says, else as its buffer lets through."""
        by_hand = self.hands.shows(pair, available)
        return advertise(self.buffers[pair[0]], available) if by_hand is None else by_hand

    def claim(self, right: bool, what: str) -> None:
        """Remember what was wrong."""
        if not right:
            self.wrong.append(what)

    def learn(self, process: Process | None, what: Callable[[], None], cursor: str = "") -> None:
        """A process has been told something: it counts from the next moment on, if it lives to keep it.

        Whoever goes on from the `cursor` that came with it has it.
        """
        self._pending.append((self.truth.clock.now(), process, what, cursor))

    def touch(self, pair: Pair, by: str) -> None:
        """Somebody else has moved what a listing shows."""
        self.touched[pair] = (by, self.truth.clock.now())
        self.settled = False

    def read_back(self, began: datetime, *, full: bool) -> None:
        """A run without a fault has seen what orders had moved before it began and, if full, everything."""
        self.touched = {
            pair: (by, at)
            for pair, (by, at) in self.touched.items()
            if at >= began or not (full or by == "order")
        }

    def keep(self) -> None:
        """Count what was learnt before this moment."""
        now = self.truth.clock.now()
        due = [entry for entry in self._pending if entry[0] < now]
        self._pending = [entry for entry in self._pending if entry[0] >= now]
        for _, _, what, _ in due:
            what()

    def lost(self, process: Process) -> None:
        """A process has died: what it was told last, it may have kept or not."""
        self._perhaps.update((entry[3], entry[2]) for entry in self._pending if entry[1] is process)
        self._pending = [entry for entry in self._pending if entry[1] is not process]

    # ------------------------------------------------------------------ reading

    def begins(self, process: Process, kind: str, name: str) -> None:
        self.deliver()
        run = self.run_of(process)
        if kind == "orders":
            run.orders.add(name)
            run.orders_at[name] = self.truth.clock.now()
        if kind == "source" and run.kind == "sync":
            self.claim(run.orders >= set(self.markets), f"{name} was read before the orders")

    def fails(self, process: Process, kind: str, name: str) -> None:
        run = self.run_of(process)
        run.troubled = True
        if kind in ("source", "orders"):
            run.failed.add(name)

    def says(self, books: Books, row: Row, as_of: datetime) -> None:
        statement = self.truth.rows[row]
        statement.maybe.add(as_of)
        statement.perhaps = True

    def has_read(
        self, process: Process, books: Books, cursor: str | None, as_of: datetime, told: dict[Row, bool]
    ) -> None:
        omitted = {
            row
            for row in books.rows
            if row not in told and books.leaves_out(row, as_of, whole=cursor is None)
        }
        believed = cursor is None and not books.half and (self.guard is None or self.run_of(process).released)
        for row in omitted if cursor is None and not books.half else ():
            self.truth.rows[row].maybe.add(as_of)
        missing = set(books.half)
        earlier = self._perhaps.get(f"{books.name} {cursor}")

        def keep() -> None:
            if earlier is not None:
                earlier()
            for row in books.rows:
                statement = self.truth.rows[row]
                statement.heard = {at: came for at, came in statement.heard.items() if came >= as_of}
                if told.get(row) is False:
                    statement.doubt(as_of)
                elif row in omitted:
                    if believed:
                        statement.learn(as_of)
                    elif row in missing and cursor is None and self._stands(statement, row):
                        statement.doubt(as_of)
                elif row in told or (cursor is not None and statement.unknown is None):
                    statement.learn(as_of)
            self.heard[books.name] = max(as_of, self.heard.get(books.name, as_of))

        self.learn(process, keep, f"{books.name} {as_of.isoformat()}")

    def _stands(self, statement: Statement, row: Row) -> bool:
        """Whether the ledger surely has a number other than zero for a row."""
        books = self.truth.speaks(row)
        return bool(statement.moments) and all(books.level(row, moment) for moment in statement.moments)

    def has_carts(self, process: Process, keys: set[str]) -> None:
        now = self.truth.clock.now()

        def keep() -> None:
            for key, cart in self.truth.carts.items():
                if key in keys:
                    cart.told = True
                elif not key.startswith("till"):
                    cart.missed = cart.missed or now

        self.learn(process, keep)

    def has_listings(self, process: Process, name: str) -> None:
        self.learn(process, lambda: self.truth.walked.add(name))

    def has_orders(self, process: Process, name: str, stages: dict[str, OrderStage]) -> None:
        now = self.truth.clock.now()
        self.run_of(process).failed.discard(name)

        def keep() -> None:
            self.heard[name] = now
            for sold in self.truth.sold:
                if sold.sink == name and sold.order.key in stages:
                    sold.told = True
                    sold.left = sold.left or stages[sold.order.key] is OrderStage.SHIPPED
                elif sold.sink == name and sold.gone:
                    sold.missed = sold.missed or now

        self.learn(process, keep)

    # ------------------------------------------------------------------ writing

    def is_late(self, name: str, changes: Sequence[Change]) -> None:
        self.late.append((self.truth.clock.now() + LATE, name, changes))

    def deliver(self) -> None:
        """Let what was on the wire arrive, if it is time."""
        now = self.truth.clock.now()
        due = [entry for entry in self.late if entry[0] <= now]
        self.late = [entry for entry in self.late if entry[0] > now]
        for _, name, changes in due:
            market = self.markets[name]
            for change in changes:
                market._write(change)
            market.early.clear()

    def arrives(self, process: Process, name: str, changes: Sequence[Change]) -> None:
        self.keep()
        self.deliver()
        run = self.run_of(process)
        run.wrote = True
        if process.reading:
            count("sent beside a reading")
        for change in changes:
            pair = (name, change.listing.external_id, change.listing.warehouse)
            self._judge(run, pair, change)

    def _judge(self, run: Run, pair: Pair, change: Change) -> None:
        shown, new = self.shown(pair), change.new
        most = self.truth.of_listing(pair, self.truth.most)
        least = self.truth.of_listing(pair, self.truth.least)
        what = f"{pair} {change.old} → {new} ({change.cause}), showing {shown}"
        self.claim(not self.hands.stops(pair), f"{what}: it is stopped")
        by_hand = self.hands.shows(pair, new)
        self.claim(by_hand in (None, new), f"{what}: {by_hand} by hand")
        blind = most is None and new > shown and pair not in self.touched
        self.claim(not blind, f"{what}: nobody knows how many there are")
        if most is not None:
            self.claim(new <= self.advertised(pair, most), f"{what}: at most {most} are there")
        planned = run.at_most is not None and run.at_most.get(pair) == new
        if new < shown and not planned and pair not in self.touched and pair not in self.divided:
            reason = by_hand is not None or (least is not None and new >= self.advertised(pair, least))
            told = "unknown became zero" if new == 0 else "it fell for no reason"
            self.claim(reason, f"{what}: {told}, at least {least} are there")
        if run.at_most is not None:
            self.claim(new <= run.at_most.get(pair, -1), f"{what}: the plan says {run.at_most.get(pair)}")
        if pair not in self.touched:
            self.claim(change.old in (None, shown), f"{what}: the base is wrong")
            if new > shown:
                self._judge_raise(run, pair, what)
                self._judge_neighbours(pair, new, what)
        doubted = run.doubted.get(pair)
        if doubted is not None:
            read = run.orders_at.get(pair[0])
            self.claim(
                read is not None and read >= doubted, f"{what}: sent again without a look at the orders"
            )
        if new == 0 != by_hand and run.live.get(pair) and change.cause != "order" and not run.released:
            self._judge_zero(run, pair, change.cause)

    def _judge_raise(self, run: Run, pair: Pair, what: str) -> None:
        offer, now = LISTINGS[pair], self.truth.clock.now()
        for sku in offer.takes:
            for row in self.truth.fed(sku, offer.feeds):
                source = self.truth.speaks(row).name
                self.claim(source not in run.failed, f"{what}: raised though {source} failed")
                statement = self.truth.rows[row]
                known = statement.unknown is None or statement.perhaps
                self.claim(known, f"{what}: raised though {row} is unknown")
        for sink in self.markets:
            sells = any(p[0] == sink and o.takes.keys() & offer.takes.keys() for p, o in LISTINGS.items())
            heard = self.heard.get(sink)
            deaf = sink in self.truth.walked and (heard is None or now - heard > timedelta(minutes=15))
            self.claim(not (sells and deaf and sink in run.failed), f"{what}: raised though {sink} is silent")

    def _judge_neighbours(self, pair: Pair, new: int, what: str) -> None:
        """What is raised promises no unit that another one shows which may not promise the same."""
        mine = LISTINGS[pair]
        for other, theirs in LISTINGS.items():
            met = other[0] in self.truth.walked and other not in self.touched
            if other == pair or not met or not self.apart(pair, other):
                continue
            for sku in mine.takes.keys() & theirs.takes.keys():
                most = self.together(pair, other, sku)
                both = new * mine.takes[sku] + self.shown(other) * theirs.takes[sku]
                if most is not None:
                    self.claim(both <= most, f"{what}: {both} {sku} with {other}, and {most} are there")

    def apart(self, one: Pair, other: Pair) -> bool:
        """Whether two may not promise the same unit, and are fed by the same."""
        alone = self.between_sinks != "shared" or one[0] == other[0]
        return alone and bool({*LISTINGS[one].feeds} & {*LISTINGS[other].feeds})

    def together(self, one: Pair, other: Pair, sku: str) -> int | None:
        """The most units of a product that two may promise together; None: nobody can say."""
        # What one warehouse is short of, another one's listing need not make good.
        feeds = {*LISTINGS[one].feeds, *LISTINGS[other].feeds}
        each = [self.truth.most(sku, (own,)) for own in feeds]
        known = [max(amount, 0) for amount in each if amount is not None]
        return sum(known) if len(known) == len(each) else None

    def _judge_zero(self, run: Run, pair: Pair, cause: str) -> None:
        since = self.truth.clock.now() - timedelta(hours=2)
        takes = LISTINGS[pair].takes.keys()
        if self.guard is None or any(
            s.takes.keys() & takes and s.order.placed_at > since for s in self.truth.sold
        ):
            # What was sold is explained by it.
            return
        gone = run.zeros.setdefault((pair[0], pair[2], cause), set())
        gone.add(pair)
        zeros = len(gone)
        live = sum(
            shown > 0 for other, shown in run.live.items() if (other[0], other[2]) == (pair[0], pair[2])
        )
        self.claim(
            zeros <= self.guard.count or zeros <= self.guard.share * live,
            f"{zeros} of {live} live listings of {pair[0]} {pair[2]} went to zero by {cause}",
        )

    def answered(
        self, process: Process, name: str, changes: Sequence[Change], outcomes: Sequence[Outcome] | None
    ) -> None:
        run, now = self.run_of(process), self.truth.clock.now()
        self.claim(not self.markets[name].early, f"{self.markets[name].early}: written before their time")
        for number, change in enumerate(changes):
            pair = (name, change.listing.external_id, change.listing.warehouse)
            outcome = None if outcomes is None else outcomes[number]
            if outcome is None or outcome.status is OutcomeStatus.DOUBT:
                run.doubted[pair] = now
            else:
                run.doubted.pop(pair, None)
            if outcome is None:
                continue
            if outcome.status is OutcomeStatus.OK:
                self.touched.pop(pair, None)
                self.accepted.append((pair, change.new))
