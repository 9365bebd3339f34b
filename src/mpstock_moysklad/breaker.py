"""Stops asking when asking does harm.

МойСклад bars a user for 200 refused requests a minute, until its support lets them in again.
"""

from __future__ import annotations

__all__ = ["Breaker"]

LIMITED = 5
"""So many answers of 429 in a row, none good between them, are enough."""

REPEATED = 3
"""So many failures in a row that say the same."""

FIRST_PAUSE = 60.0
LONGEST_PAUSE = 900.0


class Breaker:
    """Counts what went wrong in a row. Times are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._limited = 0
        self._repeated = 0
        self._last = ""
        self._pauses = 0
        self._until: float | None = None

    def left(self, now: float) -> float:
        """For how many seconds nothing may be asked; 0 = ask."""
        return 0.0 if self._until is None else max(self._until - now, 0.0)

    @property
    def reason(self) -> str:
        """What was answered last."""
        return self._last

    def good(self) -> None:
        """Take note of an answer that is one."""
        self._limited = self._repeated = self._pauses = 0
        self._last, self._until = "", None

    def limited(self) -> None:
        """Take note of one answer of 429."""
        self._limited += 1

    def failed(self, words: str, now: float) -> None:
        """Take note of a request that was given up; `words` tell it from others."""
        self._repeated = self._repeated + 1 if words == self._last else 1
        self._last = words
        if self._limited >= LIMITED or self._repeated >= REPEATED:
            pause = min(FIRST_PAUSE * 2.0**self._pauses, LONGEST_PAUSE)
            self._pauses += 1
            self._until = now + pause
            # After the pause one request may try: a good answer clears everything, a bad one pauses anew.
            self._limited, self._repeated = LIMITED - 1, REPEATED - 1
