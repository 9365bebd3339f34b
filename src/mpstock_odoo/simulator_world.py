"""The stock of Odoo's double: what moves and reservations do to quants, and what follows from them.

After Odoo's addons `stock` and `mrp` (stock.quant, product.product `_compute_quantities_dict`).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from mpstock_odoo.simulator_tables import (
    ApiKey,
    Bom,
    BomLine,
    Company,
    Location,
    Move,
    MoveLine,
    Product,
    Quant,
    Uom,
    User,
    Warehouse,
)

__all__ = ["World"]


class World:
    """One database: its tables, and the moves that change them. Times are UTC without a zone, as Odoo's."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.companies: dict[int, Company] = {1: Company(1, "My Company")}
        self.users: dict[int, User] = {}
        self.keys: dict[int, ApiKey] = {}
        self.uoms: dict[int, Uom] = {1: Uom(1, "Units"), 2: Uom(2, "kg", 0.001)}
        self.warehouses: dict[int, Warehouse] = {}
        self.locations: dict[int, Location] = {
            1: Location(1, "Inventory adjustment", "inventory"),
            2: Location(2, "Customers", "customer"),
        }
        self.products: dict[int, Product] = {}
        self.quants: dict[int, Quant] = {}
        self.moves: dict[int, Move] = {}
        self.move_lines: dict[int, MoveLine] = {}
        self.boms: dict[int, Bom] = {}
        self.bom_lines: dict[int, BomLine] = {}
        self.by_code: dict[str, list[int]] = defaultdict(list)
        self.by_barcode: dict[str, list[int]] = defaultdict(list)
        self._quants_of: dict[int, list[int]] = defaultdict(list)
        self._boms_of: dict[int, list[int]] = defaultdict(list)
        self._last: dict[str, int] = defaultdict(int)

    def now(self) -> datetime:
        """The time that a transaction which starts now writes as `write_date`."""
        return self._now().astimezone(UTC).replace(tzinfo=None)

    def next_id(self, table: Mapping[int, Any], name: str) -> int:
        """A new id, never used before: ids of deleted records do not come back."""
        self._last[name] = max(self._last[name], next(reversed(table), 0)) + 1
        return self._last[name]

    # -- master data ---------------------------------------------------------------------

    def add_company(self, name: str) -> Company:
        """Add a company; users are not let into it by that."""
        company = Company(self.next_id(self.companies, "company"), name)
        self.companies[company.id] = company
        return company

    def add_warehouse(self, code: str, name: str = "", company_id: int = 1) -> Warehouse:
        """Add a warehouse with its view location and its stock location."""
        warehouse_id = self.next_id(self.warehouses, "warehouse")
        view = self._location(code, "view", None, company_id, warehouse_id)
        stock = self._location("Stock", "internal", view.id, company_id, warehouse_id)
        warehouse = Warehouse(warehouse_id, name or code, code, company_id, view.id, stock.id)
        self.warehouses[warehouse_id] = warehouse
        return warehouse

    def add_location(self, warehouse: Warehouse, name: str, usage: str = "internal") -> Location:
        """Add a shelf under the warehouse's stock."""
        return self._location(name, usage, warehouse.lot_stock_id, warehouse.company_id, warehouse.id)

    def _location(
        self, name: str, usage: str, parent: int | None, company_id: int, warehouse_id: int
    ) -> Location:
        location = Location(
            self.next_id(self.locations, "location"), name, usage, parent, company_id, warehouse_id
        )
        self.locations[location.id] = location
        return location

    def add_product(self, code: str | None, **fields: Any) -> Product:
        """Add a storable product with one variant; `fields` are those of `Product`."""
        product_id = self.next_id(self.products, "product")
        settled: dict[str, Any] = {"type": "consu", "is_storable": True, "name": code or "Nameless"} | fields
        settled.setdefault("product_tmpl_id", product_id + 100_000)
        settled.setdefault("write_date", self.now())
        product = Product(id=product_id, default_code=code, **settled)
        self.products[product_id] = product
        self._index(product)
        return product

    def write_product(self, product: Product, **fields: Any) -> None:
        """Change a product's own fields, which is all that its `write_date` tells."""
        for name, value in fields.items():
            setattr(product, name, value)
        product.write_date = self.now()
        self._index(product)

    def _index(self, product: Product) -> None:
        for index, value in ((self.by_code, product.default_code), (self.by_barcode, product.barcode)):
            if value and product.id not in index[value]:
                index[value].append(product.id)

    def add_bom(
        self,
        product: Product,
        lines: Iterable[tuple[Product, float]],
        *,
        kind: str = "phantom",
        **fields: Any,
    ) -> Bom:
        """Say what a product is made of. By default a kit, for every variant of its template."""
        bom_id = self.next_id(self.boms, "bom")
        settled = {"product_id": None, "write_date": self.now()} | fields
        bom = Bom(id=bom_id, type=kind, product_tmpl_id=product.product_tmpl_id, **settled)
        self.boms[bom_id] = bom
        self._boms_of[product.product_tmpl_id].append(bom_id)
        for component, quantity in lines:
            line_id = self.next_id(self.bom_lines, "bom_line")
            self.bom_lines[line_id] = BomLine(line_id, bom_id, component.id, quantity, self.now())
        return bom

    # -- stock ---------------------------------------------------------------------------

    def quants_of(self, product_id: int) -> list[Quant]:
        """The product's quants, wherever they are."""
        return [self.quants[one] for one in self._quants_of.get(product_id, ())]

    def adjust(self, product: Product, location_id: int, quantity: float) -> None:
        """Count the stock of one location: an inventory adjustment, with its move."""
        there = sum(q.quantity for q in self.quants_of(product.id) if q.location_id == location_id)
        if difference := quantity - there:
            self.transfer(product, 1, location_id, difference)

    def transfer(self, product: Product, source: int, target: int, quantity: float) -> Move:
        """Move units: a done `stock.move` with its line, and the quants at both ends."""
        if quantity < 0:
            source, target, quantity = target, source, -quantity
        move = self._move(product, source, target, quantity, "done")
        self._add(product, source, -quantity)
        self._add(product, target, quantity)
        return move

    def put(self, product: Product, location_id: int, quantity: float, written: datetime) -> Quant:
        """Let a quant be there without a move, as if it had long been there; also a second one."""
        quant = Quant(self.next_id(self.quants, "quant"), product.id, location_id, quantity, 0.0, written)
        self.quants[quant.id] = quant
        self._quants_of[product.id].append(quant.id)
        return quant

    def reserve(self, product: Product, location_id: int, quantity: float) -> Move:
        """Let an order of Odoo's own have units; they stay where they are."""
        move = self._move(product, location_id, 2, quantity, "assigned")
        quant = self._quant(product, location_id)
        quant.reserved_quantity += quantity
        quant.write_date = self.now()
        return move

    def unreserve(self, move: Move) -> None:
        """Give a reservation up: its lines are deleted, and the quant is written."""
        product = self.products[move.product_id]
        quant = self._quant(product, move.location_id)
        quant.reserved_quantity -= move.product_uom_qty
        quant.write_date = move.write_date = self.now()
        move.state = "confirmed"
        for line_id in [line.id for line in self.move_lines.values() if line.move_id == move.id]:
            del self.move_lines[line_id]
        self._unlink_zero(product)

    def deliver(self, move: Move) -> None:
        """Ship what was reserved."""
        product = self.products[move.product_id]
        self._quant(product, move.location_id).reserved_quantity -= move.product_uom_qty
        move.state, move.write_date = "done", self.now()
        self._add(product, move.location_id, -move.product_uom_qty)
        self._add(product, move.location_dest_id, move.product_uom_qty)

    def merge_quants(self, product: Product) -> None:
        """Merge quants of one location, as `_merge_quants` does: by SQL, and `write_date` stays as it was."""
        first: dict[int, Quant] = {}
        for quant in self.quants_of(product.id):
            kept = first.setdefault(quant.location_id, quant)
            if kept is not quant:
                kept.quantity += quant.quantity
                kept.reserved_quantity += quant.reserved_quantity
                self._unlink(quant)

    def _move(self, product: Product, source: int, target: int, quantity: float, state: str) -> Move:
        move_id, now = self.next_id(self.moves, "move"), self.now()
        move = self.moves[move_id] = Move(move_id, product.id, state, quantity, source, target, now)
        line_id = self.next_id(self.move_lines, "move_line")
        self.move_lines[line_id] = MoveLine(line_id, move_id, product.id, quantity, source, now)
        return move

    def _quant(self, product: Product, location_id: int) -> Quant:
        for quant in self.quants_of(product.id):
            if quant.location_id == location_id:
                return quant
        return self.put(product, location_id, 0.0, self.now())

    def _add(self, product: Product, location_id: int, quantity: float) -> None:
        quant = self._quant(product, location_id)
        quant.quantity += quantity
        quant.write_date = self.now()
        self._unlink_zero(product)

    def _unlink_zero(self, product: Product) -> None:
        """`_unlink_zero_quants`: a quant that came to nothing is deleted, and no `write_date` tells of it."""
        for quant in self.quants_of(product.id):
            if not round(quant.quantity, 6) and not round(quant.reserved_quantity, 6):
                self._unlink(quant)

    def _unlink(self, quant: Quant) -> None:
        del self.quants[quant.id]
        self._quants_of[quant.product_id].remove(quant.id)

    # -- what Odoo computes --------------------------------------------------------------

    def kit_of(self, product: Product, company_id: int) -> Bom | None:
        """The phantom bill of materials that the product is sold by, for the company that asks."""
        found = [
            bom
            for bom in (self.boms[one] for one in self._boms_of.get(product.product_tmpl_id, ()))
            if bom.active
            and bom.type == "phantom"
            and bom.product_id in (None, product.id)
            and bom.company_id in (None, company_id)
        ]
        # `_bom_find`: one of the variant before one of the template, and the first of these.
        found.sort(key=lambda bom: (bom.product_id is None, bom.id))
        return found[0] if found else None

    def quantities(
        self, product: Product, locations: Collection[int], company_id: int, dust: float = 0.0
    ) -> tuple[float, float]:
        """Return `qty_available` and `free_qty` of a product in these locations."""
        if product.type == "service":
            return 0.0, 0.0
        kit = self.kit_of(product, company_id)
        if kit is not None:
            return self._kit_quantities(kit, locations, company_id)
        on_hand = reserved = 0.0
        for quant in self.quants_of(product.id):
            if quant.location_id in locations:
                on_hand += quant.quantity
                reserved += quant.reserved_quantity
        digits = max(0, round(-math.log10(self.uoms[product.uom_id].rounding)))
        return round(on_hand, digits) - dust, round(on_hand - reserved, digits) - dust

    def _kit_quantities(self, kit: Bom, locations: Collection[int], company_id: int) -> tuple[float, float]:
        ratios: list[tuple[float, float]] = []
        for line in self.bom_lines.values():
            component = self.products[line.product_id]
            is_kit = self.kit_of(component, company_id) is not None
            if line.bom_id != kit.id or not line.product_qty or not (component.is_storable or is_kit):
                continue
            on_hand, free = self.quantities(component, locations, company_id)
            ratios.append((on_hand / line.product_qty, free / line.product_qty))
        if not ratios:
            return 0.0, 0.0
        return min(one for one, _ in ratios) // 1, min(other for _, other in ratios) // 1

    def locations_under(self, roots: Collection[int], seen: Callable[[Location], bool]) -> set[int]:
        """The stock-keeping locations at or under `roots` that the user sees."""
        found: set[int] = set()
        for location in self.locations.values():
            above: int | None = location.id
            while above is not None and above not in roots:
                above = self.locations[above].location_id
            if above is not None and location.usage in ("internal", "transit") and seen(location):
                found.add(location.id)
        return found

    def expired(self, key: ApiKey) -> bool:
        """Whether a key has outlived its date; keys live three months at most."""
        return key.expiration_date is not None and key.expiration_date < self.now()

    def three_months(self) -> datetime:
        """The latest date that a key made now may live to."""
        return self.now() + timedelta(days=90)
