"""From the settings as they are to the planner, and the marks on what other settings had planned."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mpstock.reconcile.absorbing import AT_THE_END, Booking
from mpstock.reconcile.adapters import BuiltSink, BuiltSource, fingerprint, fingerprinter
from mpstock.reconcile.availability import SourceRule
from mpstock.reconcile.backlog import Backlog
from mpstock.reconcile.hands import read_hands
from mpstock.reconcile.moving import keep_silent, left_places, silent_warehouses
from mpstock.reconcile.places import SinkRule, WarehouseRule
from mpstock.reconcile.planning import LAST, Planner
from mpstock.reconcile.reckoning import Reckoner, Sharing

if TYPE_CHECKING:
    from mpstock.buffers import BufferResolver
    from mpstock.ledger import Ledger
    from mpstock.pins import Pins
    from mpstock.products_file import ProductsFile

__all__ = [
    "BELIEVED",
    "believed",
    "keep_products",
    "keep_recipes",
    "make_planner",
    "mark_booked",
    "mark_moved_settings",
    "settings_digest",
]

BELIEVED = "believed at the last plan"
"""The fact under which the ledger remembers whom the last plan has believed."""

KEPT = timedelta(days=7)
"""So long what has ended is kept for people who ask why a number was what it was."""


def make_planner(
    ledger: Ledger,
    sources: Sequence[BuiltSource],
    sinks: Sequence[BuiltSink],
    resolver: BufferResolver,
    sharing: Sharing,
    untrusted: Collection[str],
    now: datetime,
    pins: Pins | None = None,
    backlog: Backlog | None = None,
) -> Planner:
    """Return the planner for the settings as they are. Runs in the ledger's thread.

    Sources in `untrusted`, and those whose last good reading is older than their `max_age`, give upper
    bounds only.
    """
    codes = {code: id_ for id_, code in ledger.levels.warehouse_codes().items()}
    rules = _source_rules(ledger, sources, untrusted, now)
    sink_rules = [_sink_rule(ledger, built, codes, now) for built in sinks]
    left = left_places(ledger, sinks, codes)
    caps = {b.name: b.config.max_per_sku for b in sources if b.config.max_per_sku is not None}
    reckoner = Reckoner(
        rules, sink_rules, resolver, sharing, ledger.recipes.book(), caps, left, silent_warehouses(ledger)
    )
    # Before what they are the revisions of: what comes in between is looked at again.
    marked, decided = ledger.dirt.revisions()
    hands = read_hands(ledger.interventions, pins, now, decided)
    return Planner(ledger, reckoner, codes, now, hands, seen=(marked, LAST), backlog=backlog or Backlog())


def _sink_rule(ledger: Ledger, built: BuiltSink, codes: Mapping[str, int], now: datetime) -> SinkRule:
    def own(names: Sequence[str]) -> list[int]:
        return [codes[name] for name in names if name in codes]

    heard = True
    if built.sink.limits.orders != "none":
        cursor = ledger.runs.cursor(f"orders:{built.name}")
        read_at = cursor.read_at if cursor else None
        heard = read_at is not None and now - read_at <= built.config.max_age
    return SinkRule(
        built.name,
        built.sink.limits.maximum,
        tuple(
            WarehouseRule(
                warehouse.code,
                None if warehouse.feeds is None else frozenset(own(warehouse.feeds)),
                warehouse.share,
                tuple(own(warehouse.pick_order or ())),
                warehouse.feeds,
            )
            for warehouse in built.config.warehouses
        ),
        built.config.share,
        heard,
    )


def _source_rules(
    ledger: Ledger, sources: Sequence[BuiltSource], untrusted: Collection[str], now: datetime
) -> dict[str, SourceRule]:
    cursors = {row.name: row for row in ledger.runs.cursors()}
    rules: dict[str, SourceRule] = {}
    for order, built in enumerate(sources):
        config = built.config
        if config.spec is not None and not config.spec.levels:
            continue
        cursor = cursors.get(f"source:{built.name}")
        read_at = _past(cursor.read_at if cursor else None, now)
        full_at = _past(cursor.full_at if cursor else None, now)
        stale = config.max_age is not None and (read_at is None or now - read_at > config.max_age)
        advisory = config.incremental == "advisory"
        rules[built.name] = SourceRule(
            config.group,
            config.rule,
            order,
            trusted=built.name not in untrusted and not stale and read_at is not None,
            omits_zero=cursor is not None and cursor.full_at is not None,
            confirmed_at=full_at if advisory else read_at,
            fresh_since=now - config.max_age if advisory and config.max_age is not None else None,
            books={sink: Booking(said.books_at, said.lag) for sink, said in config.absorbs.items()},
            share=config.share,
            to_fetch=config.lead_time is not None,
            stale=stale and built.name not in untrusted,
        )
    return rules


def _past(moment: datetime | None, now: datetime) -> datetime | None:
    """Return a moment that has been; one to come was recorded while the clock was ahead, and says nothing."""
    return None if moment is None or moment > now else moment


def believed(planner: Planner) -> str:
    """Return which sources and sinks are believed, as `BELIEVED` keeps it of the last plan."""
    trusted = sorted(name for name, rule in planner.reckoner.rules.items() if rule.trusted)
    heard = sorted(sink.name for sink in planner.sinks if sink.heard)
    return json.dumps([trusted, heard], ensure_ascii=False)


_STAGES = {"order": "taken_at", "assembly": "assembled_at", "shipment": "shipped_at"}


def mark_booked(ledger: Ledger, planner: Planner, now: datetime) -> None:
    """Mark the products whose holds or interventions have expired, or whose holds a source has booked since.

    Forgets those that have ended for every source. Runs in the ledger's thread.
    """
    rules = planner.reckoner.rules
    with ledger.transaction():
        ledger.holds.mark_expired(now)
        ledger.interventions.settle(now)
        ledger.interventions.end_adopted(planner.reckoner.places.keys(), list(rules), now)
        origins = ledger.holds.origins()
        for source, rule in rules.items():
            if rule.confirmed_at is None or not origins:
                continue
            kept = ledger.runs.remember(f"booked:{source}", rule.confirmed_at.isoformat())
            before = None if kept is None else datetime.fromisoformat(kept)
            if before == rule.confirmed_at:
                continue
            for origin in origins:
                booking = rule.books.get(origin, AT_THE_END)
                ledger.holds.mark_booked(
                    source, origin, _STAGES[booking.at],
                    None if before is None else before - booking.lag,
                    rule.confirmed_at - booking.lag, now,
                )  # fmt: skip
        heard = [rule.confirmed_at for rule in rules.values()]
        lags = [booking.lag for rule in rules.values() for booking in (*rule.books.values(), AT_THE_END)]
        known = [moment for moment in heard if moment is not None]
        if known and len(known) == len(heard):
            ledger.holds.prune(min(known) - max(lags) - KEPT, now - KEPT)


def keep_recipes(ledger: Ledger, products: ProductsFile, now: datetime) -> None:
    """Keep what packs and kits take, and let open orders hold by it. Runs in the ledger's thread.

    A kit that no source lists becomes a product by this, and its listing can be tied to it.
    """
    with ledger.transaction():
        moved = ledger.recipes.save(products.recipes(), now)
        ledger.orders.derive_again(moved, now)


def keep_products(ledger: Ledger, products: ProductsFile, now: datetime) -> None:
    """Keep the products' brands, and mark those of which the file says something else than before.

    Runs in the ledger's thread.
    """
    with ledger.transaction():
        if moved := ledger.levels.record_settings(products.fingerprints(), now, products.brands):
            ledger.interventions.rebrand(moved)


def mark_moved_settings(
    ledger: Ledger,
    sources: Sequence[BuiltSource],
    sinks: Sequence[BuiltSink],
    resolver: BufferResolver,
    sharing: Sharing,
    products: ProductsFile,
    now: datetime,
) -> None:
    """Mark the products whose listings were planned under other settings. Runs in the ledger's thread."""
    taking_part = [
        (
            b.name, b.config.group, b.config.rule, b.config.quantity, sorted(b.config.absorbs.items()),
            b.config.share, b.config.lead_time is not None, b.config.max_per_sku, b.config.incremental,
        )
        for b in sources
    ]  # fmt: skip
    levels = [b.name for b in sources if b.config.spec is None or b.config.spec.levels]
    silent = sorted(keep_silent(ledger, levels))
    shares = [sharing, silent, [(b.name, b.config.share, b.config.priority) for b in sinks]]
    with ledger.transaction():
        for built in sinks:
            warehouses = [(w.code, w.feeds, w.share, w.pick_order) for w in built.config.warehouses]
            of_buffer = fingerprinter(taking_part, shares, warehouses, built.sink.limits.maximum)
            for code in built.config.codes:
                digest = of_buffer(resolver.resolve("", built.name, code).fingerprint)
                before = ledger.runs.remember(f"settings:{built.name}:{code}", digest)
                if before not in (None, digest):
                    ledger.dirt.mark_sink_warehouse(built.name, code, "settings", now)
        keep_products(ledger, products, now)


def settings_digest(ledger: Ledger, products: ProductsFile) -> str:
    """Return a digest of all settings that wanted quantities follow from, as they were planned with last.

    Runs in the ledger's thread.
    """
    return fingerprint(ledger.runs.recalled("settings:"), sorted(products.fingerprints().items()))
