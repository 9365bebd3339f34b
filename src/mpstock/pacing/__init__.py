"""Rate limits as data, and one limiter per account and scope whose state outlives the process."""

from __future__ import annotations

from mpstock.pacing.hints import Hints, read_hints
from mpstock.pacing.pacer import Budget, Pacer, Slot
from mpstock.pacing.store import MemoryPaceStore, PaceStore

__all__ = ["Budget", "Hints", "MemoryPaceStore", "PaceStore", "Pacer", "Slot", "read_hints"]
