"""Who comes to a market: buyers and deliveries, by chance and always the same for the same seed."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence

from attrs import field, frozen

__all__ = ["Buyer", "Demand"]

HOUR = 3600.0


@frozen
class Buyer:
    """One who comes `at` so many seconds from the opening, and what would become of his order.

    `choice` (0 to 1) is which warehouse of the outlet he buys from. The rest is in seconds after his order;
    `cancelled_after` None = he does not cancel.
    """

    at: float
    sku: str
    outlet: int
    choice: float
    quantity: int
    assembled_after: float
    shipped_after: float
    cancelled_after: float | None


@frozen
class Demand:
    """How much is bought, and how fast the seller works. Ranges are in seconds after the order.

    `per_item`       buyers of one article an hour, in all outlets together; by article, or the same for all.
    `quantities`     how often so many are wanted at once, as weights.
    `assembled`      when the seller sets an order aside.
    `shipped`        when he hands it over, after that.
    `cancel_share`   which part of the orders the buyer cancels, some time in `cancelled`: an order that
                     is handed over by then does not come back.
    `deliveries`     goods that come in, each of one article, so many times an hour in all.
    `delivered`      how many units come at once.
    """

    per_item: float | Mapping[str, float] = 0.05
    quantities: Mapping[int, float] = field(factory=lambda: {1: 0.85, 2: 0.1, 3: 0.05})
    assembled: tuple[float, float] = (0.5 * HOUR, 4 * HOUR)
    shipped: tuple[float, float] = (2 * HOUR, 20 * HOUR)
    cancel_share: float = 0.05
    cancelled: tuple[float, float] = (60.0, 24 * HOUR)
    deliveries: float = 0.0
    delivered: tuple[int, int] = (1, 20)

    def __attrs_post_init__(self) -> None:
        rates = self.per_item.values() if isinstance(self.per_item, Mapping) else [self.per_item]
        if any(rate < 0 for rate in rates) or self.deliveries < 0:
            raise ValueError("nobody comes less often than never: rates are 0 or more")
        if not self.quantities or min(self.quantities) < 1:
            raise ValueError(f"who buys wants 1 unit or more, not {dict(self.quantities)}")
        if not 0 <= self.cancel_share <= 1:
            raise ValueError(f"cancel_share is from 0 to 1, not {self.cancel_share}")

    def buyers(self, skus: Sequence[str], outlets: int, chance: random.Random) -> Iterator[Buyer]:
        """Yield buyers in the order of their coming, without end; none if nobody wants anything."""
        rates = [
            self.per_item.get(sku, 0.0) if isinstance(self.per_item, Mapping) else self.per_item
            for sku in skus
        ]
        weights = list(itertools.accumulate(rates))
        if not weights or weights[-1] <= 0:
            return
        at = 0.0
        while True:
            at += chance.expovariate(weights[-1] / HOUR)
            assembled = chance.uniform(*self.assembled)
            shipped = assembled + chance.uniform(*self.shipped)
            gives_up, when = chance.random() < self.cancel_share, chance.uniform(*self.cancelled)
            yield Buyer(
                at=at,
                sku=chance.choices(skus, cum_weights=weights)[0],
                outlet=chance.randrange(outlets),
                choice=chance.random(),
                quantity=chance.choices(list(self.quantities), list(self.quantities.values()))[0],
                assembled_after=assembled,
                shipped_after=shipped,
                cancelled_after=when if gives_up else None,
            )

    def restocks(
        self, places: Sequence[tuple[str, str]], chance: random.Random
    ) -> Iterator[tuple[float, tuple[str, str], int]]:
        """Yield deliveries: when, of what and where, how many."""
        at = 0.0
        while places and self.deliveries > 0:
            at += chance.expovariate(self.deliveries / HOUR)
            yield at, chance.choice(places), chance.randint(*self.delivered)
