"""The double's trade: what buyers and the seller do, by the seller's article and the order's key."""

from __future__ import annotations

from mpstock.simulation import SinkSimulator
from mpstock_wb.simulator_catalogue import Catalogue
from mpstock_wb.simulator_orders import CancelledBy, Orders, Purchase
from mpstock_wb.simulator_stocks import Stocks

__all__ = ["Trade"]


class Trade(SinkSimulator):
    """A sink's double whose orders are single units, made of what is shown."""

    catalogue: Catalogue
    stocks: Stocks
    orders: Orders

    def buy(self, sku: str, warehouse_code: str, quantity: int = 1) -> list[str]:
        def bought() -> list[str]:
            warehouse, chrt_id = int(warehouse_code), self.catalogue.by_key[sku].chrt_id
            if quantity > (self.stocks.amount(warehouse, chrt_id) or 0):
                return []
            return [order.key for order in self.sell(chrt_id, warehouse, quantity)]

        return self.call(bought)

    def assemble(self, key: str) -> None:
        self.call(self.orders.assemble, key)

    def ship(self, key: str) -> None:
        self.call(self.orders.ship, key)

    def cancel(self, key: str, by: CancelledBy = "client") -> None:
        """Let an order be cancelled, by its buyer if nobody else is named."""
        self.call(self.orders.cancel, key, by)

    def sell(self, chrt_id: int, warehouse: int, units: int = 1) -> list[Purchase]:
        """Let buyers order units; return the accepted orders: one a unit, no more than is shown."""
        size = self.catalogue.sizes[chrt_id]
        bought = self.stocks.take(warehouse, chrt_id, units)
        return [self.orders.place(size, warehouse) for _ in range(bought)]

    def buy_unseen(self, sku: str, warehouse_code: str, *, b2b: bool = False, zero: bool = False) -> Purchase:
        """Let an order of one unit come whatever is shown, as one at a stock of zero (`isZeroOrder`)."""
        return self.orders.place(self.catalogue.by_key[sku], int(warehouse_code), b2b=b2b, zero=zero)

    def prepare(self, key: str) -> None:
        """Let an order of click and collect wait for its buyer in the shop."""
        self.call(self.orders.prepare, key)

    def receive(self, key: str) -> None:
        """Let a buyer take what was handed over."""
        self.call(self.orders.receive, key)

    def archive(self, key: str) -> None:
        """Put an order into the archive: none of the methods that are here knows it any more."""
        self.orders.find(key).archived = True
