"""Which listings are nearly a product's: the same article, written a little differently.

The one who mapped them by hand typed a Cyrillic А for a Latin A, left out a hyphen, or let a spreadsheet eat
the zeros in front. What is proposed is proposed to a person: nothing is mapped by likeness alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from mpstock.ledger.listings import ListingGap

__all__ = ["NearMatch", "near_matches", "written_alike"]

_ALIKE = str.maketrans("авекмнорстухі", "abekmhopctyxi")
"""Cyrillic letters that look like Latin ones, in lower case."""


_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")


@frozen
class NearMatch:
    """A listing that may be a product's. `key` and `value` are what maps it in the products file."""

    sku: str
    external_id: str
    article: str
    key: str
    value: str


def written_alike(article: str) -> str:
    """Return what articles have in common that look the same to a hurried reader."""
    text = unicodedata.normalize("NFKC", article).casefold().translate(_ALIKE)
    return re.sub(r"[\W_]+", "", _ZEROS.sub("", text))


def near_matches(
    skus: Iterable[str], taken: Collection[str], gaps: Sequence[ListingGap], keys: Sequence[str]
) -> list[NearMatch]:
    """Return those listings without a product that are like exactly one product, and it like no other.

    `skus` are all products, `taken` those that are sold here already; `keys` are the names by which the
    products file can map, the best first.
    """
    products: dict[str, set[str]] = defaultdict(set)
    for sku in skus:
        products[written_alike(sku)].add(sku)
    listings: dict[str, dict[str, tuple[str, ListingGap]]] = defaultdict(dict)
    for gap in gaps:
        for article in gap.skus:
            # An offer in several warehouses is one offer.
            listings[written_alike(article)].setdefault(gap.external_id, (article, gap))
    found: list[NearMatch] = []
    for like, offers in listings.items():
        if not like or len(offers) != 1 or len(products.get(like, ())) != 1:
            continue
        (sku,), ((article, gap),) = products[like], offers.values()
        mapped_by = next(((key, gap.keys[key][0]) for key in keys if gap.keys.get(key)), None)
        if mapped_by is not None and sku not in taken:
            found.append(NearMatch(sku, gap.external_id, article, *mapped_by))
    return found
