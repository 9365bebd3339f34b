"""The settings held against `$metadata`: what is asked for, and what to mend where it is not there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from attrs import field, frozen

from mpstock_onec.odata_presets import Names
from mpstock_onec.odata_urls import any_of

if TYPE_CHECKING:
    from mpstock_onec.odata_metadata import Schema
    from mpstock_onec.odata_settings import OdataSettings

__all__ = ["BarcodeFields", "Lack", "Plan", "Reference", "make_plan"]

_RESOURCE = "Balance"
_PUBLISH = "publish it in 1C (Настройка автоматического REST-сервиса), or mend the setting {}"
_REMOVED = 'СвободныеОстатки was removed in УТ 11.5.7, КА 2.5.7 and ERP 2.5.7: there use preset = "ut11"'


@frozen
class Lack:
    """Something that the settings name and the publication does not have."""

    setting: str
    message: str
    mend: str

    def __str__(self) -> str:
        return f"{self.message}; {self.mend}"


@frozen
class Reference:
    """A field that refers to a catalogue: `Склад_Key`; or `Склад`, `Склад_Type` if of several types."""

    name: str
    catalogue: str
    composite: bool = False

    def equals(self, refs: Iterable[str]) -> str:
        """The condition that it is one of these."""
        return any_of(self.name, refs, self.catalogue if self.composite else "")


@frozen
class BarcodeFields:
    """The register of barcodes: its name, and what its fields are called."""

    register: str
    product: Reference
    characteristic: str
    package: str

    @property
    def select(self) -> list[str]:
        return ["Штрихкод", *filter(None, (self.product.name, self.characteristic, self.package))]


@frozen
class Plan:
    """What is asked for, in the publication's own names.

    `…_fields` are what each list is asked for, `…_filter` with which condition. `dimensions` is what the
    balance is divided by; all others are added up by 1C.
    """

    register: str
    product: Reference
    warehouse: Reference
    characteristic: Reference | None
    quantity: str
    subtract: tuple[str, ...]
    reserved: str
    article: str
    product_fields: tuple[str, ...]
    product_filter: str
    characteristic_fields: tuple[str, ...]
    warehouse_fields: tuple[str, ...]
    barcodes: BarcodeFields | None = None
    dimensions: tuple[str, ...] = field(default=())

    @property
    def balance_fields(self) -> list[str]:
        """The fields of a balance's row that are read."""
        references = [self.product, self.warehouse, *filter(None, [self.characteristic])]
        names: list[str] = []
        for reference in references:
            names += [reference.name, f"{reference.name}_Type"] if reference.composite else [reference.name]
        return [*names, self.quantity, *self.subtract, *filter(None, [self.reserved])]


def make_plan(settings: OdataSettings, schema: Schema) -> tuple[Plan, list[Lack]]:
    """Return what to ask for, and what is not there; with a lack the plan must not be followed."""
    return _Planning(settings, schema).plan()


