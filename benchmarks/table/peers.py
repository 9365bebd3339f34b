"""The engine against the scripts that people use today, on the same feed and the same changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measuring import alone
from benchmarks.peers.request import request_cost
from benchmarks.reconciling.cases import changed
from benchmarks.reconciling.shop import BATCHES, chosen, write_feed
from benchmarks.table.engine import work
from benchmarks.table.figures import Figure

__all__ = ["figures", "measure"]

SCRIPTS = {
    "pandas": ("pandas_script", "--write", "all"),
    "pandas, writing only what has changed": ("pandas_script", "--write", "changed"),
    "row by row": ("row_by_row", "--commit-every", "1000"),
}
COMMITTING = "row by row, a commit each"
RUNS = ("first", "nightly")


def measure(products: int, folder: Path, told: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Let each script run for the first time, and once more with 1 % changed; return what it took.

    A commit for each row is measured with a hundredth of the products, for it would take hours.
    """
    scripts = {name: words for name, words in SCRIPTS.items() if "pandas" not in name or find_spec("pandas")}
    few = max(products // 100, 100)
    found: dict[str, Any] = {name: _script(products, folder, words, told) for name, words in scripts.items()}
    found[COMMITTING] = _script(few, folder, ("row_by_row", "--commit-every", "1"), told)
    found["request"] = request_cost()
    return found


def _script(
    products: int, folder: Path, words: tuple[str, ...], told: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    script, *options = words
    told(f"{' '.join(words)}, {products:,} products")
    database, feed, turns = folder / f"{'_'.join(words)}.db", folder / "peers.csv", dict[int, int]()
    found: dict[str, dict[str, Any]] = {}
    for run in RUNS:
        if run == "nightly":
            turns = dict.fromkeys(chosen(products, changed(run, products), seed=0), 1)
        write_feed(feed, products, turns)
        found[run] = {
            **alone(f"benchmarks.peers.{script}", feed, database, *options),
            "products": products,
        }
        expected = len(BATCHES) * (len(turns) or products)
        if found[run]["changes"] != expected:
            raise AssertionError(f"{script} has sent {found[run]['changes']} changes, not {expected}")
    for file in folder.glob(f"{database.name}*"):
        file.unlink()
    return found


def figures(engine: Mapping[str, Any], peers: Mapping[str, Any]) -> Iterator[Figure]:
    """Yield how the engine compares; `engine` are its cases of the same size."""
    products = engine["first"]["products"]
    counts = products >= 1_000_000
    subject = f"against scripts, {products:,} products"
    for run, goals in (
        ("first", {"row by row": 1.0}),
        ("nightly", {"pandas": 1 / 5, "row by row": 1 / 5}),
    ):
        mine = work(engine[run])
        for name in SCRIPTS:
            label = f"{run}: ingest + plan + record ÷ {name}"
            if name not in peers:
                yield Figure(subject, label, None, "×", goals.get(name), "pandas is not installed")
                continue
            theirs = peers[name][run]["cpu"]
            yield Figure(
                subject, label, mine / theirs, "×", goals.get(name),
                f"{mine:.3g} s ÷ {theirs:.3g} s; the whole run {engine[run]['cpu'] / theirs:.2f}×; "
                f"peak {peers[name][run]['memory_mb']['peak']:.0f} MB there",
                counts=counts,
            )  # fmt: skip
    yield from _with_requests(subject, engine, peers)


def _with_requests(subject: str, engine: Mapping[str, Any], peers: Mapping[str, Any]) -> Iterator[Figure]:
    cost, plain, each = peers["request"], peers["row by row"], peers[COMMITTING]
    for run in RUNS:
        changes = plain[run]["changes"]
        scale = plain[run]["products"] / each[run]["products"]
        rows = changes * cost
        batches = engine[run]["requests"] * cost
        yield Figure(
            subject, f"{run}: with a request per row (extrapolated)",
            (work(engine[run]) + batches) / (plain[run]["cpu"] + rows), "×", None,
            f"{changes:,} × {cost * 1000:.2f} ms of loopback HTTP there, {engine[run]['requests']:,} here; "
            f"with a commit per row {each[run]['wall'] * scale:.3g} s there before any request",
        )  # fmt: skip
