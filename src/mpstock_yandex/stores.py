"""The cabinet's stores and their own warehouses, and which of them share one stock.

A sink warehouse is a store here, by the number of its campaign: stock is written to that. Stores whose
warehouses are in one group share one number, which is written to any one of them and appears in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from mpstock_yandex.wire import WarehouseRow

__all__ = ["Stores"]


@frozen
class Stores:
    """The own warehouses of a cabinet, and the stores that are configured, in the order of the settings."""

    rows: Sequence[WarehouseRow]
    configured: tuple[str, ...]

    def warehouses_of(self, store: str) -> list[int]:
        """Return the warehouses whose stock a store shows, its own one first."""
        groups = {row.group for row in self.rows if row.campaign == store and row.group is not None}
        own = [row.id for row in self.rows if row.campaign == store]
        shared = [row.id for row in self.rows if row.group in groups and row.campaign != store]
        return [*own, *shared]

    def sharing(self, store: str) -> frozenset[str]:
        """Return the stores that show the same stock, this one among them."""
        groups = {row.group for row in self.rows if row.campaign == store and row.group is not None}
        return frozenset({store, *(row.campaign for row in self.rows if row.group in groups)})

    def serving(self, store: str) -> str:
        """Return the configured store through which this one's stock is written; itself if there is none."""
        sharing = self.sharing(store)
        return next((code for code in self.configured if code in sharing), store)

    def problem(self, store: str) -> str:
        """Return why nothing can be written to a configured store; an empty text where all is well."""
        if not any(row.campaign == store for row in self.rows):
            return (
                f"store {store} has no warehouse of the seller's own (FBY sells from the Market's), or the "
                "cabinet does not have it"
            )
        through = self.serving(store)
        if through != store:
            return (
                f"store {store} shares its stock with store {through}, through which it is written: take "
                f"{store} out of the settings"
            )
        return ""
