"""How long a zero waits behind a full push; `benchmarks/time_to_safe.py` says it alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks import time_to_safe
from benchmarks.table.figures import Figure

__all__ = ["figures"]

EVERY, TRIP = 10.0, 0.3
"""Seconds between two zeros, and of a round trip."""


def figures(folder: Path, products: int) -> Iterator[Figure]:
    """Yield the slowest zero of an idle pair and of one that cools, and how many were later than they may."""
    found = time_to_safe.measure(products, EVERY, TRIP, folder)
    subject = f"time to safe, behind {products:,} raises"
    bound = time_to_safe.SLOT + TRIP + time_to_safe.GRACE
    for kind, name in (("idle", "a pair that is idle"), ("cooling", "a pair that cools, after its cooldown")):
        told = found[kind]
        yield Figure(
            subject, f"{name}: the slowest zero", told["longest_beyond_the_cooldown"], "s", bound,
            f"{told['zeros']} zeros; one slot and one round trip; the push takes {found['push_seconds']:g} s",
        )  # fmt: skip
    yield Figure(subject, "zeros that were later than their bound", found["late"], "", 0)
