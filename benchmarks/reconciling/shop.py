"""A shop of any size that takes no memory of its own: what its source says and its sinks take is reckoned."""

from __future__ import annotations

import csv
import random
from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from attrs import define, field

from mpstock.clock import Clock
from mpstock.interfaces import Limits
from mpstock.model import (
    Change,
    Finding,
    Level,
    Listing,
    ListingPage,
    Observation,
    OrderPage,
    Outcome,
    OutcomeStatus,
    Reading,
)

__all__ = [
    "BATCHES", "KEPT_BACK", "WAREHOUSES", "Account", "Warehouses", "chosen", "quantity", "shown", "sku",
    "write_feed",
]  # fmt: skip

WAREHOUSES = ("north", "south")
BATCHES = {"ozon": 100, "wb": 1_000, "yandex": 2_000}
"""The three accounts, and how many changes a request of each has."""

KEPT_BACK = 2
"""The buffer: what the standard policy keeps back of each product, unless it is told otherwise."""

_PAGE = 2_000
_DONE = Outcome(OutcomeStatus.OK)


def sku(product: int) -> str:
    """Return the article of a product."""
    return f"SKU-{product:07d}"


def quantity(product: int, warehouse: int, turn: int) -> int:
    """Return what lies in a warehouse after it has changed `turn` times: another number each time."""
    return 1 + (product * 7 + warehouse * 3 + turn) % 50


def shown(product: int, turn: int) -> int:
    """Return what the accounts are to show of it."""
    return sum(quantity(product, place, turn) for place in range(len(WAREHOUSES))) - KEPT_BACK


def chosen(products: int, count: int, seed: int) -> list[int]:
    """Return so many products by chance, the same for the same seed."""
    return sorted(random.Random(seed).sample(range(products), count))


def write_feed(path: Path, products: int, turns: Mapping[int, int]) -> None:
    """Write what the warehouses hold as a CSV file: what all read that read everything."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("sku,warehouse,quantity\r\n")
        file.writelines(
            f"{sku(product)},{code},{quantity(product, place, turns.get(product, 0))}\r\n"
            for product in range(products)
            for place, code in enumerate(WAREHOUSES)
        )


@define
class Warehouses:
    """The source: two rows for each product. `turns` says how often a product's rows have changed.

    A full reading is that of the feed. One from a cursor has only what `changed` names, as a warehouse system
    tells it.
    """

    products: int
    clock: Clock
    feed: Path
    turns: dict[int, int] = field(factory=dict[int, int])
    changed: Sequence[int] = ()
    rates: Sequence[Any] = ()

    def move(self, products: Sequence[int]) -> None:
        """Let the rows of these products change."""
        for product in products:
            self.turns[product] = self.turns.get(product, 0) + 1
        self.changed = products

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """Yield everything, or what has changed."""
        as_of = self.clock.now()
        if cursor is not None:
            yield Reading(self._moved(), as_of=as_of, cursor="next")
            return
        with self.feed.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            next(rows)
            while page := [Level(name, code, int(count)) for name, code, count in islice(rows, _PAGE)]:
                yield Reading(page, as_of=as_of)
        yield Reading([], as_of=as_of, complete=True, cursor="next")

    def _moved(self) -> list[Level]:
        return [
            Level(sku(product), code, quantity(product, place, self.turns[product]))
            for product in self.changed
            for place, code in enumerate(WAREHOUSES)
        ]


@define
class Account:
    """A sink that sells every product and takes every number at once; it shows what it was sent.

    `turns` says how often the products had changed that it shows before anything is sent; None: it shows
    nothing of any.
    """

    name: str
    products: int
    turns: Mapping[int, int] | None = None
    numbers: array[int] = field(init=False)
    requests: int = 0
    changes: int = 0
    warehouses: tuple[str, ...] = ("main",)

    def __attrs_post_init__(self) -> None:
        turns = self.turns
        self.numbers = array(
            "i",
            bytes(4 * self.products)
            if turns is None
            else (shown(one, turns.get(one, 0)) for one in range(self.products)),
        )

    @property
    def limits(self) -> Limits:
        """The batch of its kind, and no limit of time: what is measured is our own work."""
        return Limits(self.name, BATCHES[self.name], 1_000_000, (), (), observe_batch=_PAGE)

    async def listings(self, cursor: str | None) -> AsyncIterator[ListingPage]:
        """Yield a listing for each product once; then nothing is new."""
        if cursor is not None:
            yield ListingPage([], cursor=cursor)
            return
        for start in range(0, self.products, _PAGE):
            end = min(start + _PAGE, self.products)
            names = [sku(product) for product in range(start, end)]
            yield ListingPage(
                [Listing(name, "main", (name,), {"external_id": (name,)}) for name in names],
                cursor="walked" if end == self.products else None,
                complete=end == self.products,
            )

    async def observe(self, listings: Sequence[Listing] | None) -> AsyncIterator[Sequence[Observation]]:
        """Yield what is shown."""
        assert listings is not None
        yield [
            Observation(one.external_id, "main", self.numbers[int(one.external_id[4:])]) for one in listings
        ]

    async def orders(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        """Yield no order."""
        yield OrderPage([], datetime.now(UTC), cursor)

    async def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Take everything."""
        self.requests += 1
        self.changes += len(changes)
        for change in changes:
            self.numbers[int(change.listing.external_id[4:])] = change.new
        return [_DONE] * len(changes)

    def advertise(self, available: int) -> int:
        """Show what is available."""
        return available

    async def check(self) -> AsyncIterator[Finding]:
        """Find nothing."""
        nothing: list[Finding] = []
        for finding in nothing:
            yield finding
