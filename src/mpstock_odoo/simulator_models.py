"""The models of Odoo's double: which fields each has, and who may see which of its records."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mpstock_odoo.simulator_tables import ModelEntry

if TYPE_CHECKING:
    from mpstock_odoo.simulator_orm import Environment
    from mpstock_odoo.simulator_world import World

__all__ = ["Field", "Model", "models_of"]

Getter = Callable[["Environment", Any], Any]


@frozen
class Field:
    """One field. `comodel` is where a `many2one` or `x2many` points; `compute` works its value out."""

    type: str
    comodel: str = ""
    compute: Getter | None = None
    stored: bool = True


@frozen
class Model:
    """One model. `order` is how it is sorted where nobody says; `title` is its name for people.

    `index` gives the ids that a field's value has. `company` tells whose a record is (None: everybody's);
    records of companies that the user is not let into are not there for it.
    """

    name: str
    title: str
    rows: Mapping[int, Any]
    fields: Mapping[str, Field]
    display: Callable[[World, Any], str]
    order: str = "id"
    index: Mapping[str, Mapping[Any, Sequence[int]]] = field(factory=dict[str, Mapping[Any, Sequence[int]]])
    company: Callable[[World, Any], int | None] = lambda world, record: None


def _quantity(which: int) -> Field:
    def compute(env: Environment, product: Any) -> float:
        return env.quantities(product)[which]

    return Field("float", compute=compute, stored=False)


def _char() -> Field:
    return Field("char")


def _plain(*names: str) -> dict[str, Field]:
    """Fields by their words: `quantity:float`, `product_id:product.product`, `name` (char)."""
    found: dict[str, Field] = {"id": Field("integer")}
    for text in names:
        name, _, kind = text.partition(":")
        simple = kind in ("float", "integer", "boolean", "datetime", "selection")
        found[name] = Field(kind) if simple else Field("many2one", kind) if kind else _char()
    return found


def _storable_fields(version: int, mrp: bool) -> dict[str, Field]:
    found = _plain(
        "name", "barcode", "default_code", "active:boolean", "write_date:datetime",
        "uom_id:uom.uom", "company_id:res.company", "product_tmpl_id:product.template",
    )  # fmt: skip
    found["display_name"] = Field("char", compute=lambda env, one: env.display("product.product", one.id))
    if version >= 18:
        # 18 has goods (`consu`), services and combos, and a flag for what is tracked.
        found["type"] = Field("selection")
        found["is_storable"] = Field("boolean")
    else:
        found["type"] = found["detailed_type"] = Field(
            "selection",
            compute=lambda env, one: "product" if one.is_storable else one.type,
        )
    found["qty_available"] = _quantity(0)
    found["free_qty"] = _quantity(1)
    # Planned receipts are not in this world; a test must notice who reads it all the same.
    found["virtual_available"] = Field("float", compute=lambda env, one: env.quantities(one)[0] + 1000)
    if mrp:
        found["bom_line_ids"] = Field("one2many", "mrp.bom.line", compute=_lines_of, stored=False)
        if version >= 16:
            found["is_kits"] = Field("boolean", compute=_is_kit, stored=False)
    return found


def _lines_of(env: Environment, product: Any) -> list[int]:
    return [line.id for line in env.world.bom_lines.values() if line.product_id == product.id]


def _is_kit(env: Environment, product: Any) -> bool:
    return env.world.kit_of(product, env.company_id) is not None


def _named(world: World, record: Any) -> str:
    return str(record.name)


def _coded(world: World, product: Any) -> str:
    return f"[{product.default_code}] {product.name}" if product.default_code else product.name


def _path(world: World, location: Any) -> str:
    parent = world.locations.get(location.location_id or 0)
    return f"{_path(world, parent)}/{location.name}" if parent else location.name


def _numbered(name: str) -> Callable[[World, Any], str]:
    return lambda world, record: f"{name},{record.id}"


def models_of(world: World, version: int, *, mrp: bool) -> dict[str, Model]:
    """Return the models of a database of that Odoo version, with the addons `stock` and perhaps `mrp`."""
    models = [
        Model("res.company", "Companies", world.companies, _plain("name"), _named,
              company=lambda w, one: one.id),
        Model("res.users", "Users", world.users,
              _plain("login", "name", "lang", "company_id:res.company")
              | {"company_ids": Field("many2many", "res.company")}, _named, order="name, login"),
        Model("uom.uom", "Unit of Measure", world.uoms, _plain("name", "rounding:float"), _named),
        Model("stock.warehouse", "Warehouse", world.warehouses,
              _plain("name", "code", "active:boolean", "company_id:res.company",
                     "view_location_id:stock.location", "lot_stock_id:stock.location"), _named,
              company=lambda w, one: one.company_id),
        Model("stock.location", "Inventory Locations", world.locations,
              _plain("name", "usage:selection", "active:boolean", "location_id:stock.location",
                     "company_id:res.company", "warehouse_id:stock.warehouse"), _path,
              company=lambda w, one: one.company_id),
        Model("product.product", "Product Variant", world.products, _storable_fields(version, mrp), _coded,
              order="default_code, name, id",
              index={"default_code": world.by_code, "barcode": world.by_barcode},
              company=lambda w, one: one.company_id),
        Model("stock.quant", "Quants", world.quants,
              _plain("product_id:product.product", "location_id:stock.location", "quantity:float",
                     "reserved_quantity:float", "write_date:datetime")
              | {"available_quantity": Field("float", stored=False,
                                             compute=lambda env, one: one.quantity - one.reserved_quantity),
                 "warehouse_id": Field("many2one", "stock.warehouse", stored=False,
                                       compute=lambda env, one: _warehouse_of(env.world, one))},
              _numbered("stock.quant"), company=_company_of_place),
        Model("stock.move", "Stock Move", world.moves,
              _plain("product_id:product.product", "state:selection", "product_uom_qty:float",
                     "location_id:stock.location", "location_dest_id:stock.location", "write_date:datetime"),
              _numbered("stock.move"), order="id desc", company=_company_of_place),
        Model("stock.move.line", "Product Moves (Stock Move Line)", world.move_lines,
              _plain("product_id:product.product", "move_id:stock.move", "quantity:float",
                     "location_id:stock.location", "write_date:datetime"),
              _numbered("stock.move.line"), order="id desc", company=_company_of_place),
    ]  # fmt: skip
    if version >= 14:
        names = _plain("name", "scope", "user_id:res.users", "expiration_date:datetime")
        if version < 18:
            del names["expiration_date"]
        models.append(Model("res.users.apikeys", "Users API Keys", world.keys, names, _named))
    if mrp:
        models += [
            Model("mrp.bom", "Bill of Material", world.boms,
                  _plain("type:selection", "active:boolean", "product_tmpl_id:product.template",
                         "product_id:product.product", "company_id:res.company", "write_date:datetime"),
                  _numbered("mrp.bom"), company=lambda w, one: one.company_id),
            Model("mrp.bom.line", "Bill of Material Line", world.bom_lines,
                  _plain("bom_id:mrp.bom", "product_id:product.product", "product_qty:float",
                         "write_date:datetime"),
                  _numbered("mrp.bom.line"), company=lambda w, one: w.boms[one.bom_id].company_id),
        ]  # fmt: skip
    entries: dict[int, ModelEntry] = {}
    models.append(
        Model(
            "ir.model", "Models", entries, _plain("model", "name", "transient:boolean"), _named, order="model"
        )
    )
    for number, model in enumerate(models, 1):
        entries[number] = ModelEntry(number, model.name, model.title)
    return {model.name: model for model in models}


def _warehouse_of(world: World, quant: Any) -> int | None:
    return world.locations[quant.location_id].warehouse_id


def _company_of_place(world: World, record: Any) -> int | None:
    return world.locations[record.location_id].company_id
