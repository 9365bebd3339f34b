"""Sinks in shadow mode: others write there, and we keep beside it what we would have shown."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import evolve

from mpstock.errors import ConfigurationError
from mpstock.ledger.shadows import Mode, ModeDecision
from mpstock.nearest import suggestion
from mpstock.reconcile.shadow_report import ShadowReport, SinkShadow
from mpstock.reconcile.shadow_sums import Sums

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.ledger import Ledger
    from mpstock.ledger.shadows import ShadowOrder
    from mpstock.reconcile.adapters import BuiltSink
    from mpstock.reconcile.engine import Engine
    from mpstock.reconcile.recording import RunRecord

__all__ = ["TAKEOVER", "give_back", "note_shadows", "report", "sink_of", "take_over"]

TAKEOVER = "takeover"
"""What the ledger calls the action by which a person changes a sink's mode."""

_NAMED = 50
"""Products that are named of those out of step."""


def note_shadows(engine: Engine, run: RunRecord) -> None:
    """Keep what the sinks in shadow mode show and would show, as of a run. Runs in the ledger's thread.

    Those that another process looks after just now are left to it.
    """
    ledger, now = engine.ledger, engine.clock.now()
    for built in engine.mine:
        if built.name not in run.shadowed or run.leaves_out(built.name):
            continue
        with ledger.transaction(durable=False):
            ledger.shadows.note(
                built.name, now, looked=built.name in run.looked, run=run.id, since=run.started_at
            )


# ---------------------------------------------------------------- taking over, and giving back


def sink_of(engine: Engine, name: str) -> BuiltSink:
    """Return a sink by its name.

    Raises:
        ConfigurationError: there is none.
    """
    names = [built.name for built in engine.sinks]
    if name not in names:
        meant = suggestion(name, names, what="the sinks are")
        raise ConfigurationError(f"there is no sink {name!r}; {meant}", place="sink")
    return next(built for built in engine.sinks if built.name == name)


def take_over(engine: Engine, name: str, asked: Asked) -> ModeDecision:
    """Let a sink be live from its next run on. Runs in the ledger's thread.

    What its listings show is read back by then: who wrote there before may have done so until now.

    Raises:
        ConfigurationError: there is no such sink, or it is live already.
    """
    return _decide(engine, name, "live", asked)


def give_back(engine: Engine, name: str, asked: Asked) -> ModeDecision:
    """Let a sink be in shadow mode from now on, also in a run under way. Runs in the ledger's thread.

    Raises:
        ConfigurationError: there is no such sink, or it is in shadow mode already.
    """
    return _decide(engine, name, "shadow", asked)


def _decide(engine: Engine, name: str, mode: Mode, asked: Asked) -> ModeDecision:
    built, ledger, now = sink_of(engine, name), engine.ledger, engine.clock.now()
    shadows = ledger.shadows
    with ledger.transaction():
        if shadows.is_shadow(name, built.config.shadow) is (mode == "shadow"):
            decided = shadows.decisions().get(name)
            whose = "the settings say so" if decided is None else f"{decided.actor} has decided it"
            what = "in shadow mode" if mode == "shadow" else "live"
            raise ConfigurationError(f"{name} is {what} already: {whose}", place="sink")
        shadows.decide(name, mode, asked, now)
        ledger.actions.record(asked, TAKEOVER, now, scope={"sink": name, "mode": mode})
        if mode == "live":
            shadows.forget_shown(name)
    return shadows.decisions()[name]


# ---------------------------------------------------------------- the report


def report(engine: Engine, ledger: Ledger, sink: str | None, since: datetime) -> ShadowReport:
    """Say what came of shadow mode, of one sink, or of those that are in it or were watched since then.

    Reads that ledger alone, which may be a connection of its own.
    """
    shadows = ledger.shadows
    chosen = [
        built
        for built in engine.sinks
        if built.name == sink
        or (sink is None and shadows.is_shadow(built.name, built.config.shadow))
        or (sink is None and shadows.watches(built.name, since))
    ]
    return ShadowReport(engine.clock.now(), since, [_of_sink(ledger, built, since) for built in chosen])


def _of_sink(ledger: Ledger, built: BuiltSink, since: datetime) -> SinkShadow:
    shadows, name = ledger.shadows, built.name
    decided = shadows.decisions().get(name)
    mode = "shadow" if shadows.is_shadow(name, built.config.shadow) else "live"
    chosen = SinkShadow(name, mode)
    if decided is not None:
        chosen = evolve(chosen, decided_by=decided.actor, decided_at=decided.at, reason=decided.reason)
    watches = shadows.watches(name, since)
    if not watches:
        return chosen
    orders: dict[int, list[ShadowOrder]] = defaultdict(list)
    placed = shadows.orders(name, since)
    for order in placed:
        orders[order.product_id].append(order)
    sales: dict[int, list[datetime]] = defaultdict(list)
    for product_id, sink, at in shadows.sales(since):
        if sink != name:
            sales[product_id].append(at)
    sums = Sums(since, orders, sales)
    for watch in watches:
        sums.add(shadows.points(watch.id), watch.until)
    differing = [(point.shown - point.ours) for point in sums.now.values()]
    watched = sum(((watch.until - max(watch.since, since)) for watch in watches), timedelta())
    return evolve(
        chosen,
        since=max(watches[0].since, since),
        until=watches[-1].until,
        watched_hours=watched / timedelta(hours=1),
        looks=sum(watch.looks for watch in watches),
        listings=len(differing),
        same=differing.count(0),
        higher=sum(units > 0 for units in differing),
        lower=sum(units < 0 for units in differing),
        higher_units=sum(units for units in differing if units > 0),
        lower_units=-sum(units for units in differing if units < 0),
        held=sum(point.held is not None for point in sums.now.values()),
        in_step=sums.same_hours / sums.hours if sums.hours else 0.0,
        over_unit_hours=sums.over,
        hidden_unit_hours=sums.hidden,
        cancelled=sum(order.cancelled_at is not None for order in placed),
        oversold=sums.oversold,
        missed=sums.missed,
        after_sale=sums.after_sale,
        ours_after_sale=sums.ours_after_sale,
        after_stock=sums.after_stock,
        worst=sums.worst(_NAMED),
    )
