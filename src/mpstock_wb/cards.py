"""Cards to listings, and the bookmark with which a walk over the cards goes on.

A card holds sizes; a size (`chrtID`) is what has a stock, so a listing is a size in one warehouse.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from string import Formatter
from typing import Any, Literal

from attrs import frozen

from mpstock import Listing
from mpstock_wb.wire import Card, Size, as_id

__all__ = ["Bookmark", "MatchBy", "listings_of", "several_sizes", "sku_of"]

MatchBy = Literal["vendor_code", "barcode", "vendor_code_size"]


@frozen
class Bookmark:
    """Where a walk over the cards ended, when the last full one began, and what it was made for.

    `made_for` names account, warehouses and matching: listings kept for other settings are no start.
    """

    full_at: datetime
    made_for: str
    updated_at: str | None = None
    nm_id: int | None = None

    def text(self) -> str:
        """Return it as the core keeps it."""
        return json.dumps(
            {
                "full_at": self.full_at.isoformat(),
                "made_for": self.made_for,
                "updatedAt": self.updated_at,
                "nmID": self.nm_id,
            },
            ensure_ascii=False,
        )

    @classmethod
    def of(cls, text: str | None) -> Bookmark | None:
        """Return the kept one, or None where there is none or it cannot be read."""
        try:
            data: Any = json.loads(text or "")
            full_at = datetime.fromisoformat(data["full_at"])
            made_for, updated_at = data["made_for"], data["updatedAt"]
            nm_id = as_id(data["nmID"])
        except (ValueError, KeyError, TypeError):
            return None
        if not isinstance(made_for, str) or not (updated_at is None or isinstance(updated_at, str)):
            return None
        return cls(
            full_at=full_at if full_at.tzinfo else full_at.replace(tzinfo=UTC),
            made_for=made_for,
            updated_at=updated_at,
            nm_id=nm_id,
        )

    def serves(self, made_for: str, now: datetime, oldest: timedelta) -> bool:
        """Whether a walk may go on from here, or has to start from the beginning."""
        return (
            self.made_for == made_for
            and self.updated_at is not None
            and timedelta(0) <= now - self.full_at < oldest
        )


def listings_of(
    card: Card, warehouses: Sequence[str], match_by: MatchBy, sink: str, sku_format: str = ""
) -> Iterator[Listing]:
    """Yield the listings of one card: each of its sizes in each of the sink's warehouses.

    A card of several sizes keeps its vendor code out of `keys`: mapped by it, each of its sizes would
    be given the whole stock.
    """
    several = len(card.sizes) > 1
    skus, problems = _matched(card, match_by, sink, sku_format)
    for size in card.sizes:
        keys: dict[str, tuple[str, ...]] = {"chrt_id": (str(size.chrt_id),), "barcode": size.barcodes}
        if card.vendor_code and not several:
            keys["vendor_code"] = (card.vendor_code,)
        if card.nm_id is not None:
            keys["nm_id"] = (str(card.nm_id),)
        for warehouse in warehouses:
            yield Listing(
                str(size.chrt_id), warehouse, skus[size.chrt_id], keys, problems.get(size.chrt_id, "")
            )


def several_sizes(cards: Iterable[Card]) -> list[Card]:
    """Return the cards that a vendor code cannot name a size of."""
    return [card for card in cards if len(card.sizes) > 1]


def _matched(
    card: Card, match_by: MatchBy, sink: str, sku_format: str
) -> tuple[dict[int, tuple[str, ...]], dict[int, str]]:
    """Return what each size may be of the seller's own, and why a size cannot be served."""
    if match_by == "barcode":
        return {size.chrt_id: size.barcodes for size in card.sizes}, {
            size.chrt_id: f"{_name(card)}, size {size.name or size.chrt_id}: it has no barcode"
            for size in card.sizes
            if not size.barcodes
        }
    if match_by == "vendor_code_size":
        return _by_size(card, sink, sku_format)
    skus = (card.vendor_code,) if card.vendor_code else ()
    problem = _vendor_code_problem(card, sink)
    ids = [size.chrt_id for size in card.sizes]
    return dict.fromkeys(ids, skus), dict.fromkeys(ids, problem) if problem else {}


def _vendor_code_problem(card: Card, sink: str) -> str:
    if not card.vendor_code:
        return f"{_name(card)}: it has no vendor code"
    if len(card.sizes) > 1:
        return (
            f"{_name(card)} has {len(card.sizes)} sizes, and a vendor code names the card, not the size: "
            f'set match_by = "barcode" or "vendor_code_size", or map each size by the column {sink}.barcode '
            f"or {sink}.chrt_id of the products file"
        )
    return ""


def _by_size(card: Card, sink: str, sku_format: str) -> tuple[dict[int, tuple[str, ...]], dict[int, str]]:
    """As `_matched`, by vendor code and size. A card without sizes goes by its vendor code alone."""
    mend = f"map it by the column {sink}.barcode or {sink}.chrt_id of the products file"
    made = {size.chrt_id: sku_of(card, size, sku_format) for size in card.sizes}
    times = Counter(made.values())
    skus: dict[int, tuple[str, ...]] = {}
    problems: dict[int, str] = {}
    alone = len(card.sizes) == 1
    for size in card.sizes:
        sku = made[size.chrt_id]
        candidates = [sku] if sku is not None else []
        if alone and card.vendor_code:
            candidates.append(card.vendor_code)
        skus[size.chrt_id] = tuple(candidates)
        if not card.vendor_code and sku is None:
            problems[size.chrt_id] = f"{_name(card)}: it has no vendor code"
        elif not candidates:
            problems[size.chrt_id] = (
                f"{_name(card)}, size {size.name or size.chrt_id}: it lacks what sku_format = "
                f"{sku_format!r} asks for; {mend}"
            )
        elif sku is not None and times[sku] > 1:
            problems[size.chrt_id] = (
                f"{_name(card)}: sku_format = {sku_format!r} gives {times[sku]} of its sizes the same "
                f"article {sku!r}; {mend}"
            )
    return skus, problems


def sku_of(card: Card, size: Size, sku_format: str) -> str | None:
    """Return the article that a vendor code and a size make, None where the card lacks a part of it.

    A card without sizes has one with `techSize` 0, which is nobody's article.
    """
    values = {
        "vendor_code": card.vendor_code,
        "size": "" if size.name == "0" and not size.wb_size else size.name,
        "wb_size": size.wb_size,
        "nm_id": "" if card.nm_id is None else str(card.nm_id),
    }
    named = {name for _, name, _, _ in Formatter().parse(sku_format) if name is not None}
    return sku_format.format(**values) if all(values[name] for name in named) else None


def _name(card: Card) -> str:
    number = f" (nmID {card.nm_id})" if card.nm_id is not None else ""
    return f"card {card.vendor_code!r}{number}" if card.vendor_code else f"card{number}"
