"""What one product's numbers are made of: the raw inputs of the formula, and how they are read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from mpstock.reconcile.absorbing import Held
from mpstock.reconcile.availability import Stated
from mpstock.reconcile.hands import NO_HANDS
from mpstock.reconcile.places import WarehouseRule
from mpstock.reconcile.reckoning import NO_RULINGS, Listed, Rulings, Shops

if TYPE_CHECKING:
    from mpstock.ledger import Ledger
    from mpstock.ledger.holds import HoldRow
    from mpstock.ledger.recipes import RecipeBook
    from mpstock.reconcile.hands import Hands

__all__ = ["Facts", "FactsReader", "Holds", "Levels"]

Levels = Mapping[int, Sequence[Stated]]
"""What the sources say of each product, by its id."""

Holds = Mapping[int, Sequence[tuple[int | None, Held]]]
"""Who has taken units of each product: (own warehouse or None, hold), the oldest first."""

_NO_SHOPS: Shops = {}
_NO_HOLDS: Sequence[tuple[int | None, Held]] = ()


@frozen
class Facts:
    """All that the numbers of one product depend on, beside the settings of the shop.

    `levels` and `holds` are those of what its listings take: of itself or, for a kit, of its components.
    `shops` are its listings and those of all the products that draw on the same stock; `rulings` are what
    people have decided of its own.
    """

    product_id: int
    sku: str
    levels: Levels
    holds: Holds
    shops: Mapping[int, Shops]
    rulings: Rulings = NO_RULINGS

    @property
    def found(self) -> Shops:
        """The product's own listings."""
        return self.shops.get(self.product_id, _NO_SHOPS)

    @property
    def kin(self) -> set[int]:
        """The product, what its listings take, and the products that draw on the same stock."""
        return {self.product_id, *self.levels, *self.shops}

    def others(self, product_id: int) -> Shops:
        """Return the listings of a product that draws on the same stock."""
        return self.shops.get(product_id, _NO_SHOPS)

    def with_wanted(self, wanted: Mapping[int, int | None]) -> Facts:
        """Return the same with what other products' listings, by state, should show from now on."""
        shops = {
            product_id: found
            if product_id == self.product_id
            else {
                key: evolve(listed, wanted=wanted.get(listed.state, listed.wanted))
                for key, listed in found.items()
            }
            for product_id, found in self.shops.items()
        }
        return evolve(self, shops=shops)


