"""Orders that the ledger is known to have as they are told: most of them, at every reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.ledger.database import ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.model import Order

__all__ = ["ToldOrders"]

MOST = 50_000
"""Orders of a sink that are remembered, of about 0.5 KB each. Beyond them one begins anew."""


@define
class ToldOrders:
    """What this process has seen the ledger to have, by sink and key. Nobody needs to compare it once more.

    It holds as long as no other process writes to the ledger, and nobody here to these orders.
    """

    _database: Database
    _sinks: dict[str, dict[str, Order]] = field(factory=dict[str, "dict[str, Order]"])
    _version: int = 0

    def __attrs_post_init__(self) -> None:
        self._database.on_rollback.append(self._sinks.clear)

    def unknown(self, sink: str, page: Sequence[Order]) -> list[Order]:
        """Return the orders of a page that have to be compared with the ledger, as it is now."""
        version = self._database.version()
        if version != self._version:
            self._sinks.clear()
            self._version = version
        known = self._sinks.get(sink, {})
        # Adapters tell what has not moved by the same object as before: comparing all fields is for the rest.
        return [order for order in page if (before := known.get(order.key)) is not order and before != order]

    def note(self, sink: str, orders: Sequence[Order]) -> None:
        """Remember orders that the ledger has just as they are told; in the same transaction."""
        known = self._sinks.setdefault(sink, {})
        if len(known) + len(orders) > MOST:
            known.clear()
        known.update((order.key, order) for order in orders)

    def products(self, sink: str, keys: Iterable[str]) -> dict[str, str]:
        """Return the skus of these orders, by key, of those whose product is known."""
        return dict(
            self._database.query(
                "SELECT o.key, p.sku FROM orders AS o JOIN products AS p ON p.id = o.product_id "
                "WHERE o.marketplace = ? AND o.key IN texts(?)",
                (sink, ids(keys)),
            )
        )

    def forget(self, sink: str, keys: Iterable[str]) -> None:
        """Have these orders of a sink compared again: they are being written to."""
        known = self._sinks.get(sink, {})
        for key in keys:
            known.pop(key, None)
