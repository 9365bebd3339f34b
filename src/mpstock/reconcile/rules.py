"""From the settings as they are to the planner, and the marks on what other settings had planned."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from mpstock.reconcile.adapters import BuiltSink, BuiltSource, fingerprint
from mpstock.reconcile.availability import SourceRule
from mpstock.reconcile.planning import Planner, SinkRule, WarehouseRule

if TYPE_CHECKING:
    from mpstock.buffers import BufferResolver
    from mpstock.ledger import Ledger
    from mpstock.products_file import ProductsFile

__all__ = ["make_planner", "mark_moved_settings"]


def make_planner(
    ledger: Ledger,
    sources: Sequence[BuiltSource],
    sinks: Sequence[BuiltSink],
    resolver: BufferResolver,
    untrusted: Collection[str],
    now: datetime,
) -> Planner:
    """Return the planner for the settings as they are. Runs in the ledger's thread.

    Sources in `untrusted`, and those whose last good reading is older than their `max_age`, give upper
    bounds only.
    """
    codes = {code: id_ for id_, code in ledger.levels.warehouse_codes().items()}
    rules = _source_rules(ledger, sources, untrusted, now)
    sink_rules = [
        SinkRule(
            built.name,
            built.sink.limits.maximum,
            tuple(
                WarehouseRule(
                    warehouse.code,
                    None
                    if warehouse.feeds is None
                    else frozenset(codes[code] for code in warehouse.feeds if code in codes),
                    warehouse.share,
                )
                for warehouse in built.config.warehouses
            ),
        )
        for built in sinks
    ]
    return Planner(ledger, rules, sink_rules, resolver, now)


def _source_rules(
    ledger: Ledger, sources: Sequence[BuiltSource], untrusted: Collection[str], now: datetime
) -> dict[str, SourceRule]:
    cursors = {row.name: row for row in ledger.runs.cursors()}
    rules: dict[str, SourceRule] = {}
    for order, built in enumerate(sources):
        cursor = cursors.get(f"source:{built.name}")
        read_at = cursor.read_at if cursor else None
        stale = built.config.max_age is not None and (read_at is None or now - read_at > built.config.max_age)
        rules[built.name] = SourceRule(
            built.config.group,
            built.config.rule,
            order,
            trusted=built.name not in untrusted and not stale,
            omits_zero=cursor is not None and cursor.full_at is not None,
        )
    return rules


def mark_moved_settings(
    ledger: Ledger,
    sources: Sequence[BuiltSource],
    sinks: Sequence[BuiltSink],
    resolver: BufferResolver,
    products: ProductsFile,
    now: datetime,
) -> None:
    """Mark the products whose listings were planned under other settings. Runs in the ledger's thread."""
    taking_part = [(b.name, b.config.group, b.config.rule, b.config.quantity) for b in sources]
    with ledger.transaction():
        for built in sinks:
            warehouses = [(w.code, w.feeds, w.share) for w in built.config.warehouses]
            for code in built.config.codes:
                digest = fingerprint(
                    taking_part,
                    warehouses,
                    built.sink.limits.maximum,
                    resolver.resolve("", built.name, code).fingerprint,
                )
                before = ledger.runs.remember(f"settings:{built.name}:{code}", digest)
                if before not in (None, digest):
                    ledger.dirt.mark_sink_warehouse(built.name, code, "settings", now)
        ledger.levels.record_settings(products.fingerprints(), now)
