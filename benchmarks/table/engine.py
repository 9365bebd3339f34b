"""The engine's own work: each case in its parts, beside the bare statements; and how cost follows changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import alone
from benchmarks.reconciling.cases import CASES
from benchmarks.table.figures import Figure

__all__ = ["LABELS", "WITH_BARE", "figures", "measure"]

LABELS = {
    "first": "first full sync",
    "nightly": "nightly full, 1 % changed",
    "one_percent": "incremental, 1 %",
    "tiny": "incremental, 0.01 %",
    "hundred": "incremental, 100 products",
}

WITH_BARE = ("first", "nightly", "one_percent")
"""The cases whose rows the bare statements go over too."""

MEMORY = 300.0
PROMISED = 1_000_000
"""The size for which memory and the ratios are promised."""

_TIMES = {"one_percent": 3, "tiny": 7, "hundred": 7}
"""How often the short cases run; their medians count."""


def measure(
    products: int, folder: Path, cases: Sequence[str] = CASES, told: Callable[[str], None] = lambda _: None
) -> dict[str, dict[str, Any]]:
    """Run the cases one after the other on one ledger, each in its own process; return what each took."""
    found: dict[str, dict[str, Any]] = {}
    for case in cases:
        told(f"{LABELS[case]}, {products:,} products")
        words = ["--bare"] if case in WITH_BARE else []
        found[case] = alone(
            "benchmarks.reconciling.cases", folder, products, case, "--times", _TIMES.get(case, 1), *words
        )
    return found


def work(case: Mapping[str, Any]) -> float:
    """Return the seconds of ingest, plan and record."""
    return float(sum(case["ledger"][part] for part in ("ingest", "plan", "record")))


def figures(large: Mapping[str, Any], small: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield what was measured of a large shop, and of a small one beside it.

    What is promised for a shop larger than that is shown, and does not count.
    """
    products = large["first"]["products"]
    counts = products >= PROMISED
    subject = f"engine, {products:,} products × 2 warehouses × 3 sinks"
    for case, label in LABELS.items():
        found = large[case]
        parts = "  ".join(f"{part} {seconds:.3g}" for part, seconds in found["ledger"].items())
        yield Figure(
            subject, f"{label}: the whole run", found["cpu"], "s", None,
            f"processor; wall {found['wall']:.3g}; ledger's thread: {parts}",
        )  # fmt: skip
    for case in ("first", "one_percent"):
        found = large[case]
        yield Figure(
            subject, f"{LABELS[case]}: page path ÷ one bare statement",
            found["ledger"]["plan"] / found["bare"]["plan"], "×", 1.5,
            _pair(found["ledger"]["plan"], found["bare"]["plan"]), counts=counts,
        )  # fmt: skip
        yield Figure(
            subject, f"{LABELS[case]}: recording ÷ bare executemany",
            found["ledger"]["record"] / found["bare"]["record"], "×", 1.3,
            _pair(found["ledger"]["record"], found["bare"]["record"]), counts=counts,
        )  # fmt: skip
    yield Figure(
        subject, "planning 0.01 % ÷ planning 1 %",
        large["tiny"]["ledger"]["plan"] / large["one_percent"]["ledger"]["plan"], "×", 1 / 50,
        _pair(large["tiny"]["ledger"]["plan"], large["one_percent"]["ledger"]["plan"]), counts=counts,
    )  # fmt: skip
    yield Figure(
        subject, f"100 of {products:,} ÷ 100 of {small['first']['products']:,}",
        work(large["hundred"]) / work(small["hundred"]), "×", 1.5,
        f"{_pair(work(large['hundred']), work(small['hundred']))}; the whole runs "
        f"{large['hundred']['cpu'] / small['hundred']['cpu']:.2f}×",
        counts=counts,
    )  # fmt: skip
    for shop in (small, large):
        sent = {key: sum(shop[case][key] for case in LABELS) for key in ("requests", "bound", "changes")}
        yield Figure(
            subject, f"requests beyond Σ ⌈changes ÷ batch⌉, {shop['first']['products']:,} products",
            sent["requests"] - sent["bound"], "", 0,
            f"{sent['requests']:,} requests for {sent['changes']:,} changes in {len(LABELS)} cases",
        )  # fmt: skip
    for case, label in LABELS.items():
        peak, other = large[case]["memory_mb"]["peak"], small[case]["memory_mb"]["peak"]
        yield Figure(
            subject, f"{label}: peak memory", peak, "MB", MEMORY,
            f"{other:.0f} MB with {small[case]['products']:,} products",
        )  # fmt: skip


def _pair(mine: float, other: float) -> str:
    return f"{mine:.4g} s ÷ {other:.4g} s"
