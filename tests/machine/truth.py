"""What is true in the world, and what a process may know of it; nothing here looks into the ledger.

The bound of every number is honest accounting: what had come in as of the reading that the process may hold,
less every order and cart that it has surely been told of. Whoever shows more sells what is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from attrs import define, field

from mpstock import Hold, Order, OrderStage
from mpstock.testing import VirtualClock
from tests.machine.doubles import Books, Row
from tests.machine.layout import CAP, LISTINGS, Pair

__all__ = ["Cart", "Sold", "Statement", "Truth"]

Stage = Literal["order", "assembly", "shipment"]


@define
class Sold:
    """One order as the world knows it: what it takes from where, and what has become of it.

    `told`: a process has surely been told of it, `left`: also that it was handed over. `gone`: the account
    tells of it no longer, as a process surely knows since `missed`. `returns`: it was cancelled on its way.
    `settled`: it is surely in nobody's numbers any more.
    """

    pair: Pair
    order: Order
    takes: Mapping[str, int]
    own: str
    stage: OrderStage = OrderStage.PLACED
    ended: datetime | None = None
    told: bool = False
    left: bool = False
    gone: bool = False
    missed: datetime | None = None
    returns: bool = False
    settled: bool = False

    @property
    def sink(self) -> str:
        return self.pair[0]

    @property
    def key(self) -> str:
        return f"{self.sink}/{self.order.key}"

    @property
    def open(self) -> bool:
        return self.stage in (OrderStage.PLACED, OrderStage.ASSEMBLED)


@define
class Cart:
    """A cart: its hold, when it ended, and whether a process has surely been told of it.

    `missed`: since when a process surely knows that it was left.
    """

    hold: Hold
    ended: datetime
    told: bool = False
    missed: datetime | None = None
    settled: bool = False

    def open(self, now: datetime) -> bool:
        """Whether its units are spoken for."""
        return now < self.ended


@define
class Statement:
    """What may be held of a row: the moment of the statement that surely is, and those that may be.

    `unknown`: since then it is not known, though `perhaps` it is: a process that has died was told.

    `heard` are rows that were pushed without a time: as of when they were, and when they came. They may have
    lowered it.
    """

    sure: datetime | None = None
    maybe: set[datetime] = field(factory=set[datetime])
    heard: dict[datetime, datetime] = field(factory=dict[datetime, datetime])
    unknown: datetime | None = None
    perhaps: bool = False

    @property
    def moments(self) -> set[datetime]:
        """The moments as of which the row may be held."""
        if self.sure is None:
            return self.maybe
        return {self.sure, *(moment for moment in self.maybe if moment > self.sure)}

    def doubt(self, moment: datetime) -> None:
        """It is surely not known as of then, unless there is a later statement."""
        if all(other <= moment for other in self.moments):
            self.unknown, self.perhaps = moment, False

    def learn(self, moment: datetime) -> None:
        """It is surely held as of then, or later."""
        if self.unknown is not None and moment < self.unknown:
            return
        self.unknown = None
        if self.sure is None or moment > self.sure:
            self.sure = moment
            self.maybe = {other for other in self.maybe if other > moment}


@define
class Truth:
    """The world's accounts."""

    clock: VirtualClock
    books: Mapping[str, Books]
    rows: dict[Row, Statement] = field(factory=dict[Row, Statement])
    sold: list[Sold] = field(factory=list[Sold])
    carts: dict[str, Cart] = field(factory=dict[str, Cart])
    walked: set[str] = field(factory=set[str])
    """Accounts of which a process knows what they sell: before, their orders are of nobody knows what."""
    booking: dict[str, tuple[Stage, timedelta]] = field(factory=dict[str, tuple[Stage, timedelta]])

    def __attrs_post_init__(self) -> None:
        self.rows.update({row: Statement() for books in self.books.values() for row in books.rows})

    def speaks(self, row: Row) -> Books:
        """Which source speaks of a row."""
        return next(books for books in self.books.values() if row in books.rows)

    def fed(self, sku: str, feeds: Iterable[str]) -> list[Row]:
        """The rows of a product in these own warehouses."""
        return [(sku, own) for own in feeds if (sku, own) in self.rows]

    def most(self, sku: str, feeds: Sequence[str]) -> int | None:
        """The most units of a product that can honestly be promised from these; None: nobody can say."""
        total = 0
        for row in self.fed(sku, feeds):
            if self.rows[row].sure is None:
                return None
            moments, books = self.rows[row].moments, self.speaks(row)
            total += max(books.goods(row, moment) for moment in moments)
        for sold in self.sold:
            if (
                sold.told
                and sold.sink in self.walked
                and sold.stage is not OrderStage.CANCELLED
                and sold.own in feeds
            ):
                total -= sold.takes.get(sku, 0)
        if "main" in feeds:
            total -= self._in_carts(sku)
        return total

    def _in_carts(self, sku: str) -> int:
        now = self.clock.now()
        mine = [cart for cart in self.carts.values() if cart.told and cart.open(now) and cart.hold.sku == sku]
        capped = sum(cart.hold.quantity for cart in mine if not cart.hold.key.startswith("till"))
        return min(capped, CAP) + sum(c.hold.quantity for c in mine if c.hold.key.startswith("till"))

    def least(self, sku: str, feeds: Sequence[str]) -> int | None:
        """The fewest units that an honest build may come to; None: it may not come to any number.

        A row that was never known does not keep a known fall from getting through.
        """
        known = [row for row in self.fed(sku, feeds) if self.rows[row].moments]
        if not known:
            return None
        total = 0
        for row in known:
            statement, books = self.rows[row], self.speaks(row)
            total += min(books.level(row, moment) for moment in {*statement.moments, *statement.heard})
        total -= sum(sold.takes.get(sku, 0) for sold in self.sold if not sold.settled)
        return total - sum(
            c.hold.quantity for c in self.carts.values() if c.hold.sku == sku and not c.settled
        )

    def surely(self, sku: str, feeds: Sequence[str]) -> int | None:
        """The fewest that there are, where all rows are known; else None."""
        statements = [self.rows[row] for row in self.fed(sku, feeds)]
        if any(s.sure is None or s.unknown is not None for s in statements):
            return None
        return self.least(sku, feeds)

    def exact(self, sku: str, feeds: Sequence[str]) -> int | None:
        """How many there are, where nothing is open and all is known; else None."""
        total = 0
        for row in self.fed(sku, feeds):
            statement, books = self.rows[row], self.speaks(row)
            if (
                statement.sure is None
                or statement.unknown is not None
                or len(statement.moments) > 1
                or statement.heard
            ):
                return None
            if row in books.bad or row in books.half:
                return None
            total += books.level(row, statement.sure)
        if any(sku in sold.takes and not sold.settled for sold in self.sold):
            return None
        if any(cart.hold.sku == sku and not cart.settled for cart in self.carts.values()):
            return None
        return total

    def of_listing(self, pair: Pair, what: Any) -> int | None:
        """What `most`, `least` or `exact` say of a listing, in its own units; None: nothing."""
        offer = LISTINGS[pair]
        parts = [(what(sku, offer.feeds), units) for sku, units in offer.takes.items()]
        known = [amount // units for amount, units in parts if amount is not None]
        if what in (self.exact, self.surely) and len(known) < len(parts):
            return None
        return min(known) if known else None

    def settle(self, since: datetime) -> None:
        """After a run without a fault that began then: what had ended long enough before is done with."""
        for sold in self.sold:
            _, lag = self.booking[sold.sink]
            # One that is told no longer ends when that is seen.
            ended = sold.missed if sold.gone else sold.ended
            if ended is not None and self._read_since(sold.takes, ended + lag, since):
                sold.settled = True
        for cart in self.carts.values():
            # One that is told no longer counts until every source was read later than it can matter.
            ended = cart.missed or cart.hold.expires_at
            assert ended is not None
            if self._read_since([cart.hold.sku], ended + timedelta(minutes=15), since):
                cart.settled = True

    def _read_since(self, skus: Iterable[str], then: datetime, began: datetime) -> bool:
        """Whether all rows of these products are known as of later than that, and looked at."""
        moment = then + timedelta(seconds=1)
        rows = [self.rows[row] for row in self.rows if row[0] in skus]
        known = all(row.unknown is None and row.sure is not None and row.sure > moment for row in rows)
        return known and began > moment
