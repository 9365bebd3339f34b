"""What 1C's catalogues say: references → skus and the names of warehouses. Pure.

A reference is kept as its 16 bytes: a catalogue of a million products has to fit where it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, Any

from attrs import frozen

from mpstock_onec.odata_sku import Facts, Template

if TYPE_CHECKING:
    from mpstock_onec.odata_plan import Plan

__all__ = ["EMPTY", "Catalogue", "Left", "Named", "ref_bytes", "ref_text"]

EMPTY = bytes(16)
"""The empty reference, 00000000-0000-0000-0000-000000000000."""


class Left(Enum):
    """Why a reference has no sku."""

    UNKNOWN = "is not in its catalogue"
    DELETED = "is marked for deletion"
    NAMELESS = "has no sku"


@frozen
class Named:
    """What a product in one characteristic is called: its sku, or why it has none."""

    sku: str
    left: Left | None = None
    why: str = ""


_UNKNOWN = Named("", Left.UNKNOWN)
_DELETED = Named("", Left.DELETED)


def ref_bytes(value: object) -> bytes | None:
    """Return a reference as bytes; None for what is none."""
    if not isinstance(value, str):
        return None
    try:
        found = bytes.fromhex(value.replace("-", ""))
    except ValueError:
        return None
    return found if len(found) == 16 else None


def ref_text(ref: bytes) -> str:
    """Write a reference as OData does."""
    text = ref.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Catalogue:
    """Products, characteristics and barcodes by reference.

    `direct` has the sku of each product where it is made of the product alone. `shared` has the skus that
    several products have which are not marked for deletion; `nameless` counts products without one.
    `unreadable` counts rows of the lists that have no reference.
    """

    def __init__(self, template: Template, plan: Plan) -> None:
        self._template = template
        self._plan = plan
        self.by_product = not template.by_characteristic
        self.direct: dict[bytes, str] = {}
        self._products: dict[bytes, tuple[str, str]] = {}
        self._deleted: set[bytes] = set()
        self._characteristics: dict[bytes, tuple[str, str]] = {}
        self._barcodes: dict[bytes, str | None] = {}
        self._seen: set[str] = set()
        self.shared: set[str] = set()
        self.unreadable = 0
        self.nameless = 0

    def __len__(self) -> int:
        return len(self.direct) + len(self._products)

    @property
    def deleted(self) -> int:
        """How many products are marked for deletion."""
        return len(self._deleted)

    # -- what is read --------------------------------------------------------------------

    def add_products(self, rows: Iterable[Any]) -> None:
        """Take in rows of the catalogue of products. A row that is met again changes nothing."""
        article, deleted = self._plan.article, self._deleted
        for row in rows:
            ref = ref_bytes(row.get("Ref_Key")) if isinstance(row, dict) else None
            if ref is None:
                self.unreadable += 1
                continue
            if self.knows_product(ref):
                continue
            about = (_text(row.get(article)) if article else "", _text(row.get("Code")))
            if row.get("DeletionMark") is True:
                deleted.add(ref)
            if not self.by_product or ref in deleted:
                self._products[ref] = about
                continue
            sku, _ = self._template.sku(Facts(*about))
            if not sku:
                self._products[ref] = about
                self.nameless += 1
                continue
            self.direct[ref] = sku
            if sku in self._seen:
                self.shared.add(sku)
            else:
                self._seen.add(sku)

    def add_characteristics(self, rows: Iterable[Any]) -> None:
        """Take in rows of the catalogue of characteristics."""
        for row in rows:
            ref = ref_bytes(row.get("Ref_Key")) if isinstance(row, dict) else None
            if ref is None:
                self.unreadable += 1
            else:
                self._characteristics[ref] = _text(row.get("Description")), _text(row.get("Code"))

    def add_barcodes(self, rows: Iterable[Any]) -> None:
        """Take in records of the register of barcodes; those of a package are not the product's own."""
        fields = self._plan.barcodes
        assert fields is not None
        for row in rows:
            product = ref_bytes(row.get(fields.product.name)) if isinstance(row, dict) else None
            if product is None:
                self.unreadable += 1
                continue
            if fields.package and (ref_bytes(row.get(fields.package)) or EMPTY) != EMPTY:
                continue
            characteristic = ref_bytes(row.get(fields.characteristic)) if fields.characteristic else EMPTY
            code = _text(row.get("Штрихкод"))
            key = product + (characteristic or EMPTY)
            if code:
                known = self._barcodes.setdefault(key, code)
                if known != code:
                    self._barcodes[key] = None

    # -- what is asked -------------------------------------------------------------------

    def knows_product(self, ref: bytes) -> bool:
        return ref in self.direct or ref in self._products

    def has_characteristic(self, ref: bytes) -> bool:
        return ref in self._characteristics

    def knows_characteristic(self, ref: bytes) -> bool:
        """Whether a characteristic can be told, or need not be."""
        return not self._plan.characteristic_fields or ref == EMPTY or ref in self._characteristics

    def named(self, product: bytes, characteristic: bytes = EMPTY) -> Named:
        """Return what a product in one characteristic is called."""
        if (direct := self.direct.get(product)) is not None:
            return Named(direct)
        known = self._products.get(product)
        if known is None:
            return _UNKNOWN
        if product in self._deleted:
            return _DELETED
        if not self.knows_characteristic(characteristic):
            return _UNKNOWN
        name, code = self._characteristics.get(characteristic, ("", ""))
        barcode = self._barcodes.get(product + characteristic, "")
        if barcode is None and "barcode" in self._template.fields:
            return Named("", Left.NAMELESS, "it has several barcodes, and which is its key cannot be told")
        sku, why = self._template.sku(Facts(*known, name, code, barcode or ""))
        return Named(sku, None if sku else Left.NAMELESS, why)


def _text(value: object) -> str:
    # A code may be a number in 1C; as text it keeps what it looks like.
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""
