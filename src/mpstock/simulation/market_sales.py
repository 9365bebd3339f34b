"""Where a market's buyers buy, what becomes of an order, and the sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from attrs import define, field, frozen

from mpstock.simulation.application import SinkSimulator
from mpstock.simulation.market_demand import Buyer

__all__ = ["MarketReport", "Outlet", "Sale"]


@define(eq=False)
class Outlet:
    """One marketplace account of the seller.

    `feeds` are the own warehouses that serve each of its warehouses, by code (left out = all). `packs` is how
    many units one of an article is there (left out = 1). `skus` are what it sells; None = what its double
    shows when it is first asked, sold out or not.
    """

    simulator: SinkSimulator
    feeds: Mapping[str, Sequence[str]] = field(factory=dict[str, Sequence[str]])
    packs: Mapping[str, int] = field(factory=dict[str, int])
    skus: frozenset[str] | None = None
    _codes: tuple[str, ...] = field(init=False, default=())

    def codes(self) -> tuple[str, ...]:
        """Return the codes of its warehouses."""
        if not self._codes:
            self._codes = tuple(self.simulator.call(self.simulator.warehouse_codes))
        return self._codes

    def sells(self, sku: str) -> bool:
        """Tell whether the article is on offer, sold out or not."""
        if self.skus is None:
            self.skus = frozenset(sku for sku, _ in self.simulator.call(self.simulator.shown))
        return sku in self.skus

    def units_shown(self) -> dict[str, int]:
        """Return how many units it shows of each article, its warehouses together."""
        units: dict[str, int] = {}
        for (sku, _), shown in self.simulator.call(self.simulator.shown).items():
            units[sku] = units.get(sku, 0) + shown * self.packs.get(sku, 1)
        return units


@define(eq=False)
class Sale:
    """One accepted order, in the marketplace's keys and in the seller's units.

    `taken` is how many units each warehouse is to lose by it, `oversold` how many of them were not there
    when the marketplace accepted it. `failed`: the seller had to cancel it. `booked` is what the warehouse
    system has taken in of it, `written_off` whether that has left its quantity for good.
    """

    buyer: Buyer
    outlet: Outlet
    feeds: Sequence[str]
    keys: tuple[str, ...]
    units: int
    oversold: int = 0
    state: Literal["placed", "assembled", "shipped", "cancelled"] = "placed"
    failed: bool = False
    taken: dict[str, int] = field(factory=dict[str, int])
    booked: dict[str, int] = field(factory=dict[str, int])
    written_off: bool = False

    @property
    def sku(self) -> str:
        """The article."""
        return self.buyer.sku

    def tell(self, step: Literal["assemble", "ship", "cancel"]) -> None:
        """Let the marketplace know."""
        simulator = self.outlet.simulator
        for key in self.keys:
            simulator.call(getattr(simulator, step), key)


@frozen
class MarketReport:
    """What has come of a market.

    `sold`               units of accepted orders, later cancelled ones too.
    `oversold`           units of them that were not there when the order was accepted.
    `hidden_unit_hours`  units that were free and that no marketplace showed, times the hours.
    `cancelled`          orders that buyers cancelled in time.
    `failed`             orders that the seller had to cancel, for want of goods.
    `missed`             buyers who found nothing to buy although it was there.
    """

    sold: int
    oversold: int
    hidden_unit_hours: float
    cancelled: int
    orders: int
    failed: int
    missed: int
    hours: float
