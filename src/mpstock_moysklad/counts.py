"""The numbers of one short report, by store and article, and what was wrong with its rows. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from mpstock import Problem
from mpstock_moysklad.goods import Goods
from mpstock_moysklad.quantities import Amount, is_amount
from mpstock_moysklad.stores import ALL, UNASSIGNED, Stores
from mpstock_moysklad.wire import uuid_key, uuid_text

__all__ = ["Counts"]

_EXAMPLES = 3
_MISSING: Any = object()


class Counts:
    """Takes the rows of one report in.

    `by_store`   by store and article: how many; None = nobody knows. Articles of several goods are None.
    `parts`      by good and store, for the goods that bundles are put together from.
    `rows` were seen; `unknown` of them had no number (МойСклад reckons it anew, or it cannot be read),
    `unplaced` could not be told to be about a good in a store; `keyless` are of goods without an article.
    """

    def __init__(
        self, stock_type: str, goods: Goods, stores: Stores, parts: Collection[bytes], *, by_store: bool
    ) -> None:
        self.by_store: dict[str, dict[str, Amount | None]] = {}
        self.parts: dict[bytes, dict[str, Amount | None]] = {}
        self.rows = self.unknown = self.unplaced = self.keyless = 0
        self.problems: list[Problem] = []
        self._stock_type = stock_type
        self._goods = goods
        self._stores = stores
        self._parts = parts
        self._tells_stores = by_store
        self._unlisted: list[str] = []
        self._unlisted_count = 0
        self._nowhere: set[str] = set()
        self._nowhere_count = 0

    @property
    def doubtful(self) -> bool:
        """Whether what is left out may be there: some rows are of no store, or most are of no good."""
        return self.unplaced > 0 or self._unlisted_count * 2 > self.rows

    def put(self, data: Any) -> None:
        """Take in one row."""
        self.rows += 1
        if type(data) is not dict:
            self._unplaced("row", "is not an object")
            return
        good = data.get("assortmentId")
        store = data.get("storeId", _MISSING) if self._tells_stores else ALL
        if type(good) is not str or not good:
            self._unplaced("assortmentId", "is no id; which good the number is of cannot be told")
            return
        if store is None:
            store = UNASSIGNED
        elif type(store) is not str:
            self._unplaced("storeId", "is no id and not null; which store the number is of cannot be told")
            return
        key = uuid_key(good)
        self._count(key, store, self._number(key, data))

    def fill(self, key: bytes, store: str, amount: Amount | None) -> None:
        """Say what a good has in a store that no row told of."""
        sku = self._goods.sku(key)
        if sku:
            amount_there = None if sku in self._goods.twice else amount
            self.by_store.setdefault(store, {}).setdefault(sku, amount_there)
        if key in self._parts:
            self.parts.setdefault(key, {}).setdefault(store, amount)

    def summary(self) -> list[Problem]:
        """What there is to say of all the rows together."""
        found: list[Problem] = []
        if self._unlisted_count:
            found.append(
                Problem(
                    "report",
                    "assortmentId",
                    f"{self._unlisted_count} rows with stock are of goods that the list of goods does not "
                    f"have ({', '.join(self._unlisted)}…): deleted ones, series, or goods that this user may "
                    "not see; they are left out. If goods are missing, give the user the right to see them",
                )
            )
        if self._nowhere_count:
            found.append(
                Problem(
                    "report",
                    "storeId",
                    f"{self._nowhere_count} rows with stock are in stores that the list of stores does "
                    f"not have ({', '.join(sorted(self._nowhere)[:_EXAMPLES])}…): deleted ones, or stores "
                    "that this user may not see; they are left out, and what is missing may be there. "
                    "Give the user the right to see stores",
                )
            )
        return found

    def _number(self, key: bytes, data: dict[str, Any]) -> Amount | None:
        value = data.get(self._stock_type, _MISSING)
        if value is _MISSING and self._stock_type == "stock":
            # So it stands in МойСклад's own example of `changedSince`.
            value = data.get("quantity", _MISSING)
        if value is None:
            self.unknown += 1
            return None
        if is_amount(value):
            return value
        self.unknown += 1
        what = "is missing" if value is _MISSING else f"is {str(value)[:40]!r}, which no warehouse holds"
        self._note(self._stock_type, f"{what}; its quantity is unknown", self._goods.sku(key) or None)
        return None

    def _count(self, key: bytes, store: str, amount: Amount | None) -> None:
        sku = self._goods.sku(key)
        if sku is None and key not in self._goods:
            if amount != 0:
                self._unlisted_count += 1
                if len(self._unlisted) < _EXAMPLES:
                    self._unlisted.append(uuid_text(key))
            return
        if store not in self._stores.warehouses and store != UNASSIGNED:
            if amount != 0 and store not in self._stores.ignored:
                self.unplaced += 1
                self._nowhere_count += 1
                self._nowhere.add(store)
            return
        if key in self._parts:
            there = self.parts.setdefault(key, {})
            there[store] = self._either(there, store, amount, sku or "")
        if self._goods.is_bundle(key):
            # The report does not have them; should it come to, they are not told twice.
            return
        if not sku:
            # Of archived goods nothing is for sale, whatever is left of them.
            self.keyless += sku == "" and amount != 0
            return
        table = self.by_store.get(store)
        if table is None:
            table = self.by_store[store] = {}
        if sku in self._goods.twice:
            table[sku] = None
        elif sku in table:
            table[sku] = self._either(table, sku, amount, sku)
        else:
            table[sku] = amount

    def _either(
        self, table: dict[str, Amount | None], place: str, amount: Amount | None, sku: str
    ) -> Amount | None:
        """The same good twice in one store: they are not added up, for МойСклад tells each once."""
        before = table.get(place, _MISSING)
        if before is _MISSING or before == amount:
            return amount
        self._note(
            self._stock_type,
            f"is told twice for one store, as {before} and as {amount}; its quantity is unknown",
            sku or None,
        )
        self.unknown += 1
        return None

    def _unplaced(self, name: str, message: str) -> None:
        self.unplaced += 1
        self._note(name, message, None)

    def _note(self, name: str, message: str, sku: str | None) -> None:
        self.problems.append(Problem(f"row {self.rows}", name, f"{name} {message}", sku))
