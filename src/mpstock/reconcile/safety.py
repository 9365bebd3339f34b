"""Time to safe: how long a listing that had to fall went on showing what it showed.

From the moment at which the ledger heard what lowered it (an order, a reading, a pushed row, a person) to
that at which the fall was sent that the sink accepted. Waiting for a slot, a cooldown, another try is in it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from attrs import frozen

if TYPE_CHECKING:
    from mpstock.ledger import Ledger

__all__ = ["TimeToSafe", "of_the_last_day"]

BOUNDS = (1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600, 900, 1800, 3600)
"""Upper ends in seconds of the classes in which falls are counted, so that runs can be added up."""

_DAY = timedelta(days=1)


@frozen
class TimeToSafe:
    """How many falls a sink accepted, and within how many seconds: half of them, 99 of 100, all.

    `classes` counts them by `BOUNDS`, with one class more for what took longer.
    """

    falls: int = 0
    p50: float = 0.0
    p99: float = 0.0
    longest: float = 0.0
    classes: Sequence[int] = ()

    @classmethod
    def of(cls, seconds: Iterable[float]) -> TimeToSafe | None:
        """Return what these seconds, one of each fall, come to; None where nothing fell."""
        ordered = sorted(seconds)
        if not ordered:
            return None
        classes = [0] * (len(BOUNDS) + 1)
        for one in ordered:
            classes[bisect_left(BOUNDS, one)] += 1

        def share(part: float) -> float:
            return round(ordered[math.ceil(part * len(ordered)) - 1], 3)

        return cls(len(ordered), share(0.5), share(0.99), share(1.0), classes)

    @classmethod
    def together(cls, parts: Sequence[Mapping[str, Any]]) -> TimeToSafe | None:
        """Add up those of several runs, as reports keep them; shares are then the ends of their classes."""
        classes = [sum(counts) for counts in zip(*(part["classes"] for part in parts), strict=True)]
        falls = sum(classes)
        if not falls:
            return None
        longest = max(part["longest"] for part in parts)

        def share(part: float) -> float:
            reached = 0
            for end, count in zip((*BOUNDS, longest), classes, strict=True):
                reached += count
                if reached >= math.ceil(part * falls):
                    return float(min(end, longest))
            return float(longest)

        return cls(falls, share(0.5), share(0.99), longest, classes)

    def __str__(self) -> str:
        return (
            f"{self.falls} falls were on their way within {self.p50:.1f} s (half of them), {self.p99:.1f} s "
            f"(99 of 100), {self.longest:.1f} s (all)"
        )


def of_the_last_day(ledger: Ledger, now: datetime) -> dict[str, TimeToSafe]:
    """Return by sink the time to safe over the runs of the last 24 hours. Runs in the ledger's thread."""
    parts: dict[str, list[Mapping[str, Any]]] = {}
    for summary in ledger.runs.summaries_since(now - _DAY):
        for name, sink in summary.get("sinks", {}).items():
            if told := sink.get("time_to_safe"):
                parts.setdefault(name, []).append(told)
    found = {name: TimeToSafe.together(told) for name, told in parts.items()}
    return {name: one for name, one in found.items() if one is not None}
