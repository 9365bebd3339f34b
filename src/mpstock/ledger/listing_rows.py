"""The listings that the ledger keeps, as the sinks take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from mpstock.ledger.database import each_from_json
from mpstock.model import Listing

__all__ = ["ObservedRow", "listings_of", "observed_rows"]


@frozen
class ObservedRow:
    """A listing to read back, with what the sink needs to find it."""

    id: int
    listing: Listing


def observed_rows(rows: Sequence[Sequence[Any]]) -> list[ObservedRow]:
    """Return what is to be read back from (state, external id, sink warehouse, skus, keys)."""
    listings = listings_of([row[1:] for row in rows])
    return [ObservedRow(row[0], listing) for row, listing in zip(rows, listings, strict=True)]


def listings_of(rows: Sequence[Sequence[Any]]) -> list[Listing]:
    """Return listings from (external id, sink warehouse, skus, keys), as the ledger keeps them."""
    skus, keys = each_from_json([row[2] for row in rows]), each_from_json([row[3] for row in rows])
    return [
        Listing(row[0], row[1], tuple(of_row), named)
        for row, of_row, named in zip(rows, skus, keys, strict=True)
    ]
