"""What is in the double's infobase: products, characteristics, barcodes, warehouses, and a register."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from attrs import define, field, frozen

__all__ = ["CONFIGURATIONS", "EMPTY_REF", "Configuration", "Infobase", "Record", "ref_of"]

EMPTY_REF = "00000000-0000-0000-0000-000000000000"
_SPACE = uuid.UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")


def ref_of(kind: str, name: str) -> str:
    """Return the reference that an object has here: always the same for the same name."""
    return str(uuid.uuid5(_SPACE, f"{kind}/{name}"))


@frozen
class Configuration:
    """What one configuration calls its objects.

    `resources` are the register's resources with their types, the first of them the quantity; `dimensions`
    its dimensions with the catalogues that they refer to; `composite` those of several types.
    """

    register: str
    resources: Mapping[str, str]
    warehouse: tuple[str, str] = ("Склад", "Склады")
    characteristic: str = "Характеристика"
    other: tuple[tuple[str, str], ...] = ()
    barcodes: str = "ШтрихкодыНоменклатуры"
    composite: frozenset[str] = frozenset()

    @property
    def dimensions(self) -> dict[str, str]:
        return {
            "Номенклатура": "Номенклатура",
            self.characteristic: "ХарактеристикиНоменклатуры",
            self.warehouse[0]: self.warehouse[1],
            **dict(self.other),
        }

    @property
    def quantity(self) -> str:
        return next(iter(self.resources))


_TRADE = (("Назначение", "Назначения"), ("Помещение", "СкладскиеПомещения"), ("Серия", "СерииНоменклатуры"))

CONFIGURATIONS: Mapping[str, Configuration] = {
    "ut11": Configuration(
        "ТоварыНаСкладах", {"ВНаличии": "Edm.Double", "КОтгрузке": "Edm.Int64"}, other=_TRADE
    ),
    "ut11_free": Configuration(
        "СвободныеОстатки",
        {"ВНаличии": "Edm.Double", "ВРезервеСоСклада": "Edm.Double", "ВРезервеПодЗаказ": "Edm.Double"},
    ),
    "unf": Configuration(
        "ЗапасыНаСкладах",
        {"Количество": "Edm.Double"},
        warehouse=("СтруктурнаяЕдиница", "СтруктурныеЕдиницы"),
        other=(("Организация", "Организации"), ("Партия", "ПартииНоменклатуры"), ("Ячейка", "Ячейки")),
    ),
    "retail2": Configuration("ТоварыНаСкладах", {"Количество": "Edm.Double", "Резерв": "Edm.Double"}),
    "ut103": Configuration(
        "ТоварыНаСкладах",
        {"Количество": "Edm.Double"},
        characteristic="ХарактеристикаНоменклатуры",
        other=(("Качество", "Качество"), ("СерияНоменклатуры", "СерииНоменклатуры")),
        barcodes="Штрихкоды",
        composite=frozenset({"Владелец"}),
    ),
}


@define
class Record:
    """What the register holds for one combination of its dimensions: references and quantities by name."""

    dimensions: dict[str, str]
    resources: dict[str, Decimal]


@define
class Infobase:
    """Catalogues and the register, as rows by reference.

    `products`, `characteristics` and `warehouses` are entities with the fields of OData. `skus` says which
    product and characteristic a sku of the double is.
    """

    configuration: Configuration
    products: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]])
    characteristics: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]])
    warehouses: dict[str, dict[str, Any]] = field(factory=dict[str, dict[str, Any]])
    barcodes: list[dict[str, Any]] = field(factory=list[dict[str, Any]])
    records: dict[tuple[str, ...], Record] = field(factory=dict[tuple[str, ...], Record])
    skus: dict[str, tuple[str, str]] = field(factory=dict[str, tuple[str, str]])

    # -- catalogues ----------------------------------------------------------------------

    def add_product(self, article: str, *, name: str = "", **fields: Any) -> str:
        """Add a product; `name` tells two of one article apart. Return its reference."""
        ref = ref_of("product", name or article)
        self.products[ref] = {
            "Ref_Key": ref,
            "DataVersion": "AAAAAQAAAAA=",
            "DeletionMark": False,
            "Parent_Key": EMPTY_REF,
            "IsFolder": False,
            "Code": f"{len(self.products) + 1:09d}",
            "Description": name or article,
            "Артикул": article,
            **fields,
        }
        return ref

    def add_characteristic(self, name: str, owner: str, **fields: Any) -> str:
        """Add a characteristic of a product; return its reference."""
        ref = ref_of("characteristic", f"{owner}/{name}")
        self.characteristics[ref] = {
            "Ref_Key": ref,
            "DeletionMark": False,
            "Owner": owner,
            "Owner_Type": "StandardODATA.Catalog_Номенклатура",
            "Code": f"{len(self.characteristics) + 1:09d}",
            "Description": name,
            **fields,
        }
        return ref

    def add_warehouse(self, name: str, **fields: Any) -> str:
        """Add a warehouse or, with `IsFolder=True`, a group of them; return its reference."""
        ref = ref_of("warehouse", name)
        self.warehouses[ref] = {
            "Ref_Key": ref,
            "DeletionMark": False,
            "Parent_Key": EMPTY_REF,
            "IsFolder": False,
            "Code": f"{len(self.warehouses) + 1:09d}",
            "Description": name,
            **fields,
        }
        return ref

    def add_barcode(
        self, code: str, product: str, characteristic: str = EMPTY_REF, package: str = ""
    ) -> None:
        """Add a record to the register of barcodes."""
        self.barcodes.append(
            {
                "Штрихкод": code,
                "Номенклатура_Key": product,
                "Владелец": product,
                "Владелец_Type": "StandardODATA.Catalog_Номенклатура",
                f"{self.configuration.characteristic}_Key": characteristic,
                "Упаковка_Key": package or EMPTY_REF,
            }
        )

    # -- the register --------------------------------------------------------------------

    def record(self, product: str, characteristic: str, warehouse: str, **other: str) -> Record:
        """Return the record of these dimensions, a new one with zeros if there is none."""
        names = self.configuration
        refs = dict.fromkeys(names.dimensions, EMPTY_REF)
        refs |= {"Номенклатура": product, names.characteristic: characteristic, names.warehouse[0]: warehouse}
        refs |= other
        key = tuple(refs.values())
        found = self.records.get(key)
        if found is None:
            found = self.records[key] = Record(refs, dict.fromkeys(names.resources, Decimal(0)))
        return found

    def of_sku(self, sku: str) -> tuple[str, str]:
        """Return product and characteristic of a sku; an unknown one becomes a product of that article."""
        found = self.skus.get(sku)
        if found is None:
            found = self.skus[sku] = (self.add_product(sku), EMPTY_REF)
        return found

    def balance(self, dimensions: Sequence[str], records: Iterator[Record]) -> Iterator[Record]:
        """Add records up by these dimensions; a balance has no rows in which all is zero."""
        sums: dict[tuple[str, ...], dict[str, Decimal]] = {}
        for record in records:
            key = tuple([record.dimensions[name] for name in dimensions])
            total = sums.get(key)
            if total is None:
                sums[key] = dict(record.resources)
            else:
                for name, value in record.resources.items():
                    total[name] += value
        for key, total in sums.items():
            if any(total.values()):
                yield Record(dict(zip(dimensions, key, strict=True)), total)
