"""The seller of the machine: four products and a kit, three own warehouses, three accounts.

Small on purpose: what goes wrong with ten thousand listings goes wrong with ten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

__all__ = ["CAP", "LISTINGS", "PRODUCTS", "ROWS", "SHARED", "SINKS", "SKUS", "Offer", "Pair", "advertise"]

SKUS = ("A", "B", "C", "D")

ROWS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "erp": (*((sku, "main") for sku in SKUS), ("A", "msk"), ("C", "msk")),
    "supplier": (("A", "far"), ("C", "far")),
}
"""By source, what it speaks of: products in own warehouses."""

PRODUCTS = "sku,components,wb.pack\nK,A:1 B:2,\nB,,2\n"
"""The products file: a kit, and a product that one account sells in packs."""

CAP = 4
"""So many units of a product carts may take."""


@frozen
class Offer:
    """What one listing takes, and which own warehouses feed it."""

    takes: Mapping[str, int]
    feeds: tuple[str, ...]


Pair = tuple[str, str, str]
"""A listing: sink, its external id, its sink warehouse."""

LISTINGS: Mapping[Pair, Offer] = {
    **{("ozon", sku, "o1"): Offer({sku: 1}, ("main", "msk")) for sku in SKUS},
    ("ozon", "C", "o2"): Offer({"C": 1}, ("main",)),
    ("wb", "B", "w1"): Offer({"B": 2}, ("main",)),
    ("wb", "C", "w1"): Offer({"C": 1}, ("main",)),
    ("wb", "C", "w2"): Offer({"C": 1}, ("msk", "far")),
    ("wb", "A", "w2"): Offer({"A": 1}, ("msk", "far")),
    ("kits", "K", "k"): Offer({"A": 1, "B": 2}, ("main",)),
}

SINKS = ("ozon", "wb", "kits")

SHARED = (("ozon", "C", "o1"), ("ozon", "C", "o2"))
"""Two listings of one account that are fed by the same."""


def advertise(buffer: Mapping[str, Any], available: int) -> int:
    """What a buffer lets through, in the plainest words."""
    kept = 0 if buffer.get("policy") == "all" else buffer.get("absolute", 2)
    return max(min(available - kept, buffer.get("cap", available)), 0)
