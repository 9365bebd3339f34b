"""Why a number is what it is: the same formula as the plan's, with every term and setting named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

from mpstock.errors import ConfigurationError
from mpstock.reconcile.availability import BOUNDLESS
from mpstock.reconcile.planning import Planner, Reckoning
from mpstock.reconcile.report import Explanation, ListingExplanation, TermExplanation

if TYPE_CHECKING:
    from datetime import datetime

    from mpstock.ledger import Ledger
    from mpstock.ledger.stocks import StockRow

__all__ = ["explain"]


def explain(ledger: Ledger, planner: Planner, sku: str, sinks: Sequence[str]) -> Explanation:
    """Explain every listing of a product from what the ledger holds now. Runs in the ledger's thread.

    Raises:
        ConfigurationError: no source knows the product.
    """
    product_id = ledger.levels.product_ids([sku]).get(sku)
    if product_id is None:
        raise ConfigurationError(
            f"no source knows {sku!r}; check the article, case counts, and that a run has read it",
            place="explain",
        )
    codes = ledger.levels.warehouse_codes()
    terms = _terms(ledger, planner, product_id, codes)
    rows = {(row.sink, row.warehouse): row for row in ledger.stocks.rows(product_id=product_id)}
    listings = [
        _listing(planner, reckoning, rows[reckoning.sink, reckoning.warehouse], codes)
        for _, reckonings in planner.reckon([product_id])
        for _, _, reckoning in reckonings
    ]
    without = [name for name in sinks if name not in {listing.sink for listing in listings}]
    notes = [f"{name} has no listing of it: nothing is pushed there" for name in without]
    return Explanation(sku, terms, listings, notes)


def _terms(
    ledger: Ledger, planner: Planner, product_id: int, codes: Mapping[int, str]
) -> list[TermExplanation]:
    levels = [row[1:] for row in ledger.levels.of_products([product_id])]
    holds = [row[1:] for row in ledger.levels.holds_of([product_id], planner.now)]
    told: dict[tuple[str, str], tuple[datetime | None, str | None]] = {
        (source, warehouse): (as_of, why)
        for source, warehouse, _, _, as_of, why in ledger.levels.detail(product_id)
    }
    result = []
    for term in planner.terms(levels, holds):
        warehouse = codes[term.warehouse_id]
        as_of, why = told[term.source, warehouse]
        rule = planner.rules[term.source]
        if why is None and not rule.trusted:
            why = "the source could not be read, or what it said is too old"
        result.append(
            TermExplanation(
                term.source,
                warehouse,
                term.quantity,
                term.reserved,
                term.held,
                None if term.quantity is None else term.amount,
                rule.group,
                rule.rule,
                as_of,
                why or "",
            )
        )
    return result


def _listing(
    planner: Planner, reckoning: Reckoning, row: StockRow, codes: Mapping[int, str]
) -> ListingExplanation:
    rule = next(
        warehouse
        for sink in planner.sinks
        if sink.name == reckoning.sink
        for warehouse in sink.warehouses
        if warehouse.code == reckoning.warehouse
    )
    feeds = sorted(codes.values()) if rule.feeds is None else sorted(codes[w] for w in rule.feeds)
    buffer = reckoning.buffer
    settings = (
        {}
        if buffer is None
        else {a.name: getattr(buffer.settings, a.name) for a in attrs.fields(type(buffer.settings))}
    )
    notes = []
    if reckoning.wanted is None:
        notes.append("nothing is pushed: neither its stock nor what the listing shows is known")
    elif reckoning.waits:
        notes.append("its stock is not known for sure: it may fall, but it is not raised")
    bounded = reckoning.available.amount < BOUNDLESS // 2
    return ListingExplanation(
        reckoning.sink,
        reckoning.warehouse,
        row.external_id,
        feeds,
        reckoning.available.amount if bounded else None,
        reckoning.available.known,
        "" if buffer is None else buffer.name,
        settings,
        {} if buffer is None else buffer.origin,
        reckoning.advertised,
        reckoning.wanted,
        row.base,
        row.confirmed,
        row.confirmed_at,
        row.observed,
        row.observed_at,
        row.status,
        ": ".join(part for part in (row.error_code, row.error_message) if part),
        row.held_reason or "",
        notes,
    )
