"""What orders without a store have reserved, where no warehouse is named for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from mpstock import Hold
from mpstock_moysklad.bundles import Bundles
from mpstock_moysklad.counts import Counts
from mpstock_moysklad.goods import Goods
from mpstock_moysklad.quantities import ceil
from mpstock_moysklad.stores import UNASSIGNED

__all__ = ["Unassigned"]


class Unassigned:
    """The rows of `storeId: null` as holds, kept as long as the source lives.

    Nobody knows which warehouse will lose the units, and that is what a hold without one says.
    """

    def __init__(self, goods: Goods, bundles: Bundles) -> None:
        self._goods = goods
        self._bundles = bundles
        self._holds: dict[str, Hold] = {}

    @property
    def holds(self) -> Sequence[Hold]:
        """All that stand."""
        return list(self._holds.values())

    def clear(self) -> None:
        """Forget them: their units are taken from a warehouse."""
        self._holds = {}

    def take(
        self,
        as_of: datetime,
        stock: Counts,
        reserve: Counts | None,
        settled: set[bytes] | None,
        bundles: set[bytes] | None,
    ) -> Collection[str]:
        """Take in what a reading told, and return the articles of which the number is not known.

        `settled` are the goods of which all such orders are told now, `bundles` the bundles; None = all.
        """
        before = self._holds
        if settled is None:
            self._holds = {}
        else:
            gone = {self._goods.sku(key) for key in settled} | self._bundles.skus(bundles or set())
            self._holds = {sku: hold for sku, hold in before.items() if sku not in gone}
        # Free stock is short of them, a reserve has them.
        counts, sign = (reserve, 1) if reserve else (stock, -1)
        unknown: set[str] = set()
        taken: dict[str, int | None] = {
            sku: None if amount is None else ceil(amount * sign)
            for sku, amount in counts.by_store.get(UNASSIGNED, {}).items()
        }
        taken |= dict(self._bundles.unassigned(UNASSIGNED, counts, sign, bundles))
        for sku, units in taken.items():
            if units is None:
                unknown.add(sku)
            elif units > 0:
                old = before.get(sku)
                since = old.taken_at if old else as_of
                self._holds[sku] = Hold(f"no-store:{sku}", sku, units, since)
        return unknown
