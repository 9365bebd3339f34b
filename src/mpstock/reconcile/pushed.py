"""What came of pushing to one sink."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.events import Pushed
from mpstock.model import Outcome, OutcomeStatus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mpstock.ledger.batches import Item
    from mpstock.reconcile.adapters import Failure

__all__ = ["PushResult", "pushed"]

_NOTED = 100


@define
class PushResult:
    """What came of pushing to one sink: `refused` are the listings whose last answer was a refusal.

    `waited` are the seconds from the moment at which it was known that a listing has to fall to that at which
    the accepted fall was sent.
    """

    requests: int = 0
    outcomes: Counter[OutcomeStatus] = field(factory=Counter[OutcomeStatus])
    failure: Failure | None = None
    errors: list[str] = field(factory=list[str])
    refused: set[int] = field(factory=set[int])
    waited: list[float] = field(factory=list[float])

    def note(self, sink: str, item: Item, outcome: Outcome) -> bool:
        """Count an outcome; whether it is a refusal that was not told yet.

        A fall that is refused is tried again and again: it is told once.
        """
        self.outcomes[outcome.status] += 1
        if outcome.status is OutcomeStatus.OK and item.waited is not None:
            self.waited.append(item.waited)
        if outcome.status is not OutcomeStatus.ERROR:
            self.refused.discard(item.id)
            return False
        if item.id in self.refused:
            return False
        self.refused.add(item.id)
        if len(self.errors) < _NOTED:
            where = f"{sink} {item.change.listing.warehouse} {item.change.listing.external_id}"
            words = ": ".join(part for part in (outcome.code, outcome.message) if part)
            self.errors.append(f"{where} → {item.change.new}: {words}")
        return True


def pushed(
    run: int,
    sink: str,
    items: Sequence[Item],
    outcomes: Sequence[Outcome],
    sent: datetime,
    now: datetime,
    queued: Sequence[float],
) -> Pushed:
    """Return what listeners are told of a batch that was sent then and is answered now."""
    return Pushed(
        run=run,
        at=now,
        sink=sink,
        changes=[item.change for item in items],
        outcomes=outcomes,
        seconds=(now - sent).total_seconds(),
        waited=[item.waited for item in items],
        queued=queued,
    )
