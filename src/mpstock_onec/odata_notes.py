"""What one reading has to tell: a few rows of each kind with their places, and how many more there are."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from mpstock import Problem

__all__ = ["MOST_TOLD", "Notes"]

MOST_TOLD = 20
"""Rows of one kind that are told each by itself; a whole catalogue without articles is one sentence more."""

_REST = {
    "nameless": (
        "sku",
        "of products without a sku; fill in what the setting sku is made of, if they are sold online",
    ),
    "deleted": ("DeletionMark", "of products that are marked for deletion and left out"),
    "stray": ("Ref_Key", "of products or warehouses that their catalogues do not have"),
    "excluded": ("warehouse", "in warehouses that are marked for deletion and left out"),
    "outside": ("warehouse", "booked on no warehouse and left out"),
    "negative": ("quantity", "with numbers below zero"),
    "unreadable": ("row", "that cannot be read"),
    "duplicate": ("sku", "of skus that several products have"),
    "rounded": ("quantity", "with numbers that are not whole"),
}


class Notes:
    """Collects problems. The first of each kind are kept, the others counted."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._kept: list[Problem] = []

    def problems(self) -> list[Problem]:
        """Return what is to be told, and for each kind how many more there are."""
        rest = [
            Problem("rows", name, f"{self.counts[kind] - MOST_TOLD:,} more rows {what}")
            for kind, (name, what) in _REST.items()
            if self.counts[kind] > MOST_TOLD
        ]
        return [*self._kept, *rest]

    def unreadable(self, place: str, name: str, message: str, sku: str | None) -> None:
        self._note("unreadable", Problem(place, name, f"{name} {message}", sku))

    def nameless(self, place: str, ref: str, why: str) -> None:
        message = f"product {ref} has no sku: {why}; fill it in in 1C, if the product is sold online"
        self._note("nameless", Problem(place, "sku", message))

    def deleted(self, place: str, ref: str) -> None:
        message = f"product {ref} is marked for deletion and has stock; it is left out. Move the stock in 1C"
        self._note("deleted", Problem(place, "DeletionMark", message))

    def stray(self, place: str, name: str, ref: str, what: str) -> None:
        message = (
            f"{what} {ref} is not in its catalogue: a deleted object, or one that the user may not see. What "
            'is missing from the balance keeps its number; set unknown_products = "ignore" if such rows are '
            "none that are sold online"
        )
        self._note("stray", Problem(place, name, message))

    def excluded(self, place: str, ref: str) -> None:
        message = (
            f"warehouse {ref} has stock and is not read: it is marked for deletion; name it in the setting "
            "warehouses to read it all the same"
        )
        self._note("excluded", Problem(place, "warehouse", message))

    def outside(self, place: str, quantity: str) -> None:
        message = f"{quantity} are booked on no warehouse and left out; mend the documents in 1C"
        self._note("outside", Problem(place, "warehouse", message))

    def negative(self, place: str, name: str, value: int | Decimal, counted: str, sku: str) -> None:
        message = f"{name} is {value}, below zero; it is counted {counted}, look into it in 1C"
        self._note("negative", Problem(place, name, message, sku))

    def duplicate(self, sku: str) -> None:
        message = (
            f"several products have the sku {sku!r}, and which of them is sold cannot be told: its quantity "
            'is unknown. Give each its own in 1C, or set duplicates = "sum"'
        )
        self._note("duplicate", Problem("catalogue", "sku", message, sku))

    def rounded(self, sku: str, warehouse: str, exact: int | Decimal, whole: int) -> None:
        message = f"{exact} in {warehouse!r} is counted as {whole}: marketplaces take whole units only"
        self._note("rounded", Problem(warehouse, "quantity", message, sku))

    def _note(self, kind: str, problem: Problem) -> None:
        self.counts[kind] += 1
        if self.counts[kind] <= MOST_TOLD:
            self._kept.append(problem)
