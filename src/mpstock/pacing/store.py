"""Where the limiter's state lives: the ledger, or memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

__all__ = ["MemoryPaceStore", "PaceStore", "State"]

T = TypeVar("T")
State = dict[str, Any]


class PaceStore(Protocol):
    """Keeps one small JSON object for each key (`<account>/<scope>`)."""

    async def update(
        self,
        keys: Sequence[str],
        change: Callable[[list[State | None]], tuple[list[State], T]],
    ) -> T:
        """Read the states of `keys`, hand them to `change`, write what it returns; all in one step.

        A key that was never written reads as None. Nobody else may read or write these keys in
        between. `change` is pure and may be called again if the store has to begin anew. A state that
        comes back as the very object that was handed in need not be written.
        """
        ...


class MemoryPaceStore:
    """States that live as long as this object. Several pacers may share it, as processes share a ledger."""

    def __init__(self) -> None:
        # Kept as text, so that nothing goes in that a ledger could not give back.
        self._states: dict[str, str] = {}

    async def update(
        self,
        keys: Sequence[str],
        change: Callable[[list[State | None]], tuple[list[State], T]],
    ) -> T:
        before: list[State | None] = [
            json.loads(self._states[key]) if key in self._states else None for key in keys
        ]
        after, result = change(before)
        for key, old, new in zip(keys, before, after, strict=True):
            if new is not old:
                self._states[key] = json.dumps(new, separators=(",", ":"), allow_nan=False)
        return result
