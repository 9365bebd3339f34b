"""The double's warehouses and what they offer: writes, late writes, stale reads, what buyers take."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from attrs import define, frozen

from mpstock import Clock
from mpstock_wb.simulator_catalogue import Catalogue, Size

__all__ = ["MAXIMUM", "RowRefusal", "Stocks", "Warehouse"]

MAXIMUM = 100_000
"""The largest amount that one size may have in one warehouse."""

_DBS = 2

_MESSAGES = {
    "UploadDataLimit": "Upload limit exceeded.",
    "NotFound": "Not found",
    "CargoWarehouseRestrictionMGT": "LCL goods do not belong in a warehouse marked ODC or CD+",
    "CargoWarehouseRestrictionSGT": "ODC goods belong in a warehouse marked ODC",
    "CargoWarehouseRestrictionSGTKGTPlus": "ODC/CD+ goods belong in a warehouse marked ODC or CD+",
    "CargoWarehouseRestrictionKGTPlus": "CD+ goods belong in a warehouse marked CD+",
    "DeliveryTypeRestriction": "This category is not sold under the warehouse's delivery type.",
    "ProductPropertyConflict": "Products are not allowed for sale under the selected supply scheme.",
}


@define
class Warehouse:
    """One of the seller's warehouses, and what keeps it from taking stock just now.

    `cargo_type` 1 small, 2 oversize, 3 bulky goods; `delivery_type` 1 FBS, 2 DBS, 3 DBW, 5 click and
    collect, 6 express. While it is processing (so many more writes, or until a moment of the clock) a
    write gets `StoreIsProcessing`; while it is blocked, 406 `WarehouseStocksUpdateBlock`.
    """

    id: int
    name: str
    office_id: int = 15
    cargo_type: int = 1
    delivery_type: int = 1
    deleting: bool = False
    processing_writes: int = 0
    processing_until: float = 0.0
    blocked_writes: int = 0
    blocked_until: float = 0.0
    writing: int = 0

    def processing(self, now: float) -> bool:
        """Whether stock cannot be changed just now."""
        return self.processing_writes > 0 or now < self.processing_until

    def wire(self, now: float) -> dict[str, Any]:
        """The warehouse as `GET /api/v3/warehouses` answers it."""
        return {
            "name": self.name,
            "officeId": self.office_id,
            "id": self.id,
            "cargoType": self.cargo_type,
            "deliveryType": self.delivery_type,
            "isDeleting": self.deleting,
            "isProcessing": self.processing(now),
        }


@define
class RowRefusal:
    """A code that writes of one size get; `warehouse` None = in all, `times` -1 = always."""

    code: str
    warehouse: int | None = None
    times: int = -1


@frozen
class _Late:
    due: float
    warehouse: int
    amounts: Mapping[int, int | None]


class Stocks:
    """Amounts by warehouse and size. What is not documented about them is a switch.

    `self_decrements`  an order lowers the amount by itself.
    `cancel_raises`    a cancel gives the unit back to the amount.
    `apply_after`      seconds after its answer from which a write holds.
    `stale_reads`      seconds by which a read is behind.
    `applies_rest`     the rows that a 409 does not name are applied.
    `conflict_rows`    what names a row in a 409: `"barcode"` (the id only where there is no barcode),
                       `"both"`, `"chrt_id"`, or `"none"` (no data at all).
    """

    def __init__(self, clock: Clock, catalogue: Catalogue) -> None:
        self._clock = clock
        self._catalogue = catalogue
        self.warehouses: dict[int, Warehouse] = {}
        self.refusals: dict[int, list[RowRefusal]] = {}
        self.self_decrements = True
        self.cancel_raises = False
        self.apply_after = 0.0
        self.stale_reads = 0.0
        self.applies_rest = False
        self.conflict_rows: Literal["barcode", "both", "chrt_id", "none"] = "barcode"
        self._amounts: dict[int, dict[int, int]] = {}
        self._late: deque[_Late] = deque()
        self._changes: deque[tuple[float, int, int, int | None]] = deque()

    def add_warehouse(self, warehouse: Warehouse) -> None:
        """Open a warehouse."""
        self.warehouses[warehouse.id] = warehouse
        self._amounts.setdefault(warehouse.id, {})

    def amount(self, warehouse: int, chrt_id: int) -> int | None:
        """Return what buyers may buy now; None where nothing was ever set."""
        self._settle()
        return self._amounts[warehouse].get(chrt_id)

    def put(self, warehouse: int, chrt_id: int, amount: int) -> None:
        """Set one amount at once, as a person in the cabinet does."""
        self._settle()
        self._store(warehouse, chrt_id, amount)

    def conflicts(self, warehouse: Warehouse, rows: Sequence[tuple[int, int]]) -> tuple[list[Any], set[int]]:
        """Judge rows (size, amount); return the elements of a 409 and the sizes that they are about."""
        named: dict[str, list[dict[str, Any]]] = {}
        refused: set[int] = set()
        for chrt_id, amount in rows:
            size = self._catalogue.find(chrt_id)
            code = self._refused(warehouse, chrt_id, size, amount)
            if code is not None:
                refused.add(chrt_id)
                named.setdefault(code, []).append(self._named(code, chrt_id, amount))
        return [self._element(code, data) for code, data in named.items()], refused

    def write(self, warehouse: int, amounts: Mapping[int, int | None]) -> None:
        """Take in amounts by size, None to remove the record; they hold at once or after `apply_after`."""
        if not amounts:
            return
        self._settle()
        if self.apply_after > 0:
            self._late.append(_Late(self._clock.monotonic() + self.apply_after, warehouse, dict(amounts)))
        else:
            for chrt_id, amount in amounts.items():
                self._store(warehouse, chrt_id, amount)

    def read(self, warehouse: int, chrt_ids: Iterable[int]) -> dict[int, int]:
        """Return the amounts that a read-back shows; sizes that were never set, or not found, are missing."""
        self._settle()
        held = self._amounts[warehouse]
        seen: dict[int, int | None] = {
            chrt_id: held.get(chrt_id) for chrt_id in chrt_ids if self._catalogue.find(chrt_id) is not None
        }
        if self.stale_reads > 0:
            moment = self._clock.monotonic() - self.stale_reads
            for at, where, chrt_id, before in reversed(self._changes):
                if at <= moment:
                    break
                if where == warehouse and chrt_id in seen:
                    seen[chrt_id] = before
        return {chrt_id: amount for chrt_id, amount in seen.items() if amount is not None}

    def take(self, warehouse: int, chrt_id: int, units: int) -> int:
        """Let a buyer ask for units; return how many the shown amount allows."""
        self._settle()
        shown = self._amounts[warehouse].get(chrt_id, 0)
        bought = min(units, shown)
        if bought and self.self_decrements:
            self._store(warehouse, chrt_id, shown - bought)
        return bought

    def give_back(self, warehouse: int, chrt_id: int) -> None:
        """A unit that was ordered is free again; whether the amount rises is `cancel_raises`."""
        if self.cancel_raises:
            self._settle()
            self._store(warehouse, chrt_id, self._amounts[warehouse].get(chrt_id, 0) + 1)

    def _refused(self, warehouse: Warehouse, chrt_id: int, size: Size | None, amount: int) -> str | None:
        if amount > MAXIMUM:
            return "UploadDataLimit"
        if size is None:
            return "NotFound"
        for refusal in self.refusals.get(chrt_id, ()):
            if refusal.times != 0 and refusal.warehouse in (None, warehouse.id):
                refusal.times -= refusal.times > 0
                return refusal.code
        if size.card.wholesale and warehouse.delivery_type != _DBS:
            return "ProductPropertyConflict"
        return None

    def _named(self, code: str, chrt_id: int, amount: int) -> dict[str, Any]:
        size = self._catalogue.sizes.get(chrt_id)
        barcode = size.barcodes[0] if size is not None else ""
        if self.conflict_rows == "both":
            return {"sku": barcode, "chrtId": chrt_id, "amount": amount}
        if self.conflict_rows == "chrt_id" or not barcode or code == "DeliveryTypeRestriction":
            return {"sku": "", "chrtId": chrt_id, "amount": amount}
        return {"sku": barcode, "amount": amount}

    def _element(self, code: str, data: list[dict[str, Any]]) -> dict[str, Any]:
        element: dict[str, Any] = {"code": code, "message": _MESSAGES.get(code, code)}
        if code != "ProductPropertyConflict" and self.conflict_rows != "none":
            element["data"] = data
        return element

    def _settle(self) -> None:
        now = self._clock.monotonic()
        while self._late and self._late[0].due <= now:
            late = self._late.popleft()
            for chrt_id, amount in late.amounts.items():
                self._store(late.warehouse, chrt_id, amount, late.due)

    def _store(self, warehouse: int, chrt_id: int, amount: int | None, at: float | None = None) -> None:
        held = self._amounts[warehouse]
        if self.stale_reads > 0:
            moment = self._clock.monotonic() if at is None else at
            self._changes.append((moment, warehouse, chrt_id, held.get(chrt_id)))
            while self._changes[0][0] < moment - self.stale_reads:
                self._changes.popleft()
        if amount is None:
            held.pop(chrt_id, None)
        else:
            held[chrt_id] = amount
