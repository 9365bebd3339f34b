"""What came of pushing to one sink."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.model import OutcomeStatus

if TYPE_CHECKING:
    from mpstock.model import Change, Outcome
    from mpstock.reconcile.adapters import Failure

__all__ = ["PushResult"]

_NOTED = 100


@define
class PushResult:
    """What came of pushing to one sink: requests sent, changes by their outcome, the first refusals in words.

    `failure` says why nothing more was sent to it.
    """

    requests: int = 0
    outcomes: Counter[OutcomeStatus] = field(factory=Counter[OutcomeStatus])
    failure: Failure | None = None
    errors: list[str] = field(factory=list[str])

    def note(self, sink: str, change: Change, outcome: Outcome) -> None:
        """Keep a refusal in words, as long as there are not too many of them."""
        if outcome.status is OutcomeStatus.ERROR and len(self.errors) < _NOTED:
            listing = change.listing
            self.errors.append(
                f"{sink} {listing.warehouse} {listing.external_id} → {change.new}: "
                f"{': '.join(part for part in (outcome.code, outcome.message) if part)}"
            )
