"""How the machine runs processes, and what it holds against the truth after a run, and in the end.

A run without a fault leaves each listing between what surely was there and what can honestly be promised. In
the end everything heals, and two runs later each listing shows the formula to the unit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from itertools import combinations
from typing import TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from mpstock import AsyncShop, Plan, Report
from tests import ledgers
from tests.machine.counting import count
from tests.machine.events import ALL_ROWS, Events
from tests.machine.layout import LISTINGS, SKUS, Pair, advertise
from tests.machine.truth import Sold
from tests.machine.witness import Run
from tests.reconcile.shops import Killed

__all__ = ["Runs"]

T = TypeVar("T")

GUARDS = ("zeroing", "shrunken", "raising", "takeover")
"""All that a person can release."""


class Runs(RuleBasedStateMachine):
    """One world, and the processes that run in it."""

    examples = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).examples += 1
        self.world = Events()
        self.witness, self.truth = self.world.witness, self.world.truth
        self.plan: Plan | None = None
        self.meanwhile: list[tuple[int, str, int]] = []
        self.elsewhere = False

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
                # What could not be read at first was looked at too late for a raise: the next run has it.
                self._hold_against_the_truth(but, upwards=not run.troubled)
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

    def _hold_against_the_truth(self, but: Pair | None, *, upwards: bool) -> None:
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
            if not upwards or pair in witness.divided:
                continue
            least = truth.of_listing(pair, truth.surely)
            if least is not None:
                hidden = shown < advertise(buffer, least)
                witness.claim(not hidden, f"{pair} shows {shown}, and {least} surely are there")
            exact = truth.of_listing(pair, truth.exact)
            if exact is not None:
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
        self._done(full=True)
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
