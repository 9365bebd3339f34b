"""The machine: everything that can happen to a seller, in any order, with processes that die at any point.

After every rule nothing wrong may have been seen on any wire (`witness`). A run without a fault leaves each
listing between what was surely there and what can honestly be promised. In the end everything heals, and
two runs later each listing shows the formula to the unit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from functools import wraps
from itertools import combinations
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition
from hypothesis.stateful import rule as hypothesis_rule

from mpstock import AsyncShop, OutcomeStatus, Plan, Report
from mpstock.config import Absorption, ZeroingGuard
from mpstock.errors import (
    AuthenticationError,
    NotSentError,
    StalePlanError,
    TransientError,
    UnexpectedResponseError,
)
from tests import ledgers
from tests.machine.counting import count
from tests.machine.events import ALL_ROWS, Events
from tests.machine.layout import LISTINGS, SHARED, SINKS, SKUS, Pair, advertise
from tests.machine.processes import CRASHES
from tests.machine.truth import Sold, Stage
from tests.machine.witness import Guard, Run
from tests.reconcile.shops import Killed

__all__ = ["Machine"]


def rule(**strategies: Any) -> Callable[[Callable[..., None]], Any]:
    """A rule that is counted each time it fires."""

    def counted(function: Callable[..., None]) -> Any:
        @wraps(function)
        def fire(self: Any, **drawn: Any) -> None:
            count(f"rule {function.__name__}")
            function(self, **drawn)

        return hypothesis_rule(**strategies)(fire)

    return counted


T = TypeVar("T")

STAGES: tuple[Stage, ...] = ("order", "assembly", "shipment")
LAGS = (0, 600, 8 * 3600)
BUFFERS = ({"policy": "all"}, {"absolute": 1}, {"policy": "all", "cap": 3})
GUARDS = ("zeroing", "shrunken", "raising", "takeover")
ITEM_FAULTS = [status for status in OutcomeStatus if status is not OutcomeStatus.OK]

rows = st.sampled_from(ALL_ROWS)
pairs = st.sampled_from(sorted(LISTINGS))
sinks = st.sampled_from(SINKS)
skus = st.sampled_from(SKUS)
who = st.sampled_from([0, 0, 0, 1])
small = st.integers(0, 5)


class Machine(RuleBasedStateMachine):
    """One seller, and whatever comes."""

    examples = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).examples += 1
        self.world = Events()
        self.witness, self.truth = self.world.witness, self.world.truth
        self.plan: Plan | None = None
        self.meanwhile: list[tuple[int, str, int]] = []
        self.elsewhere = False

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
    )
    def begin(self, stock, shown, booking: Any, lowers, raises, between, guard, max_age, sample) -> None:
        world = self.world
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
        world.between_sinks = between
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

    @rule(pair=pairs, most=st.integers(1, 4), own=st.sampled_from(["main", "msk", "far"]))
    def a_buyer_orders(self, pair, most, own) -> None:
        if self.world.buy(pair, most, own):
            count("an order")

    @precondition(lambda self: bool(self.open_orders))
    @rule(nth=small)
    def an_order_is_assembled(self, nth) -> None:
        self.world.assemble(self._order(nth))

    @precondition(lambda self: bool(self.open_orders))
    @rule(nth=small)
    def an_order_is_shipped(self, nth) -> None:
        self.world.ship(self._order(nth))

    @precondition(lambda self: bool(self.open_orders))
    @rule(nth=small)
    def an_order_is_cancelled(self, nth) -> None:
        self.world.cancel(self._order(nth))

    @precondition(lambda self: bool(self.open_orders))
    @rule(nth=small, shipped=st.booleans())
    def an_order_is_told_no_longer(self, nth, shipped) -> None:
        """It has ended, and nobody says how."""
        sold = self._order(nth)
        if shipped:
            self.world.ship(sold)
        else:
            self.world.cancel(sold)
        self.world.forget(sold)

    @precondition(lambda self: any(sold.left and not sold.gone for sold in self.truth.sold))
    @rule()
    def a_parcel_is_cancelled_on_its_way(self) -> None:
        self.world.cancel_on_the_way(next(s for s in self.truth.sold if s.left and not s.gone))

    @rule(part=st.sampled_from([0.0, 0.5, 1.0]))
    def the_books_are_slow_to_book(self, part) -> None:
        self.world.delay = part

    @rule(sku=skus, units=st.integers(1, 3), seconds=st.sampled_from([60, 900, 36_000]))
    def a_cart_is_opened(self, sku, units, seconds) -> None:
        self.world.open_cart(sku, units, seconds)

    @precondition(lambda self: bool(self.world.carts.holds))
    @rule(nth=small)
    def a_cart_is_left(self, nth) -> None:
        keys = sorted(self.world.carts.holds)
        self.world.leave_cart(keys[nth % len(keys)])

    @precondition(lambda self: "erp" in self.witness.heard)
    @rule(
        sku=skus, units=st.integers(1, 3), seconds=st.sampled_from([60, 900]), who=who,
        if_available=st.booleans(),
    )  # fmt: skip
    def a_till_holds(self, sku, units, seconds, who, if_available) -> None:
        self.world.loop.drive(self.world.hold(sku, units, seconds, who=who, if_available=if_available))

    @precondition(lambda self: any(key.startswith("till") for key in self.truth.carts))
    @rule(who=who)
    def a_till_lets_go(self, who) -> None:
        key = next(key for key in self.truth.carts if key.startswith("till"))
        self.world.loop.drive(self.world.release(key, who=who))

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
        nth=st.integers(1, 12),
        what=st.sampled_from(["buy", "move", "row", "hold", "ship", "edit", "sync"]),
        seed=small,
    )
    def something_happens_meanwhile(self, nth, what, seed) -> None:
        """The next run meets it at one of its requests."""
        self.meanwhile.append((nth, what, seed))

    @rule(full=st.booleans(), who=who)
    def sync(self, full, who) -> None:
        self._sync(who, full=full)

    @rule(
        full=st.booleans(), crash=st.sampled_from(CRASHES), nth=st.integers(1, 30), elsewhere=st.booleans()
    )  # fmt: skip
    def sync_and_die(self, full, crash, nth, elsewhere) -> None:
        """The process dies on its way; a run that is over sooner is a run."""
        # There are many commits in a run, and few requests of a kind.
        self.elsewhere = elsewhere or crash == "on the wire: push"
        self._sync(0, full=full, crash=(crash, nth if "commit" in crash else 1 + nth % 3))

    @rule()
    def sync_what_has_moved(self) -> None:
        self._sync(0, full=False)

    @rule(pair=pairs, status=st.sampled_from(ITEM_FAULTS))
    def sync_with_one_item_refused(self, pair, status) -> None:
        """An error on one listing changes nothing of the others; once it is gone, nothing is left of it."""
        self._heal()
        market = self.world.markets[pair[0]]
        market.refuse(pair[1], "FAULT", warehouse=pair[2], status=status, times=-1)
        self._sync(0, full=False, release=True, but=pair)
        market.heal()
        self.world.elapse(300)
        self._sync(0, full=False, release=True)

    @rule(crash=st.sampled_from(CRASHES), nth=st.integers(1, 30))
    def die_and_sync(self, crash, nth) -> None:
        """What a process leaves behind is taken over by the next one at once."""
        self.elsewhere = crash == "on the wire: push"
        self._sync(0, full=False, crash=(crash, nth if "commit" in crash else 1 + nth % 2))
        self._sync(1, full=False)

    @rule(who=who)
    def sync_and_release(self, who) -> None:
        self._sync(who, full=True, release=True)

    @rule(full=st.booleans())
    def make_a_plan(self, full) -> None:
        def plan(shop: AsyncShop) -> Awaitable[Plan]:
            return shop.plan(full=full)

        self.plan = self._run(0, Run("plan", full=full), plan)

    @precondition(lambda self: self.plan is not None)
    @rule(crash=st.none() | st.sampled_from(CRASHES), nth=st.integers(1, 20))
    def apply_the_plan(self, crash, nth) -> None:
        self.elsewhere = crash == "on the wire: push"
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
        self._heal()
        report = self._sync(0, full=True, release=True)
        assert report is not None
        assert report.exit_code == 0, report

    @invariant()
    def nothing_wrong_was_seen(self) -> None:
        assert not self.witness.wrong, "\n".join(self.witness.wrong)

    def teardown(self) -> None:
        world = self.world
        try:
            if self.truth.booking and not self.witness.wrong:
                self._end()
                self.nothing_wrong_was_seen()
        finally:
            world.loop.drive(world.close())
            world.loop.close()
            world._folder.cleanup()

    # ------------------------------------------------------------------ the machinery

    @property
    def open_orders(self) -> list[Sold]:
        return [sold for sold in self.truth.sold if sold.open]

    def _order(self, nth: int) -> Sold:
        return self.open_orders[nth % len(self.open_orders)]

    def _restart(self) -> None:
        self.world.loop.drive(self.world.close())

    def _run(
        self,
        who: int,
        run: Run,
        work: Callable[[AsyncShop], Awaitable[T]],
        crash: tuple[str, int] | None = None,
    ) -> T | None:
        """Let a process run; None: it died."""
        world, witness = self.world, self.witness

        async def drive() -> T:
            shop = await world.open(who)
            process = world.processes[who]
            witness.run(process, run)
            process.meanwhile = [(nth, self._event(what, seed)) for nth, what, seed in self.meanwhile]
            if crash is not None:
                process.arm(*crash)
            return await work(shop)

        world.happened = 0
        try:
            with ledgers.copied():
                return world.loop.drive(drive())
        except Killed:
            world.processes[who].bury(elsewhere=self.elsewhere)
            witness.lost(world.processes[who])
            witness.settled = False
            return None
        finally:
            self.meanwhile.clear()
            world.processes[who].disarm()
            world.loop.elapse(1)
            witness.keep()

    def _sync(
        self,
        who: int,
        *,
        full: bool,
        release: bool = False,
        crash: tuple[str, int] | None = None,
        but: Pair | None = None,
    ) -> Report | None:
        """Let a process sync; `but` is the one listing that is in trouble."""
        began = self.world.clock.now()
        released = GUARDS if release else ()
        run = Run("sync", full=full, released=release)
        report = self._run(who, run, lambda shop: shop.sync(full=full, release=released), crash)
        if report is None:
            return None
        assert report.exit_code in (0, 1, 2, 3)
        self.witness.settled = False
        alone = but is not None and not any(s.error or s.orders_error for s in report.sinks.values())
        if report.exit_code == 0 or (alone and not any(s.error for s in report.sources.values())):
            count("a run without a fault")
            self.witness.read_back(began, full=full)
            if not self.world.happened:
                self._hold_against_the_truth(but)
                self.witness.settled = but is None and not self.witness.touched
            self.truth.settle(began)
        return report

    def _event(self, what: str, seed: int) -> Callable[[], Awaitable[None]]:
        world = self.world
        row, pair = ALL_ROWS[seed % len(ALL_ROWS)], sorted(LISTINGS)[seed % len(LISTINGS)]

        async def happen() -> None:
            world.happened += 1
            count(f"meanwhile {what}")
            if what == "buy":
                world.buy(pair, 1 + seed % 3, "main")
            elif what == "move":
                world.move(row, seed - 3)
            elif what == "row" and "erp" in self.witness.heard:
                await world.push_row(row, who=1, dated=bool(seed % 2), ago=0, twice=False)
            elif what == "hold" and "erp" in self.witness.heard:
                await world.hold(SKUS[seed % 4], 1 + seed % 2, 900, who=1, if_available=bool(seed % 2))
            elif what == "ship" and self.open_orders:
                world.ship(self._order(seed))
            elif what == "edit":
                world.edit(pair, seed - 3)
            elif what == "sync":
                other = await world.open(1)
                self.witness.run(world.processes[1], Run("sync"))
                report = await other.sync()
                told = any(sink.error_kind == "leased" for sink in report.sinks.values())
                self.witness.claim(told, "two runs at once, and nobody says so")

        return happen

    # ------------------------------------------------------------------ the truth

    def _hold_against_the_truth(self, but: Pair | None) -> None:
        """After a run without a fault: no listing shows more than is there, and none less than surely is."""
        truth, witness = self.truth, self.witness
        # What is made of the same, in the same account, waits for the one that is in trouble.
        near = {p for p in LISTINGS if but and LISTINGS[p].takes.keys() & LISTINGS[but].takes.keys()}
        for pair in LISTINGS.keys() - witness.touched.keys() - near:
            shown, buffer = witness.shown(pair), self.world.buffers[pair[0]]
            most = truth.of_listing(pair, truth.most)
            if most is None:
                continue
            witness.claim(shown <= advertise(buffer, most), f"{pair} shows {shown}, and {most} are there")
            exact = truth.of_listing(pair, truth.exact)
            if exact is not None and pair not in witness.divided:
                count("held against the formula")
                right = advertise(buffer, exact)
                witness.claim(shown == right, f"{pair} shows {shown} instead of {right}")
        for one, other in combinations(sorted(LISTINGS.keys() - witness.touched.keys() - near), 2):
            self._share(one, other)

    def _share(self, one: Pair, other: Pair) -> None:
        """Two that may not promise the same unit do not, together."""
        if self.world.between_sinks == "shared" and one[0] != other[0]:
            return
        mine, theirs = LISTINGS[one], LISTINGS[other]
        for sku in mine.takes.keys() & theirs.takes.keys():
            if not {*mine.feeds} & {*theirs.feeds}:
                continue
            # What one warehouse is short of, another one's listing need not make good.
            each = [self.truth.most(sku, (own,)) for own in {*mine.feeds, *theirs.feeds}]
            both = [(one, mine), (other, theirs)]
            shown = sum(self.witness.shown(pair) * offer.takes[sku] for pair, offer in both)
            most = sum(max(amount or 0, 0) for amount in each)
            if None not in each:
                self.witness.claim(
                    shown <= most, f"{one} and {other} show {shown} {sku}, and {most} are there"
                )

    def _heal(self) -> None:
        for market in self.world.markets.values():
            market.heal()
        for books in [*self.world.books.values(), self.world.carts]:
            books.failures.clear()
            books.half.clear()
            books.behind = timedelta(0)
        self.meanwhile.clear()
        # Longer than the lease of a process that died elsewhere, and than its last request may be on its way.
        self.world.elapse(300)

    def _end(self) -> None:
        """All is handed over, booked and healthy: two runs later each listing shows the formula."""
        world, truth = self.world, self.truth
        self._heal()
        for row in ALL_ROWS:
            if row in truth.speaks(row).bad:
                world.move(row, 0)
        for sold in self.open_orders:
            world.ship(sold)
        for full in (True, False):
            self._done(full=full)
            world.elapse(3 * 86_400)
        self._done(full=False)
        self._done(full=False)
        for pair in LISTINGS:
            exact = truth.of_listing(pair, truth.exact)
            assert exact is not None, f"{pair}: the world is not at rest"
        pushes = [len(market.pushes) for market in world.markets.values()]
        self._done(full=True)
        assert pushes == [len(market.pushes) for market in world.markets.values()], "wrote again"
        self._hold_against_the_log()

    def _done(self, *, full: bool) -> None:
        report = self._sync(0, full=full, release=True)
        assert report is not None
        assert report.exit_code == 0, report

    def _hold_against_the_log(self) -> None:
        """Every accepted write that anybody lived to record is told by the log, and no intent is left."""
        self._restart()
        with closing(sqlite3.connect(self.world.folder / "mpstock.db")) as ledger:
            intents = ledger.execute("SELECT count(*) FROM marketplace_stocks WHERE in_flight IS NOT NULL")
            assert intents.fetchone() == (0,), "an intent is left"
            unfinished = ledger.execute("SELECT count(*) FROM pushes WHERE finished_at IS NULL")
            assert unfinished.fetchone() == (0,), "a push is left"
