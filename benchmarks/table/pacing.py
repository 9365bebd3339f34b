"""How much of a limit is used on the virtual clock, and what is refused, by how the server counts."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.pacing import MODELS, VENDORS, measure
from benchmarks.table.figures import Figure

__all__ = ["figures"]

ALLOWANCE = 1.02
"""How much longer than the bound of the limit sending may take."""

WINDOW = 60.0


def figures(seeds: int = 1, hours: float = 0.5, rtt: float = 0.4) -> Iterator[Figure]:
    """Yield the time over the bound, and the refusals, for servers with fixed, sliding and leaky windows.

    Restarts included: a process is killed with requests under way every ten minutes. A restart waits for what
    the killed process had under way, so that only the uninterrupted runs are held against the allowance.
    """
    for vendor, rate in VENDORS.items():
        for model in MODELS:
            calm, broken = (
                [
                    measure(rate, model, seed=seed, hours=hours, rtt=rtt, kill_every=every)
                    for seed in range(seeds)
                ]
                for every in (hours * 36_000.0, 600.0)
            )
            worst = min(efficiency for efficiency, _ in calm)
            note = f"with restarts {100.0 / min(one for one, _ in broken):.4f}×; {seeds} seeds of {hours:g} h"
            yield Figure(
                "pacing", f"{vendor}, {model} window: time ÷ the limit's bound", 100.0 / worst, "×",
                max(ALLOWANCE, ALLOWANCE * (WINDOW + rtt) / WINDOW if rtt > 0.4 else 0.0), note,
            )  # fmt: skip
            refused = sum(refusals for _, refusals in [*calm, *broken])
            yield Figure("pacing", f"{vendor}, {model} window: answers of 429", refused, "", 0)
