"""The trouble that a 1C double is in: which of those it knows, and for how many requests more."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["Troubles"]


class Troubles:
    """At most one trouble at a time, of the `known` ones."""

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known
        self._times = 0
        self._now: str | None = None

    def begin(self, trouble: str, times: int) -> None:
        """Let the next `times` requests fail so (-1 = until `end`).

        Raises:
            ValueError: there is no such trouble.
        """
        if trouble not in self._known:
            raise ValueError(f"no trouble {trouble!r}; there are {', '.join(self._known)}")
        self._now, self._times = trouble, times

    def end(self) -> None:
        """Let it work again."""
        self._now = None

    def spend(self, trouble: str) -> bool:
        """Whether a request fails so now; if it does, that is one time less."""
        if self._now != trouble:
            return False
        if self._times > 0:
            self._times -= 1
        if self._times == 0:
            self._now = None
        return True
