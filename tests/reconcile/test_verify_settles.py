"""Whatever happened to an account, one verification and one run later it shows what the formula says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from mpstock import Change, OrderStage, Shop
from mpstock.inmemory import InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Account, Play

LAG = 20
"""Seconds by which the account is late, in taking writes in and in telling what it shows."""

SKUS = ("A", "B")
COUNTS = st.integers(0, 12)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["set", "edit"]), st.sampled_from(SKUS), COUNTS),
        st.tuples(st.just("buy"), st.sampled_from(SKUS), st.integers(1, 4)),
        st.tuples(st.just("cancel"), st.sampled_from(SKUS), st.integers(0, 3)),
        st.tuples(st.sampled_from(["late", "stale", "deaf"]), st.just("A"), st.integers(0, 1)),
        st.tuples(st.sampled_from(["sync", "full", "verify"]), st.just("A"), st.just(0)),
        st.tuples(st.just("wait"), st.just("A"), st.sampled_from([1, LAG, 5 * LAG])),
    ),
    max_size=14,
)


class Late(Account):
    """An account that can tell what it showed a while ago."""

    stale = False
    past: list[tuple[float, dict[tuple[str, str], int]]]

    async def observe(self, listings: Any) -> Any:
        now = dict(self.shown)
        if self.stale:
            then = self.clock.monotonic() - LAG
            self.shown = next((shown for moment, shown in reversed(self.past) if moment <= then), {})
        try:
            seen = [page async for page in super().observe(listings)]
        finally:
            self.shown = now
        for page in seen:
            yield page

    def remember(self) -> None:
        """Keep what is shown now."""
        self.catch_up()
        self.past.append((self.clock.monotonic(), dict(self.shown)))


class World:
    """Two articles, one account, and what is true of them whatever the ledger says."""

    def __init__(self, folder: Path, declared: Any) -> None:
        self.clock = VirtualClock()
        self.erp = InMemorySource(dict.fromkeys(SKUS, 5), clock=self.clock)
        self.levels = dict.fromkeys(SKUS, 5)
        self.account = Late(
            SKUS, shown={(sku, "main"): 0 for sku in SKUS}, clock=self.clock, visible_after=3.0 * LAG,
            self_decrements=declared,
        )  # fmt: skip
        self.account.lowers = self.account.raises_on_cancel = declared != "no"
        self.account.past = []
        self.oversold: list[Change] = []
        self.account.hook = self._watch
        self.play = Play(folder, {"erp": self.erp}, {"shop": self.account}, clock=self.clock)

    def free(self, sku: str) -> int:
        """Return what may be shown: what is there, and on nobody's order."""
        taken = sum(
            order.quantity
            for order, _ in self.account._orders.values()
            if order.external_id == sku and order.stage is OrderStage.PLACED
        )
        return max(self.levels[sku] - taken, 0)

    def _watch(self, changes: Sequence[Change]) -> None:
        # An exception here would count as the account's own.
        self.oversold += [c for c in changes if c.new > self.free(c.listing.external_id)]

    def step(self, shop: Shop, what: str, sku: str, number: int) -> None:
        account = self.account
        account.catch_up()
        if what == "set":
            self.levels[sku] = number
            self.erp.set(sku, number)
        elif what == "edit":
            account.shown[sku, "main"] = number
        elif what == "buy":
            if account.shown[sku, "main"] >= number:
                account.buy(sku, number, "main")
        elif what == "cancel":
            orders = [key for key, (order, _) in account._orders.items() if order.external_id == sku]
            if number < len(orders):
                account.cancel(orders[number])
        elif what == "late":
            account.apply_delay = float(LAG * number)
        elif what == "stale":
            account.stale = bool(number)
        elif what == "deaf":
            account.ignores_writes = bool(number)
        elif what == "wait":
            self.clock.advance(number)
        elif what == "verify":
            before = len(account.pushes)
            shop.verify()
            assert len(account.pushes) == before, "a verification sends nothing"
        else:
            shop.sync(full=what == "full")
        account.remember()
        self.clock.advance(1)


@settings(max_examples=25, deadline=None)
@given(declared=st.sampled_from(["yes", "no", "unknown"]), steps=STEPS)
def test_one_verification_and_one_run_settle_everything(
    declared: str, steps: list[tuple[str, str, int]]
) -> None:
    """Writes, sales, cancels, edits, lost and late writes, stale readings, in any order: then it is in step.

    On the way no write puts more on sale than is free, and no verification sends anything.
    """
    with TemporaryDirectory() as folder:
        world = World(Path(folder), declared)
        with world.play.open() as shop:
            for step in steps:
                world.step(shop, *step)
            for what in ("late", "stale", "deaf"):
                world.step(shop, what, "A", 0)
            world.clock.advance(20 * LAG)
            world.step(shop, "verify", "A", 0)
            world.step(shop, "sync", "A", 0)
            shown = {sku: world.account.shown[sku, "main"] for sku in SKUS}
            assert world.oversold == []
            assert shown == {sku: world.free(sku) for sku in SKUS}
            assert shop.verify().exit_code == 0
