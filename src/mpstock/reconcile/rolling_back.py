"""The plan that puts back what a run replaced, as far as it may be promised now.

What the next run would compute is the same as before, so the numbers are kept by pins: there is one formula,
and it never shows more than there is. The pins end by themselves, or by `resume`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.errors import ConfigurationError
from mpstock.ledger.interventions import Wish
from mpstock.ledger.stocks import BY_HAND, LANES
from mpstock.reconcile.interventions import put_wishes, rollback_origin
from mpstock.reconcile.plans import Plan, PlannedChange, SkippedListing, lane
from mpstock.reconcile.rules import settings_digest

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.ledger.plans import Place, Written
    from mpstock.reconcile.engine import Engine
    from mpstock.reconcile.planning import Planner
    from mpstock.reconcile.reckoned import Reckoning

__all__ = ["LASTS", "pin", "rollback"]

LASTS = timedelta(hours=24)
"""So long a rollback's numbers stay unless something else is said: time to mend what was wrong."""

_PAGE = 1_000

_GONE = "it is not offered any more, or is another product's by now"
_NEVER_KNOWN = "what it showed before is not known"
_UNSPOKEN = "no source speaks of it any more"
_UNKNOWN = "how much of it there is is not known now, and nothing is raised on that"
_NONE_LEFT = (
    "no more is available now than it shows: if the sources are wrong, mend them, and the next run raises it"
)
_THERE = "it shows that number already"


def rollback(engine: Engine, run: int, asked: Asked, lasts: timedelta = LASTS) -> Plan:
    """Return the plan that puts back what a run replaced; asks nobody. Runs in the ledger's thread.

    Raises:
        ConfigurationError: there is no such run, or it would last no time at all.
    """
    ledger, now = engine.ledger, engine.clock.now()
    if not ledger.runs.exists(run):
        raise ConfigurationError(f"there is no run {run}; mpstock log names them", place="run")
    if lasts <= timedelta():
        raise ConfigurationError("it has to last some time: 24h, 3d", place="--for")
    written = sorted(ledger.plans.written_by(run).values(), key=lambda one: one.product_id)
    work = _Rollback(engine, run, engine.planner(ledger.runs.failing_sources()))
    for start in range(0, len(written), _PAGE):
        work.page(written[start : start + _PAGE])
    # Zeros first, as everywhere.
    work.changes.sort(key=lambda change: (change.sink, LANES.index(change.lane)))
    number = ledger.runs.begin("plan", "rollback", now, asked)
    code = 1 if work.skipped and not work.changes else 0
    ledger.runs.finish(number, "done", code, {"rollback": run, "changes": len(work.changes)}, now)
    return Plan(
        number,
        now,
        work.changes,
        exit_code=code,
        id=uuid.uuid4().hex,
        ledger=ledger.plans.identity(),
        actor=asked.actor,
        settings=settings_digest(ledger, engine.products),
        rollback=run,
        lasts=lasts,
        skipped=work.skipped,
    )


def pin(engine: Engine, plan: Plan, wishes: Sequence[Wish], asked: Asked) -> None:
    """Keep the numbers of a rollback's plan for as long as it lasts. Runs in the ledger's thread."""
    assert plan.rollback is not None
    if wishes:
        what: dict[str, object] = {"rollback": plan.rollback, "listings": len(wishes)}
        put_wishes(
            engine, wishes, asked, action="rollback", what=what,
            expires_at=engine.clock.now() + (plan.lasts or LASTS), origin=rollback_origin(plan.rollback),
        )  # fmt: skip


@define
class _Rollback:
    """Goes through what a run has written, and says of each listing what becomes of it."""

    engine: Engine
    run: int
    planner: Planner
    changes: list[PlannedChange] = field(factory=list[PlannedChange])
    skipped: list[SkippedListing] = field(factory=list[SkippedListing])

    def page(self, page: Sequence[Written]) -> None:
        plans = self.engine.ledger.plans
        products = [product_id for product_id, _ in groupby(page, key=lambda one: one.product_id)]
        later = plans.written_after(self.run, products)
        places = plans.places(products)
        skus = self.engine.ledger.levels.skus(products)
        reckoned = {
            (found.facts.product_id, reckoning.sink, reckoning.warehouse): reckoning
            for found in self.planner.evaluate(products)
            for reckoning in found.reckonings
        }
        for written in page:
            key = (written.product_id, written.sink, written.warehouse)
            place = places.get(key)
            new = self._number(written, place, later.get(key), reckoned.get(key))
            sku = skus[written.product_id]
            external_id = "" if place is None else place.external_id
            if isinstance(new, str) or place is None:
                reason = new if isinstance(new, str) else _GONE
                self.skipped.append(SkippedListing(sku, written.sink, written.warehouse, external_id, reason))
            else:
                self.changes.append(
                    PlannedChange(
                        sku, written.sink, written.warehouse, external_id, place.base, new,
                        lane(place.base, new), BY_HAND,
                    )
                )  # fmt: skip

    def _number(
        self, written: Written, place: Place | None, later: Written | None, reckoning: Reckoning | None
    ) -> int | str:
        """Return the number that a listing gets back, or why it is left as it is."""
        if place is None:
            return _GONE
        if later is not None:
            return f"run {later.run} has changed it since"
        if written.old is None:
            return _NEVER_KNOWN
        if reckoning is None or reckoning.buffer is None:
            return _UNSPOKEN
        new = min(written.old, max(reckoning.available.amount, 0))
        if new == place.base:
            return _THERE if new == written.old else _NONE_LEFT
        if not reckoning.available.known and (place.base is None or new > place.base):
            return _UNKNOWN
        if place.base is not None and place.base < written.old and new < place.base:
            return _NONE_LEFT
        return new
