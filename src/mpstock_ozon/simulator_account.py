"""The seller account inside the double: offers, warehouses, stock. No HTTP here."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

from attrs import define, field

from mpstock import Clock

__all__ = ["Account", "Offer", "Reserve", "Stock", "Warehouse"]

Reserve = Literal["exclude", "include"]

FIRST_PRODUCT_ID = 313_000_000
FIRST_SKU = 1_600_000_000
"""Apart from the product ids, and both apart from any article: who mixes them up is found out."""


@define
class Offer:
    """One product of the account: `offer_id` is the seller's article, the others are Ozon's."""

    offer_id: str
    product_id: int
    sku: int
    archived: bool = False
    price_sent: bool = True


@define
class Warehouse:
    """One warehouse of the account. Stock is taken only by an active one (`created`)."""

    warehouse_id: int
    name: str
    created_at: datetime
    status: str = "created"
    is_rfbs: bool = False
    is_kgt: bool = False


@define
class Stock:
    """What one warehouse has of one offer: `free` may be bought, `reserved` is.

    `past` holds what it was before its latest changes: (until when, free, reserved).
    """

    changed_at: datetime
    free: int = 0
    reserved: int = 0
    past: list[tuple[float, int, int]] = field(factory=list[tuple[float, int, int]])


class Account:
    """The state of one seller account, on one clock.

    `reserve`         whether a written number excludes what is reserved, or includes it.
    `apply_delay`     seconds until an accepted write takes effect.
    `read_lag`        seconds by which what is read is older than what is.
    `cancel_returns`  whether an order that is cancelled before it is handed over puts its units back on sale.
    """

    def __init__(self, clock: Clock, *, reserve: Reserve = "exclude") -> None:
        self.clock = clock
        self.reserve: Reserve = reserve
        self.apply_delay = 0.0
        self.read_lag = 0.0
        self.cancel_returns = True
        self.offers: dict[str, Offer] = {}
        self.by_product: dict[int, Offer] = {}
        self.by_sku: dict[int, Offer] = {}
        self.warehouses: dict[int, Warehouse] = {}
        self._stock: dict[tuple[str, int], Stock] = {}
        self._waiting: deque[tuple[float, str, int, int]] = deque()
        self._numbers = itertools.count(1)

    # -- what there is -------------------------------------------------------------------

    def add_offer(self, offer_id: str) -> Offer:
        """Create an offer; one that is there already is returned as it is."""
        if offer_id in self.offers:
            return self.offers[offer_id]
        number = next(self._numbers)
        offer = Offer(offer_id, FIRST_PRODUCT_ID + 7 * number, FIRST_SKU + 11 * number)
        self.offers[offer_id] = offer
        self.by_product[offer.product_id] = offer
        self.by_sku[offer.sku] = offer
        return offer

    def remove_offer(self, offer_id: str) -> None:
        """Let the account know the offer no longer."""
        offer = self.offers.pop(offer_id)
        del self.by_product[offer.product_id], self.by_sku[offer.sku]
        for warehouse_id in self.warehouses:
            self._stock.pop((offer_id, warehouse_id), None)

    def add_warehouse(self, code: str, name: str | None = None) -> Warehouse:
        """Create a warehouse. Its code is its number, 14 to 16 digits as Ozon's are."""
        if not (code.isascii() and code.isdigit()):
            raise ValueError(f"an Ozon warehouse is a number such as 22142605386000, not {code!r}")
        one = Warehouse(int(code), name or f"Склад {code[-4:]}", self.clock.now())
        return self.warehouses.setdefault(one.warehouse_id, one)

    def offers_after(self, sku: int) -> Iterator[Offer]:
        """Yield the offers in the order of their Ozon ids, from the one after `sku`."""
        # Ids rise with creation, so the dictionary is in their order.
        skus = list(self.by_sku)
        for key in itertools.islice(skus, bisect_right(skus, sku), None):
            yield self.by_sku[key]

    # -- stock ---------------------------------------------------------------------------

    def stock(self, offer_id: str, warehouse_id: int) -> Stock | None:
        """Return what is there now, None where nothing was ever written."""
        self._settle()
        return self._stock.get((offer_id, warehouse_id))

    def read(self, offer_id: str, warehouse_id: int) -> tuple[Stock, int, int] | None:
        """Return the stock with its free and reserved units as a reader sees them (`read_lag`)."""
        stock = self.stock(offer_id, warehouse_id)
        if stock is None:
            return None
        seen_at = self.clock.monotonic() - self.read_lag
        for until, free, reserved in stock.past:
            if until > seen_at:
                return stock, free, reserved
        return stock, stock.free, stock.reserved

    def write(self, offer_id: str, warehouse_id: int, number: int) -> None:
        """Take a number that was sent; it takes effect after `apply_delay`."""
        self._waiting.append((self.clock.monotonic() + self.apply_delay, offer_id, warehouse_id, number))
        self._settle()

    def set_free(self, offer_id: str, warehouse_id: int, quantity: int) -> None:
        """Let `quantity` be on sale at once, whatever is reserved."""
        self.known(offer_id, warehouse_id)
        self._settle()
        self.change(offer_id, warehouse_id, free=quantity)

    def free(self) -> Mapping[tuple[str, int], int]:
        """Return what may be bought of every offer in every warehouse."""
        self._settle()
        free = {pair: stock.free for pair, stock in list(self._stock.items())}
        return {
            (offer_id, warehouse_id): free.get((offer_id, warehouse_id), 0)
            for offer_id in list(self.offers)
            for warehouse_id in list(self.warehouses)
        }

    def _settle(self) -> None:
        now = self.clock.monotonic()
        while self._waiting and self._waiting[0][0] <= now:
            _, offer_id, warehouse_id, number = self._waiting.popleft()
            if offer_id not in self.offers:
                continue
            stock = self._stock.get((offer_id, warehouse_id))
            reserved = 0 if stock is None else stock.reserved
            free = number if self.reserve == "exclude" else max(number - reserved, 0)
            self.change(offer_id, warehouse_id, free=free)

    def change(
        self, offer_id: str, warehouse_id: int, *, free: int | None = None, reserved: int | None = None
    ) -> None:
        """Let so many units be on sale, or reserved, from now on."""
        stock = self._stock.setdefault((offer_id, warehouse_id), Stock(self.clock.now()))
        now = self.clock.monotonic()
        if self.read_lag > 0:
            stock.past = [one for one in stock.past if one[0] > now - self.read_lag]
            stock.past.append((now, stock.free, stock.reserved))
        stock.free = stock.free if free is None else free
        stock.reserved = stock.reserved if reserved is None else reserved
        stock.changed_at = self.clock.now()

    def known(self, offer_id: str, warehouse_id: int) -> None:
        """Raise `KeyError` for an offer or a warehouse that the account does not have."""
        if offer_id not in self.offers:
            raise KeyError(f"the account has no offer {offer_id!r}")
        if warehouse_id not in self.warehouses:
            raise KeyError(f"the account has no warehouse {warehouse_id}")
