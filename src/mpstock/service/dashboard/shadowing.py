"""The page of shadow mode: what was watched beside another integration, and the button that takes over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mpstock.facade.shadowing import WEEK
from mpstock.reconcile import shadowing
from mpstock.reconcile.shadow_report import SinkShadow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.responses import Response

    from mpstock.reconcile.engine import Engine
    from mpstock.service.dashboard.visit import Visit

__all__ = ["mode", "shadow"]


def _report(engine: Engine) -> Sequence[SinkShadow]:
    found = shadowing.report(engine, engine.ledger, None, engine.clock.now() - WEEK)
    told = {sink.name: sink for sink in found.sinks}
    # What the report leaves out was never in shadow mode.
    return [told.get(built.name, SinkShadow(built.name, "live")) for built in engine.sinks]


async def shadow(visit: Visit) -> Response:
    """Show how what others show differs from ours, of each sink that is watched or was."""
    # A week of a large account takes its time: no other page waits for it.
    sinks = await visit.dashboard.slow.read(_report)
    return visit.render("shadow.html", sinks=sinks)


async def mode(visit: Visit) -> Response:
    """Take a sink over, or let it be in shadow mode; it wants a reason."""
    assert visit.session is not None
    sink, reason = visit.form.get("sink", ""), visit.form.get("reason", "").strip()
    if not reason:
        visit.tell("bad", "notice_reason")
        return visit.back()
    shop = visit.dashboard.service.shop
    do = shop.take_over if visit.form.get("mode") == "live" else shop.give_back
    decided = await do(sink, actor=visit.session.user, reason=reason)
    visit.tell("good", "notice_mode", sink=sink, mode=visit.text(f"mode_{decided.mode}"))
    return visit.back()
