"""How long changes wait until they are sent for the first time; kept in memory alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from attrs import define, field

__all__ = ["Backlog"]

MOST = 50_000
"""Changes whose waiting is measured at a time; the first push of a large shop has more, and all are alike."""


@define(eq=False)
class Backlog:
    """Since when each change waits. `added` counts by sink what has begun to wait."""

    added: Counter[str] = field(factory=Counter[str])
    _since: dict[int, datetime] = field(factory=dict[int, datetime], repr=False)

    def add(self, sink: str, state: int, now: datetime) -> None:
        """A listing is to be changed that was not to be before. In the ledger's thread."""
        self.added[sink] += 1
        if len(self._since) < MOST:
            self._since.setdefault(state, now)

    def sent(self, states: Iterable[int], now: datetime) -> list[float]:
        """Return how many seconds these have waited, of those that are sent for the first time."""
        begun = [since for state in states if (since := self._since.pop(state, None)) is not None]
        return [max((now - since).total_seconds(), 0.0) for since in begun]
