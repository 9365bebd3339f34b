"""What happens in the world: at any moment, also while a process waits for an answer."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import evolve

from mpstock import AsyncShop, Hold, Level, Listing, OrderStage
from mpstock.config import Absorption, SinkWarehouse, VerifySettings, ZeroingGuard
from mpstock.config import SharingSettings as Sharing
from mpstock.errors import ConfigurationError
from mpstock.testing import VirtualClock
from tests.machine.doubles import Books, Market, Row, SinkView, SourceView
from tests.machine.hands import Hands, Kind, Said, Scope
from tests.machine.layout import CAP, LISTINGS, PRODUCTS, ROWS, SINKS, SKUS, Pair
from tests.machine.processes import Loop, Process
from tests.machine.truth import Cart, Sold, Stage, Truth
from tests.machine.witness import LATE, Witness
from tests.reconcile.shops import REGISTRY, configuration, sink_config, source_config

__all__ = ["Events"]

ALL_ROWS: tuple[Row, ...] = tuple(row for rows in ROWS.values() for row in rows)
VISIBLE_AFTER = 40.0
"""So long after a write wb may tell what it showed before, in seconds."""

SHARES = {"ozon": Decimal("0.5"), "wb": Decimal("0.3"), "kits": Decimal("0.2")}


class Events:
    """The seller, the buyers, the warehouse and its systems, and two processes on one ledger."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.clock = VirtualClock()
        self.loop.drive(self._bind())
        self._folder = tempfile.TemporaryDirectory(prefix="mpstock-machine-", dir=_fast())
        self.folder = Path(self._folder.name)
        (self.folder / "products.csv").write_text(PRODUCTS, encoding="utf-8")
        self.books = {name: Books(name, self.clock, rows) for name, rows in ROWS.items()}
        self.markets = {
            "ozon": Market(
                [Listing(p[1], p[2], (p[1],)) for p in LISTINGS if p[0] == "ozon"],
                warehouses=("o1", "o2"), clock=self.clock, batch=3, pair_cooldown=30.0, account="ozon",
            ),
            "wb": Market(
                [Listing(p[1], p[2], (p[1],)) for p in LISTINGS if p[0] == "wb"],
                warehouses=("w1", "w2"), clock=self.clock, batch=2, by_warehouse=True, account="wb",
                self_decrements="unknown", observe_whole=False, observe_batch=3,
                visible_after=VISIBLE_AFTER,
            ),
            "kits": Market(["K"], warehouses=("k",), clock=self.clock, batch=1, account="kits"),
        }  # fmt: skip
        self.carts = Books("carts", self.clock, ())
        self.truth = Truth(self.clock, self.books)
        self.buffers: dict[str, Mapping[str, Any]] = {name: {"policy": "all"} for name in SINKS}
        self.hands = Hands(self.clock)
        self.witness = Witness(self.truth, self.markets, self.buffers, self.hands)
        self.processes = [Process("first"), Process("second")]
        self.absorbs: dict[str, Absorption] = {}
        self.max_age: timedelta | None = None
        self.between_sinks: Any = "shared"
        self.zeroing = ZeroingGuard(count=1_000)
        self.sample = 0
        self.happened = 0

    async def _bind(self) -> None:
        """Let the clock go by the loop's time, also between runs."""
        self.clock.now()

    def elapse(self, seconds: float) -> None:
        """Let time pass."""
        if self.witness.late:
            self.loop.elapse(LATE.total_seconds())
            self.witness.deliver()
        self.loop.elapse(seconds)

    # ------------------------------------------------------------------ the warehouse

    def move(self, row: Row, units: int) -> None:
        """Goods come in, or are written off, and the books say so; a bad row is mended by it."""
        books = self.truth.speaks(row)
        books.bad.discard(row)
        books.enter(row, units)

    def spoil(self, row: Row) -> None:
        """The books no longer know a row's quantity."""
        books = self.truth.speaks(row)
        books.bad.add(row)
        books.enter(row, 0)

    def drop(self, row: Row) -> None:
        """A row is written off, and left out from now on while nothing is there."""
        books = self.truth.speaks(row)
        books.bad.discard(row)
        books.omits.add(row)
        books.enter(row, -books.level(row, self.clock.now()))

    async def push_row(self, row: Row, *, who: int, dated: bool, ago: float, twice: bool) -> None:
        """A warehouse system pushes a row to a process: late, doubled, with its time or without."""
        books, statement = self.truth.speaks(row), self.truth.rows[row]
        if row in books.bad:
            return
        at = self.clock.now() - timedelta(seconds=ago)
        # What happens next happens later: a statement says nothing of it.
        await asyncio.sleep(0.001)
        level = Level(*row, books.level(row, at), updated_at=at if dated else None)
        if dated:
            statement.maybe.add(at)
            statement.perhaps = True
        else:
            statement.heard[at] = self.clock.now()
        shop = await self.open(who)
        for _ in range(2 if twice else 1):
            await shop.receive(books.name, [level])
        if dated and at > self.witness.heard.get(books.name, at):
            # What was said before the last reading counts only if nobody has read since.
            self.witness.learn(None, lambda: statement.learn(at))

    # ------------------------------------------------------------------ buyers and orders

    @property
    def live(self) -> list[Pair]:
        """The listings that show something."""
        return [pair for pair in sorted(LISTINGS) if self.witness.shown(pair)]

    def buy(self, pair: Pair, most: int, own: str) -> bool:
        """A buyer orders what is shown; False: nothing is, or there are enough orders."""
        sink, external_id, code = pair
        market, offer = self.markets[sink], LISTINGS[pair]
        units = min(self.witness.shown(pair), most)
        if not units or sum(not sold.settled for sold in self.truth.sold) > 6:
            return False
        order = market.buy(external_id, units, code)
        takes = {sku: each * units for sku, each in offer.takes.items()}
        there = [o for o in offer.feeds if all((sku, o) in self.truth.rows for sku in takes)]
        sold = Sold(pair, order, takes, own if own in there else there[0])
        self.truth.sold.append(sold)
        self._book(sold, "order")
        self.witness.settled = False
        if market.lowers:
            self.witness.touch(pair, "order")
        return True

    def assemble(self, sold: Sold) -> None:
        """The seller sets an order aside."""
        if sold.stage is OrderStage.PLACED:
            sold.stage = OrderStage.ASSEMBLED
            self.markets[sold.sink].assemble(sold.order.key)
            self._book(sold, "assembly")

    def ship(self, sold: Sold) -> None:
        """An order is handed over."""
        self.markets[sold.sink].ship(sold.order.key)
        sold.stage, sold.ended = OrderStage.SHIPPED, self.clock.now()
        self._book(sold, "assembly")
        self._book(sold, "shipment")
        self.witness.settled = False

    def cancel(self, sold: Sold) -> None:
        """A buyer cancels; what was booked is put back, what was not is never booked."""
        market = self.markets[sold.sink]
        market.cancel(sold.order.key)
        sold.stage, sold.ended = OrderStage.CANCELLED, self.clock.now()
        self.witness.settled = False
        if market.raises_on_cancel:
            self.witness.touch(sold.pair, "order")
        now, (_, lag) = self.clock.now(), self.truth.booking[sold.sink]
        for row in [(sku, sold.own) for sku in sold.takes]:
            books = self.truth.speaks(row)
            for entry in [e for e in books.entries if e.key == sold.key and e.row == row]:
                if entry.at > now:
                    books.entries.remove(entry)
                else:
                    books.enter(row, -entry.units, at=now + lag * self.delay, key=sold.key)

    def cancel_on_the_way(self, sold: Sold) -> None:
        """A parcel that was handed over is cancelled: it is not in the warehouse for that."""
        market = self.markets[sold.sink]
        order, _ = market._orders[sold.order.key]
        market._revision += 1
        late = evolve(order, stage=OrderStage.CANCELLED, stage_at=self.clock.now())
        market._orders[sold.order.key] = (late, market._revision)
        sold.returns = True

    def forget(self, sold: Sold) -> None:
        """An account tells of an order no longer; who was never told of it finds out by a read-back only."""
        self.markets[sold.sink].forget(sold.order.key)
        sold.gone = True
        if not sold.told and sold.pair in self.witness.touched:
            self.witness.touch(sold.pair, "an order that nobody was told of")

    delay = 0.5
    """Which part of its lag a warehouse system takes to book."""

    def _book(self, sold: Sold, stage: Stage) -> None:
        at, lag = self.truth.booking[sold.sink]
        if at != stage:
            return
        for sku, units in sold.takes.items():
            row = (sku, sold.own)
            books = self.truth.speaks(row)
            if not any(entry.key == sold.key and entry.row == row for entry in books.entries):
                books.enter(row, -units, at=self.clock.now() + lag * self.delay, key=sold.key)

    # ------------------------------------------------------------------ carts

    def open_cart(self, sku: str, units: int, seconds: int) -> None:
        """A cart is opened that the source of carts tells of."""
        now = self.clock.now()
        hold = Hold(
            f"cart-{len(self.truth.carts)}", sku, units, now, "main", now + timedelta(seconds=seconds)
        )
        self.truth.carts[hold.key] = Cart(hold, now + timedelta(seconds=seconds))
        self.carts.holds[hold.key] = hold
        self.witness.settled = False

    def leave_cart(self, key: str) -> None:
        """A buyer leaves a cart."""
        cart = self.truth.carts[key]
        self.carts.holds.pop(key, None)
        cart.ended = min(cart.ended, self.clock.now())

    async def hold(self, sku: str, units: int, seconds: int, *, who: int, if_available: bool) -> None:
        """A till holds units through a process's shop: told at once."""
        shop = await self.open(who)
        self.witness.keep()
        now = self.clock.now()
        key = f"till-{len(self.truth.carts)}"
        most = self.truth.most(sku, ("main",))
        until = timedelta(seconds=seconds)
        self.witness.settled = False
        hold = Hold(key, sku, units, now, "main", now + until)
        cart = Cart(hold, now + until)
        self.truth.carts[key] = cart
        held = await shop.hold(
            key, sku, units, warehouse="main", expires_in=until, origin="till",
            only_if_available=if_available,
        )  # fmt: skip
        if not held:
            del self.truth.carts[key]
            return
        if if_available:
            self.witness.claim(most is not None and units <= most, f"{units} of {sku} held, {most} are there")
        self.witness.learn(None, lambda: setattr(cart, "told", True))

    async def release(self, key: str, *, who: int) -> None:
        """A till lets go what it holds."""
        cart = self.truth.carts[key]
        cart.ended = cart.missed = min(cart.ended, self.clock.now())
        await (await self.open(who)).release(key, origin="till")

    # ------------------------------------------------------------------ the accounts

    def edit(self, pair: Pair, by: int) -> None:
        """Somebody moves a number in the cabinet."""
        self.markets[pair[0]].is_edited(pair[1:], max(self.witness.shown(pair) + by, 0))
        self.witness.touch(pair, "edit")

    # ------------------------------------------------------------------ people

    async def decide(self, kind: Kind, scope: Scope, quantity: int, seconds: int | None, *, who: int) -> bool:
        """Somebody decides by hand; False: there is nothing yet of which that could be decided."""
        shop = await self.open(who)
        sink, sku = scope
        lasts = None if seconds is None else timedelta(seconds=seconds)
        of: dict[str, Any] = {"sink": sink, "skus": None if sku is None else [sku], "lasts": lasts}
        try:
            if kind == "pin":
                await shop.pin(quantity, **of)
            else:
                await getattr(shop, kind)(**of)
        except ConfigurationError:
            return False
        self.hands.put(kind, scope, quantity, lasts)
        self.witness.settled = False
        return True

    async def take_back(self, one: Said, *, who: int) -> None:
        """Somebody takes back what was decided."""
        shop = await self.open(who)
        sink, sku = one.scope
        await shop.resume(sink=sink, skus=None if sku is None else [sku], kinds=[one.kind])
        self.hands.take_back(one)
        self.witness.settled = False

    # ------------------------------------------------------------------ processes

    async def open(self, who: int) -> AsyncShop:
        """Open the shop of a process, a new one if the last has died."""
        if self.processes[who].dead:
            self.processes[who] = Process(self.processes[who].name)
        process = self.processes[who]
        return await process.open(lambda: self._shop(process))

    def _shop(self, process: Process) -> AsyncShop:
        sources = [
            source_config(
                name, SourceView(books, process, self.witness), absorbs=self.absorbs, group=name,
                max_age=self.max_age if name == "erp" else None,
                max_per_sku=CAP if name == "carts" else None,
            )
            for name, books in [*self.books.items(), ("carts", self.carts)]
        ]  # fmt: skip
        sinks = []
        for priority, (name, market) in enumerate(self.markets.items(), 1):
            feeds = {p[2]: offer.feeds for p, offer in LISTINGS.items() if p[0] == name}
            share = SHARES[name] if self.between_sinks == "split" else None
            sinks.append(
                sink_config(
                    name, SinkView(name, market, process, self.witness), priority=priority, share=share,
                    warehouses=tuple(SinkWarehouse(code, own) for code, own in feeds.items()),
                    buffer=self.buffers[name],
                )
            )  # fmt: skip
        config = configuration(
            self.folder / "mpstock.db", sources, sinks, zeroing=self.zeroing,
            products=self.folder / "products.csv", sharing=Sharing(self.between_sinks),
        )  # fmt: skip
        config = evolve(config, verify=VerifySettings(sample=self.sample))
        return AsyncShop(config, plugins=REGISTRY, clock=self.clock)

    async def close(self) -> None:
        """End both processes in good order."""
        for process in self.processes:
            if not process.dead:
                await process.close()


def _fast() -> str | None:
    """Where files are memory, if there is such a place: what is tested is not the disk."""
    shared = Path("/dev/shm")
    return str(shared) if shared.is_dir() else None


assert set(SKUS) == {sku for sku, _ in ALL_ROWS}
