"""What it takes to read a list of so many rows, in each format; `benchmarks/reading.py` says it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks import reading
from benchmarks.reading import LIMITS
from benchmarks.table.figures import Figure

__all__ = ["figures"]


def figures(rows: int, told: Callable[[str], None] = lambda _: None) -> Iterator[Figure]:
    """Yield seconds and the peak of memory of each format; what was read must be all of it."""
    for form in reading.FORMATS:
        told(f"{form}, {rows:,} rows")
        found = reading.measure(form, rows)
        if found["levels"] != rows or not found["complete"]:
            raise AssertionError(f"{form}: {found['levels']} of {rows} levels")
        yield Figure(
            f"reading, {rows:,} rows", f"{form}: peak memory", found["peak_mb"], "MB", LIMITS.get(form),
            f"{found['file_mb']:.0f} MB on the disk, {found['seconds']:.3g} s, processor "
            f"{found['cpu_seconds']:.3g}; {found['before_mb']:.0f} MB before anything is read",
        )  # fmt: skip
