"""What the scenarios are told with: a seller whose sources and accounts can be caught at any moment.

The numbers of the tests beside this file are those of the rules' own scenarios, worked out by hand.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import evolve

from mpstock import (
    Change,
    Listing,
    Observation,
    OrderPage,
    Outcome,
    Reading,
    Shop,
)
from mpstock.config import Absorption, SinkWarehouse, ZeroingGuard
from mpstock.inmemory import InMemorySource
from mpstock.plugins import PluginRegistry
from mpstock.testing import VirtualClock
from tests.reconcile.shops import Account, Ears, Play, configuration

MINUTE, HOUR, DAY = 60, 3600, 86_400
NO_GUARD = ZeroingGuard(count=1_000_000)


class Erp(InMemorySource):
    """A warehouse system. `behind`: what it answers was true so long ago. `at_read` is called as it is read.

    `between` is called after each page but the last.
    """

    behind = timedelta(0)
    at_read: Callable[[], None] | None = None
    between: Callable[[], None] | None = None

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        if self.at_read is not None:
            self.at_read()
        async for reading in super().read(cursor):
            yield evolve(reading, as_of=reading.as_of - self.behind)
            if self.between is not None and reading.cursor is None:
                self.between()


class Market(Account):
    """An account that can be caught while it is read or written.

    `at_orders`, `at_observe` and `hook` are called before it answers, `after_push` when a push has been
    taken in and before its caller is told.
    """

    at_orders: Callable[[], None] | None = None
    at_observe: Callable[[], None] | None = None
    after_push: Callable[[], None] | None = None

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        if self.at_orders is not None:
            self.at_orders()
        async for page in super().orders(cursor):
            yield page

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        if self.at_observe is not None:
            self.at_observe()
        async for page in super().observe(listings):
            yield page

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        try:
            return await super().push(changes)
        finally:
            if self.after_push is not None:
                self.after_push()

    @property
    def written(self) -> list[int]:
        """The quantities of all writes so far, in their order."""
        return [quantity for push in self.sent for _, quantity in push]


class Seller(Play):
    """A seller with one clock; settings are those of a file, and every alert is kept."""

    def __init__(
        self,
        folder: Path,
        sources: Mapping[str, InMemorySource],
        sinks: Mapping[str, Account],
        *,
        clock: VirtualClock,
    ) -> None:
        super().__init__(folder, sources, sinks, clock=clock, zeroing=NO_GUARD)
        self.folder = folder
        self.told = Ears()
        self.plugins = PluginRegistry(entry_points=[])
        self.plugins.register(self.told, "told")

    def open(self) -> Shop:
        config = configuration(
            self.ledger,
            self.sources.values(),
            self.sinks.values(),
            zeroing=self.zeroing,
            products=self.products,
            sharing=self.sharing,
            verify=self.verify,
        )
        return Shop(config, clock=self.clock, plugins=self.plugins)

    def write_products(self, text: str) -> None:
        """Give the products file."""
        self.products = self.folder / "products.csv"
        self.products.write_text(text, encoding="utf-8")

    def absorbs(
        self, source: str, books_at: Any = "order", lag: float | None = None, *, sink: str = "shop"
    ) -> None:
        """Say that a source books a sink's orders itself; `lag` in seconds."""
        absorption = Absorption(books_at) if lag is None else Absorption(books_at, timedelta(seconds=lag))
        self.set_source(source, absorbs={**self.sources[source].absorbs, sink: absorption})

    def wait(self, seconds: float) -> datetime:
        """Let time pass, and say what time it is then."""
        self.clock.advance(seconds)
        return self.clock.now()


def seller(
    folder: Path,
    levels: Mapping[str, int | None] | Mapping[tuple[str, str], int | None],
    *,
    sells: Sequence[str] | None = None,
    shown: Mapping[tuple[str, str], int] | None = None,
    page: int = 1000,
    **account: Any,
) -> tuple[Seller, Erp, Market]:
    """Return a seller with the source `erp` and the sink `shop`, which keeps no buffer."""
    clock = VirtualClock()
    erp = Erp(levels, clock=clock, page=page)
    named = dict.fromkeys(key if isinstance(key, str) else key[0] for key in levels)
    market = Market(sells if sells is not None else list(named), clock=clock, **account)
    # What was never written shows nothing, and says so.
    market.shown.update({**dict.fromkeys(market._listings, 0), **(shown or {})})
    return Seller(folder, {"erp": erp}, {"shop": market}, clock=clock), erp, market


def two_markets(
    folder: Path,
    levels: Mapping[str, int | None] | Mapping[tuple[str, str], int | None],
    *,
    ozon_sells: Sequence[str] | None = None,
) -> tuple[Seller, Erp, Market, Market]:
    """Return a seller with the source `erp` and the sinks `ozon` and `wb`, of which `wb` lowers by itself."""
    clock = VirtualClock()
    erp = Erp(levels, clock=clock)
    named = list(dict.fromkeys(key if isinstance(key, str) else key[0] for key in levels))
    ozon = Market(ozon_sells or named, clock=clock, account="ozon")
    wb = Market(named, clock=clock, account="wb", self_decrements="unknown")
    wb.lowers = True
    for market in (ozon, wb):
        market.shown.update(dict.fromkeys(market._listings, 0))
    return Seller(folder, {"erp": erp}, {"ozon": ozon, "wb": wb}, clock=clock), erp, ozon, wb


def fed(code: str, *feeds: str, **keys: Any) -> SinkWarehouse:
    """Return a sink warehouse that these own warehouses feed; none named = all."""
    return SinkWarehouse(code, feeds or None, **keys)
