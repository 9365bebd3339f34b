"""The columns of the products file: what each of them holds."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Column", "Layout"]

_BUFFERS = ("product", "sink", "warehouse")
_RECIPES = ("pack", "components")


@frozen
class Column:
    """What a column holds.

    `kind` is sku, brand, mapping, pack, components, pin; or product, sink, warehouse, which are buffers.
    """

    title: str
    kind: str
    key: str = ""
    sink: str = ""
    warehouse: str = ""


@frozen
class Layout:
    """Which cell of a row holds what, by index."""

    width: int
    sku: int
    nameless: tuple[int, ...]
    mappings: tuple[tuple[int, Column], ...]
    buffers: tuple[tuple[int, Column], ...]
    recipes: tuple[tuple[int, Column], ...]
    pins: tuple[tuple[int, Column], ...]
    brand: int | None
    titles: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, columns: list[Column]) -> Layout:
        numbered = list(enumerate(columns))
        mappings = tuple((index, column) for index, column in numbered if column.kind == "mapping")
        buffers = tuple((index, column) for index, column in numbered if column.kind in _BUFFERS)
        recipes = tuple((index, column) for index, column in numbered if column.kind in _RECIPES)
        pins = tuple((index, column) for index, column in numbered if column.kind == "pin")
        brands = tuple((index, column) for index, column in numbered if column.kind == "brand")
        return cls(
            width=len(columns),
            sku=next(index for index, column in numbered if column.kind == "sku"),
            nameless=tuple(index for index, column in numbered if not column.title),
            mappings=mappings,
            buffers=buffers,
            recipes=recipes,
            pins=pins,
            brand=brands[0][0] if brands else None,
            titles=tuple(
                sorted(
                    (column.title, index) for index, column in (*mappings, *buffers, *recipes, *pins, *brands)
                )
            ),
        )
