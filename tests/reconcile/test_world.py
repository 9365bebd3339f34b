"""The whole engine against a world that fails in every way, and is honest about what it shows.

Stock moves, rows go bad, the source and the accounts fail by item, by request, before and after they have
applied it, somebody lowers numbers in the cabinet, and the process is killed at its pushes: the next one
finds the ledger as it was on the disk at that instant.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mpstock import Change, Outcome, OutcomeStatus, Report, Shop
from mpstock.config import SinkWarehouse
from mpstock.errors import AuthenticationError, NotSentError, TransientError
from mpstock.inmemory import InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import REGISTRY, Account, Killed, configuration, sink_config, source_config

SKUS = ("A", "B", "C", "D")
OWN = ("main", "msk")
GONE = "gone"
ROWS = [(sku, own) for sku in SKUS for own in OWN]

# sink, sink warehouse → what feeds it, and how much of it is kept back
LISTINGS = {("one", "w"): (OWN, 1), ("two", "w1"): (("main",), 0), ("two", "w2"): (("msk",), 0)}

rows = st.sampled_from(ROWS)
sinks = st.sampled_from(["one", "two"])
ITEM_FAULTS = [status for status in OutcomeStatus if status is not OutcomeStatus.OK]


class Honest(Account):
    """An account that holds what it is told against what it shows. A dead process reaches it no more."""

    world: World
    name: str

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        if self.world.dead:
            raise Killed
        for change in changes:
            pair = (change.listing.external_id, change.listing.warehouse)
            shown = self.shown.get(pair, 0)
            if (self.name, *pair) not in self.world.edited:
                self.claim(change.old in (None, shown), f"{change}: the base is wrong, {shown} is shown")
                self.claim(self.world.heard or change.new <= shown, f"{change}: raised on old news")
            self.claim(
                change.new > 0 or self.world.may_be_zero(self.name, *pair), f"{change}: unknown became zero"
            )
        outcomes = await super().push(changes)
        early = [change for change, o in zip(changes, outcomes, strict=True) if o.code == "TOO_OFTEN"]
        self.claim(not early, f"{early}: written before its time")
        return outcomes

    def _write(self, change: Change) -> Outcome:
        pair = (change.listing.external_id, change.listing.warehouse)
        before = self._written.get(pair, -self.limits.pair_cooldown)
        outcome = super()._write(change)
        if outcome.status in (OutcomeStatus.BUSY, OutcomeStatus.UNSENT):
            # It never came as far as the listing.
            self._written[pair] = before
        return outcome

    def claim(self, right: bool, what: str) -> None:
        """Remember what was wrong: an exception would count as a failure of the sink."""
        if not right:
            self.world.wrong.append(f"{self.name}: {what}")


class World(RuleBasedStateMachine):
    """One seller, four products, two own warehouses, two accounts with three sink warehouses."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="mpstock-world-"))
        self.ledger = self.folder / "0.db"
        self.clock = VirtualClock()
        self.source = InMemorySource(clock=self.clock, page=2)
        self.now: dict[tuple[str, str], int | str | None] = {}
        # What may have been read last of each row; None: nothing yet.
        self.read: dict[tuple[str, str], set[int | None]] = {}
        self.known: dict[tuple[str, str], bool] = {}
        self.edited: set[tuple[str, str, str]] = set()
        self.ever_read = self.failing = self.dead = False
        self.heard = True
        self.wrong: list[str] = []
        self.shop: Shop | None = None
        self.accounts = {
            "one": Honest(SKUS, warehouses=("w",), clock=self.clock, batch=3),
            "two": Honest(
                SKUS,
                warehouses=("w1", "w2"),
                clock=self.clock,
                batch=2,
                by_warehouse=True,
                pair_cooldown=30.0,
                observe_whole=False,
                observe_batch=3,
            ),
        }
        for name, account in self.accounts.items():
            account.world, account.name = self, name

    @initialize(
        levels=st.lists(st.integers(-2, 9), min_size=8, max_size=8),
        shown=st.lists(st.integers(0, 9), min_size=12, max_size=12),
    )
    def begin(self, levels: list[int], shown: list[int]) -> None:
        for row, quantity in zip(ROWS, levels, strict=True):
            self.read[row], self.known[row] = {None}, False
            self.set_level(row, quantity)
        for (sku, (sink, code)), quantity in zip(product(SKUS, LISTINGS), shown, strict=True):
            self.accounts[sink].shown[sku, code] = quantity

    # ------------------------------------------------------------------ what happens in the world

    @rule(row=rows, quantity=st.integers(-2, 9))
    def set_level(self, row: tuple[str, str], quantity: int) -> None:
        self.source.set(row[0], quantity, warehouse=row[1])
        self.now[row] = quantity

    @rule(row=rows)
    def row_goes_bad(self, row: tuple[str, str]) -> None:
        self.source.set(row[0], None, warehouse=row[1])
        self.now[row] = None

    @rule(row=rows)
    def row_goes_away(self, row: tuple[str, str]) -> None:
        # What was never there has no last known number: every row is read once before it goes.
        if self.now[row] != GONE and self.ever_read:
            self.source.remove(row[0], warehouse=row[1])
            self.now[row] = GONE

    @rule(after=st.integers(0, 3))
    def source_fails(self, after: int) -> None:
        if not self.source._failures:
            self.source.fail(TransientError("no route to host"), after=after)
            self.failing = True

    @rule(sink=sinks, sku=st.sampled_from(SKUS), status=st.sampled_from(ITEM_FAULTS), times=st.integers(1, 5))
    def sink_refuses_an_item(self, sink: str, sku: str, status: OutcomeStatus, times: int) -> None:
        retry = 5.0 if status in (OutcomeStatus.WAIT, OutcomeStatus.BUSY) else None
        self.accounts[sink].refuse(sku, "FAULT", status=status, retry_after=retry, times=times)

    @rule(
        sink=sinks,
        error=st.sampled_from([NotSentError("refused"), TransientError("?"), AuthenticationError("401")]),
        times=st.integers(1, 6),
    )
    def sink_fails_before_it_applies(self, sink: str, error: Exception, times: int) -> None:
        self.accounts[sink].fail_push(error, times=times)

    @rule(sink=sinks, applied=st.booleans(), times=st.integers(1, 6))
    def sink_times_out(self, sink: str, applied: bool, times: int) -> None:
        self.accounts[sink].doubt(applied=applied, times=times)

    @rule(sink=sinks, times=st.integers(1, 2))
    def sink_cannot_be_read(self, sink: str, times: int) -> None:
        self.accounts[sink].fail_read(TransientError("maintenance"), times=times)

    @rule(listing=st.sampled_from(sorted(LISTINGS)), sku=st.sampled_from(SKUS), by=st.integers(1, 9))
    def somebody_lowers_a_number(self, listing: tuple[str, str], sku: str, by: int) -> None:
        sink, code = listing
        shown = self.accounts[sink].shown[sku, code]
        self.accounts[sink].shown[sku, code] = max(shown - by, 0)
        self.edited.add((sink, sku, code))

    @rule(seconds=st.sampled_from([1, 20, 40, 4000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    # ------------------------------------------------------------------ what mpstock does

    @rule(full=st.booleans())
    def sync(self, full: bool) -> None:
        """A run in the middle of all that: whatever comes of it, the accounts are told no nonsense."""
        self._begin_read(full)
        report = self._sync(full)
        assert report.exit_code in (0, 1, 2, 3)
        self._end_read(full, well=not report.sources["erp"].error)

    @rule(full=st.booleans(), sink=sinks, applied=st.booleans())
    def sync_and_be_killed(self, full: bool, sink: str, applied: bool) -> None:
        """The process dies at its next push to one sink, after it was applied or before."""
        account = self.accounts[sink]
        disk = self.folder / f"{len(list(self.folder.iterdir()))}-killed.db"

        def die(changes: Sequence[Change]) -> None:
            with sqlite3.connect(self.ledger) as now, sqlite3.connect(disk) as then:
                now.backup(then)
            now.close()
            then.close()
            self.dead = True
            if applied:
                for change in changes:
                    account.shown[change.listing.external_id, change.listing.warehouse] = change.new
            raise Killed

        account.hook = die
        self._begin_read(full)
        try:
            report = self._sync(full)
            self._end_read(full, well=not report.sources["erp"].error)
        except Killed:
            self._close()
            self.ledger = disk
            self.clock.advance(1)
            self._end_read(full, well=self.heard)
        finally:
            account.hook, self.dead = None, False

    @rule()
    def restart(self) -> None:
        self._close()

    @rule(full=st.booleans())
    def healthy_sync(self, full: bool) -> None:
        """Nothing fails any more: every listing that nobody else has touched shows the formula."""
        for account in self.accounts.values():
            account.heal()
        self.source._failures.clear()
        self.failing = False
        self.clock.advance(60)
        before = {name: dict(account.shown) for name, account in self.accounts.items()}
        self._begin_read(full)
        report = self._sync(full)
        self._end_read(full, well=True)
        assert report.exit_code == 0, report
        for (sink, code), sku in product(LISTINGS, SKUS):
            if full or (sink, sku, code) not in self.edited:
                shown = self.accounts[sink].shown[sku, code]
                assert shown in self.right(sink, sku, code, before[sink][sku, code]), (sink, code, sku)
        if full:
            self.edited.clear()
            pushes = [len(account.pushes) for account in self.accounts.values()]
            assert self._sync(full=False).exit_code == 0
            assert pushes == [len(account.pushes) for account in self.accounts.values()], "wrote again"

    @invariant()
    def the_accounts_were_told_no_nonsense(self) -> None:
        assert not self.wrong

    def teardown(self) -> None:
        self._close()
        shutil.rmtree(self.folder)

    # ------------------------------------------------------------------ the truth

    def bounds(self, sink: str, sku: str, code: str) -> tuple[set[int | None], bool]:
        """What a listing may advertise by the numbers that may have been read; None: never known."""
        feeds, kept = LISTINGS[sink, code]
        known = all(self.known[sku, own] for own in feeds)
        bounds: set[int | None] = set()
        for chosen in product(*(self.read[sku, own] for own in feeds)):
            numbers = [quantity for quantity in chosen if quantity is not None]
            bounds.add(max(sum(numbers) - kept, 0) if len(numbers) == len(chosen) else None)
        return bounds, known

    def right(self, sink: str, sku: str, code: str, before: int) -> set[int]:
        """What a listing that showed `before` may show after a healthy run."""
        bounds, known = self.bounds(sink, sku, code)
        if known:
            return {bound for bound in bounds if bound is not None}
        return {before if bound is None else min(before, bound) for bound in bounds}

    def may_be_zero(self, sink: str, sku: str, code: str) -> bool:
        """Whether a zero can come from a number that was read, and not from one that is missing."""
        bounds, _ = self.bounds(sink, sku, code)
        return 0 in bounds or self.accounts[sink].shown[sku, code] == 0

    # ------------------------------------------------------------------ the machinery

    def _begin_read(self, full: bool) -> None:
        """From here on the new numbers may have been read."""
        self.heard = not self.failing
        for row, quantity in self.now.items():
            if isinstance(quantity, int):
                self.read[row].add(quantity)
            elif quantity == GONE and (full or not self.ever_read):
                self.read[row].add(0)

    def _end_read(self, full: bool, *, well: bool) -> None:
        """After a good reading the numbers are what they are; after a bad one they may be either."""
        self.failing = bool(self.source._failures)
        if not well:
            return
        for row, quantity in self.now.items():
            if isinstance(quantity, int):
                self.read[row], self.known[row] = {quantity}, True
            elif quantity is None:
                self.known[row] = False
            elif full or not self.ever_read:
                self.read[row], self.known[row] = {0}, True
        self.ever_read = True

    def _sync(self, full: bool) -> Report:
        if self.shop is None:
            self.shop = Shop(self._configuration(), plugins=REGISTRY, clock=self.clock)
        report = self.shop.sync(full=full)
        self.clock.advance(1)
        return report

    def _configuration(self) -> Any:
        codes = {name: [code for sink, code in LISTINGS if sink == name] for name in self.accounts}
        return configuration(
            self.ledger,
            [source_config("erp", self.source)],
            [
                sink_config(
                    name,
                    account,
                    warehouses=tuple(SinkWarehouse(code, LISTINGS[name, code][0]) for code in codes[name]),
                    buffer={"absolute": 1} if name == "one" else {"policy": "all"},
                )
                for name, account in self.accounts.items()
            ],
        )

    def _close(self) -> None:
        if self.shop is not None:
            self.shop.close()
            self.shop = None


EXAMPLES, STEPS = 30, 20

TestWorld = World.TestCase
TestWorld.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class LongWorld(World):
    """The same world for longer: `pytest -m slow`; MPSTOCK_WORLDS sets how many of them."""


TestLongWorld = pytest.mark.slow(LongWorld.TestCase)
TestLongWorld.settings = settings(
    max_examples=int(os.environ.get("MPSTOCK_WORLDS", "300")),
    stateful_step_count=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
