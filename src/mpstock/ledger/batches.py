"""What is taken from the queue: changes, with the ids of their listings' states and explanations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from attrs import frozen

from mpstock.model import Change

__all__ = ["Batch", "Grounds", "Item", "Queue", "Waiting"]


@frozen
class Queue:
    """What waits to be pushed: changes that may go now (counted up to one batch), whether a zero or a fall
    (`urgent`) is among them; changes that rest for no more than their cooldown (`soon`), and when the first
    of all that rest may go. No run goes on for what was refused.
    """

    eligible: int
    zeros: bool
    urgent: bool
    soon: int
    next_at: datetime | None

    def worth_sending(self, batch: int) -> bool:
        """Say whether a batch that is not full should go now.

        A zero or a fall waits for nothing. Raises wait for the pairs that are cooling down, when a request
        is saved by it: at most one cooldown.
        """
        if self.urgent or self.eligible >= batch or not self.soon:
            return self.eligible > 0
        together = math.ceil((self.eligible + self.soon) / batch)
        return 0 < math.ceil(self.eligible / batch) <= together - math.ceil(self.soon / batch)


@frozen
class Item:
    """One change of a batch, with the ids of its listing's state and of its explanation.

    `waited` are the seconds since what makes it fall was known; None for what does not fall.
    """

    id: int
    product_id: int
    lane: int
    change: Change
    explanation: int | None = None
    waited: float | None = None


@frozen
class Waiting:
    """What would be sent of one listing, by its state; `explained`: what it was reckoned from is kept."""

    state: int
    product_id: int
    base: int | None
    wanted: int
    cause: str
    explained: bool


class Grounds(Protocol):
    """What the numbers of a batch stand on; see `mpstock.reconcile.grounds`."""

    @property
    def wary(self) -> bool:
        """Whether also what is explained may have to wait by now; else only the rest has to be renewed."""
        ...

    def renew(self, waiting: Sequence[Waiting]) -> bool:
        """Record anew what is not wanted any more as it was planned; returns whether something was."""
        ...

    def keep(self, unexplained: Sequence[Waiting]) -> Mapping[int, int]:
        """Keep what these numbers were reckoned from; returns each product's explanation."""
        ...


@frozen
class Batch:
    """A batch whose intent is recorded; it is settled by its outcomes."""

    id: int
    sink: str
    items: Sequence[Item]
