"""What a batch stands on: numbers that may move by themselves are reckoned once more as they are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from mpstock.ledger.batches import Waiting
    from mpstock.reconcile.evaluating import Evaluated
    from mpstock.reconcile.planning import Planner

__all__ = ["Grounds"]


@define
class Grounds:
    """Reckons what is about to be sent to one sink, and keeps what it was reckoned from.

    Most numbers cannot move unless something is marked, and were explained when they were planned. Those that
    can (a hold expires, a neighbour has fallen) have no explanation, and are reckoned anew before they leave;
    and so is a raise of which a neighbour shows more than its part by now. So what is sent *is* what is
    explained, and a product with a thousand listings is not reckoned once for each of them.

    Runs in the ledger's thread.
    """

    planner: Planner
    sink: str
    _found: dict[int, Evaluated] = field(factory=dict[int, "Evaluated"])
    _moved: set[int] = field(factory=set[int])

    @property
    def wary(self) -> bool:
        """Whether a raise may have to wait for a neighbour: somewhere two listings draw on the same stock."""
        return self.planner.crowded

    def renew(self, waiting: Sequence[Waiting]) -> bool:
        """Record anew what is not wanted any more as it was planned; returns whether something was.

        Where nothing can be said of a listing any more, what was decided stays. Inside a transaction.
        """
        raises = {
            one.product_id for one in waiting if one.explained and (one.base is None or one.wanted > one.base)
        }
        unsure = self.planner.unsure(self.sink, raises)
        waiting = [one for one in waiting if not one.explained or one.product_id in unsure]
        products = list(dict.fromkeys(one.product_id for one in waiting))
        self._found = {found.facts.product_id: found for found in self.planner.evaluate(products)}
        now = {
            found.facts.found[r.sink, r.warehouse].state: r
            for found in self._found.values()
            for r in found.reckonings
        }
        moved: list[tuple[int | None, str, int]] = []
        limited: dict[str, list[int]] = {}
        for one in waiting:
            reckoning = now.get(one.state)
            # A number does not depend on what was recorded for it: none moves twice, but by a defect.
            if (
                reckoning is not None
                and reckoning.wanted not in (None, one.wanted)
                and one.state not in self._moved
            ):
                if reckoning.unlimited is not None:
                    # Once its neighbour has fallen it is to be raised: without a mark nobody would look.
                    self.planner.limited += 1
                    limited.setdefault(one.cause, []).append(one.product_id)
                moved.append((reckoning.wanted, one.cause, one.state))
        self._moved.update(state for _, _, state in moved)
        if moved:
            self.planner.ledger.stocks.record_wanted(moved, self.planner.run, self.planner.writes)
        for cause, kept_back in limited.items():
            self.planner.ledger.dirt.mark(kept_back, cause, self.planner.now, soft=True)
        return bool(moved)

    def keep(self, unexplained: Sequence[Waiting]) -> Mapping[int, int]:
        """Keep the facts of what is sent and has no explanation yet; returns that of each product.

        Inside a transaction.
        """
        products = {one.product_id for one in unexplained}
        found = [each for product_id, each in self._found.items() if product_id in products]
        # What was on the tape already has not moved since it was planned.
        self.planner.keep_on_tape(found, {})
        return self.planner.keep(found, {one.state: one.wanted for one in unexplained})
