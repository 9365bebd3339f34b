"""What one unit of a listing takes from the stock: one of its product, six of it, or a kit's components."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import Factory, field, frozen

from mpstock.ledger.database import as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.database import Database
    from mpstock.ledger.dirt import Dirt
    from mpstock.ledger.levels import Levels

__all__ = ["RecipeBook", "Recipes"]

Recipe = tuple[tuple[int, int], ...]
"""(component's product id, units of it) of one unit of a listing."""


@frozen
class RecipeBook:
    """Every recipe, by product and sink ('' = any sink), and who uses a component.

    A product without a recipe is its own one component.
    """

    _recipes: Mapping[tuple[int, str], Recipe] = field(factory=dict[tuple[int, str], Recipe])
    _users: Mapping[int, frozenset[int]] = field(factory=dict[int, frozenset[int]])
    _sinks: Mapping[int, Sequence[str]] = field(
        init=False, repr=False, eq=False, default=Factory(lambda self: self._sinks_of_each(), takes_self=True)
    )

    def _sinks_of_each(self) -> Mapping[int, Sequence[str]]:
        found: dict[int, list[str]] = {}
        for product_id, sink in self._recipes:
            found.setdefault(product_id, []).append(sink)
        return found

    @classmethod
    def of_recipes(cls, rows: Iterable[tuple[int, str, int, int]]) -> RecipeBook:
        """Return the book of these (product id, sink or '', component's product id, units)."""
        recipes: dict[tuple[int, str], list[tuple[int, int]]] = {}
        users: dict[int, set[int]] = {}
        for product_id, sink, component_id, units in rows:
            recipes.setdefault((product_id, sink), []).append((component_id, units))
            if component_id != product_id:
                users.setdefault(component_id, set()).add(product_id)
        return cls(
            {key: tuple(parts) for key, parts in recipes.items()},
            {component: frozenset(products) for component, products in users.items()},
        )

    def __bool__(self) -> bool:
        return bool(self._recipes)

    def of(self, product_id: int, sink: str) -> Recipe:
        """Return what one unit of a product's listing in a sink takes."""
        found = self._recipes.get((product_id, sink)) or self._recipes.get((product_id, ""))
        return found or ((product_id, 1),)

    def about(self, product_ids: Iterable[int]) -> Iterator[tuple[int, str, Recipe]]:
        """Yield (product id, sink or '', recipe) of these products, as far as they have one."""
        for product_id in sorted(product_ids):
            for sink in self._sinks.get(product_id, ()):
                yield product_id, sink, self._recipes[product_id, sink]

    def users(self, component_id: int) -> frozenset[int]:
        """Return the products whose recipes take a component; itself apart."""
        return self._users.get(component_id, frozenset())


class Recipes:
    """The recipes that the products file says."""

    def __init__(self, database: Database, dirt: Dirt, levels: Levels) -> None:
        self.db = database
        self.dirt = dirt
        self._levels = levels

    def book(self) -> RecipeBook:
        """Return every recipe; costs what there is of them."""
        return RecipeBook.of_recipes(
            self.db.iterate(
                "SELECT product_id, marketplace, component_id, units FROM recipes "
                "ORDER BY product_id, marketplace, component_id"
            )
        )

    def save(self, recipes: Mapping[tuple[str, str], Mapping[str, int]], now: datetime) -> list[int]:
        """Keep these recipes, by (sku, sink or ''), and no others; inside a transaction.

        Products that no source knows are made known. Returns the products whose recipes have moved; they
        are marked, with all that share a component with them, as it was and as it is.
        """
        wanted: set[tuple[int, str, int, int]] = set()
        if recipes:
            skus = dict.fromkeys(sku for (kit, _), parts in recipes.items() for sku in (kit, *parts))
            known = self._levels.ensure_products(list(skus), as_text(now))
            wanted = {
                (known[kit], sink, known[sku], units)
                for (kit, sink), parts in recipes.items()
                for sku, units in parts.items()
            }
        kept = set(self.db.query("SELECT product_id, marketplace, component_id, units FROM recipes"))
        if wanted == kept:
            return []
        moved = sorted({row[0] for row in wanted ^ kept})
        self.dirt.mark(moved, "settings", now, soft=True)
        self.db.executemany(
            "DELETE FROM recipes WHERE product_id = ? AND marketplace = ? AND component_id = ? AND units = ?",
            sorted(kept - wanted),
        )
        self.db.executemany(
            "INSERT INTO recipes (product_id, marketplace, component_id, units) VALUES (?, ?, ?, ?)",
            sorted(wanted - kept),
        )
        self.dirt.forget_recipes()
        self.dirt.mark(moved, "settings", now, soft=True)
        return moved

    def components(self, product_ids: Iterable[int], sink: str) -> dict[int, Sequence[tuple[int, int]]]:
        """Return what one unit of each product's listing in a sink takes."""
        products = list(product_ids)
        by_sink: dict[int, list[tuple[int, int]]] = {}
        by_all: dict[int, list[tuple[int, int]]] = {}
        for product_id, marketplace, component_id, units in self.db.query(
            "SELECT product_id, marketplace, component_id, units FROM recipes "
            "WHERE marketplace IN ('', ?) AND product_id IN ids(?)",
            (sink, ids(products)),
        ):
            chosen = by_all if marketplace == "" else by_sink
            chosen.setdefault(product_id, []).append((component_id, units))
        return {p: by_sink.get(p) or by_all.get(p) or [(p, 1)] for p in products}
