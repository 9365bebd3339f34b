"""Odoo's records → what they say of products and their stock. Pure.

Facts of Odoo that stand behind it: a field that is not set is `false`; a many2one is `[id, "name"]`; times
are UTC text without a zone; `qty_available` and `free_qty` are computed for the warehouse in the context.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from mpstock import Level, Problem
from mpstock_odoo.quantities import UnreadableError, ceil, floor, is_whole

__all__ = [
    "FIELDS_TO_KNOW",
    "Goods",
    "Shape",
    "goods_of",
    "level_of",
    "place",
    "related",
    "related_ids",
    "stamp",
]

FIELDS_TO_KNOW = ("free_qty", "qty_available", "is_storable", "is_kits", "bom_line_ids", "type")
"""What to ask `product.product.fields_get` for: which of these there are tells `Shape`."""


@frozen
class Shape:
    """What this database has.

    `fields`      the quantities that products have (none: the addon `stock` is missing).
    `is_storable` from Odoo 18 on a flag tells goods that are tracked; before, the type `product` does.
    `mrp`         kits are possible.
    `is_kits`     products tell by themselves whether they are kits.
    """

    fields: frozenset[str]
    is_storable: bool
    mrp: bool
    is_kits: bool

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Shape:
        """Read the answer to `fields_get`."""
        quantities = frozenset(told) & {"free_qty", "qty_available"}
        return cls(quantities, "is_storable" in told, "bom_line_ids" in told, "is_kits" in told)

    @property
    def goods(self) -> list[Any]:
        """The domain of what can have stock: no services, and no combos, which are sold as their parts."""
        return [["type", "=", "consu"] if self.is_storable else ["type", "in", ["consu", "product"]]]

    @property
    def describing(self) -> tuple[str, ...]:
        """The fields of a product by which `goods_of` tells what it is."""
        return ("active", "type", "product_tmpl_id", *(("is_storable",) if self.is_storable else ()))


@frozen
class Goods:
    """One product (a variant) that may have stock. `written` is its article as it stands in Odoo.

    `sku` is None where it has none; `problem` says what is wrong with one that cannot be read.
    `tracked` says that Odoo counts it; else it is a kit, or goods whose quantity nobody counts.
    """

    id: int
    sku: str | None
    written: str
    active: bool
    tracked: bool
    template: int | None
    problem: str = ""


def goods_of(row: Mapping[str, Any], sku_by: str) -> Goods:
    """Read what a record of `product.product` says about the product itself."""
    written = row.get(sku_by)
    problem, sku = "", None
    if isinstance(written, str):
        sku = written.strip() or None
        if sku is not None and not sku.isprintable():
            sku, problem = None, f"{written!r} has characters in it that cannot be printed; write it anew"
    elif written is not False and written is not None:
        problem = f"is {written!r} and not a text"
    return Goods(
        row["id"],
        sku,
        written if isinstance(written, str) else "",
        row.get("active") is not False,
        row.get("is_storable") is True or row.get("type") == "product",
        related(row.get("product_tmpl_id")),
        problem,
    )


def level_of(
    row: Mapping[str, Any] | None, goods: Goods, warehouse: str, field: str, *, tell_reserved: bool
) -> tuple[Level, Problem | None]:
    """Return the level that a record with its quantities says, and what was wrong with it or lost by it.

    Quantities are rounded down and reserves up, their dust apart. A reserve below zero, which Odoo has after
    some of its own accidents, is none. A record that is missing makes the quantity unknown.
    """
    sku = goods.sku or ""
    if row is None:
        message = (
            f"its stock in {warehouse!r} cannot be seen; may the user see the company of that warehouse?"
        )
        return Level(sku, warehouse, None), Problem(place(goods.id), field, message, sku)
    value = row.get(field)
    if type(value) is float and not tell_reserved and value.is_integer() and -1e9 < value < 1e9:
        # The rows as they nearly all are; a full read may have a million of them.
        return Level(sku, warehouse, int(value)), None
    try:
        quantity = floor(value)
        reserved = 0
        if tell_reserved:
            free = row.get("free_qty")
            floor(free)
            reserved = max(0, ceil(value - free))  # type: ignore[operator]  # `floor` has let both pass
    except UnreadableError as error:
        message = f"in {warehouse!r} {error}; it is taken as unknown"
        return Level(sku, warehouse, None), Problem(place(goods.id), field, message, sku)
    problem = None
    if not is_whole(value):  # type: ignore[arg-type]  # `floor` has let it pass
        problem = Problem(
            place(goods.id),
            field,
            f"{value} in {warehouse!r} is counted as {quantity}: marketplaces take whole units only. If it "
            "is kept by weight or length, give it a unit of measure in which it is sold",
            sku,
        )
    return Level(sku, warehouse, quantity, reserved), problem


def place(product_id: int) -> str:
    """Name a product as Odoo does."""
    return f"product.product {product_id}"


def related(value: Any) -> int | None:
    """Return the id in a many2one: `[id, "name"]`, a bare id, or false where it is not set."""
    if isinstance(value, list) and value:
        value = value[0]
    return value if type(value) is int else None


def related_ids(rows: Collection[Mapping[str, Any]], field: str) -> set[int]:
    """Return the ids that a many2one of these records has, without those that are not set."""
    return {one for one in (related(row.get(field)) for row in rows) if one is not None}


def stamp(moment: datetime) -> str:
    """Write a moment as Odoo compares it: UTC, without a zone, to the second."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
