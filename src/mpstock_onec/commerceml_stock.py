"""One file of offers or rests: what it says, offer by offer, as rows of product, warehouse and quantity."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from decimal import Decimal

from mpstock import Problem
from mpstock.rows import UnreadableError, add, number
from mpstock_onec.commerceml import Offer, Package
from mpstock_onec.commerceml_index import Names
from mpstock_onec.commerceml_names import SkuTemplate, UnnamedError
from mpstock_onec.commerceml_settings import CommerceMLSettings
from mpstock_onec.commerceml_spool import Spool

__all__ = ["StockFile"]

MOST_TOLD = 100
"""So many offers of one file are named one by one; the rest is counted."""

_PARTIAL = (
    "a file of changes brings some characteristics of this product and not the others, so they cannot be "
    "added up: "
    'its quantity is unknown. Tell characteristics apart, as in sku = "{article}-{characteristic}", or let '
    "1C "
    "export everything each time"
)


class StockFile:
    """Takes in the offers of one file.

    `spool` are its rows. `problems` say what was wrong; `unattributed` offers may be about any product,
    `nameless` of them because no article is known. `bad` have a quantity that cannot be read, `silent` state
    none; `negative` are below zero; `differing` say another total than their stores come to; `proved` have
    an empty store that the total shows to be zero.
    """

    def __init__(
        self,
        name: str,
        package: Package,
        settings: CommerceMLSettings,
        find: Callable[[str], Names | None],
        named: MutableMapping[str, str],
    ) -> None:
        self.name = name
        self.package = package
        self.spool = Spool()
        self.problems: list[Problem] = []
        self.nameless = 0
        self.unattributed = 0
        self.bad = 0
        self.silent = 0
        self.negative = 0
        self.differing = 0
        self.proved = 0
        self._settings = settings
        self._sku = SkuTemplate(settings.sku)
        self._lookup = find
        self._found: tuple[str, Names | None] = ("", None)
        self._named = named
        self._untold = 0
        self._silent_skus = Spool()
        self._deleted: list[str] = []

    def add(self, offer: Offer) -> None:
        """Take one offer in. It raises nothing."""
        try:
            sku = self._sku(offer, self._find)
        except UnnamedError as error:
            self.unattributed += 1
            self.nameless += bool(offer.id)
            self._note(offer, "Артикул" if offer.id else "Ид", str(error), None)
            return
        known = self._find(offer.id.partition("#")[0]) if self._sku.needs_names else None
        if offer.deleted or (known is not None and known.deleted):
            self._gone(sku, offer)
        else:
            self._count(sku, offer)

    def _find(self, identifier: str) -> Names | None:
        # The same one is asked for each part of an article.
        if self._found[0] != identifier:
            self._found = identifier, self._lookup(identifier)
        return self._found[1]

    def close(self, seen: tuple[str, ...]) -> None:
        """Finish after the last offer. `seen` are the warehouses that the source has told of before."""
        if self._untold:
            self.problems.append(
                Problem(self.name, "offers", f"{self._untold:,} more offers have such problems")
            )
        warehouses = tuple(dict.fromkeys((*seen, *self.spool.warehouses))) or (self._settings.warehouse,)
        if self.package.full and self.package.quantities:
            # It is named in a package of everything: it is not gone, and how many there are was not said.
            for sku, _, _ in self._silent_skus.rows():
                for warehouse in warehouses:
                    self.spool.put(sku, warehouse, None)
        for sku in self._deleted:
            for warehouse in warehouses:
                self.spool.put(sku, warehouse, 0)

    def warehouse(self, store: str) -> str:
        """Return what a store is called here."""
        name = self._settings.warehouses.get(store)
        if name is None:
            name = self._named.get(store)
        if name is None:
            name = self._named[store] = " ".join(self.package.stores.get(store, store).split()) or store
        return name

    def _gone(self, sku: str, offer: Offer) -> None:
        # Whatever number stands beside it: what is deleted in 1C is not for sale.
        for store, _ in offer.stores:
            if store:
                self.warehouse(store)
        self._deleted.append(sku)

    def _count(self, sku: str, offer: Offer) -> None:
        told = [(store, said) for store, said in offer.stores if said]
        empty = [store for store, said in offer.stores if not said]
        if not told and not offer.total:
            if empty:
                self._empty(sku, offer, empty, told)
            else:
                self.silent += 1
                self._silent_skus.put(sku, "", 0)
            return
        partial = not self.package.full and "#" in offer.id and not self._sku.tells_characteristics
        if partial:
            self.bad += 1
            self._note(offer, "Ид", _PARTIAL, sku)
        if told:
            total: int | Decimal | None = 0
            for store, said in told:
                quantity = self._number(sku, offer, said, store)
                total = None if total is None or quantity is None else add(total, quantity)
                if store:
                    self.spool.put(sku, self.warehouse(store), None if partial else quantity)
                else:
                    self._storeless(sku, offer)
            self._compare(offer, total, empty)
        else:
            # Remembered as a store without an Ид, for what is deleted later.
            self._named[""] = self._settings.warehouse
            quantity = self._number(sku, offer, offer.total or "", None)
            self.spool.put(sku, self._settings.warehouse, None if partial else quantity)
        if empty:
            self._empty(sku, offer, empty, told)

    def _empty(self, sku: str, offer: Offer, stores: list[str], told: list[tuple[str, str]]) -> None:
        """An empty number says nothing: unknown in a package of everything, no change in one of changes."""
        zero = self._settings.empty == "zero"
        if not zero and told and not self.package.full:
            return
        for store in stores:
            if store:
                self.spool.put(sku, self.warehouse(store), 0 if zero else None)
        if not zero and not told and not offer.total:
            self.silent += 1

    def _storeless(self, sku: str, offer: Offer) -> None:
        self.unattributed += 1
        self._note(offer, "Склад", "a quantity of a store without an Ид; mend the exchange in 1C", sku)

    def _compare(self, offer: Offer, stores: int | Decimal | None, empty: list[str]) -> None:
        if offer.total and stores is not None:
            try:
                total = number(offer.total)
            except UnreadableError:
                return
            self.differing += total != stores
            self.proved += total == stores and bool(empty)

    def _number(self, sku: str, offer: Offer, said: str, store: str | None) -> int | Decimal | None:
        try:
            quantity = number(said)
        except UnreadableError as error:
            where = "Количество" if store is None else f"Количество of store {store}"
            self.bad += 1
            self._note(offer, where, str(error), sku)
            return None
        if quantity < 0:
            self.negative += 1
            self._note(
                offer,
                "Количество",
                f"is {quantity}, below zero; it is counted as it is, look into it in 1C",
                sku,
            )
        return quantity

    def _note(self, offer: Offer, name: str, message: str, sku: str | None) -> None:
        if len(self.problems) >= MOST_TOLD:
            self._untold += 1
            return
        place = f"{self.name}, offer {offer.number}"
        self.problems.append(
            Problem(place, name, f"{name} {message}" if message[:3] == "is " else message, sku)
        )
