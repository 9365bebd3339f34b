"""CommerceML 2.0x: a stream → goods, offers and what is said of them all. Pure: no folder, no network.

Read are `import.xml` (goods), `offers.xml` (offers, until scheme 2.07 with quantities) and `rests.xml`
(quantities, from scheme 2.08 on). What senders do differently from the scheme is said where it is dealt with.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from attrs import define, field

from mpstock_onec import commerceml_xml as xml

__all__ = ["Offer", "Package", "Product", "Stores", "read"]

Stores = list[tuple[str, str]]
"""Ids of stores with the text of what is there; an empty text says nothing."""


@define
class Package:
    """What a file says of all that is in it; whole once the walk over it has ended.

    `changes_only` is СодержитТолькоИзменения, None where the file does not say. `formed_at` is
    ДатаФормирования (with ВремяФормирования) as written. `stores` are names of stores by id.
    `offers` and `products` count what was in it, `quantities` the offers that state a number.
    """

    changes_only: bool | None = None
    formed_at: str = ""
    stores: dict[str, str] = field(factory=dict[str, str])
    offers: int = 0
    products: int = 0
    quantities: int = 0

    @property
    def full(self) -> bool:
        """Whether it tells everything: what it does not say otherwise is full (CommerceML 2.0x)."""
        return not self.changes_only


@define
class Product:
    """A Товар of the catalogue."""

    id: str
    article: str
    barcode: str
    characteristic: str
    deleted: bool


@define
class Offer:
    """A Предложение, with what it says of quantities, as it is written.

    `id` is `product#characteristic`, or the product's alone. `stores` come from
    Остатки/Остаток/Склад, else from <Склад ИдСклада> or <Склады ИдСклада>; `total` from
    Остатки/Остаток/Количество, else from Количество; None where there is none. A total is never to be
    added to the stores: it counts the same units. `number` counts offers from 1.
    """

    number: int
    id: str
    article: str = ""
    barcode: str = ""
    characteristic: str = ""
    deleted: bool = False
    total: str | None = None
    stores: Stores = field(factory=list[tuple[str, str]])


_WALKED = ("Предложение", "Товар", "СодержитТолькоИзменения", "Склады", "КоммерческаяИнформация")
_YES, _NO = ("true", "1", "да", "истина"), ("false", "0", "нет", "ложь")


def read(stream: BinaryIO, package: Package) -> Iterator[Offer | Product]:
    """Yield what is in a file one by one, and write into `package` what it says of all.

    Nothing may be done with it before the walk has ended: only the end shows that the file is whole.

    Raises:
        mpstock_onec.commerceml_xml.BrokenFileError: it is no CommerceML, or is cut off.
    """
    root: xml.Node = None
    holder: xml.Node = None
    for name, node in xml.walk(stream, _WALKED):
        if root is None:
            root = _begin(package, node)
        if name in ("Предложение", "Товар"):
            above = node.getparent()
            above = None if above is None else above.getparent()
            if above is not holder:
                holder = above
                _hold(package, holder)
        if name == "Предложение":
            package.offers += 1
            yield _offer(node, package)
        elif name == "Товар":
            # A document's goods have the same name and are no catalogue.
            if holder is not None and xml.local(holder) == "Каталог":
                package.products += 1
                yield _product(node)
        elif name == "Склады":
            if xml.attribute(node, "ИдСклада") is None:
                _stores(node, package)
        elif name == "СодержитТолькоИзменения":
            _changes(package, xml.text(node))
    if root is None:
        raise xml.BrokenFileError("it has no <КоммерческаяИнформация>, so it is no CommerceML")


def _begin(package: Package, node: xml.Node) -> xml.Node:
    root = node.getroottree().getroot()
    if xml.local(root) != "КоммерческаяИнформация":
        raise xml.BrokenFileError(f"it begins with <{xml.local(root)}> and is no CommerceML")
    date = (xml.attribute(root, "ДатаФормирования") or "").strip()
    time = (xml.attribute(root, "ВремяФормирования") or "").strip()
    package.formed_at = f"{date}T{time}" if time and "T" not in date else date
    _changes(package, xml.attribute(root, "СодержитТолькоИзменения") or "")
    return root


def _hold(package: Package, holder: xml.Node) -> None:
    """Take in what the package or catalogue says of itself before its first offer."""
    if holder is None:
        return
    if xml.local(holder) == "ИзмененияПакетаПредложений":
        package.changes_only = True
    _changes(package, xml.attribute(holder, "СодержитТолькоИзменения") or "")


def _changes(package: Package, said: str) -> None:
    word = said.strip().casefold()
    if word in _YES:
        package.changes_only = True
    elif word in _NO:
        # Of two statements the careful one counts: what is missing from changes is unchanged.
        package.changes_only = package.changes_only or False
    elif word:
        raise xml.BrokenFileError(f"its СодержитТолькоИзменения is {said!r} and neither true nor false")


def _stores(node: xml.Node, package: Package) -> None:
    for name, store in xml.children(node):
        if name == "Склад":
            told = {key: child for key, child in xml.children(store) if key in ("Ид", "Наименование")}
            if len(told) == 2 and (identifier := xml.text(told["Ид"])):
                package.stores[identifier] = xml.text(told["Наименование"]) or identifier


def _product(node: xml.Node) -> Product:
    product = Product("", "", "", "", _deleted(node))
    for name, child in xml.children(node):
        _describe(product, name, child)
    return product


def _offer(node: xml.Node, package: Package) -> Offer:
    offer = Offer(package.offers, "", deleted=_deleted(node))
    rests: Stores = []
    attributes: Stores = []
    rest_total: str | None = None
    for name, child in xml.children(node):
        if name == "Остатки":
            rest_total = _rests(child, rests) or rest_total
        elif name in ("Склад", "Склады"):
            # Склады is the name in the scheme's ИзмененияПакетаПредложений, Склад elsewhere; both are seen.
            if (store := xml.attribute(child, "ИдСклада")) is not None:
                attributes.append((store.strip(), (xml.attribute(child, "КоличествоНаСкладе") or "").strip()))
            else:
                attributes += [_store(inner) for kind, inner in xml.children(child) if kind == "Склад"]
        elif name == "Количество":
            offer.total = xml.text(child)
        else:
            _describe(offer, name, child)
    offer.stores = rests or attributes
    if rest_total is not None:
        offer.total = rest_total
    if offer.total or any(said for _, said in offer.stores):
        package.quantities += 1
    return offer


def _describe(one: Offer | Product, name: str, child: xml.Node) -> None:
    if name == "Ид":
        one.id = xml.text(child)
    elif name == "Артикул":
        one.article = xml.text(child)
    elif name == "Штрихкод":
        one.barcode = one.barcode or xml.text(child)
    elif name == "ХарактеристикиТовара":
        one.characteristic = _characteristic(child)
    elif name == "Статус":
        one.deleted = one.deleted or xml.text(child).casefold() == "удален"
    elif name == "ПометкаУдаления":
        one.deleted = one.deleted or xml.text(child).casefold() in _YES


def _rests(node: xml.Node, stores: Stores) -> str | None:
    """Add what Остатки tells of stores, and return what it tells without one."""
    total: str | None = None
    for kind, rest in xml.children(node):
        if kind == "Остаток":
            for inner, what in xml.children(rest):
                if inner == "Склад":
                    stores.append(_store(what))
                elif inner == "Количество":
                    total = xml.text(what)
    return total


def _store(node: xml.Node) -> tuple[str, str]:
    said = {"Ид": xml.attribute(node, "ИдСклада") or "", "Количество": ""}
    for name, child in xml.children(node):
        if name in said:
            said[name] = xml.text(child)
    return said["Ид"].strip(), said["Количество"] or (xml.attribute(node, "КоличествоНаСкладе") or "").strip()


def _characteristic(node: xml.Node) -> str:
    """Return the values (`42, красный`), or the names where a sender writes nothing but names."""
    values: list[str] = []
    names: list[str] = []
    for kind, one in xml.children(node):
        if kind == "ХарактеристикаТовара":
            for name, child in xml.children(one):
                if name == "Значение" and (said := xml.text(child)):
                    values.append(said)
                elif name == "Наименование" and (said := xml.text(child)):
                    names.append(said)
    return ", ".join(values or names)


def _deleted(node: xml.Node) -> bool:
    # Both are seen as an attribute and as an element.
    if not node.attrib:
        return False
    return (xml.attribute(node, "Статус") or "").strip().casefold() == "удален" or (
        xml.attribute(node, "ПометкаУдаления") or ""
    ).strip().casefold() in _YES
