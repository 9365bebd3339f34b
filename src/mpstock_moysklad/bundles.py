"""How many of each комплект can be put together: the short report does not have them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock import Level, Problem
from mpstock_moysklad.quantities import Amount, add, ceil, floor, is_amount, per
from mpstock_moysklad.wire import href_id, uuid_key, uuid_text

if TYPE_CHECKING:
    from mpstock_moysklad.api import MoyskladApi
    from mpstock_moysklad.counts import Counts
    from mpstock_moysklad.goods import Goods

__all__ = ["Bundles", "read_components"]

_STOCKED = frozenset({"product", "variant"})


@frozen
class _Part:
    """A component: which good, how many of it go into one bundle (above 0)."""

    key: bytes
    each: Amount


@frozen
class _Recipe:
    """What one bundle is made of. Without `parts` nobody can tell; `trouble` says why."""

    sku: str
    parts: Sequence[_Part]
    trouble: str = ""


def read_components(rows: Sequence[Any]) -> tuple[Sequence[_Part], str]:
    """Read `{"assortment": {"meta": …}, "quantity": 2}`: what limits the bundle, or why that cannot be told.

    Services have no stock and limit nothing.
    """
    parts: dict[bytes, Amount] = {}
    for row in rows:
        assortment = row.get("assortment") if isinstance(row, dict) else None
        meta = assortment.get("meta") if isinstance(assortment, dict) else None
        kind = meta.get("type") if isinstance(meta, dict) else None
        if kind == "service":
            continue
        component, each = href_id(assortment), _quantity(row)
        if kind not in _STOCKED or component is None:
            return (), f"one of its components is a {kind or 'thing without a type'}"
        if each is None:
            return (), "one of its components does not say how many of it go in"
        key = uuid_key(component)
        parts[key] = add(parts.get(key, 0), each)
    if not parts:
        return (), "it has no components that are kept in stock"
    return tuple(_Part(key, each) for key, each in parts.items()), ""


def _quantity(row: Any) -> Amount | None:
    value = row.get("quantity") if isinstance(row, dict) else None
    return value if is_amount(value) and value > 0 else None


class Bundles:
    """The bundles that are for sale. They share their components' stock: nothing is set aside for them."""

    def __init__(self) -> None:
        self._recipes: Mapping[bytes, _Recipe] = {}
        self.parts: frozenset[bytes] = frozenset()

    async def refresh(self, api: MoyskladApi, goods: Goods) -> None:
        """Read anew what they are made of."""
        wanted = dict(goods.bundles)
        recipes: dict[bytes, _Recipe] = {}
        if wanted:
            async for rows in api.bundles():
                for row in rows:
                    given = row.get("id") if isinstance(row, dict) else None
                    key = uuid_key(given) if isinstance(given, str) else b""
                    if key in wanted and wanted[key] not in goods.twice:
                        parts, trouble = read_components(await self._rows(api, str(given), row))
                        recipes[key] = _Recipe(wanted[key], parts, trouble)
        for key, sku in wanted.items():
            why = "its article stands twice" if sku in goods.twice else "the list of bundles does not have it"
            recipes.setdefault(key, _Recipe(sku, (), why))
        self._recipes = recipes
        self.parts = frozenset(part.key for recipe in recipes.values() for part in recipe.parts)

    async def _rows(self, api: MoyskladApi, bundle_id: str, row: Mapping[str, Any]) -> Sequence[Any]:
        components = row.get("components")
        rows = components.get("rows") if isinstance(components, dict) else None
        meta = components.get("meta") if isinstance(components, dict) else None
        size = meta.get("size") if isinstance(meta, dict) else None
        if isinstance(rows, list) and (size is None or len(rows) >= size):
            return rows
        # Left out, or cut short: `expand` shows a part only.
        return [one async for page in api.components(bundle_id) for one in page]

    def __len__(self) -> int:
        return len(self._recipes)

    def touched(self, keys: set[bytes]) -> set[bytes]:
        """The bundles that have one of these goods in them."""
        if not keys & self.parts:
            return set()
        return {
            key for key, recipe in self._recipes.items() if any(part.key in keys for part in recipe.parts)
        }

    def parts_of(self, bundles: set[bytes]) -> set[bytes]:
        """The goods that these bundles are made of."""
        return {part.key for key in bundles for part in self._recipes[key].parts}

    def problems(self, goods: Goods) -> list[Problem]:
        """The bundles of which nobody can tell how many there are."""
        return [
            Problem(f"bundle {recipe.sku}", "components", f"how many there are is unknown: {why}", recipe.sku)
            for recipe in self._recipes.values()
            if (why := recipe.trouble or _missing(recipe, goods))
        ]

    def levels(
        self,
        feeds: Mapping[str, Sequence[str]],
        stock: Counts,
        reserve: Counts | None,
        goods: Goods,
        only: set[bytes] | None = None,
        clouded: Collection[str] = (),
    ) -> Iterator[Level]:
        """Yield how many of each can be put together in each warehouse that has one of its components.

        A bundle of which nobody can tell is unknown in every warehouse, as those that are `clouded`. `only`
        narrows it to these.
        """
        told: set[tuple[str, str]] = set()
        for key, recipe in self._recipes.items():
            if only is not None and key not in only:
                continue
            unknown = bool(recipe.trouble or _missing(recipe, goods)) or recipe.sku in clouded
            for warehouse, stores in feeds.items():
                if unknown:
                    # A good of the same article may have said so already.
                    place = (recipe.sku, warehouse)
                    if place not in told and not any(recipe.sku in stock.by_store.get(s, ()) for s in stores):
                        told.add(place)
                        yield Level(recipe.sku, warehouse, None)
                elif any(
                    store in there.get(part.key, ())
                    for there in (stock.parts, reserve.parts if reserve else {})
                    for part in recipe.parts
                    for store in stores
                ):
                    yield _level(recipe, warehouse, stores, stock, reserve)

    def unassigned(
        self, store: str, counts: Counts, sign: int, only: set[bytes] | None
    ) -> Iterator[tuple[str, int | None]]:
        """Yield how many of each bundle orders without a store make impossible; None = nobody knows."""
        for key, recipe in self._recipes.items():
            if only is not None and key not in only:
                continue
            amounts = [counts.parts.get(part.key, {}).get(store, 0) for part in recipe.parts]
            known = [amount for amount in amounts if amount is not None]
            if len(known) < len(amounts):
                yield recipe.sku, None
                continue
            pairs = zip(known, recipe.parts, strict=True)
            taken = max((ceil(per(amount * sign, part.each)) for amount, part in pairs), default=0)
            if taken > 0:
                yield recipe.sku, taken

    def skus(self, keys: set[bytes]) -> set[str]:
        """The articles of these bundles."""
        return {self._recipes[key].sku for key in keys}


def _missing(recipe: _Recipe, goods: Goods) -> str:
    lost = next((part for part in recipe.parts if part.key not in goods), None)
    return f"its component {uuid_text(lost.key)} is not in the list of goods" if lost else ""


def _level(
    recipe: _Recipe, warehouse: str, stores: Sequence[str], stock: Counts, reserve: Counts | None
) -> Level:
    whole: list[int] = []
    free: list[int] = []
    for part in recipe.parts:
        there = _sum(stock.parts.get(part.key, {}), stores)
        kept = _sum(reserve.parts.get(part.key, {}), stores) if reserve else 0
        if there is None or kept is None or kept < 0:
            return Level(recipe.sku, warehouse, None)
        whole.append(floor(per(there, part.each)))
        free.append(floor(per(add(there, -kept), part.each)))
    return Level(recipe.sku, warehouse, min(whole), max(min(whole) - min(free), 0))


def _sum(by_store: Mapping[str, Amount | None], stores: Sequence[str]) -> Amount | None:
    total: Amount = 0
    for store in stores:
        amount = by_store.get(store, 0)
        if amount is None:
            return None
        total = add(total, amount)
    return total
