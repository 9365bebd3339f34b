"""Where a run's time goes: what the ledger's thread computes, by the step that it computes it for."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from attrs import define, field

from mpstock.ledger.worker import Worker

__all__ = ["PARTS", "Probe", "probing"]

PARTS: Mapping[str, tuple[str, ...]] = {
    "ingest": ("Puller._ingest", "Puller._read."),
    "plan": ("Planner.plan_page",),
    "record": ("Pusher._take.", "Pushes.compose", "Pushes.settle"),
    "listings": ("Puller._take_page", "Puller._finish_walk", "Puller._match"),
    "verification": ("Verifier.", "Observations."),
}
"""The steps of each part, by how their names begin; whatever else the thread does is `other`."""


def part_of(step: str) -> str:
    """Return the part that a step belongs to."""
    return next((part for part, names in PARTS.items() if step.startswith(names)), "other")


@define
class Probe:
    """Seconds of the ledger's thread and calls, by step. `before` is done once before a step's first call.

    `clock` says what a second is: one that the thread computes, or one of the wall.
    """

    clock: Callable[[], float] = time.thread_time
    spent: defaultdict[str, float] = field(factory=lambda: defaultdict(float))
    calls: Counter[str] = field(factory=Counter[str])
    before: MutableMapping[str, Callable[[], None]] = field(factory=dict[str, Callable[[], None]])
    aside: tuple[float, float] = (0.0, 0.0)
    """The seconds of the wall, and of the processor, that went into `before`."""

    def measure(self, step: str, work: Callable[[], Any]) -> Any:
        """Do one step, and count it."""
        first = self.before.pop(part_of(step), None)
        if first is not None:
            wall, cpu = time.perf_counter(), time.thread_time()
            first()
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            self.aside = self.aside[0] + wall, self.aside[1] + cpu
        began = self.clock()
        try:
            return work()
        finally:
            self.spent[step] += self.clock() - began
            self.calls[step] += 1

    def parts(self) -> dict[str, float]:
        """Return the seconds of each part."""
        found = dict.fromkeys([*PARTS, "other"], 0.0)
        for step, seconds in self.spent.items():
            found[part_of(step)] += seconds
        return found


@contextmanager
def probing(clock: Callable[[], float] = time.thread_time) -> Iterator[Probe]:
    """Count what every ledger's thread of this process does from here on."""
    probe = Probe(clock)
    plain = {name: getattr(Worker, name) for name in ("run", "run_page")}

    def counted(way: Callable[..., Any]) -> Callable[..., Any]:
        async def run(self: Worker, function: Callable[..., Any], /, *words: Any, **named: Any) -> Any:
            step = getattr(function, "__qualname__", type(function).__qualname__)
            return await way(self, lambda: probe.measure(step, lambda: function(*words, **named)))

        return run

    for name, way in plain.items():
        setattr(Worker, name, counted(way))
    try:
        yield probe
    finally:
        for name, way in plain.items():
            setattr(Worker, name, way)
