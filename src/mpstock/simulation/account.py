"""The double of a marketplace that keeps an account by itself; the vendor's methods are left to write."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from attrs import define

from mpstock.clock import Clock
from mpstock.interfaces import Rate
from mpstock.simulation.application import SinkSimulator
from mpstock.simulation.limiting import Cooldown, Limiter
from mpstock.simulation.rates import RateModel

__all__ = ["AccountOrder", "AccountSimulator"]


@define
class AccountOrder:
    """One order of one article, with the moment of each thing that happened to it; None: it has not."""

    key: str
    sku: str
    warehouse: str
    quantity: int
    placed_at: datetime
    assembled_at: datetime | None = None
    shipped_at: datetime | None = None
    cancelled_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether the units are still in the warehouse and spoken for."""
        return self.shipped_at is None and self.cancelled_at is None

    @property
    def changed_at(self) -> datetime:
        """When anything last happened to it."""
        moments = (self.placed_at, self.assembled_at, self.shipped_at, self.cancelled_at)
        return max(moment for moment in moments if moment is not None)


class AccountSimulator(SinkSimulator):
    """A marketplace account: articles, warehouses, what is shown, orders, pairs that rest, limits.

    A subclass adds routes whose handlers read `skus`, `warehouses`, `shown()` and `orders`, and write by
    `write`.

    Args:
        skus: the seller's articles that it sells, in each of the warehouses.
        warehouses: the codes of its warehouses.
        clock: by default the machine's.
        rates: the vendor's limits; routes name their scopes.
        rate_model: how the server counts them; `limits.use` changes it.
        pair_cooldown: seconds that a pair of article and warehouse rests after a write.
        cooldown_from: whether a refused attempt counts as a write, too.
        lowers: whether the shown number falls by itself when a buyer orders.
        cancel_returns: whether it rises by itself when an order is cancelled before it was handed over.
    """

    def __init__(
        self,
        skus: Sequence[str],
        warehouses: Sequence[str] = ("1",),
        *,
        clock: Clock | None = None,
        rates: Sequence[Rate] = (),
        rate_model: RateModel = "sliding",
        pair_cooldown: float = 0.0,
        cooldown_from: Literal["accepted", "attempt"] = "accepted",
        lowers: bool = True,
        cancel_returns: bool = True,
    ) -> None:
        super().__init__(clock=clock)
        self.skus = list(skus)
        self.warehouses = tuple(warehouses)
        self.lowers = lowers
        self.cancel_returns = cancel_returns
        self.limits = Limiter(self.clock, rates, rate_model)
        self.cooldown = Cooldown(self.clock, pair_cooldown, cooldown_from)
        self.orders: dict[str, AccountOrder] = {}
        """Every order by its key, the oldest first."""
        self.__shown: dict[tuple[str, str], int] = {}
        self.__numbers = itertools.count(1)

    # -- for the handlers ----------------------------------------------------------------

    def sells(self, sku: str, warehouse: str) -> bool:
        """Tell whether the account has such a pair."""
        return sku in self.skus and warehouse in self.warehouses

    def write(self, sku: str, warehouse: str, quantity: int) -> float:
        """Show `quantity` from now on, and return 0.0; or change nothing and return the seconds it rests."""
        wait = self.cooldown.write((sku, warehouse))
        if not wait:
            self.__shown[sku, warehouse] = quantity
        return wait

    def reserved(self, sku: str, warehouse: str) -> int:
        """Return how many units are ordered and not handed over."""
        return sum(
            order.quantity
            for order in self.orders.values()
            if order.is_open and (order.sku, order.warehouse) == (sku, warehouse)
        )

    def order_key(self, sku: str, warehouse: str) -> str:
        """Return the key of a new order, as `Sink.orders` tells it."""
        return f"{next(self.__numbers):08d}"

    # -- SinkSimulator -------------------------------------------------------------------

    def shown(self) -> Mapping[tuple[str, str], int]:
        pairs = ((sku, code) for sku in list(self.skus) for code in self.warehouses)
        return {pair: self.__shown.get(pair, 0) for pair in pairs}

    def showing(self, sku: str, warehouse_code: str) -> int:
        return self.__shown.get((sku, warehouse_code), 0)

    def set_shown(self, sku: str, warehouse_code: str, quantity: int) -> None:
        self.call(self.__shown.__setitem__, (sku, warehouse_code), quantity)

    def warehouse_codes(self) -> Sequence[str]:
        return self.warehouses

    def buy(self, sku: str, warehouse_code: str, quantity: int = 1) -> list[str]:
        return self.call(self.__buy, sku, warehouse_code, quantity)

    def assemble(self, key: str) -> None:
        self.call(self.__happen, key, "assembled_at")

    def ship(self, key: str) -> None:
        self.call(self.__happen, key, "shipped_at")

    def cancel(self, key: str) -> None:
        self.call(self.__happen, key, "cancelled_at")

    def __buy(self, sku: str, warehouse: str, quantity: int) -> list[str]:
        pair = (sku, warehouse)
        free = self.__shown.get(pair, 0) - (0 if self.lowers else self.reserved(*pair))
        if quantity < 1 or free < quantity:
            return []
        if self.lowers:
            self.__shown[pair] -= quantity
        key = self.order_key(*pair)
        self.orders[key] = AccountOrder(key, sku, warehouse, quantity, self.clock.now())
        return [key]

    def __happen(self, key: str, what: str) -> None:
        order = self.orders[key]
        was_open = order.is_open
        if getattr(order, what) is not None or (not was_open and what != "cancelled_at"):
            return
        setattr(order, what, self.clock.now())
        if what == "cancelled_at" and was_open and self.lowers and self.cancel_returns:
            self.__shown[order.sku, order.warehouse] += order.quantity
