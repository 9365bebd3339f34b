"""The engine's own work on PostgreSQL: beside one bare statement, and beside COPY of the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measuring import alone
from benchmarks.table.engine import LABELS
from benchmarks.table.figures import Figure
from tests import postgres

__all__ = ["ENOUGH", "figures", "measure"]

CASES = ("first", "one_percent")
PROMISED = (
    ("plan", "page path ÷ one bare statement", 1.5),
    ("record", "recording ÷ COPY of the same rows", 1.3),
)
ENOUGH = 100_000
"""From so many products on what is promised counts: a row costs the server what it costs it of a million."""


def measure(products: int, folder: Path, told: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Run the cases on a database of a server of their own; return what each took, in seconds of the clock.

    The server waits for no disk: what is compared is work. Where none can be started, `missing` says why.
    """
    if missing := postgres.why_missing():
        return {"missing": missing}
    server = postgres.server()
    name = server.create_database()
    found: dict[str, Any] = {}
    for case in CASES:
        told(f"{LABELS[case]}, {products:,} products, on PostgreSQL")
        words = [folder, products, case, "--bare", "--url", server.url(name)]
        found[case] = alone("benchmarks.reconciling.cases", *words)
    server.drop_database(name)
    return found


def figures(measured: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield what was measured; where there is no PostgreSQL, what was not."""
    if "missing" in measured:
        for case in CASES:
            for _, name, goal in PROMISED:
                yield Figure("PostgreSQL", f"{LABELS[case]}: {name}", None, "×", goal, measured["missing"])
        return
    products = measured["first"]["products"]
    subject = f"PostgreSQL, {products:,} products × 2 warehouses × 3 sinks"
    for case in CASES:
        found, label = measured[case], LABELS[case]
        parts = "  ".join(f"{part} {seconds:.3g}" for part, seconds in found["ledger"].items())
        yield Figure(
            subject, f"{label}: the whole run", found["wall"], "s", None,
            f"wall, on an idle server; processor here {found['cpu']:.3g}; ledger's thread: {parts}",
        )  # fmt: skip
        for part, name, goal in PROMISED:
            mine, least = found["ledger"][part], found["bare"][part]
            yield Figure(
                subject, f"{label}: {name}", mine / least, "×", goal, f"{mine:.4g} s ÷ {least:.4g} s",
                counts=products >= ENOUGH,
            )  # fmt: skip
        yield Figure(
            subject, f"{label}: peak memory, PostgreSQL's own apart", found["memory_mb"]["peak"], "MB", 300.0
        )
