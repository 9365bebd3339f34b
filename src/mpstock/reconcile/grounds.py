"""What a batch stands on: numbers that may move by themselves are reckoned once more as they are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import define, field

if TYPE_CHECKING:
    from mpstock.reconcile.evaluating import Evaluated
    from mpstock.reconcile.planning import Planner

__all__ = ["Grounds"]


@define
class Grounds:
    """Reckons what is about to be sent, and keeps what it was reckoned from. Runs in the ledger's thread.

    Most numbers cannot move unless something is marked, and were kept when they were planned. Those that can
    (a hold expires, a neighbour has fallen) are reckoned anew before they leave: so what is sent *is* what
    is explained.
    """

    planner: Planner
    _found: dict[int, Evaluated] = field(factory=dict[int, "Evaluated"])
    _moved: set[int] = field(factory=set[int])

    def renew(self, waiting: Sequence[tuple[int, int, int, str]]) -> bool:
        """Record anew what is not wanted any more as it was planned; returns whether something was.

        `waiting` are (state, product id, wanted, cause) of what would be sent. Where nothing can be said of
        a listing any more, what was decided stays. Inside a transaction.
        """
        products = list(dict.fromkeys(product_id for _, product_id, _, _ in waiting))
        self._found = {found.facts.product_id: found for found in self.planner.evaluate(products)}
        now = {
            found.facts.found[r.sink, r.warehouse].state: r
            for found in self._found.values()
            for r in found.reckonings
        }
        moved: list[tuple[int | None, str, int]] = []
        for state, _, wanted, cause in waiting:
            reckoning = now.get(state)
            # A number does not depend on what was recorded for it: none moves twice, but by a defect.
            if reckoning is not None and reckoning.wanted not in (None, wanted) and state not in self._moved:
                self.planner.limited += reckoning.unlimited is not None
                moved.append((reckoning.wanted, cause, state))
        self._moved.update(state for _, _, state in moved)
        if moved:
            self.planner.ledger.stocks.record_wanted(moved, self.planner.run, self.planner.writes)
        return bool(moved)

    def keep(self, wanted: Mapping[int, int]) -> dict[int, int]:
        """Keep the facts of what is sent, by state what is wanted; returns the explanation of each product.

        Inside a transaction.
        """
        # The others have not moved since they were planned.
        self.planner.keep_on_tape([found for found in self._found.values() if found.volatile], {})
        return self.planner.keep(self._found.values(), wanted)
