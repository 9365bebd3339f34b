"""Listings that nobody speaks for any more: named, adopted, zeroed, or forgotten with their sink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from mpstock.errors import ConfigurationError
from mpstock.ledger.interventions import ADOPTED, Wish
from mpstock.nearest import suggestion
from mpstock.reconcile.interventions import put_wishes
from mpstock.reconcile.moving import gone_sinks, kept_places, write_places

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.ledger.interventions import Intervention
    from mpstock.ledger.orphans import Orphan
    from mpstock.reconcile.engine import Engine
    from mpstock.reconcile.interventions import Scope

__all__ = ["Forgotten", "adopt", "count", "find", "forget_sink", "notes", "told", "zero_orphans"]


@frozen
class Forgotten:
    """What was forgotten with a sink: its listings, the units that they showed last, its open orders."""

    sink: str
    listings: int
    units: int
    orders: int


def find(engine: Engine, limit: int | None = None) -> list[Orphan]:
    """Return the listings that show stock for which nobody speaks; `limit` of each sink.

    Runs in the ledger's thread.
    """
    served = {name: config.codes for name, config in engine.config.sinks.items()}
    return engine.ledger.orphans.find(served, _sources(engine), limit)


def count(engine: Engine, sink: str) -> int:
    """Return how many there are of them in a sink of the settings. Runs in the ledger's thread."""
    found, _ = engine.ledger.orphans.count(sink, engine.config.sinks[sink].codes, _sources(engine))
    return found


def told(orphan: Orphan) -> str:
    """Return an orphan as a sentence that says what can be done."""
    why = {
        "product": "no source knows the product: mpstock adopt, or mpstock zero --orphans",
        "warehouse": "the warehouse is not in the settings: mpstock adopt, or mpstock zero --orphans",
        "sink": "the sink is not in the settings: zero it in the cabinet, then mpstock forget-sink",
        "listing": "the account does not list it as this product any more: zero it in the cabinet",
    }[orphan.why]
    return f"{orphan.sku} on {orphan.warehouse} shows {orphan.shown}, and {why}"


def adopt(engine: Engine, scope: Scope, asked: Asked) -> list[Intervention]:
    """Let orphans go on showing what they show, and not more, until a source speaks of them again.

    Runs in the ledger's thread.

    Raises:
        ConfigurationError: there are none in this scope that can be written to.
    """
    wishes = [
        Wish("pin", orphan.sink, orphan.warehouse, None, orphan.product_id, orphan.shown)
        for orphan in _chosen(engine, scope)
    ]
    return put_wishes(engine, wishes, asked, action="adopt", what=scope.as_dict(), origin=ADOPTED)


def zero_orphans(engine: Engine, scope: Scope, asked: Asked) -> list[Intervention]:
    """Zero orphans, also in warehouses that have left the settings. Runs in the ledger's thread.

    Raises:
        ConfigurationError: there are none in this scope that can be written to.
    """
    wishes = [
        Wish("zero", orphan.sink, orphan.warehouse, None, orphan.product_id)
        for orphan in _chosen(engine, scope)
    ]
    return put_wishes(engine, wishes, asked, action="zero", what={**scope.as_dict(), "orphans": True})


def _chosen(engine: Engine, scope: Scope) -> list[Orphan]:
    found = [
        orphan
        for orphan in find(engine)
        if scope.sink in (None, orphan.sink)
        and scope.warehouse in (None, orphan.warehouse)
        and (scope.skus is None or orphan.sku in scope.skus)
    ]
    chosen = [orphan for orphan in found if orphan.why in ("product", "warehouse")]
    if chosen:
        return chosen
    if not found:
        raise ConfigurationError("nothing here shows stock that nobody speaks for", place="orphans")
    raise ConfigurationError(
        f"of {len(found)} none can be written to. First: {found[0].sink}: {told(found[0])}", place="orphans"
    )


def forget_sink(
    engine: Engine, name: str, asked: Asked, *, warehouse: str | None = None, orders: bool = False
) -> Forgotten:
    """Forget a sink that has left the settings, or one of the warehouses that have.

    What it showed last counts for nothing any more: its stock is free for the others. Its open orders go on
    holding their units unless `orders`: then they count as handed over now. In the ledger's thread.

    Raises:
        ConfigurationError: it is in the settings, or was never there.
    """
    ledger, now = engine.ledger, engine.clock.now()
    kept = kept_places(ledger)
    codes = _to_forget(engine, name, warehouse)
    with ledger.transaction():
        listings, units = ledger.orphans.forget_places(name, codes, now)
        ended = ledger.orders.end_all(name, now) if orders else 0
        left = {code: feeds for code, feeds in kept[name].feeds.items() if code not in codes}
        if name in engine.config.sinks or left:
            kept[name] = evolve(kept[name], feeds=left)
        else:
            del kept[name]
            ledger.orphans.forget_readings(name)
        write_places(ledger, kept)
        what = {"sink": name, "warehouses": sorted(codes), "listings": listings, "units": units}
        ledger.actions.record(asked, "forget-sink", now, scope={**what, "orders": ended})
    return Forgotten(name, listings, units, ended)


def _to_forget(engine: Engine, name: str, warehouse: str | None) -> Sequence[str]:
    sinks = engine.config.sinks
    left = {
        sink: [code for code in kept.feeds if sink not in sinks or code not in sinks[sink].codes]
        for sink, kept in kept_places(engine.ledger).items()
    }
    left = {sink: codes for sink, codes in left.items() if codes or sink not in sinks}
    if name not in left:
        why = "is in the settings: take it out first" if name in sinks else "was never in the settings"
        meant = suggestion(name, left, what="those that have left are")
        raise ConfigurationError(f"the sink {name!r} {why}; {meant}", place="sink")
    if warehouse is None and name in sinks:
        raise ConfigurationError(
            f"the sink {name!r} is in the settings; of its warehouses these have left: "
            f"{', '.join(left[name])}. Name one: --warehouse",
            place="warehouse",
        )
    if warehouse is not None and warehouse not in left[name]:
        meant = suggestion(warehouse, left[name], what="those that have left are")
        raise ConfigurationError(f"{name} has not left a warehouse {warehouse!r}; {meant}", place="warehouse")
    return left[name] if warehouse is None else [warehouse]


def notes(engine: Engine) -> list[str]:
    """Return what has left the settings and still counts, a sentence each. Runs in the ledger's thread."""
    ledger, configured = engine.ledger, engine.config.sinks
    result = []
    for name in gone_sinks(kept_places(ledger), configured):
        listings, units = ledger.orphans.count(name, None, ())
        orders, held = ledger.orphans.open_holds(name)
        shared = engine.config.sharing.between_sinks != "shared"
        counts = ", which nobody else is given" if shared and units else ""
        holds = f"; {orders} open orders of it go on holding {held} units" if orders else ""
        result.append(
            f"the sink {name} has left the settings: {listings} listings showed {units} units last{counts}"
            f"{holds}. Once nothing is sold there any more: mpstock forget-sink {name}"
        )
    sources = set(engine.config.sources)
    for source, rows, _ in ledger.levels.counts():
        if source not in sources:
            result.append(
                f"the source {source} has left the settings: its {rows} rows count no more, and what only it "
                "knew is not known"
            )
    return result


def _sources(engine: Engine) -> list[str]:
    configs = engine.config.sources.values()
    return [config.name for config in configs if config.spec is None or config.spec.levels]