class FactsReader:
    """Reads the facts of products from the ledger, a page at a time.

    `places` are the sink warehouses by (sink, code), `left` those that have left the settings, `own` the ids
    of the own warehouses by their codes.
    """

    def __init__(
        self,
        ledger: Ledger,
        book: RecipeBook,
        sinks: Sequence[str],
        places: Mapping[tuple[str, str], WarehouseRule],
        own: Mapping[str, int],
        left: Collection[tuple[str, str]] = (),
    ) -> None:
        self._ledger = ledger
        self._book = book
        self._sinks = sinks
        self._places = places
        self._own = own
        self._left = left

    def read(
        self,
        product_ids: Sequence[int],
        now: datetime,
        hands: Hands = NO_HANDS,
        *,
        listed_only: bool = True,
    ) -> list[Facts]:
        """Return the facts of those of the products that have a listing (or of all), as of now.

        `hands` are what people have decided.
        """
        book = self._book
        made_of = self._made_of(product_ids)
        relatives = {*product_ids, *made_of}
        if book:
            relatives |= {user for part in made_of for user in book.users(part)}
        shops: dict[int, dict[tuple[str, str], Listed]] = {}
        for state, product_id, sink, code, base, wanted, last, least in self._ledger.stocks.of_products(
            relatives
        ):
            # What has left the settings is read back no more: it shows what it showed last.
            shown = last if (sink, code) in self._left else base
            shops.setdefault(product_id, {})[sink, code] = Listed(
                state, shown, wanted, least if shown is None else None
            )
        listed = [p for p in product_ids if p in shops or not listed_only]
        if not listed:
            return []
        parts = sorted(made_of)
        levels, holds = self.levels(parts, now), self.holds(parts, now)
        skus = self._ledger.levels.skus(listed)
        if not book:
            return [
                Facts(
                    p,
                    skus[p],
                    {p: levels.get(p, ())},
                    {p: holds[p]} if p in holds else {},
                    {p: shops[p]} if p in shops else {},
                    hands.of_product(p, skus[p], shops.get(p, _NO_SHOPS)),
                )
                for p in listed
            ]
        return [
            evolve(
                self._of_kin(p, skus[p], levels, holds, shops),
                rulings=hands.of_product(p, skus[p], shops.get(p, _NO_SHOPS)),
            )
            for p in listed
        ]

    def _of_kin(
        self,
        product_id: int,
        sku: str,
        levels: Levels,
        holds: Holds,
        shops: Mapping[int, Shops],
    ) -> Facts:
        parts = sorted(self._made_of([product_id]))
        return Facts(
            product_id,
            sku,
            {part: levels.get(part, ()) for part in parts},
            {part: holds[part] for part in parts if part in holds},
            {each: shops[each] for each in sorted(self.kin(product_id)) if each in shops},
        )

    def kin(self, product_id: int) -> set[int]:
        """Return a product, what its listings take, and the products that draw on the same stock."""
        parts = self._made_of([product_id])
        return {product_id, *parts, *(user for part in parts for user in self._book.users(part))}

    def _made_of(self, product_ids: Iterable[int]) -> set[int]:
        book = self._book
        if not book:
            return set(product_ids)
        return {
            part
            for product_id in product_ids
            for sink in self._sinks
            for part, _ in book.of(product_id, sink)
        } | set(product_ids)

    def levels(self, product_ids: Collection[int], now: datetime) -> dict[int, list[Stated]]:
        """Return what the sources say of these products."""
        levels: dict[int, list[Stated]] = {}
        times = _Times()
        for (
            product_id,
            source,
            own,
            quantity,
            reserved,
            known,
            as_of,
            dated,
            heard,
            confirmed_at,
        ) in self._ledger.levels.of_products(product_ids):
            # A time to come was recorded while the clock was ahead: as of when the number is, nobody knows.
            when = moment if (moment := times[as_of]) <= now else None
            last = None
            if not known and confirmed_at is not None and times[confirmed_at] <= now:
                last = times[confirmed_at]
            levels.setdefault(product_id, []).append(
                Stated(source, own, quantity, reserved, bool(known), when, bool(dated), heard, last)
            )
        return levels

    def holds(self, product_ids: Collection[int], now: datetime) -> dict[int, list[tuple[int | None, Held]]]:
        """Return who has taken units of these products and not given them back."""
        holds: dict[int, list[tuple[int | None, Held]]] = {}
        for row in self._ledger.holds.of_products(product_ids, now):
            place = self._places.get((row.origin, row.sink_warehouse or ""))
            held = Held(
                row.origin, row.key, row.quantity, row.taken_at, row.assembled_at, row.shipped_at,
                row.expires_at,
                self._reach(row, place),
                () if place is None else place.pick_order,
                row.picked,
            )  # fmt: skip
            holds.setdefault(row.product_id, []).append((row.warehouse_id, held))
        return holds

    def _reach(self, row: HoldRow, place: WarehouseRule | None) -> frozenset[int] | None:
        """Return the own warehouses that a hold may come out of: as when it came, whatever feeds what now."""
        if row.reach is None:
            return None if place is None else place.feeds
        if row.reach == "*":
            return None
        return frozenset(self._own[code] for code in row.reach if code in self._own)


class _Times(dict[str, datetime]):
    """The few moments at which many rows were read, as datetimes."""

    def __missing__(self, text: str) -> datetime:
        from mpstock.ledger.database import as_datetime

        found = as_datetime(text)
        assert found is not None
        self[text] = found
        return found
