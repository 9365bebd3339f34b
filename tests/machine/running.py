"""Runs the machine in several processes, adds up what fired, and says what was too rare.

    python -m tests.machine.running [EXAMPLES [STEPS [PROCESSES [SEED]]]]

Ends with 1 if an example failed, or if a rule or a crash point fired fewer than `LEAST` times in a run
that is long enough to ask that.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.internal.conjecture import engine
from hypothesis.stateful import run_state_machine_as_test

from tests import ledgers
from tests.machine.counting import FIRED, table
from tests.machine.on_purpose import Machine
from tests.machine.processes import CRASHES

__all__ = ["LEAST", "play", "rules"]

EXAMPLES, STEPS = 2_000, 50
LEAST = 100
LONG = 100_000
"""From so many steps on every rule and crash point has to have fired `LEAST` times."""


def rules() -> list[str]:
    """The names of everything that can fire."""
    named = [getattr(Machine, name) for name in dir(Machine)]
    own = [thing.__name__ for thing in named if hasattr(thing, "hypothesis_stateful_rule")]
    return [f"rule {name}" for name in own] + [f"crash {c}" for c in CRASHES]


def play(
    examples: int, steps: int, number: int, *, shrink: bool = True, machine: type[Machine] = Machine
) -> None:
    """Run so many examples, and raise the first failure. `number` is the seed."""
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(machine), settings=chosen)


def _limit_shrinking() -> None:
    """A failure is told within a minute; the steps that led to it are named either way."""
    engine.MAX_SHRINKING_SECONDS = 60


def _part(examples: int, steps: int, number: int, place: Path) -> None:
    if name := os.environ.get("MPSTOCK_MUTANT"):
        from tests.machine.mutants import put_in

        put_in(name)
    _limit_shrinking()
    try:
        with ledgers.elsewhere() if ledgers.ON_POSTGRES else nullcontext():
            play(examples, steps, number)
    finally:
        place.write_text(json.dumps(FIRED), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Share the examples among processes and tell what came of it."""
    if arguments[:1] == ["part"]:
        examples, steps, number = map(int, arguments[1:4])
        _part(examples, steps, number, Path(arguments[4]))
        return 0
    examples, steps, processes, number, *_ = [
        *map(int, arguments),
        *(EXAMPLES, STEPS, os.cpu_count() or 1, 0)[len(arguments) :],
    ]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder) / f"{part}.json" for part in range(processes)]
        running = [
            subprocess.Popen(
                [
                    sys.executable, "-m", "tests.machine.running", "part",
                    str(-(-examples // processes)), str(steps), str(number + part), str(place),
                ]
            )
            for part, place in enumerate(places)
        ]  # fmt: skip
        failed = [process.wait() for process in running]
        fired: Counter[str] = Counter(dict.fromkeys(rules(), 0))
        for place in places:
            fired.update(json.loads(place.read_text(encoding="utf-8")) if place.exists() else {})
    print(table(fired))
    rare = [name for name in rules() if fired[name] < LEAST]
    seconds = time.monotonic() - began
    print(f"{examples:,} examples of {steps} steps in {processes} processes: {seconds:,.0f} s")
    if rare and examples * steps >= LONG:
        print(f"fired fewer than {LEAST} times: {', '.join(rare)}")
        return 1
    return 1 if any(failed) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
