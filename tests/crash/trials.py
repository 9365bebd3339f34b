"""One trial: the world moves, a run is killed, the world moves back, and the next run must make it good."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import define, field

from tests.crash.forks import Forks
from tests.crash.world import World

__all__ = ["Trials", "every", "positions", "shuffled", "told"]


@define
class Trials:
    """Kills runs of one shop, one after the other, on the same ledger. `hits` counts by kind of boundary.

    `lasts` is how many seconds the latest run took that was not killed.
    """

    world: World
    forks: Forks
    folder: Path
    moved: int
    bought: int = 5
    hits: Counter[str] = field(factory=Counter[str])
    missed: int = 0
    lasts: float = 0.0

    def begin(self) -> None:
        """Run once undisturbed."""
        self.forks.run("sync", folder=self.folder)
        self.world.check()

    def probe(self) -> list[str]:
        """Return the boundaries of a run that is not disturbed, with as much to do as the others have."""
        self._moves()
        process = self.forks.run("sync", folder=self.folder)
        self.world.check(process.said)
        return process.boundaries

    def kill_at(self, kind: str, nth: int = 1) -> None:
        """Kill a run at a boundary, and let the next one make it good."""
        self._moves()
        process = self.forks.start("sync", folder=self.folder, at=kind, nth=nth)
        code = process.wait()
        assert code in (-9, 0, 1), f"{kind} {nth}: {code}: {process.said}"
        self.hits[kind] += code == -9
        self.missed += code != -9
        self._makes_good(f"killed at {kind} number {nth}")

    def kill_after(self, seconds: float) -> None:
        """Kill a run so many seconds after its start, wherever it is."""
        self._moves()
        process = self.forks.start("sync", folder=self.folder)
        time.sleep(seconds)
        process.kill()
        code = process.wait()
        reached = process.boundaries
        if reached and code == -9:
            self.hits[reached[-1]] += 1
        else:
            self.missed += 1
        self._makes_good(f"killed after {seconds:.3f} s, at {reached[-1:]}")

    def _moves(self) -> None:
        self.world.trade(self.bought)
        self.world.move(self.moved)

    def _makes_good(self, what: str) -> None:
        # What a process that is gone has asked of a marketplace is done before the world goes on.
        self.world.quiet()
        self.world.move_back()
        self.world.trade(self.bought)
        began = time.monotonic()
        process = self.forks.run("sync", folder=self.folder)
        self.lasts = time.monotonic() - began
        self.world.check(f"{what}; {process.said}")


def positions(boundaries: Sequence[str], kinds: Iterable[str] | None = None) -> list[tuple[str, int]]:
    """Return of each kind its first, a middle and its last boundary: (kind, number within the kind)."""
    counts = Counter(boundaries)
    found = []
    for kind in dict.fromkeys(boundaries if kinds is None else kinds):
        last = counts[kind]
        found += [(kind, nth) for nth in sorted({1, (last + 1) // 2, last}) if nth]
    return found


def every(boundaries: Sequence[str]) -> list[tuple[str, int]]:
    """Return every boundary, in the order in which they were reached: (kind, number within the kind)."""
    seen: Counter[str] = Counter()
    found = []
    for kind in boundaries:
        seen[kind] += 1
        found.append((kind, seen[kind]))
    return found


def told(trials: Trials, boundaries: Sequence[str], seconds: float) -> str:
    """Return a table of what was hit."""
    kinds = f"{len(trials.hits)} of {len(set(boundaries))} kinds of boundary"
    judged = f"{trials.world.requests} writing requests judged, {len(trials.world.wrong)} wrong"
    killed = f"{sum(trials.hits.values())} kills at {kinds}, {trials.missed} runs ended before"
    lines = [f"  {count:4} {kind}" for kind, count in sorted(trials.hits.items())]
    lines.insert(0, f"{killed}; {judged}; {seconds:.0f} s")
    return "\n".join(lines)


def shuffled(found: Sequence[tuple[str, int]], seed: int) -> list[tuple[str, int]]:
    """Return them in an order of chance, the same each time."""
    result = list(found)
    random.Random(seed).shuffle(result)
    return result
