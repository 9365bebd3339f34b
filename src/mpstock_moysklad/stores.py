"""Which store of МойСклад is which warehouse of the seller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock.errors import ConfigurationError

if TYPE_CHECKING:
    from mpstock_moysklad.api import MoyskladApi
    from mpstock_moysklad.settings import MoyskladSettings

__all__ = ["ALL", "UNASSIGNED", "Store", "Stores", "read_store"]

ALL = "all"
"""Stands for the stores together, in the report that does not tell them apart."""

UNASSIGNED = ""
"""Stands for the store of an order that names none (`storeId: null`)."""


@frozen
class Store:
    """One row of `/entity/store`."""

    id: str
    name: str
    archived: bool


def read_store(data: Any) -> Store | None:
    """Read a row; None where it is no store."""
    if not isinstance(data, dict) or not isinstance(data.get("id"), str) or not data["id"]:
        return None
    name = data.get("name")
    # Blanks at a name's ends cannot be seen, and no setting has them.
    return Store(data["id"], name.strip() if isinstance(name, str) else "", data.get("archived") is True)


class Stores:
    """The mapping, kept as long as the source lives. A store that was deleted keeps its warehouse here."""

    def __init__(self, settings: MoyskladSettings, place: str) -> None:
        self._settings = settings
        self._place = place
        self.known: dict[str, Store] = {}
        self.warehouses: dict[str, str] = {}
        self.ignored: set[str] = set()
        if settings.report == "all":
            self.warehouses[ALL] = settings.warehouse

    async def refresh(self, api: MoyskladApi) -> None:
        """Read the stores anew.

        Raises:
            ConfigurationError: `stores` names one that is not there, or a name that several have.
        """
        if self._settings.report == "all":
            return
        found: list[Store] = []
        async for rows in api.stores():
            found += [store for row in rows if (store := read_store(row))]
        self.known |= {store.id: store for store in found}
        named = self._named(found)
        for store in found:
            warehouse = named.get(store.id)
            if warehouse is None and self._settings.other_stores == "by_name":
                warehouse = store.name or store.id
            if warehouse is None:
                self.ignored.add(store.id)
                self.warehouses.pop(store.id, None)
            else:
                self.ignored.discard(store.id)
                self.warehouses[store.id] = warehouse
        self._check_unassigned()

    def _check_unassigned(self) -> None:
        wanted = self._settings.unassigned_store
        there = sorted(set(self.warehouses.values()))
        if wanted and wanted not in there:
            raise ConfigurationError(
                f"{self._place}: names {wanted!r}, and no store feeds a warehouse of that name; there are "
                f"{', '.join(map(repr, there)) or 'none'}",
                place="unassigned_store",
            )

    def unassigned(self) -> str | None:
        """The warehouse that orders without a store are taken from; None: nobody knows which."""
        if self._settings.unassigned_store:
            return self._settings.unassigned_store
        names = {self.warehouses[store] for store in self._open() if store in self.warehouses}
        return names.pop() if len(names) == 1 and not self._ignored_open() else None

    def fed_by(self) -> Mapping[str, Sequence[str]]:
        """By warehouse: the stores whose numbers are added up in it, `UNASSIGNED` among them."""
        feeds: dict[str, list[str]] = {}
        for store, warehouse in self.warehouses.items():
            feeds.setdefault(warehouse, []).append(store)
        unassigned = self.unassigned()
        if unassigned is not None and self._settings.report != "all":
            feeds.setdefault(unassigned, []).append(UNASSIGNED)
        return feeds

    def _open(self) -> list[str]:
        return [store.id for store in self.known.values() if not store.archived]

    def _ignored_open(self) -> bool:
        return any(store in self.ignored for store in self._open())

    def _named(self, found: Sequence[Store]) -> dict[str, str]:
        named: dict[str, str] = {}
        for given, warehouse in self._settings.stores.items():
            text = given.strip()
            hits = [store for store in found if store.id.lower() == text.lower()]
            hits = hits or [store for store in found if store.name == text and not store.archived]
            hits = hits or [store for store in found if store.name == text]
            if len(hits) != 1:
                there = ", ".join(repr(store.name) for store in found if not store.archived) or "none"
                why = (
                    f"names {given!r}, and {len(hits)} stores of МойСклад are called so; write the store's id"
                    if hits
                    else f"names {given!r}, and МойСклад has no such store; there are {there}"
                )
                raise ConfigurationError(f"{self._place}: {why}", place="stores")
            named[hits[0].id] = warehouse
        return named
