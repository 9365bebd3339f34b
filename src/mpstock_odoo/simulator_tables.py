"""The records that Odoo's double keeps, named and shaped as in Odoo's own models."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

__all__ = [
    "ApiKey",
    "Bom",
    "BomLine",
    "Company",
    "Location",
    "ModelEntry",
    "Move",
    "MoveLine",
    "Product",
    "Quant",
    "Uom",
    "User",
    "Warehouse",
]


@define(eq=False)
class Company:
    """`res.company`."""

    id: int
    name: str


@define(eq=False)
class User:
    """`res.users`. Several companies make it a user of each; `company_id` is where it starts."""

    id: int
    login: str
    password: str
    company_id: int
    company_ids: list[int]
    name: str = "mpstock"
    lang: str = "en_US"


@define(eq=False)
class ApiKey:
    """`res.users.apikeys`; the key itself is not a field that can be read."""

    id: int
    name: str
    user_id: int
    key: str = field(repr=False)
    expiration_date: datetime | None = None
    scope: str = "rpc"


@define(eq=False)
class ModelEntry:
    """`ir.model`: the models know themselves."""

    id: int
    model: str
    name: str
    transient: bool = False


@define(eq=False)
class Uom:
    """`uom.uom`: quantities of its products are rounded to `rounding`."""

    id: int
    name: str
    rounding: float = 0.01


@define(eq=False)
class Warehouse:
    """`stock.warehouse`."""

    id: int
    name: str
    code: str
    company_id: int
    view_location_id: int
    lot_stock_id: int
    active: bool = True


@define(eq=False)
class Location:
    """`stock.location`; `location_id` is its parent."""

    id: int
    name: str
    usage: str
    location_id: int | None = None
    company_id: int | None = None
    warehouse_id: int | None = None
    active: bool = True


@define(eq=False)
class Product:
    """`product.product`: a variant of the template `product_tmpl_id`."""

    id: int
    product_tmpl_id: int
    default_code: str | None
    name: str
    type: str
    is_storable: bool
    write_date: datetime
    barcode: str | None = None
    active: bool = True
    uom_id: int = 1
    company_id: int | None = None


@define(eq=False)
class Quant:
    """`stock.quant`: so many units of a product in one location (and lot, package, owner)."""

    id: int
    product_id: int
    location_id: int
    quantity: float
    reserved_quantity: float
    write_date: datetime
    lot_id: int | None = None


@define(eq=False)
class Move:
    """`stock.move`."""

    id: int
    product_id: int
    state: str
    product_uom_qty: float
    location_id: int
    location_dest_id: int
    write_date: datetime


@define(eq=False)
class MoveLine:
    """`stock.move.line`: what a move has reserved or done. Deleted when the reservation is given up."""

    id: int
    move_id: int
    product_id: int
    quantity: float
    location_id: int
    write_date: datetime


@define(eq=False)
class Bom:
    """`mrp.bom`; of type `phantom` it is a kit. Without `product_id` it is for all variants."""

    id: int
    type: str
    product_tmpl_id: int
    product_id: int | None
    write_date: datetime
    company_id: int | None = None
    active: bool = True


@define(eq=False)
class BomLine:
    """`mrp.bom.line`."""

    id: int
    bom_id: int
    product_id: int
    product_qty: float
    write_date: datetime
