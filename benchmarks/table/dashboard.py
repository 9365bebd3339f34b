"""How long the dashboard's pages take; `benchmarks/dashboard.py` says it of each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

from benchmarks import dashboard
from benchmarks.table.figures import Figure

__all__ = ["figures"]


def figures(folder: Path, products: int) -> Iterator[Figure]:
    """Yield the median page, and the slowest, of a shop with a log of ten lines for each product."""
    lines = 10 * products
    found = asyncio.run(dashboard.measure(folder, products, lines))
    pages = sorted(found["pages"].items(), key=lambda page: page[1]["median"])
    subject = f"dashboard, {products:,} products, {lines:,} lines of log"
    for name, (page, took) in (
        ("the page in the middle", pages[len(pages) // 2]),
        ("the slowest page", pages[-1]),
    ):
        yield Figure(
            subject, f"{name}, median", took["median"], "ms", None,
            f"{page}; its slowest {took['slowest']:.0f} ms; {len(pages)} pages, {dashboard.TIMES} times each",
        )  # fmt: skip
