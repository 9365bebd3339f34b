"""What the objects that hold stock are called in 1C's configurations."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

__all__ = ["PRESETS", "Names"]


@frozen
class Names:
    """The names of one configuration, as its metadata has them, in Russian and without prefixes.

    `register`            the accumulation register whose balance is read.
    `quantity_resource`   its resource with the quantity.
    `subtract_resources`  resources that are taken off the quantity, never added to it.
    `reserved_resource`   the resource with what is reserved; empty = the register tells no reserve.
    `…_dimension`         its dimensions; an empty `characteristic_dimension` = it has none.
    `…_catalogue`         the catalogues that these dimensions refer to.
    `barcode_register`    the information register of barcodes.
    `article_property`    the attribute of a product with its article.
    """

    register: str = ""
    quantity_resource: str = ""
    subtract_resources: tuple[str, ...] = ()
    reserved_resource: str = ""
    product_dimension: str = "Номенклатура"
    warehouse_dimension: str = "Склад"
    characteristic_dimension: str = "Характеристика"
    product_catalogue: str = "Номенклатура"
    warehouse_catalogue: str = "Склады"
    characteristic_catalogue: str = "ХарактеристикиНоменклатуры"
    barcode_register: str = "ШтрихкодыНоменклатуры"
    article_property: str = "Артикул"


_UT11 = Names("ТоварыНаСкладах", "ВНаличии", ("КОтгрузке",))

PRESETS: Mapping[str, Names] = {
    "ut11": _UT11,
    "ka2": _UT11,
    "erp2": _UT11,
    # Of УТ 11, КА 2 and ERP 2 alike, as long as they have it: removed in УТ 11.5.7 and ERP 2.5.7.
    "ut11_free": Names("СвободныеОстатки", "ВНаличии", ("ВРезервеПодЗаказ",), "ВРезервеСоСклада"),
    "unf": Names(
        "ЗапасыНаСкладах",
        "Количество",
        warehouse_dimension="СтруктурнаяЕдиница",
        warehouse_catalogue="СтруктурныеЕдиницы",
    ),
    "retail2": Names("ТоварыНаСкладах", "Количество", reserved_resource="Резерв"),
    "ut103": Names(
        "ТоварыНаСкладах",
        "Количество",
        characteristic_dimension="ХарактеристикаНоменклатуры",
        barcode_register="Штрихкоды",
    ),
}
"""By the value of the setting `preset`."""
