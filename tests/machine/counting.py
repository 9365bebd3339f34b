"""How often each rule and each crash point has fired in this process."""

from __future__ import annotations

from collections import Counter

__all__ = ["FIRED", "count", "table"]

FIRED: Counter[str] = Counter()


def count(what: str) -> None:
    """Count that something has fired."""
    FIRED[what] += 1


def table(fired: Counter[str]) -> str:
    """Return the counts as lines, the rarest first."""
    width = max((len(name) for name in fired), default=0)
    return "\n".join(f"{name:{width}} {number:9,}" for name, number in sorted(fired.items(), key=_rarest))


def _rarest(entry: tuple[str, int]) -> tuple[int, str]:
    return entry[1], entry[0]
