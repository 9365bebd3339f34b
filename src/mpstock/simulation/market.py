"""The world's truth for doubles that sell: what is really there, who buys it, and what was sold beyond it.

It never looks at a ledger: it counts what buyers were let order against what the seller had.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Literal

from mpstock.clock import Clock
from mpstock.simulation.application import SourceSimulator
from mpstock.simulation.market_demand import Buyer, Demand
from mpstock.simulation.market_sales import MarketReport, Outlet, Sale
from mpstock.simulation.market_stock import Books, Place, TrueStock
from mpstock.simulation.market_watch import Watch
from mpstock.simulation.measures import hidden_units, oversold_units

__all__ = ["Market", "Oracle"]


class Market:
    """Buyers, a seller and his warehouse, around the doubles of a warehouse system and of marketplaces.

    `stock` is what is really there, by article and own warehouse; the double `source` is told it at once.
    `outlets` are where buyers see it. `demand` says who comes and what the seller does, `seed` who exactly:
    the same seed sends the same buyers, whatever is shown to them. `books_at` is the stage at which the
    warehouse system books an order, `book_lag` how many seconds later; with `reserve` (called as
    `reserve(source, sku, warehouse, units)`) it keeps what is booked apart until it is shipped, without it
    the quantity falls at once. `sample` is how often, in seconds, what is shown is looked at.

    Time is the clock's. `run_until` and `advance` go with an event loop, `catch_up` does what is due by now,
    `running` drives it in a thread beside doubles that are served.
    """

    def __init__(
        self,
        clock: Clock,
        stock: Mapping[Place, int],
        outlets: Sequence[Outlet],
        *,
        source: SourceSimulator | None = None,
        demand: Demand | None = None,
        seed: int = 1,
        books_at: Literal["order", "assembly", "shipment"] = "shipment",
        book_lag: float = 0.0,
        reserve: Callable[[Any, str, str, int], None] | None = None,
        sample: float = 60.0,
        watch: Watch | None = None,
    ) -> None:
        if not outlets:
            raise ValueError("nobody can buy: a market needs an outlet at least")
        if sample <= 0:
            raise ValueError(f"sample is in seconds above 0, not {sample}")
        self.clock = clock
        self.demand = demand if demand is not None else Demand()
        self.outlets = tuple(outlets)
        self.stock = TrueStock(stock)
        self.sales: list[Sale] = []
        self._books = Books(self.stock, source, reserve)
        self._books_at = books_at
        self._book_lag = book_lag
        self._sample = sample
        self.watch = watch
        self._buyers = self.demand.buyers(self.stock.skus, len(self.outlets), random.Random(seed))
        self._restocks = self.demand.restocks(self.stock.places, random.Random(seed + 1))
        self._epoch = clock.monotonic()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._stir: Callable[[], object] = _nobody
        self._lock = threading.RLock()
        self._measured = 0.0
        self._hidden: Mapping[str, int] = {}
        self._hidden_unit_hours = 0.0
        self._missed = 0
        self._touched: set[str] = set()
        self._next_buyer()
        self._next_restock()
        if watch is not None:
            watch.begin(self.stock, self.outlets, self._now)
        else:
            self._measure()

    @staticmethod
    def assortment(
        skus: Sequence[str], warehouses: Sequence[str] = ("main",), seed: int = 1
    ) -> dict[Place, int]:
        """Return a stock as shops have it: of a third of the articles there are 3 units at most."""
        chance = random.Random(seed)
        stock: dict[Place, int] = {}
        for number, sku in enumerate(skus):
            units = chance.randint(0, 3) if number % 3 == 0 else chance.randint(4, 60)
            for warehouse in warehouses[:-1]:
                part = chance.randint(0, units)
                stock[sku, warehouse] = part
                units -= part
            stock[sku, warehouses[-1]] = units
        return stock

    # -- time ----------------------------------------------------------------------------

    async def run_until(self, moment: datetime) -> None:
        """Let everything happen in its time until `moment` of the clock."""
        end = self._now() + (moment - self.clock.now()).total_seconds()
        loop, stirred = asyncio.get_running_loop(), asyncio.Event()
        self._stir = lambda: loop.call_soon_threadsafe(stirred.set)
        try:
            while True:
                stirred.clear()
                due = self._events[0][0] if self._events else math.inf
                await self._sleep(max(min(due, end) - self._now(), 0.0), stirred)
                self.catch_up()
                if self._now() >= end:
                    return
        finally:
            self._stir = _nobody

    async def _sleep(self, seconds: float, stirred: asyncio.Event) -> None:
        """Sleep until something is due, also if that is put in front while it sleeps."""
        waits = [asyncio.ensure_future(self.clock.sleep(seconds)), asyncio.ensure_future(stirred.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def advance(self, seconds: float) -> None:
        """Let everything happen in its time for so many seconds of the clock."""
        await self.run_until(self.clock.now() + timedelta(seconds=seconds))

    def catch_up(self) -> None:
        """Let happen what is due by now."""
        with self._lock:
            # A moment's tolerance: a sleep may end a rounding error early.
            while self._events and self._events[0][0] <= self._now() + 1e-6:
                heapq.heappop(self._events)[2]()
                self._settle()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Drive it in a thread of its own, on the clock's time, while the body goes on beside it."""
        started, failures = threading.Event(), list[BaseException]()
        tasks: list[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = []

        async def drive() -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.append((asyncio.get_running_loop(), task))
            started.set()
            while True:
                await self.advance(3600.0)

        def main() -> None:
            try:
                asyncio.run(drive())
            except asyncio.CancelledError:
                pass
            except BaseException as error:
                failures.append(error)
            finally:
                started.set()

        thread = threading.Thread(target=main, name="mpstock-market", daemon=True)
        thread.start()
        started.wait()
        try:
            yield
        finally:
            for loop, task in tasks:
                if thread.is_alive():
                    loop.call_soon_threadsafe(task.cancel)
            thread.join(60)
        if failures:
            raise failures[0]

    def report(self) -> MarketReport:
        """Say what has come of it so far."""
        with self._lock:
            if self.watch is None:
                self._integrate()
            ended = [sale for sale in self.sales if sale.state == "cancelled"]
            return MarketReport(
                sold=sum(sale.units for sale in self.sales),
                oversold=sum(sale.oversold for sale in self.sales),
                hidden_unit_hours=(
                    self._hidden_unit_hours if self.watch is None else self.watch.hidden_unit_hours
                ),
                cancelled=sum(not sale.failed for sale in ended),
                orders=len(self.sales),
                failed=sum(sale.failed for sale in ended),
                missed=self._missed,
                hours=self._now() / 3600,
            )

    # -- what the seller does ------------------------------------------------------------

    def restock(self, sku: str, warehouse: str, units: int, *, book_lag: float | None = None) -> None:
        """Put units into the warehouse now (below zero: take them out); the system books them a lag later."""
        with self._lock:
            self.stock.arrive(sku, warehouse, units)
            self._touched.add(sku)
            if self.watch is not None:
                self.watch.untold(sku)

            def books() -> None:
                self._books.arrive(sku, warehouse, units)
                if self.watch is not None:
                    self.watch.told(sku)

            lag = self._book_lag if book_lag is None else book_lag
            self._after(lag, books)
            self._settle()

    # -- what happens --------------------------------------------------------------------

    def _next_buyer(self) -> None:
        buyer = next(self._buyers, None)
        if buyer is not None:
            self._at(buyer.at, lambda: self._comes(buyer))

    def _comes(self, buyer: Buyer) -> None:
        self._next_buyer()
        outlet = self.outlets[buyer.outlet]
        if not outlet.sells(buyer.sku):
            return
        codes = outlet.codes()
        code = codes[int(buyer.choice * len(codes))]
        pack = outlet.packs.get(buyer.sku, 1)
        feeds = outlet.feeds.get(code, self.stock.warehouses)
        for wanted in dict.fromkeys((buyer.quantity, 1)):
            free = self.stock.free(buyer.sku, feeds)
            keys = outlet.simulator.call(outlet.simulator.buy, buyer.sku, code, wanted)
            if keys:
                self._sold(Sale(buyer, outlet, feeds, tuple(keys), wanted * pack), free)
                return
        self._missed += self.stock.free(buyer.sku, feeds) >= pack

    def _sold(self, sale: Sale, free: int) -> None:
        sale.oversold = oversold_units(sale.units, free)
        self.sales.append(sale)
        self.stock.promise(sale)
        self._touched.add(sale.sku)
        self._reaches(sale, "order")
        self._after(sale.buyer.assembled_after, lambda: self._assembled(sale))
        self._after(sale.buyer.shipped_after, lambda: self._shipped(sale))
        if sale.buyer.cancelled_after is not None:
            self._after(sale.buyer.cancelled_after, lambda: self._cancelled(sale, failed=False))

    def _assembled(self, sale: Sale) -> None:
        if sale.state != "placed":
            return
        if not self.stock.set_aside(sale):
            # What is not there cannot be packed: the seller has to cancel, and pays for it.
            self._cancelled(sale, failed=True)
            return
        sale.state = "assembled"
        self._touched.add(sale.sku)
        sale.tell("assemble")
        self._books.move(sale)
        self._reaches(sale, "assembly")

    def _shipped(self, sale: Sale) -> None:
        if sale.state != "assembled":
            return
        sale.state = "shipped"
        self.stock.ship(sale)
        sale.tell("ship")
        self._reaches(sale, "shipment")
        self._after(self._book_lag, lambda: self._books.ship(sale))

    def _cancelled(self, sale: Sale, *, failed: bool) -> None:
        if sale.state == "cancelled":
            return
        if sale.state == "shipped":
            # On its way back or to somebody else: it is not in the warehouse.
            sale.tell("cancel")
            return
        self.stock.release(sale)
        sale.state, sale.failed = "cancelled", failed
        self._touched.add(sale.sku)
        sale.tell("cancel")
        self._after(self._book_lag, lambda: self._books.cancel(sale))

    def _reaches(self, sale: Sale, stage: Literal["order", "assembly", "shipment"]) -> None:
        if stage == self._books_at:
            self._after(self._book_lag, lambda: self._books.book(sale))

    def _next_restock(self) -> None:
        arrival = next(self._restocks, None)
        if arrival is None:
            return
        at, (sku, warehouse), units = arrival

        def arrives() -> None:
            self._next_restock()
            self.restock(sku, warehouse, units)

        self._at(at, arrives)

    def _settle(self) -> None:
        self._happened()
        if self.watch is not None:
            self.watch.look(self._touched)
        self._touched.clear()

    def _happened(self) -> None:
        """What a variant does after anything has happened, to what was touched by it."""

    # -- what is hidden ------------------------------------------------------------------

    def _measure(self) -> None:
        self._integrate()
        self._hidden = self._unseen()
        self._after(self._sample, self._measure)

    def _integrate(self) -> None:
        now = self._now()
        self._hidden_unit_hours += sum(self._hidden.values()) * (now - self._measured) / 3600
        self._measured = now

    def _unseen(self) -> dict[str, int]:
        """Return how much of each article is free and shown by no marketplace, by the one that shows most."""
        best = dict.fromkeys(self.stock.skus, 0)
        for outlet in self.outlets:
            for sku, units in outlet.units_shown().items():
                if sku in best:
                    best[sku] = max(best[sku], units)
        return {
            sku: hidden
            for sku, shown in best.items()
            if (hidden := hidden_units(self.stock.free(sku), shown)) > 0
        }

    def _now(self) -> float:
        return self.clock.monotonic() - self._epoch

    def _after(self, seconds: float, event: Callable[[], None]) -> None:
        if seconds <= 0:
            event()
        else:
            self._at(self._now() + seconds, event)

    def _at(self, at: float, event: Callable[[], None]) -> None:
        number = next(self._numbers)
        heapq.heappush(self._events, (at, number, event))
        if self._events[0][1] == number:
            self._stir()


def _nobody() -> None:
    """Nobody sleeps."""


class Oracle(Market):
    """The same market with a seller who knows the truth and reacts at once: what no engine can beat.

    After everything that happens each outlet shows what is free, less what `advertise` keeps back. Two
    warehouses of one outlet that are fed by the same stock both show it, for nothing comes between.
    """

    def __init__(
        self, *args: Any, advertise: Callable[[int], int] = lambda free: max(free, 0), **options: Any
    ) -> None:
        self._advertise = advertise
        super().__init__(*args, **options)
        self._touched.update(self.stock.skus)
        self._settle()
        if self.watch is None:
            self._hidden = self._unseen()

    def _happened(self) -> None:
        for sku in self._touched:
            for outlet in self.outlets:
                if not outlet.sells(sku):
                    continue
                for code in outlet.codes():
                    feeds = outlet.feeds.get(code, self.stock.warehouses)
                    free = self._advertise(max(self.stock.free(sku, feeds), 0))
                    shown = free // outlet.packs.get(sku, 1)
                    outlet.simulator.call(outlet.simulator.set_shown, sku, code, shown)
