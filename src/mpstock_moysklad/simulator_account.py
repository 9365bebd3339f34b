"""What an account of the МойСклад double holds: goods, stores, stock."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Literal

from attrs import define, field

__all__ = ["Account", "Good", "Kind", "Stock", "Store", "make_id"]

Kind = Literal["product", "variant", "bundle", "service"]


def make_id(*parts: str) -> str:
    """The id of a thing: the same for the same words, so that a run can be repeated."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("moysklad", *parts))))


@define(eq=False)
class Good:
    """A product, variant, bundle or service. `components` are ids and how many of each, of a bundle."""

    id: str
    kind: Kind
    name: str
    article: str | None
    code: str
    external_code: str
    barcodes: list[dict[str, str]]
    updated: datetime
    archived: bool = False
    components: list[tuple[str, Decimal]] = field(factory=list[tuple[str, Decimal]])
    product: str | None = None


@define(eq=False)
class Store:
    """A store."""

    id: str
    name: str
    updated: datetime
    archived: bool = False


@define(eq=False)
class Stock:
    """What one good has in one store, and since when."""

    changed_at: datetime
    stock: Decimal = Decimal(0)
    reserve: Decimal = Decimal(0)
    in_transit: Decimal = Decimal(0)

    def of(self, stock_type: str) -> Decimal:
        """The number that `stockType` asks for."""
        return {
            "stock": self.stock,
            "reserve": self.reserve,
            "inTransit": self.in_transit,
            "freeStock": self.stock - self.reserve,
            "quantity": self.stock - self.reserve + self.in_transit,
        }[stock_type]


@define(eq=False)
class Account:
    """All that an account holds. The store None of `stock` has the orders that name none."""

    goods: dict[str, Good] = field(factory=dict[str, Good])
    stores: dict[str, Store] = field(factory=dict[str, Store])
    stock: dict[tuple[str, str | None], Stock] = field(factory=dict[tuple[str, "str | None"], Stock])
    gone: dict[tuple[str, str | None], datetime] = field(factory=dict[tuple[str, "str | None"], datetime])
    recalculating: set[str] = field(factory=set[str])
    _articles: dict[str, str] = field(factory=dict[str, str])

    def store(self, name: str, now: datetime) -> Store:
        """The store of that name; made if there is none."""
        for store in self.stores.values():
            if store.name == name:
                return store
        made = Store(make_id("store", name), name, now)
        self.stores[made.id] = made
        return made

    def good(self, sku: str, now: datetime) -> Good:
        """The good of that article; made, as a product, if there is none."""
        found = self._articles.get(sku)
        if found in self.goods:
            return self.goods[found]
        made = Good(make_id("good", sku), "product", f"Товар {sku}", sku, sku, sku, [{"code128": sku}], now)
        self.add(made)
        return made

    def add(self, good: Good) -> None:
        """Let the account have a good."""
        self.goods[good.id] = good
        if good.article is not None:
            self._articles.setdefault(good.article, good.id)

    def find(self, sku: str) -> Good | None:
        """The good that was made or added first with that article."""
        return self.goods.get(self._articles.get(sku, ""))

    def drop(self, good_id: str, now: datetime) -> None:
        """Delete a good: lists know it no longer, and the short report tells 0 to who asks what changed."""
        good = self.goods.pop(good_id)
        if good.article is not None and self._articles.get(good.article) == good_id:
            del self._articles[good.article]
        self.forget(good_id, now)

    def forget(self, good_id: str, now: datetime) -> None:
        """Leave a good's stock in no report but, as 0, among what changed."""
        for place in [place for place in self.stock if place[0] == good_id]:
            del self.stock[place]
            self.gone[place] = now
