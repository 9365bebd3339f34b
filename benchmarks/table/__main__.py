"""Measure, and print one table: every figure that is promised, beside its goal.

Ratios within one run, for they hold on other machines too: each side is measured a moment after the other.
What is promised for a million products is shown for fewer, and fails nothing there. The figures go to
build/bench as JSON, with a picture of them.

    python -m benchmarks.table [--products 100000] [--only engine peers …] [--out build/bench]

Ends with 1 if something that is promised does not hold.
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT
from benchmarks.table import (
    dashboard,
    engine,
    pacing,
    peers,
    postgres,
    pushing,
    reading,
    safety,
    starting,
    webhook,
)  # fmt: skip
from benchmarks.table.figures import Figure, as_json, lines_of, missed
from benchmarks.table.picture import svg_of

SUBJECTS = (
    "engine", "peers", "postgres", "pacing", "pushing", "safety", "webhook", "reading", "dashboard",
    "starting",
)  # fmt: skip
FEWEST = 200
A_TENTH = 10
"""What PostgreSQL is given of the products, for it takes a row ten times as long as a file."""

SHOWN = 100_000
"""The most products where more would say the same: on the dashboard, and behind a push that lasts."""


def measure(products: int, subjects: Sequence[str], folder: Path) -> tuple[list[Figure], dict[str, Any]]:
    """Return the figures, and all that was measured for them."""
    figures: list[Figure] = []
    raw: dict[str, Any] = {}
    if "engine" in subjects or "peers" in subjects:
        for name, size in (("small", max(products // 100, FEWEST)), ("large", products)):
            raw[name] = engine.measure(size, _made(folder / name), told=_told)
        figures += engine.figures(raw["large"], raw["small"])
    if "peers" in subjects:
        raw["peers"] = peers.measure(products, folder, _told)
        figures += peers.figures(raw["large"], raw["peers"])
    if "postgres" in subjects:
        raw["postgres"] = postgres.measure(
            max(products // A_TENTH, FEWEST), _made(folder / "postgres"), _told
        )
        figures += postgres.figures(raw["postgres"])
    if "pacing" in subjects:
        _told("pacing on the virtual clock")
        figures += pacing.figures()
    if "pushing" in subjects:
        _told("pushing on the virtual clock")
        figures += pushing.figures(folder, products)
    if "safety" in subjects:
        _told("a zero behind a full push")
        figures += safety.figures(_made(folder / "safety"), min(products, SHOWN))
    if "webhook" in subjects:
        _told("a row to the request")
        figures += webhook.figures(folder)
    if "reading" in subjects:
        figures += reading.figures(products, _told)
    if "dashboard" in subjects:
        _told("the dashboard's pages")
        figures += dashboard.figures(_made(folder / "dashboard"), min(products, SHOWN))
    if "starting" in subjects:
        _told("import mpstock")
        figures += starting.figures()
    return figures, raw


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _told(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--only", nargs="+", choices=SUBJECTS, default=SUBJECTS)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="mpstock-bench-") as folder:
        figures, raw = measure(max(options.products, FEWEST), options.only, Path(folder))
    machine = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine, "figures": as_json(figures), "measured": raw}
    (options.out / "bench.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    title = f"mpstock, {options.products:,} products: each figure against its goal"
    (options.out / "bench.svg").write_text(svg_of(figures, title), encoding="utf-8")
    print("\n".join(lines_of(figures)))
    return 1 if missed(figures) else 0


if __name__ == "__main__":
    sys.exit(main())
