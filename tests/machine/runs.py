"""How the machine runs processes, and what it holds against the truth after a run, and in the end.

A run without a fault leaves each listing between what surely was there and what can honestly be promised. In
the end everything heals, and two runs later each listing shows the formula to the unit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from itertools import combinations
from typing import TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from mpstock import AsyncShop, Plan, Report
from mpstock.reconcile.asking import Read
from tests import ledgers
from tests.byhand import by_hand
from tests.machine.counting import count
from tests.machine.events import ALL_ROWS, Events
from tests.machine.hands import KINDS, SCOPES
from tests.machine.layout import LISTINGS, SKUS, Pair
from tests.machine.truth import Sold
from tests.machine.witness import Run
from tests.reconcile.shops import Killed

__all__ = ["Runs"]

T = TypeVar("T")

LONGEST = 86_400
"""A run that takes a day does not end, in seconds."""

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

    @property
    def parcels(self) -> list[Sold]:
        """The orders that were told to be handed over, and are still on their way."""
        return [sold for sold in self.truth.sold if sold.left and not sold.gone and not sold.returns]

    def _order(self, nth: int) -> Sold:
        return self.open_orders[nth % len(self.open_orders)]

    def _sell(self, nth: int, most: int, own: str) -> bool:
        """Let a buyer order of what is live; False: there are enough orders."""
        live = self.world.live
        return self.world.buy(live[nth % len(live)], most, own)

    def _with_order(self, nth: int, happens: Callable[[Sold], None]) -> bool:
        """Let something happen to an open order, to a new one if there is none."""
        if not self.open_orders and not self._sell(nth, 1 + nth % 3, "main"):
            return False
        happens(self._order(nth))
        return True

    def _restart(self) -> None:
        self.world.loop.drive(self.world.close())

    def _run(
        self,
        who: int,
        run: Run,
        work: Callable[[AsyncShop], Awaitable[T]],
        crash: tuple[str, int] | None = None,
        *,
        elsewhere: bool = False,
    ) -> T | None:
        """Let a process run; None: it died, and nobody here knows that if it was `elsewhere`."""
        world, witness = self.world, self.witness

        async def drive() -> T:
            shop = await world.open(who)
            process = world.processes[who]
            witness.run(process, run)
            process.meanwhile = [(nth, self._event(what, seed, who)) for nth, what, seed in self.meanwhile]
            if crash is not None:
                process.arm(*crash)
            return await asyncio.wait_for(work(shop), LONGEST)

        world.happened = 0
        try:
            with ledgers.copied():
                return world.loop.drive(drive())
        except Killed:
            # What is on the wire comes late: nobody may think that all is over.
            wire = crash is not None and crash[0] == "on the wire: push"
            world.processes[who].bury(elsewhere=elsewhere or wire)
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
        read: Read = "everything",
        release: bool = False,
        crash: tuple[str, int] | None = None,
        elsewhere: bool = False,
        but: Pair | None = None,
    ) -> Report | None:
        """Let a process sync; `but` is the one listing that is in trouble."""
        began = self.world.clock.now()
        released = GUARDS if release else ()
        run = Run("sync", full=full, released=release)
        report = self._run(
            who,
            run,
            lambda shop: shop.sync(full=full, read=read, release=released),
            crash,
            elsewhere=elsewhere,
        )
        if report is None:
            return None
        assert report.exit_code in (0, 1, 2, 3)
        self.witness.settled = False
        alone = but is not None and not any(s.error or s.orders_error for s in report.sinks.values())
        if report.exit_code == 0 or (alone and not any(s.error for s in report.sources.values())):
            count("a run without a fault")
            if read != "nothing":
                self.witness.read_back(began, full=full)
            if not self.world.happened:
                # What could not be read at first was looked at too late for a raise: the next run has it.
                self._hold_against_the_truth(but, began, upwards=read == "everything" and not run.troubled)
                self.witness.settled = but is None and not self.witness.touched and not self.world.hands.said
            self.truth.settle(began)
        return report

    def _event(self, what: str, seed: int, who: int) -> Callable[[], Awaitable[None]]:
        """What happens at a request of this process's run: to it, or to the other one."""
        world = self.world
        row, pair = ALL_ROWS[seed % len(ALL_ROWS)], sorted(LISTINGS)[seed % len(LISTINGS)]
        teller = who if seed % 2 else 1 - who

        async def happen() -> None:
            world.happened += 1
            count(f"meanwhile {what}")
            if what == "buy" and world.live:
                self._sell(seed, 1 + seed % 3, "main")
            elif what == "move":
                world.move(row, seed - 3)
            elif what == "row" and "erp" in self.witness.heard:
                await world.push_row(row, who=teller, dated=seed < 3, ago=0, twice=False)
            elif what == "hold" and "erp" in self.witness.heard:
                await world.hold(SKUS[seed % 4], 1 + seed % 2, 900, who=teller, if_available=seed < 3)
            elif what == "ship" and self.open_orders:
                world.ship(self._order(seed))
            elif what == "cancel" and self.open_orders:
                world.cancel(self._order(seed))
            elif what == "edit":
                world.edit(pair, seed - 3)
            elif what == "decide":
                await world.decide(KINDS[seed % 3], SCOPES[seed % len(SCOPES)], seed, 240, who=teller)
            elif what in ("sync", "short run"):
                other = await world.open(1 - who)
                self.witness.run(world.processes[1 - who], Run("sync"))
                report = await other.sync(read="everything" if what == "sync" else "nothing")
                told = any(sink.error_kind == "leased" for sink in report.sinks.values())
                self.witness.claim(told, "two runs at once, and nobody says so")

        return happen

    # ------------------------------------------------------------------ the truth

    def _hold_against_the_truth(self, but: Pair | None, began: datetime, *, upwards: bool) -> None:
        """After a run without a fault: no listing shows more than is there, and none less than surely is.

        That what people had said of a listing has ended since the run `began`, the next one sees.
        """
        truth, witness = self.truth, self.witness
        # What is made of the same, in the same account, waits for the one that is in trouble.
        near = {p for p in LISTINGS if but and LISTINGS[p].takes.keys() & LISTINGS[but].takes.keys()}
        stopped = {p for p in LISTINGS if witness.hands.stops(p) or witness.hands.ended(p, began)}
        met = {p for p in LISTINGS if p[0] in truth.walked}
        judged = met - witness.touched.keys() - near - stopped
        waiting = {p for p in judged if any(witness.apart(p, other) for other in stopped)}
        for pair in judged:
            shown = witness.shown(pair)
            most = truth.of_listing(pair, truth.most)
            if most is None:
                continue
            witness.claim(
                shown <= witness.advertised(pair, most), f"{pair} shows {shown}, and {most} are there"
            )
            if not upwards or pair in witness.divided or pair in waiting:
                continue
            least = truth.of_listing(pair, truth.surely)
            if least is not None:
                hidden = shown < witness.advertised(pair, least)
                witness.claim(not hidden, f"{pair} shows {shown}, and {least} surely are there")
            exact = truth.of_listing(pair, truth.exact)
            if exact is not None:
                count("held against the formula")
                right = witness.advertised(pair, exact)
                witness.claim(shown == right, f"{pair} shows {shown} instead of {right}")
        for one, other in combinations(sorted(judged), 2):
            self._share(one, other)

    def _share(self, one: Pair, other: Pair) -> None:
        """Two that may not promise the same unit do not, together."""
        witness = self.witness
        if not witness.apart(one, other):
            return
        mine, theirs = LISTINGS[one].takes, LISTINGS[other].takes
        for sku in mine.keys() & theirs.keys():
            both = witness.shown(one) * mine[sku] + witness.shown(other) * theirs[sku]
            most = witness.together(one, other, sku)
            if most is not None:
                witness.claim(both <= most, f"{one} and {other} show {both} {sku}, and {most} are there")

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

    def _healthy(self) -> None:
        """Nothing fails any more: a run has nothing to complain of."""
        self._heal()
        report = self._sync(0, full=True, release=True)
        assert report is not None
        # Rows without a quantity are a complaint about the source, and nobody can release it.
        told = {held.guard for held in report.held}
        assert report.exit_code == 0 or (report.exit_code == 1 and told == {"schema"}), report

    def _end(self) -> None:
        """All is handed over, booked and healthy: two runs later each listing shows the formula."""
        world, truth = self.world, self.truth
        self._heal()
        for said in world.hands.in_force():
            world.loop.drive(world.take_back(said, who=0))
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
        with by_hand(self.world.folder / "mpstock.db") as ledger:
            intents = ledger.execute("SELECT count(*) FROM marketplace_stocks WHERE in_flight IS NOT NULL")
            assert intents.fetchone() == (0,), "an intent is left"
            unfinished = ledger.execute("SELECT count(*) FROM pushes WHERE finished_at IS NULL")
            assert unfinished.fetchone() == (0,), "a push is left"