class _Planning:
    def __init__(self, settings: OdataSettings, schema: Schema) -> None:
        self._settings = settings
        self._schema = schema
        self._names: Names = settings.names
        self._lacks: list[Lack] = []

    def plan(self) -> tuple[Plan, list[Lack]]:
        names, template = self._names, self._settings.template
        balance = self._balance()
        divided = template.by_characteristic and bool(names.characteristic_dimension)
        dimensions = [names.product_dimension, names.warehouse_dimension]
        characteristic = None
        if divided:
            dimensions.append(names.characteristic_dimension)
            characteristic = self._reference(
                balance, "characteristic_dimension", names.characteristic_catalogue
            )
        article = names.article_property if "article" in template.fields else ""
        products = self._list("product_catalogue", names.product_catalogue)
        warehouses = self._list("warehouse_catalogue", names.warehouse_catalogue)
        for setting, name in (("article_property", article), ("sku", "Code" * ("code" in template.fields))):
            if name and products and name not in products:
                self._lacks.append(
                    self._no_field(setting, f"Catalog_{names.product_catalogue}", name, products)
                )
        characteristics: tuple[str, ...] = ()
        if template.fields & {"characteristic", "characteristic_code"}:
            characteristics = self._characteristics(wants_code="characteristic_code" in template.fields)
        plan = Plan(
            f"AccumulationRegister_{names.register}",
            self._reference(balance, "product_dimension", names.product_catalogue),
            self._reference(balance, "warehouse_dimension", names.warehouse_catalogue),
            characteristic,
            self._resource(balance, "quantity_resource", names.quantity_resource),
            tuple(self._resource(balance, "subtract_resources", name) for name in names.subtract_resources),
            self._resource(balance, "reserved_resource", names.reserved_resource),
            article,
            tuple(
                filter(
                    None, ("Ref_Key", "DeletionMark", article, "Code" if "code" in template.fields else "")
                )
            ),
            # Groups stand in the same list as products, where the catalogue has any.
            "IsFolder eq false" if "IsFolder" in products or not products else "",
            characteristics,
            tuple(
                name
                for name in ("Ref_Key", "Description", "DeletionMark", "IsFolder", "Parent_Key")
                if name in warehouses or not warehouses
            ),
            self._barcodes() if "barcode" in template.fields else None,
            tuple(dimensions),
        )
        return plan, self._lacks

    def _balance(self) -> dict[str, str]:
        schema, register = self._schema, self._names.register
        entity = f"AccumulationRegister_{register}"
        if entity not in schema.entities:
            there = [
                name for name in schema.names("AccumulationRegister_") if not name.endswith("_RecordType")
            ]
            message = f"{entity} is not published by OData ({_nearest(register, there, 'registers')})"
            mend = _PUBLISH.format("register")
            self._lacks.append(
                Lack("register", message, _REMOVED if register == "СвободныеОстатки" else mend)
            )
            return {}
        functions = schema.functions.get(entity, frozenset())
        if functions and "Balance" not in functions:
            message = (
                f"{entity} keeps turnovers and has no balance (its functions: {', '.join(sorted(functions))})"
            )
            self._lacks.append(
                Lack("register", message, "name the register that keeps the stock in the setting register")
            )
        return dict(schema.balances.get(entity, {}))

    def _list(self, setting: str, name: str) -> dict[str, str]:
        fields = self._schema.entities.get(f"Catalog_{name}")
        if fields is None:
            there = self._schema.names("Catalog_")
            message = f"Catalog_{name} is not published by OData ({_nearest(name, there, 'catalogues')})"
            self._lacks.append(Lack(setting, message, _PUBLISH.format(setting)))
            return {}
        return dict(fields)

    def _characteristics(self, *, wants_code: bool) -> tuple[str, ...]:
        catalogue = self._names.characteristic_catalogue
        fields = self._list("characteristic_catalogue", catalogue)
        if wants_code and fields and "Code" not in fields:
            self._lacks.append(self._no_field("sku", f"Catalog_{catalogue}", "Code", fields))
        return ("Ref_Key", "Description", "Code") if wants_code else ("Ref_Key", "Description")

    def _reference(self, balance: dict[str, str], setting: str, catalogue: str) -> Reference:
        name = getattr(self._names, setting)
        kind = f"Catalog_{catalogue}"
        if not balance or f"{name}_Key" in balance:
            # Where the document says nothing of the balance's fields, they are called as everywhere.
            return Reference(f"{name}_Key", kind)
        if name in balance and f"{name}_Type" in balance:
            return Reference(name, kind, composite=True)
        dimensions = [field.removesuffix("_Key") for field in balance if field.endswith("_Key")]
        there = _nearest(name, dimensions, "dimensions")
        message = f"AccumulationRegister_{self._names.register} has no dimension {name} ({there})"
        self._lacks.append(Lack(setting, message, f"name it in the setting {setting}"))
        return Reference(f"{name}_Key", kind)

    def _resource(self, balance: dict[str, str], setting: str, name: str) -> str:
        if name and balance and f"{name}{_RESOURCE}" not in balance:
            resources = [field.removesuffix(_RESOURCE) for field in balance if field.endswith(_RESOURCE)]
            there = _nearest(name, resources, "resources")
            message = f"AccumulationRegister_{self._names.register} has no resource {name} ({there})"
            self._lacks.append(Lack(setting, message, f"name it in the setting {setting}"))
        return f"{name}{_RESOURCE}" if name else ""

    def _barcodes(self) -> BarcodeFields | None:
        names = self._names
        entity = f"InformationRegister_{names.barcode_register}"
        fields = self._schema.entities.get(entity)
        if fields is None:
            there = self._schema.names("InformationRegister_")
            nearest = _nearest(names.barcode_register, there, "registers")
            message = f"{entity} is not published by OData ({nearest})"
            self._lacks.append(Lack("barcode_register", message, _PUBLISH.format("barcode_register")))
            return None
        if "Штрихкод" not in fields:
            self._lacks.append(self._no_field("barcode_register", entity, "Штрихкод", fields))
        kind = f"Catalog_{names.product_catalogue}"
        product = None
        for name in (names.product_dimension, "Номенклатура", "Владелец"):
            if f"{name}_Key" in fields:
                product = product or Reference(f"{name}_Key", kind)
            elif name in fields and f"{name}_Type" in fields:
                product = product or Reference(name, kind, composite=True)
        if product is None:
            self._lacks.append(
                self._no_field("barcode_register", entity, f"{names.product_dimension}_Key", fields)
            )
            return None
        own = (names.characteristic_dimension, "Характеристика", "ХарактеристикаНоменклатуры")
        return BarcodeFields(
            entity,
            product,
            next((f"{name}_Key" for name in own if f"{name}_Key" in fields), ""),
            next((name for name in ("Упаковка_Key", "ЕдиницаИзмерения_Key") if name in fields), ""),
        )

    def _no_field(self, setting: str, entity: str, name: str, fields: Iterable[str]) -> Lack:
        there = _nearest(name, list(fields), "fields")
        return Lack(setting, f"{entity} has no field {name} ({there})", f"mend the setting {setting}")


def _nearest(wrong: str, there: Sequence[str], what: str) -> str:
    near = get_close_matches(wrong, there, n=3, cutoff=0.6)
    if near:
        return f"there is {', '.join(near)}"
    listed = ", ".join(there[:12]) + (", …" if len(there) > 12 else "")
    return f"the {what} there are: {listed}" if there else f"there are no {what}"
