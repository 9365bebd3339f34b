"""The page of shadow mode: what was watched beside another integration, and taking over by a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.facade.shadowing import WEEK
from mpstock.reconcile import shadowing
from mpstock.reconcile.shadow_report import SinkShadow
from mpstock.service.runner import PEOPLE, Job

if TYPE_CHECKING:
    from starlette.responses import Response

    from mpstock.facade.asynchronous import AsyncShop
    from mpstock.reconcile.engine import Engine, Progress
    from mpstock.reconcile.plans import Plan, PlannedChange
    from mpstock.reconcile.report import HeldSlice
    from mpstock.service.dashboard.visit import Visit

__all__ = ["Foresight", "mode", "plan", "shadow"]

FRESH = timedelta(hours=1)
"""A sink is taken over by who has looked at a plan that is no older than this."""

SHOWN = 100
"""Changes of a plan that the page names: the first that would be sent."""


@frozen
class Foresight:
    """What the first run after taking over would change: how many in each lane, and the first of them."""

    made_at: datetime
    actor: str
    lanes: Mapping[str, int]
    changes: Sequence[PlannedChange]
    held: Sequence[HeldSlice]

    @classmethod
    def of(cls, plan: Plan, actor: str) -> Foresight:
        """Return what the page shows of a plan."""
        going = [change for change in plan.changes if not change.held]
        lanes = Counter(change.lane for change in going)
        return cls(plan.created_at, actor, lanes, going[:SHOWN], plan.held)


def _report(engine: Engine) -> Sequence[SinkShadow]:
    found = shadowing.report(engine, engine.ledger, None, engine.clock.now() - WEEK)
    told = {sink.name: sink for sink in found.sinks}
    # What the report leaves out was never in shadow mode.
    return [told.get(built.name, SinkShadow(built.name, "live")) for built in engine.sinks]


async def shadow(visit: Visit) -> Response:
    """Show how what others show differs from ours, of each sink that is watched or was."""
    # A week of a large account takes its time: no other page waits for it.
    sinks = await visit.dashboard.slow.read(_report)
    plans = {sink.name: _fresh(visit, sink.name) for sink in sinks if sink.mode == "shadow"}
    return visit.render("shadow.html", sinks=sinks, plans=plans)


def _fresh(visit: Visit, sink: str) -> Foresight | None:
    """Return the plan of a sink that somebody has asked for and that is young enough to go by."""
    found = visit.dashboard.foresights.get(sink)
    now = visit.dashboard.service.engine.clock.now()
    return found if found is not None and now - found.made_at < FRESH else None


async def plan(visit: Visit) -> Response:
    """Ask for the plan of taking a sink over: everything is read anew, nothing is sent."""
    assert visit.session is not None
    sink, actor = visit.form.get("sink", ""), visit.session.user
    shadowing.sink_of(visit.dashboard.service.engine, sink)

    async def work(shop: AsyncShop, progress: Progress) -> None:
        found = await shop.plan_takeover(sink, progress=progress)
        visit.dashboard.foresights[sink] = Foresight.of(found, actor)

    visit.dashboard.service.runner.ask(Job(f"takeover {sink}", work, PEOPLE))
    visit.tell("good", "notice_plan")
    return visit.back()


async def mode(visit: Visit) -> Response:
    """Take a sink over, or let it be in shadow mode; it wants a reason, and taking over a plan to go by."""
    assert visit.session is not None
    sink, reason = visit.form.get("sink", ""), visit.form.get("reason", "").strip()
    if not reason:
        visit.tell("bad", "notice_reason")
        return visit.back()
    shop, live = visit.dashboard.service.shop, visit.form.get("mode") == "live"
    if live and _fresh(visit, sink) is None:
        visit.tell("bad", "notice_plan_first")
        return visit.back()
    decided = await (shop.take_over if live else shop.give_back)(
        sink, actor=visit.session.user, reason=reason
    )
    visit.dashboard.foresights.pop(sink, None)
    visit.tell("good", "notice_mode", sink=sink, mode=visit.text(f"mode_{decided.mode}"))
    return visit.back()
