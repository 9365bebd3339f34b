"""The world: everything that can happen to a seller, in any order, with processes that die at any point.

After every rule nothing wrong may have been seen on any wire (`witness`). A run without a fault leaves each
listing between what was surely there and what can honestly be promised. In the end everything heals, and
two runs later each listing shows the formula to the unit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from functools import wraps
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition
from hypothesis.stateful import rule as hypothesis_rule

from mpstock import AsyncShop, OutcomeStatus, Plan
from mpstock.config import Absorption, ZeroingGuard
from mpstock.errors import (
    AuthenticationError,
    NotSentError,
    StalePlanError,
    TransientError,
    UnexpectedResponseError,
)
from tests.machine.counting import count
from tests.machine.events import ALL_ROWS, VISIBLE_AFTER
from tests.machine.hands import KINDS, SCOPES
from tests.machine.layout import LISTINGS, SHARED, SINKS, SKUS
from tests.machine.processes import CRASHES, WHILE_READING, WHILE_WRITING
from tests.machine.runs import Runs
from tests.machine.truth import Sold, Stage
from tests.machine.witness import Guard, Run

__all__ = ["BUFFERS", "ITEM_FAULTS", "World", "pairs", "rows", "rule", "sinks"]


def rule(**strategies: Any) -> Callable[[Callable[..., bool | None]], Any]:
    """A rule that is counted each time something comes of it: each but those that return False."""

    def counted(function: Callable[..., bool | None]) -> Any:
        @wraps(function)
        def fire(self: Any, **drawn: Any) -> None:
            if function(self, **drawn) is not False:
                count(f"rule {function.__name__}")

        return hypothesis_rule(**strategies)(fire)

    return counted


T = TypeVar("T")

STAGES: tuple[Stage, ...] = ("order", "assembly", "shipment")
LAGS = (0, 600, 8 * 3600)
BUFFERS = ({"policy": "all"}, {"absolute": 1}, {"policy": "all", "cap": 3})
ITEM_FAULTS = [status for status in OutcomeStatus if status is not OutcomeStatus.OK]

rows = st.sampled_from(ALL_ROWS)
pairs = st.sampled_from(sorted(LISTINGS))
sinks = st.sampled_from(SINKS)
skus = st.sampled_from(SKUS)
who = st.sampled_from([0, 0, 0, 1])
small = st.integers(0, 5)
crashes = st.sampled_from([*CRASHES, *WHILE_READING, *WHILE_WRITING])
"""A run has many commits, and few requests of a kind."""

MEANWHILE = ("buy", "move", "row", "hold", "ship", "cancel", "edit", "decide", "sync", "short run")
"""What can happen at a request of a run."""


class World(Runs):
    """One seller, and whatever comes."""

    @initialize(
        stock=st.lists(st.integers(-1, 9), min_size=len(ALL_ROWS), max_size=len(ALL_ROWS)),
        shown=st.lists(st.integers(0, 9), min_size=len(LISTINGS), max_size=len(LISTINGS)),
        booking=st.lists(
            st.none() | st.tuples(st.sampled_from(STAGES), st.sampled_from(LAGS)), min_size=3, max_size=3
        ),
        lowers=st.booleans(),
        raises=st.booleans(),
        between=st.sampled_from(["shared", "shared", "split", "exclusive"]),
        guard=st.none() | st.sampled_from([0.3, 0.6, 0.8]),
        max_age=st.sampled_from([None, 2 * 3600]),
        # A read-back of everything at each run mends what the base has wrong.
        sample=st.sampled_from([0, 0, 2]),
        stale=st.sampled_from([0.0, 0.0, 20.0, VISIBLE_AFTER]),
    )
    def begin(
        self, stock, shown, booking: Any, lowers, raises, between, guard, max_age, sample, stale
    ) -> None:
        world = self.world
        world.markets["wb"].stale = stale
        world.sample = sample
        for row, units in zip(ALL_ROWS, stock, strict=True):
            world.move(row, units)
        for pair, units in zip(sorted(LISTINGS), shown, strict=True):
            world.markets[pair[0]].shown[pair[1:]] = units
        for sink, said in zip(SINKS, booking, strict=True):
            # Where nothing is said, an order is booked within 15 minutes of its shipment.
            stage: Stage = said[0] if said else "shipment"
            lag = said[1] if said else 15 * 60
            self.truth.booking[sink] = (stage, timedelta(seconds=lag))
            if said:
                world.absorbs[sink] = Absorption(stage, timedelta(seconds=lag))
        world.markets["wb"].lowers, world.markets["wb"].raises_on_cancel = lowers, raises
        world.between_sinks = self.witness.between_sinks = between
        self.witness.divided = set(SHARED if between == "shared" else LISTINGS)
        world.max_age = None if max_age is None else timedelta(seconds=max_age)
        if guard is not None:
            world.zeroing = ZeroingGuard(Decimal(str(guard)), count=1)
            self.witness.guard = Guard(guard, 1)
        world.loop.elapse(60)

    # ------------------------------------------------------------------ the warehouse

    @rule(row=rows, units=st.integers(-4, 9))
    def stock_moves(self, row, units) -> None:
        self.world.move(row, units)

    @rule(row=rows)
    def a_row_goes_bad(self, row) -> None:
        self.world.spoil(row)

    @precondition(lambda self: "erp" in self.witness.heard and "supplier" in self.witness.heard)
    @rule(row=rows)
    def a_row_goes_away(self, row) -> None:
        self.world.drop(row)

    @rule(source=st.sampled_from(["erp", "erp", "supplier", "carts"]), after=st.integers(0, 3))
    def a_source_fails(self, source, after) -> None:
        books = self.world.carts if source == "carts" else self.world.books[source]
        books.failures.append((TransientError("no route to host"), after))

    @precondition(lambda self: "erp" in self.witness.heard and "supplier" in self.witness.heard)
    @rule(chosen=st.sets(rows, min_size=1, max_size=6))
    def an_answer_is_half(self, chosen) -> None:
        for books in self.world.books.values():
            books.half = {row for row in chosen if row in books.rows}

    @rule(seconds=st.sampled_from([0, 0, 30, 600]))
    def the_books_answer_late(self, seconds) -> None:
        for books in self.world.books.values():
            books.behind = timedelta(seconds=seconds)

    @precondition(lambda self: "erp" in self.witness.heard and "supplier" in self.witness.heard)
    @rule(
        row=rows, who=who, dated=st.booleans(), ago=st.sampled_from([0, 0, 5, 300]), twice=st.booleans(),
    )  # fmt: skip
    def a_row_is_pushed(self, row, who, dated, ago, twice) -> None:
        self.world.loop.drive(self.world.push_row(row, who=who, dated=dated, ago=ago, twice=twice))

    # ------------------------------------------------------------------ buyers

    @precondition(lambda self: bool(self.world.live))
    @rule(nth=small, most=st.integers(1, 4), own=st.sampled_from(["main", "msk", "far"]))
    def a_buyer_orders(self, nth, most, own) -> bool:
        return self._sell(nth, most, own)

    @precondition(lambda self: bool(self.open_orders or self.world.live))
    @rule(nth=small)
    def an_order_is_assembled(self, nth) -> bool:
        return self._with_order(nth, self.world.assemble)

    @precondition(lambda self: bool(self.open_orders or self.world.live))
    @rule(nth=small)
    def an_order_is_shipped(self, nth) -> bool:
        return self._with_order(nth, self.world.ship)

    @precondition(lambda self: bool(self.open_orders or self.world.live))
    @rule(nth=small)
    def an_order_is_cancelled(self, nth) -> bool:
        return self._with_order(nth, self.world.cancel)

    @precondition(lambda self: bool(self.open_orders or self.world.live))
    @rule(nth=small, shipped=st.booleans())
    def an_order_is_told_no_longer(self, nth, shipped) -> bool:
        """It has ended, and nobody says how."""

        def end(sold: Sold) -> None:
            self.world.ship(sold) if shipped else self.world.cancel(sold)
            self.world.forget(sold)

        return self._with_order(nth, end)

    @precondition(lambda self: bool(self.parcels or self.open_orders or self.world.live))
    @rule(nth=small)
    def a_parcel_is_cancelled_on_its_way(self, nth) -> bool:
        if not self.parcels:
            self._with_order(nth, self.world.ship)
            self._sync(0, full=False)
        if self.parcels:
            self.world.cancel_on_the_way(self.parcels[nth % len(self.parcels)])
            return True
        return False

    @rule(part=st.sampled_from([0.0, 0.5, 1.0]))
    def the_books_are_slow_to_book(self, part) -> None:
        self.world.delay = part

    @rule(sku=skus, units=st.integers(1, 3), seconds=st.sampled_from([60, 900, 36_000]))
    def a_cart_is_opened(self, sku, units, seconds) -> None:
        self.world.open_cart(sku, units, seconds)

    @rule(nth=small)
    def a_cart_is_left(self, nth) -> None:
        if not self.world.carts.holds:
            self.world.open_cart(SKUS[nth % len(SKUS)], 1, 900)
            self._sync(0, full=False)
        keys = sorted(self.world.carts.holds)
        self.world.leave_cart(keys[nth % len(keys)])

    @precondition(lambda self: "erp" in self.witness.heard)
    @rule(
        sku=skus, units=st.integers(1, 3), seconds=st.sampled_from([60, 900]), who=who,
        if_available=st.booleans(),
    )  # fmt: skip
    def a_till_holds(self, sku, units, seconds, who, if_available) -> None:
        self.world.loop.drive(self.world.hold(sku, units, seconds, who=who, if_available=if_available))

    @precondition(lambda self: "erp" in self.witness.heard)
    @rule(sku=skus, who=who)
    def a_till_lets_go(self, sku, who) -> None:
        held = [key for key in self.truth.carts if key.startswith("till")]
        if not held:
            self.world.loop.drive(self.world.hold(sku, 1, 900, who=who, if_available=False))
            held = [*self.truth.carts][-1:]
            self._sync(0, full=False)
        self.world.loop.drive(self.world.release(held[0], who=who))

    # ------------------------------------------------------------------ the accounts

    @rule(sink=sinks, pair=pairs, status=st.sampled_from(ITEM_FAULTS), times=st.integers(1, 5))
    def an_item_is_refused(self, sink, pair, status, times) -> None:
        retry = 5.0 if status in (OutcomeStatus.WAIT, OutcomeStatus.BUSY) else None
        count(f"answer {status}")
        self.world.markets[pair[0]].refuse(
            pair[1], "FAULT", warehouse=pair[2], status=status, retry_after=retry, times=times
        )

    @rule(sink=sinks, times=st.integers(1, 3))
    def a_batch_is_spoiled(self, sink, times) -> None:
        self.world.markets[sink].spoiled = times

    @rule(sink=sinks, times=st.integers(1, 2))
    def the_rest_of_an_answer_is_missing(self, sink, times) -> None:
        self.world.markets[sink].lost = times

    @rule(
        sink=sinks,
        error=st.sampled_from(
            [NotSentError("refused"), NotSentError("429", retry_after=7.0), AuthenticationError("401")]
        ),
        times=st.integers(1, 6),
    )
    def a_sink_fails_before_it_applies(self, sink, error, times) -> None:
        self.world.markets[sink].fail_push(error, times=times)

    @rule(sink=sinks, applied=st.booleans(), times=st.integers(1, 6))
    def a_sink_times_out(self, sink, applied, times) -> None:
        self.world.markets[sink].doubt(applied=applied, times=times)

    @rule(sink=sinks)
    def an_answer_cannot_be_read(self, sink) -> None:
        self.world.markets[sink].fail_push(UnexpectedResponseError("<html>"), applied=True)

    @rule(sink=sinks, times=st.integers(1, 2))
    def a_sink_cannot_be_read(self, sink, times) -> None:
        self.world.markets[sink].fail_read(TransientError("maintenance"), times=times)

    @rule(sink=sinks, times=st.integers(1, 2))
    def orders_cannot_be_read(self, sink, times) -> None:
        self.world.markets[sink].fail_orders(TransientError("503"), times=times)

    @rule(pair=pairs, by=st.integers(-5, 5))
    def somebody_edits_a_number(self, pair, by) -> None:
        self.world.edit(pair, by)

    # ------------------------------------------------------------------ people

    @precondition(lambda self: len(self.world.hands.in_force()) < 3)
    @rule(
        kind=st.sampled_from(KINDS), scope=st.sampled_from(SCOPES), quantity=small,
        seconds=st.sampled_from([20, 240, 3600, None]), who=who,
    )  # fmt: skip
    def somebody_decides(self, kind, scope, quantity, seconds, who) -> bool:
        decided = self.world.decide(kind, scope, quantity, seconds, who=who)
        return self.world.loop.drive(decided)

    @rule(kind=st.sampled_from(KINDS), nth=small, who=who)
    def somebody_takes_it_back(self, kind, nth, who) -> bool:
        if not self.world.hands.in_force():
            self.somebody_decides(kind=kind, scope=SCOPES[nth], quantity=nth, seconds=None, who=who)
            self._sync(0, full=False)
        said = self.world.hands.in_force()
        if not said:
            return False
        self.world.loop.drive(self.world.take_back(said[nth % len(said)], who=who))
        return True

    # ------------------------------------------------------------------ time and settings

    @rule(seconds=st.sampled_from([1, 20, 40, 599, 4000, 9 * 3600]))
    def time_passes(self, seconds) -> None:
        self.world.elapse(seconds)

    @rule(sink=sinks, buffer=st.sampled_from(BUFFERS))
    def a_buffer_is_set(self, sink, buffer) -> None:
        self.world.buffers[sink] = buffer
        self.witness.settled = False
        self._restart()

    @rule()
    def restart(self) -> None:
        self._restart()

    # ------------------------------------------------------------------ what mpstock does

    @rule(
        events=st.lists(
            st.tuples(st.integers(1, 12), st.sampled_from(MEANWHILE), small), min_size=1, max_size=4
        ),
        slow=st.sampled_from([0, 0, 2, 20]),
        full=st.booleans(),
        who=who,
    )
    def sync_while_things_happen(self, events, slow, full, who) -> None:
        """A run meets them at its requests; where these take long, it sends beside them what cannot wait."""
        self._sync_amid(events, slow, full=full, who=who)

    def _sync_amid(self, events: list[tuple[int, str, int]], slow: float, *, full: bool, who: int) -> None:
        for books in self.world.books.values():
            books.slow = slow
        self.meanwhile = events
        self._sync(who, full=full)
        for books in self.world.books.values():
            books.slow = 0

    @rule(full=st.booleans(), who=who)
    def sync(self, full, who) -> None:
        self._sync(who, full=full)

    @rule(
        full=st.booleans(), crash=crashes, nth=st.integers(1, 30), elsewhere=st.booleans()
    )  # fmt: skip
    def sync_and_die(self, full, crash, nth, elsewhere) -> None:
        """The process dies on its way; a run that is over sooner is a run."""
        self._sync(
            0, full=full, crash=(crash, nth if "commit" in crash else 1 + nth % 2), elsewhere=elsewhere
        )

    @rule()
    def sync_what_has_moved(self) -> None:
        self._sync(0, full=False)

    @rule(read=st.sampled_from(["orders", "nothing"]), who=who)
    def sync_between(self, read, who) -> None:
        """A short run: what came in is sent, and no source is asked."""
        self._sync(who, full=False, read=read)

    @rule(who=who)
    def sync_and_release(self, who) -> None:
        self._sync(who, full=True, release=True)

    @rule(full=st.booleans())
    def make_a_plan(self, full) -> None:
        def plan(shop: AsyncShop) -> Awaitable[Plan]:
            return shop.plan(full=full)

        self.plan = self._run(0, Run("plan", full=full), plan)

    @precondition(lambda self: self.plan is not None)
    @rule(crash=st.none() | crashes, nth=st.integers(1, 20))
    def apply_the_plan(self, crash, nth) -> None:
        plan, self.plan = self.plan, None
        assert plan is not None
        most = {(c.sink, c.external_id, c.warehouse): c.new for c in plan.changes if not c.held}
        failed = {name for name, source in plan.sources.items() if source.error}
        run = Run("apply", at_most=most, failed=failed)
        try:
            self._run(0, run, lambda shop: shop.apply(plan), crash=crash and (crash, nth))
        except StalePlanError:
            count("a stale plan")
            assert not run.wrote, "a stale plan was sent"

    @rule()
    def heal_and_sync(self) -> None:
        """Nothing fails any more: a run has nothing to complain of."""
        self._healthy()
