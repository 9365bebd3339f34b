"""YML, the format of Yandex Market: a stream → offers with what is said of their stock. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, BinaryIO

from attrs import define, field

from mpstock_files.unpacking import BrokenListError

__all__ = ["YmlOffer", "offers"]

# lxml brings no types.
_etree: Any = import_module("lxml.etree")


@define
class YmlOffer:
    """An <offer>. `count` and `outlets` are texts as they stand there; None where there is none.

    `disabled` is the seller's word that it is not sold now. `available` is not read: it says whether an
               offer is
    ready or made to order, and no number.
    """

    line: int
    id: str = ""
    vendor_code: str = ""
    barcode: str = ""
    count: str | None = None
    outlets: list[tuple[str, str]] = field(factory=list[tuple[str, str]])
    disabled: bool = False


def offers(stream: BinaryIO) -> Iterator[YmlOffer]:
    """Yield the offers one by one. Neither a DTD nor an entity is fetched.

    Nothing may be done with them before the walk has ended: only the end shows that the list is whole.

    Raises:
        BrokenListError: it is no YML, or is cut off.
    """
    root = ""
    try:
        events = _etree.iterparse(
            stream,
            events=("end",),
            tag=("{*}offer", "{*}yml_catalog"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        for _, node in events:
            if not root:
                root = _local(node.getroottree().getroot())
                if root != "yml_catalog":
                    raise BrokenListError(
                        f"it begins with <{root}> and is no YML, which begins with <yml_catalog>"
                    )
            if _local(node) == "offer":
                yield _offer(node)
                node.clear(keep_tail=False)
                while node.getprevious() is not None:
                    del node.getparent()[0]
    except _etree.XMLSyntaxError as error:
        said = str(error.msg or error)
        raise BrokenListError(f"it is no whole XML ({said}); it may be cut off") from None
    if not root:
        raise BrokenListError("it is XML without <yml_catalog>, so it is no YML")


def _local(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]


def _offer(node: Any) -> YmlOffer:
    offer = YmlOffer(node.sourceline or 0, (node.get("id") or "").strip())
    offer.disabled = (node.get("disabled") or node.get("deleted") or "").strip().casefold() == "true"
    for child in node:
        if type(child.tag) is not str:
            continue
        name = child.tag.rpartition("}")[2]
        if name == "vendorCode":
            offer.vendor_code = _text(child)
        elif name == "barcode":
            offer.barcode = offer.barcode or _text(child)
        elif name == "count":
            offer.count = _text(child)
        elif name == "outlets":
            offer.outlets += [
                ((one.get("id") or "").strip(), (one.get("instock") or "").strip())
                for one in child
                if type(one.tag) is str and _local(one) == "outlet"
            ]
        elif name == "disabled":
            offer.disabled = offer.disabled or _text(child).casefold() == "true"
    return offer


def _text(node: Any) -> str:
    if len(node) and any(child.tag is _etree.Entity for child in node):
        raise BrokenListError(
            f"line {node.sourceline} makes use of an entity in <{_local(node)}>, and entities are not "
            f"followed"
        )
    return (node.text or "").strip()
