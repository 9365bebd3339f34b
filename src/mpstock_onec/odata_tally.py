"""Rows of a balance → sums by sku and warehouse, and what there is to tell of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

from attrs import define

from mpstock import Level
from mpstock.rows import LARGEST, UnreadableError, add, ceil, floor, number, shown
from mpstock_onec.odata_catalogue import EMPTY, Catalogue, Left, ref_bytes, ref_text
from mpstock_onec.odata_notes import Notes
from mpstock_onec.odata_plan import Plan

__all__ = ["Tally", "without_dust"]

MOST_PENDING = 20_000
"""Rows of unknown references that wait for their names; beyond that the catalogue is read anew first."""

_DUST = Decimal("0.000001")
_EXACT = Context(prec=100, traps=[])


@define
class _Sum:
    """What the rows of one sku in one warehouse come to."""

    quantity: int | Decimal = 0
    reserved: int | Decimal = 0
    unknown: bool = False


@define
class _Pending:
    place: str
    row: Any


def without_dust(value: int | Decimal) -> int | Decimal:
    """Return the number as 1C meant it: `Edm.Double` may write 18 as 17.999999999999996."""
    if isinstance(value, int):
        return value
    clean = value.quantize(_DUST, ROUND_HALF_EVEN, _EXACT)
    whole = int(clean)
    return whole if whole == clean else clean.normalize(_EXACT)


class Tally:
    """Adds up the rows of one reading.

    `rows` were seen. `bad` of them could not be read, `lost` of these not even as far as to tell which
    product or warehouse they are about; `stray` rows are about what the catalogues do not have. `pending`
    are rows whose product, characteristic or warehouse is not known yet; `overflow` counts those that there
    was no room for, which are stray then. `negative` and `fractions` count numbers, `notes` has what there
    is to tell.
    """

    def __init__(self, plan: Plan, catalogue: Catalogue, warehouses: Mapping[str, str | None]) -> None:
        self._plan = plan
        self._catalogue = catalogue
        # None for those that are known and not read; a reference that is not there is not known.
        self.warehouses = warehouses
        self.rows = 0
        self.bad = 0
        self.lost = 0
        self.stray = 0
        self.negative = 0
        self.fractions = 0
        self.overflow = 0
        self.pending: list[_Pending] = []
        self.notes = Notes()
        self._sums: dict[str, dict[str, int | _Sum]] = {}
        self._owners: dict[str, bytes] | None = None if catalogue.by_product else {}
        self._met: set[str] = set()
        self._simple = not (plan.characteristic or plan.product.composite or plan.warehouse.composite)

    # -- rows ----------------------------------------------------------------------------

    def add(self, data: Any) -> None:
        """Count a row in."""
        self.rows += 1
        if self._simple and type(data) is dict and self._added(data):
            return
        self._read(_Pending(f"row {self.rows}", data), last=False)

    def _added(self, data: dict[str, Any]) -> bool:
        """Add a row up if it is as most are: it takes a third of the time, and there may be a million."""
        plan = self._plan
        product, place = ref_bytes(data.get(plan.product.name)), data.get(plan.warehouse.name)
        sku = self._catalogue.direct.get(product) if product else None
        warehouse = self.warehouses.get(place) if type(place) is str else None
        units = _whole(data.get(plan.quantity))
        if not sku or not warehouse or units is None:
            return False
        for name in plan.subtract:
            less = _whole(data.get(name))
            if less is None:
                return False
            units -= less
        if plan.reserved and _whole(data.get(plan.reserved)) != 0:
            return False
        sums = self._sums.setdefault(warehouse, {})
        before = sums.get(sku, 0)
        if not isinstance(before, int):
            return False
        sums[sku] = before + units
        return True

    def learn(self) -> None:
        """Count in what was pending, with what the catalogue knows by now."""
        pending, self.pending = self.pending, []
        for one in pending:
            self._read(one, last=True)

    def unknown_refs(self) -> tuple[set[bytes], set[bytes], bool]:
        """Return the products and characteristics that pending rows need, and whether a warehouse is."""
        products: set[bytes] = set()
        characteristics: set[bytes] = set()
        warehouses = False
        for one in self.pending:
            product, characteristic = self._refs(one.row)
            if product is not None and not self._catalogue.knows_product(product):
                products.add(product)
            if characteristic is not None and not self._catalogue.knows_characteristic(characteristic):
                characteristics.add(characteristic)
            place = ref_bytes(one.row.get(self._plan.warehouse.name))
            warehouses = warehouses or place is None or ref_text(place) not in self.warehouses
        return products, characteristics, warehouses

    def _refs(self, row: dict[str, Any]) -> tuple[bytes | None, bytes | None]:
        plan = self._plan
        characteristic = ref_bytes(row.get(plan.characteristic.name)) if plan.characteristic else EMPTY
        return ref_bytes(row.get(plan.product.name)), characteristic

    def _read(self, one: _Pending, *, last: bool) -> None:
        row, plan = one.row, self._plan
        if not isinstance(row, dict):
            self._lost(one, "row", f"is {shown(row)} and not an object")
            return
        warehouse = ref_bytes(row.get(plan.warehouse.name))
        product, characteristic = self._refs(row)
        for ref, reference in (
            (warehouse, plan.warehouse),
            (product, plan.product),
            (characteristic, plan.characteristic or plan.product),
        ):
            if ref is None or (reference.composite and not _is_of(row, reference.name, reference.catalogue)):
                self._lost(one, reference.name, f"is {shown(row.get(reference.name))} and no reference")
                return
        assert warehouse is not None
        assert product is not None
        assert characteristic is not None
        place = ref_text(warehouse)
        named = self._catalogue.named(product, characteristic)
        if named.left is Left.UNKNOWN or place not in self.warehouses:
            if last:
                self._stray(one, place, product, characteristic)
            else:
                self._put_off(one)
            return
        where = self.warehouses[place]
        if where is None and warehouse == EMPTY:
            self.notes.outside(one.place, shown(row.get(plan.quantity)))
        elif where is None:
            self.notes.excluded(one.place, place)
        elif named.left is Left.DELETED:
            self.notes.deleted(one.place, ref_text(product))
        elif named.left is Left.NAMELESS:
            self.notes.nameless(one.place, ref_text(product), named.why)
        else:
            self._count(one, row, named.sku, where, product + characteristic)

    def _stray(self, one: _Pending, place: str, product: bytes, characteristic: bytes) -> None:
        plan = self._plan
        self.stray += 1
        if place not in self.warehouses:
            self.notes.stray(one.place, plan.warehouse.name, place, "warehouse")
        elif plan.characteristic and self._catalogue.knows_product(product):
            self.notes.stray(one.place, plan.characteristic.name, ref_text(characteristic), "characteristic")
        else:
            self.notes.stray(one.place, plan.product.name, ref_text(product), "product")

    def _put_off(self, one: _Pending) -> None:
        if len(self.pending) < MOST_PENDING:
            self.pending.append(one)
        else:
            self.overflow += 1
            self.stray += 1
            self.notes.stray(
                one.place, self._plan.product.name, str(one.row.get(self._plan.product.name)), "product"
            )

    def _count(self, one: _Pending, row: dict[str, Any], sku: str, where: str, owner: bytes) -> None:
        if self._owners is not None and self._owners.setdefault(sku, owner) != owner:
            self._met.add(sku)
        plan = self._plan
        quantity = self._number(one, row, plan.quantity, sku)
        taken = [self._taken(one, row, name, sku) for name in plan.subtract]
        reserved = self._taken(one, row, plan.reserved, sku) if plan.reserved else 0
        known = quantity is not None and reserved is not None and None not in taken
        units = quantity or 0
        if not known:
            self.bad += 1
        elif units < 0:
            self.negative += 1
            self.notes.negative(one.place, plan.quantity, units, "as it is", sku)
        for less in taken:
            units = add(units, -(less or 0))
        sums = self._sums.setdefault(where, {})
        before = sums.get(sku, 0)
        if known and not reserved and isinstance(before, int) and isinstance(units, int):
            # Nearly all are such; a number alone is a third of what a sum takes.
            sums[sku] = before + units
            return
        if not isinstance(before, _Sum):
            before = sums[sku] = _Sum(before)
        before.quantity = add(before.quantity, units)
        before.reserved = add(before.reserved, reserved or 0)
        before.unknown = before.unknown or not known

    def _number(self, one: _Pending, row: dict[str, Any], name: str, sku: str) -> int | Decimal | None:
        if name not in row:
            self.notes.unreadable(one.place, name, "is missing", sku)
            return None
        try:
            return without_dust(number(row[name]))
        except UnreadableError as error:
            self.notes.unreadable(one.place, name, str(error), sku)
            return None

    def _taken(self, one: _Pending, row: dict[str, Any], name: str, sku: str) -> int | Decimal | None:
        """What is taken off; below zero it would add, and what is promised must not grow by a defect."""
        units = self._number(one, row, name, sku)
        if units is not None and units < 0:
            self.negative += 1
            self.notes.negative(one.place, name, units, "as 0", sku)
            return 0
        return units

    def _lost(self, one: _Pending, name: str, message: str) -> None:
        self.bad += 1
        self.lost += 1
        self.notes.unreadable(one.place, name, message, None)

    # -- sums ----------------------------------------------------------------------------

    def levels(self, duplicates: str) -> Iterator[Level]:
        """Yield one level per sku and warehouse; walk over it once.

        Quantities are rounded down and reserves up; what that takes away is told in `notes`.
        """
        unsure = self._shared() if duplicates == "unknown" else set[str]()
        for warehouse, sums in self._sums.items():
            for sku, total in sums.items():
                if sku in unsure:
                    yield Level(sku, warehouse, None)
                elif isinstance(total, int):
                    yield Level(sku, warehouse, total)
                elif total.unknown:
                    yield Level(sku, warehouse, None)
                else:
                    yield self._level(sku, warehouse, total)

    def duplicates(self) -> list[str]:
        """The skus with rows that several products have."""
        return sorted(sku for sku in self._shared() if any(sku in sums for sums in self._sums.values()))

    def _shared(self) -> set[str]:
        # Asked when all is read: what was learned on the way may have made a sku that of two products.
        return self._met | self._catalogue.shared

    def _level(self, sku: str, warehouse: str, total: _Sum) -> Level:
        quantity, reserved = without_dust(total.quantity), without_dust(total.reserved)
        for exact, whole in ((quantity, floor(quantity)), (reserved, ceil(reserved))):
            if exact != whole:
                self.fractions += 1
                self.notes.rounded(sku, warehouse, exact, whole)
        return Level(sku, warehouse, floor(quantity), ceil(reserved))


def _whole(value: Any) -> int | None:
    """Return a number as it mostly comes: whole, not below zero, as a number or as `Edm.Int64`; else None."""
    if type(value) is str and len(value) <= 12 and value.isascii() and value.isdigit():
        return int(value)
    return value if type(value) is int and 0 <= value <= LARGEST else None


def _is_of(row: dict[str, Any], name: str, catalogue: str) -> bool:
    return str(row.get(f"{name}_Type", "")).rpartition(".")[2] == catalogue
