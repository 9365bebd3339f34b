"""Wildberries' JSON to values and back; nothing vendor-shaped leaves this module.

Pure. Key spelling matters more than usual: stocks say `chrtId`, cards say `chrtID`, and PUT
/api/v3/stocks answers 204 to a body whose names it does not know, and stores nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from mpstock_wb.words import as_text, content_words

__all__ = [
    "Card",
    "CardPage",
    "Size",
    "WarehouseRow",
    "as_id",
    "cards_body",
    "ids_body",
    "read_cards",
    "read_stocks",
    "read_warehouses",
    "stocks_body",
]


@frozen
class Size:
    """One size of a card, which is what has a stock. `name` is its `techSize`, `0` where it has none."""

    chrt_id: int
    name: str
    barcodes: tuple[str, ...]
    wb_size: str = ""


@frozen
class Card:
    """One card; `faults` are its sizes that could not be read, in words."""

    nm_id: int | None
    vendor_code: str
    sizes: tuple[Size, ...]
    faults: tuple[str, ...] = ()


@frozen
class CardPage:
    """One page of cards, and where the next one starts (None where the answer does not say)."""

    cards: tuple[Card, ...]
    total: int
    updated_at: str | None
    nm_id: int | None
    faults: tuple[str, ...] = ()


@frozen
class WarehouseRow:
    """One of the seller's warehouses at Wildberries."""

    id: int
    name: str
    cargo: int | None
    delivery: int | None
    deleting: bool
    processing: bool


def as_id(value: Any) -> int | None:
    """Return a Wildberries number: a positive int, also where it comes as text; else None."""
    if isinstance(value, int):
        return value if value > 0 and type(value) is not bool else None
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.isdigit():
        return int(value) or None
    return None


def stocks_body(amounts: Mapping[int, int]) -> dict[str, Any]:
    """Return the body of PUT /api/v3/stocks/{warehouseId} for quantities by size."""
    return {"stocks": [{"chrtId": chrt_id, "amount": amount} for chrt_id, amount in amounts.items()]}


def ids_body(ids: Sequence[int]) -> dict[str, Any]:
    """Return the body of POST and of DELETE /api/v3/stocks/{warehouseId}."""
    return {"chrtIds": list(ids)}


def cards_body(
    limit: int, updated_at: str | None, nm_id: int | None, text: str | None = None
) -> dict[str, Any]:
    """Return the body of POST /content/v2/get/cards/list, oldest change first.

    `text` finds cards by a barcode, the seller's article or the nmID.
    `withPhoto` is always said: its default changed its meaning in June 2026.
    """
    cursor: dict[str, Any] = {"limit": limit}
    if updated_at is not None:
        cursor["updatedAt"] = updated_at
    if nm_id is not None:
        cursor["nmID"] = nm_id
    chosen: dict[str, Any] = {"withPhoto": -1}
    if text is not None:
        chosen["textSearch"] = text
    return {"settings": {"sort": {"ascending": True}, "cursor": cursor, "filter": chosen}}


def read_stocks(data: Any) -> dict[int, int | None]:
    """Return amounts by size, of an answer to POST /api/v3/stocks/{warehouseId}.

    A row without a usable amount, or with two different ones, is None: known, quantity unknown.

    Raises:
        ValueError: it is not such an answer; says what is wrong.
    """
    rows = data.get("stocks") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise ValueError("the answer has no list `stocks`")
    shown: dict[int, int | None] = {}
    for index, row in enumerate(rows):
        chrt_id = as_id(row.get("chrtId")) if isinstance(row, dict) else None
        if chrt_id is None:
            # A row that cannot be told apart may be any of those asked for, so no absence means zero.
            raise ValueError(f"row {index} of `stocks` has no usable `chrtId`")
        amount = row.get("amount")
        quantity = amount if isinstance(amount, int) and not isinstance(amount, bool) else None
        known = shown.setdefault(chrt_id, quantity)
        if known != quantity:
            shown[chrt_id] = None
    return shown


def read_warehouses(data: Any) -> list[WarehouseRow]:
    """Return the warehouses, of an answer to GET /api/v3/warehouses.

    Raises:
        ValueError: it is not such an answer; says what is wrong.
    """
    if not isinstance(data, list):
        raise ValueError("the answer is not a list of warehouses")
    warehouses = []
    for index, row in enumerate(data):
        number = as_id(row.get("id")) if isinstance(row, dict) else None
        if number is None:
            raise ValueError(f"row {index} of the warehouses has no usable `id`")
        warehouses.append(
            WarehouseRow(
                id=number,
                name=as_text(row.get("name")),
                cargo=as_id(row.get("cargoType")),
                delivery=as_id(row.get("deliveryType")),
                deleting=row.get("isDeleting") is True,
                processing=row.get("isProcessing") is True,
            )
        )
    return warehouses


def read_cards(data: Any) -> CardPage:
    """Return one page, of an answer to POST /content/v2/get/cards/list.

    Raises:
        ValueError: it is not such an answer; says what is wrong.
    """
    if not isinstance(data, dict):
        raise ValueError("the answer is not an object")
    if data.get("error") is True:
        raise ValueError(content_words(data) or "it says that there was an error, and not which")
    rows, cursor = data.get("cards"), data.get("cursor")
    if not isinstance(rows, list):
        raise ValueError("the answer has no list `cards`")
    if not isinstance(cursor, dict):
        raise ValueError("the answer has no `cursor`")
    total = cursor.get("total")
    if not isinstance(total, int) or isinstance(total, bool):
        raise ValueError("the answer's `cursor` has no number `total`")
    cards: list[Card] = []
    faults: list[str] = []
    for index, row in enumerate(rows):
        if isinstance(row, dict):
            cards.append(_card(row))
        else:
            faults.append(f"card {index} of the page is no object")
    return CardPage(
        cards=tuple(cards),
        total=total,
        updated_at=as_text(cursor.get("updatedAt")) or None,
        nm_id=as_id(cursor.get("nmID")),
        faults=tuple(faults),
    )


def _card(row: Mapping[str, Any]) -> Card:
    sizes: list[Size] = []
    faults: list[str] = []
    raw = row.get("sizes")
    for index, size in enumerate(raw if isinstance(raw, list) else ()):
        chrt_id = as_id(size.get("chrtID")) if isinstance(size, dict) else None
        if chrt_id is None:
            faults.append(f"its size {index} has no usable `chrtID`")
            continue
        barcodes = size.get("skus")
        sizes.append(
            Size(
                chrt_id=chrt_id,
                name=as_text(size.get("techSize")),
                barcodes=tuple(
                    dict.fromkeys(
                        text for text in map(as_text, barcodes if isinstance(barcodes, list) else ()) if text
                    )
                ),
                wb_size=as_text(size.get("wbSize")),
            )
        )
    return Card(
        nm_id=as_id(row.get("nmID")),
        vendor_code=as_text(row.get("vendorCode")),
        sizes=tuple(sizes),
        faults=tuple(faults) if raw else ("it has no sizes",),
    )
