"""The whole engine against a market that sells, and a warehouse system that books when it comes to it.

The truth is kept by the world: what was received, and every order, wherever it is by now. The warehouse
system keeps its word: it has booked an order by the declared stage + lag, at a moment that nobody knows.
After a run that went well no listing shows more than is free, and once everything is booked each shows
just that.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from attrs import define, evolve, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mpstock import Hold, Level, Order, OrderStage, Rate, Reading, Report, Shop
from mpstock.config import Absorption, SinkWarehouse, ZeroingGuard
from mpstock.errors import NotSentError, TransientError
from mpstock.inmemory import InMemorySource
from mpstock.testing import VirtualClock
from tests.reconcile.shops import REGISTRY, Account, configuration, sink_config, source_config

SKUS = ("A", "B")
OWN = ("main", "msk")
# (sink, offer) → what one of it takes, by the products file below, and which own warehouses feed it
OFFERS: Mapping[tuple[str, str], tuple[Mapping[str, int], tuple[str, ...]]] = {
    ("ozon", "A"): ({"A": 1}, OWN),
    ("ozon", "B"): ({"B": 1}, OWN),
    ("wb", "B"): ({"B": 2}, ("main",)),
    ("kits", "K"): ({"A": 1, "B": 3}, ("main",)),
}
FEEDS = {sink: feeds for (sink, _), (_, feeds) in OFFERS.items()}
PRODUCTS = "sku,components,wb.pack\nK,A:1 B:3,\nB,,2\n"
Stage = Literal["order", "assembly", "shipment"]
STAGES: tuple[Stage, ...] = ("order", "assembly", "shipment")
LAGS = (0, 600, 8 * 3600)

sinks = st.sampled_from(["ozon", "wb", "kits"])
offers = st.sampled_from(sorted(OFFERS))
fractions = st.sampled_from([0.0, 0.5, 1.0])


@define
class Books:
    """A warehouse system that is a journal: every entry has its moment, also those still to come.

    What it answers is the state of `behind` ago, and its as-of says so.
    """

    clock: VirtualClock
    entries: list[tuple[datetime, str, str, int, str]] = field(factory=list)
    behind: timedelta = timedelta(0)
    failures: int = 0
    answered: list[datetime] = field(factory=list)

    @property
    def rates(self) -> Sequence[Rate]:
        return ()

    def enter(self, at: datetime, sku: str, own: str, units: int, key: str = "") -> None:
        """Make an entry; `key` names the order that it books."""
        self.entries.append((at, sku, own, units, key))

    def level(self, sku: str, own: str, at: datetime) -> int:
        """What the books say as of then."""
        return sum(e[3] for e in self.entries if e[:3] == (e[0], sku, own) and e[0] <= at)

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        as_of = self.clock.now() - self.behind
        since = None if cursor is None else datetime.fromisoformat(cursor)
        moved = [
            (sku, own)
            for sku in SKUS
            for own in OWN
            if since is None or any(e[1:3] == (sku, own) and since < e[0] <= as_of for e in self.entries)
        ]
        if self.failures:
            self.failures -= 1
            raise TransientError("no route to host")
        levels = [Level(sku, own, self.level(sku, own, as_of)) for sku, own in moved]
        if levels[1:]:
            yield Reading(levels[:1], as_of)
        yield Reading(levels[-1:] if len(levels) < 2 else levels[1:], as_of, since is None, as_of.isoformat())
        self.answered.append(as_of)


@define
class Sold:
    """One order as the world knows it: what it takes from where, and what has become of it."""

    sink: str
    order: Order
    takes: Mapping[str, int]
    own: str
    stage: OrderStage = OrderStage.PLACED
    told: bool = False

    @property
    def key(self) -> str:
        return f"{self.sink}/{self.order.key}"

    @property
    def open(self) -> bool:
        return self.stage in (OrderStage.PLACED, OrderStage.ASSEMBLED)


class MarketWorld(RuleBasedStateMachine):
    """One seller, two products and a kit, two own warehouses, three accounts with buyers."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="mpstock-market-"))
        (self.folder / "products.csv").write_text(PRODUCTS, encoding="utf-8")
        self.clock = VirtualClock()
        self.books = Books(self.clock)
        self.carts = InMemorySource(clock=self.clock)
        self.sold: list[Sold] = []
        self.received: list[tuple[datetime, str, str, int]] = []
        self.open_carts: dict[str, Hold] = {}
        self.absorbs: dict[str, Absorption] = {}
        self.promised: dict[str, tuple[Stage, timedelta]] = {}
        self.shop: Shop | None = None
        self.too_much: list[str] = []
        self.markets = {
            "ozon": Account(["A", "B"], clock=self.clock, account="ozon"),
            "wb": Account(["B"], clock=self.clock, account="wb", self_decrements="unknown"),
            # Alone: within one account a kit and its parts would divide what they have in common.
            "kits": Account(["K"], clock=self.clock, account="kits", batch=1),
        }

    @initialize(
        stock=st.lists(st.integers(-1, 9), min_size=4, max_size=4),
        booking=st.lists(
            st.none() | st.tuples(st.sampled_from(STAGES), st.sampled_from(LAGS)), min_size=3, max_size=3
        ),
        lowers=st.booleans(),
        raises=st.booleans(),
    )
    def begin(
        self, stock: list[int], booking: list[tuple[Stage, int] | None], lowers: bool, raises: bool
    ) -> None:
        rows = [(sku, own) for sku in SKUS for own in OWN]
        for (sku, own), units in zip(rows, stock, strict=True):
            self._receive(sku, own, units)
        for sink, said in zip(self.markets, booking, strict=True):
            # Where nothing is said, an order is booked within 15 minutes of its shipment.
            stage, lag = said or ("shipment", 15 * 60)
            self.promised[sink] = (stage, timedelta(seconds=lag))
            if said:
                self.absorbs[sink] = Absorption(*self.promised[sink])
        self.markets["wb"].lowers, self.markets["wb"].raises_on_cancel = lowers, raises
        self.clock.advance(60)

    # ------------------------------------------------------------------ what happens in the world

    @rule(sku=st.sampled_from(SKUS), own=st.sampled_from(OWN), units=st.integers(-3, 9))
    def stock_moves(self, sku: str, own: str, units: int) -> None:
        """Goods come in, or are written off; the books say so at once."""
        self._receive(sku, own, units)

    @rule(offer=offers, most=st.integers(1, 4), delay=fractions, own=st.sampled_from(OWN))
    def a_buyer_orders(self, offer: tuple[str, str], most: int, delay: float, own: str) -> None:
        sink, external_id = offer
        takes, feeds = OFFERS[offer]
        units = min(self.markets[sink].shown.get((external_id, "main"), 0), most)
        if not units:
            return
        order = self.markets[sink].buy(external_id, units, "main")
        taken = {sku: each * units for sku, each in takes.items()}
        sold = Sold(sink, order, taken, own if own in feeds else feeds[0])
        self.sold.append(sold)
        self._book(sold, "order", delay)

    @precondition(lambda self: any(sold.open for sold in self.sold))
    @rule(data=st.data(), delay=fractions)
    def an_order_is_assembled(self, data: st.DataObject, delay: float) -> None:
        sold = data.draw(st.sampled_from([s for s in self.sold if s.open]), "order")
        if sold.stage is OrderStage.PLACED:
            sold.stage = OrderStage.ASSEMBLED
            self.markets[sold.sink].assemble(sold.order.key)
            self._book(sold, "assembly", delay)

    @precondition(lambda self: any(sold.open for sold in self.sold))
    @rule(data=st.data(), delay=fractions)
    def an_order_is_shipped(self, data: st.DataObject, delay: float) -> None:
        sold = data.draw(st.sampled_from([s for s in self.sold if s.open]), "order")
        self._ship(sold, delay)

    @precondition(lambda self: any(sold.open for sold in self.sold))
    @rule(data=st.data(), delay=fractions)
    def an_order_is_cancelled(self, data: st.DataObject, delay: float) -> None:
        sold = data.draw(st.sampled_from([s for s in self.sold if s.open]), "order")
        self.markets[sold.sink].cancel(sold.order.key)
        self._cancel(sold, delay)

    @precondition(lambda self: any(sold.open and sold.told for sold in self.sold))
    @rule(data=st.data(), shipped=st.booleans(), delay=fractions)
    def an_order_is_told_no_longer(self, data: st.DataObject, shipped: bool, delay: float) -> None:
        """It has ended, and nobody says how."""
        sold = data.draw(st.sampled_from([s for s in self.sold if s.open and s.told]), "order")
        if shipped:
            self._ship(sold, delay)
        else:
            self._cancel(sold, delay)
        self.markets[sold.sink].forget(sold.order.key)

    @rule(sku=st.sampled_from(SKUS), units=st.integers(1, 3), minutes=st.sampled_from([1, 15, 600]))
    def a_cart_is_opened(self, sku: str, units: int, minutes: int) -> None:
        now = self.clock.now()
        key = f"cart-{len(self.open_carts)}"
        hold = Hold(key, sku, units, now, "main", now + timedelta(minutes=minutes))
        self.open_carts[key] = hold
        self.carts.hold(hold)

    @precondition(lambda self: bool(self.carts._holds))
    @rule(data=st.data())
    def a_cart_is_left(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.carts._holds)), "cart")
        self.carts.release(key)
        hold = self.open_carts[key]
        self.open_carts[key] = evolve(hold, expires_at=self.clock.now())

    @rule(seconds=st.sampled_from([1, 60, 599, 600, 3600, 9 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.sampled_from([0, 0, 30, 600]))
    def the_books_answer_late(self, seconds: int) -> None:
        self.books.behind = timedelta(seconds=seconds)

    @rule(times=st.integers(1, 2))
    def the_books_fail(self, times: int) -> None:
        self.books.failures = times

    @rule(sink=sinks, what=st.sampled_from(["orders", "read", "applied", "lost", "unsent"]))
    def a_sink_fails(self, sink: str, what: str) -> None:
        market = self.markets[sink]
        if what == "orders":
            market.fail_orders(TransientError("503"))
        elif what == "read":
            market.fail_read(TransientError("503"))
        elif what == "unsent":
            market.fail_push(NotSentError("429"))
        else:
            market.doubt(applied=what == "applied")

    # ------------------------------------------------------------------ what mpstock does

    @rule(full=st.booleans())
    def sync(self, full: bool) -> None:
        report = self._sync(full=full)
        if report.exit_code == 0:
            self._hold_against_the_truth()

    @rule()
    def restart(self) -> None:
        self._close()

    @rule(delay=fractions)
    def everything_is_done(self, delay: float) -> None:
        """All orders are handed over, all lags pass, nothing fails: each listing shows just what is free."""
        self._heal()
        for sold in [sold for sold in self.sold if sold.open]:
            self._ship(sold, delay)
        assert self._sync(full=False).exit_code == 0
        self._hold_against_the_truth()
        self.clock.advance(3 * 86_400)
        for _ in range(2):
            assert self._sync(full=False).exit_code == 0
        self._hold_against_the_truth()
        for (sink, external_id), free in self._free().items():
            assert self.markets[sink].shown.get((external_id, "main"), 0) == free, (sink, external_id)
        pushes = [len(market.pushes) for market in self.markets.values()]
        assert self._sync(full=True).exit_code == 0
        assert pushes == [len(market.pushes) for market in self.markets.values()], "wrote again"

    @invariant()
    def nothing_was_promised_that_is_not_there(self) -> None:
        assert not self.too_much

    def teardown(self) -> None:
        self._close()
        shutil.rmtree(self.folder)

    # ------------------------------------------------------------------ the truth

    def _free(self) -> dict[tuple[str, str], int]:
        """How many of each offer can be promised: what was there when the books were read, less every order.

        Of what has been received or written off since then nobody can know; orders, though, are told.
        """
        seen = max(self.books.answered)
        now = self.clock.now()
        left = {
            (sku, own): sum(units for at, s, o, units in self.received if (s, o) == (sku, own) and at <= seen)
            for sku in SKUS
            for own in OWN
        }
        for sold in self.sold:
            if sold.stage is not OrderStage.CANCELLED:
                for sku, units in sold.takes.items():
                    left[sku, sold.own] -= units
        for hold in self.open_carts.values():
            if hold.expires_at is None or hold.expires_at > now:
                left[hold.sku, "main"] -= hold.quantity
        return {
            offer: max(min(sum(left[sku, own] for own in feeds) // each for sku, each in takes.items()), 0)
            for offer, (takes, feeds) in OFFERS.items()
        }

    def _hold_against_the_truth(self) -> None:
        for (sink, external_id), free in self._free().items():
            shown = self.markets[sink].shown.get((external_id, "main"), 0)
            if shown > free:
                self.too_much.append(f"{sink} shows {shown} of {external_id}, and {free} are free")

    # ------------------------------------------------------------------ the machinery

    def _receive(self, sku: str, own: str, units: int) -> None:
        self.received.append((self.clock.now(), sku, own, units))
        self.books.enter(self.clock.now(), sku, own, units)

    def _book(self, sold: Sold, stage: Stage, delay: float) -> None:
        """Let the warehouse system book an order that has come to `stage`, if that is when it does."""
        at, lag = self.promised[sold.sink]
        if at == stage and not any(entry[4] == sold.key for entry in self.books.entries):
            for sku, units in sold.takes.items():
                self.books.enter(self.clock.now() + lag * delay, sku, sold.own, -units, sold.key)

    def _ship(self, sold: Sold, delay: float) -> None:
        self.markets[sold.sink].ship(sold.order.key)
        sold.stage = OrderStage.SHIPPED
        self._book(sold, "assembly", delay)
        self._book(sold, "shipment", delay)

    def _cancel(self, sold: Sold, delay: float) -> None:
        """What was booked is put back some time later; what was not is never booked."""
        sold.stage = OrderStage.CANCELLED
        now, (_, lag) = self.clock.now(), self.promised[sold.sink]
        mine = [entry for entry in self.books.entries if entry[4] == sold.key]
        for entry in mine:
            if entry[0] > now:
                self.books.entries.remove(entry)
            else:
                self.books.enter(now + lag * delay, entry[1], entry[2], -entry[3], sold.key)

    def _heal(self) -> None:
        for market in self.markets.values():
            market.heal()
            market._broken_orders.clear()
        self.books.failures, self.books.behind = 0, timedelta(0)
        self.clock.advance(60)

    def _sync(self, *, full: bool) -> Report:
        if self.shop is None:
            self.shop = Shop(self._configuration(), plugins=REGISTRY, clock=self.clock)
        report = self.shop.sync(full=full)
        for sold in self.sold:
            sold.told = sold.told or not report.sinks[sold.sink].orders_error
        self.clock.advance(1)
        return report

    def _configuration(self) -> Any:
        books: Any = self.books
        return configuration(
            self.folder / "mpstock.db",
            [source_config("erp", books, absorbs=self.absorbs), source_config("carts", self.carts)],
            [
                sink_config(name, market, warehouses=(SinkWarehouse("main", FEEDS[name]),))
                for name, market in self.markets.items()
            ],
            zeroing=ZeroingGuard(count=1_000),
            products=self.folder / "products.csv",
        )

    def _close(self) -> None:
        if self.shop is not None:
            self.shop.close()
            self.shop = None


EXAMPLES, STEPS = 30, 20
CHECKS = [HealthCheck.too_slow, HealthCheck.filter_too_much]

TestMarketWorld = MarketWorld.TestCase
TestMarketWorld.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=STEPS, suppress_health_check=CHECKS
)


class LongMarketWorld(MarketWorld):
    """The same market for longer: `pytest -m slow`; MPSTOCK_WORLDS sets how many of them."""


TestLongMarketWorld = pytest.mark.slow(LongMarketWorld.TestCase)
TestLongMarketWorld.settings = settings(
    max_examples=int(os.environ.get("MPSTOCK_WORLDS", "300")),
    stateful_step_count=50,
    suppress_health_check=CHECKS,
)
