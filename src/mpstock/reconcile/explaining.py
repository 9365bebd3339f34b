"""Why a number is what it is: the same formula as the plan's, with every term and setting named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import attrs

from mpstock.errors import ConfigurationError
from mpstock.reconcile.absorbing import Held, booked
from mpstock.reconcile.availability import BOUNDLESS
from mpstock.reconcile.components import Component
from mpstock.reconcile.explanation import (
    Explanation,
    HoldExplanation,
    ListingExplanation,
    TermExplanation,
)
from mpstock.reconcile.hands import stops
from mpstock.reconcile.planning import Planner

if TYPE_CHECKING:
    from mpstock.ledger import Ledger
    from mpstock.ledger.interventions import Intervention
    from mpstock.ledger.stocks import StockRow
    from mpstock.reconcile.reckoning import Reckoning

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
    parts = _parts(planner, product_id)
    skus = ledger.levels.skus([*parts, product_id])
    terms: list[TermExplanation] = []
    holds: list[HoldExplanation] = []
    for part, found in planner.components(sorted(parts)).items():
        terms += _terms(ledger, planner, part, skus[part], found, codes)
        holds += _holds(planner, skus[part], found, codes)
    rows = {(row.sink, row.warehouse): row for row in ledger.stocks.rows(product_id=product_id)}
    stopped = stops(ledger.interventions, planner.now)
    listings = [
        _listing(
            planner, product_id, reckoning, row := rows[reckoning.sink, reckoning.warehouse], codes, skus,
            stopped.get(row.stopped or 0),
        )
        for found in planner.evaluate([product_id])
        for reckoning in found.reckonings
    ]  # fmt: skip
    without = [name for name in sinks if name not in {listing.sink for listing in listings}]
    notes = [f"{name} has no listing of it: nothing is pushed there" for name in without]
    notes += [
        f"what {sink.name} has sold lately is not known: nothing that it sells is raised"
        for sink in planner.sinks
        if not sink.heard
    ]
    return Explanation(sku, terms, listings, notes, holds)


def _parts(planner: Planner, product_id: int) -> set[int]:
    """Return what a product's listings take: itself, or what it is made of."""
    book = planner.reckoner.book
    return {part for sink in planner.sinks for part, _ in book.of(product_id, sink.name)} or {product_id}


def _terms(
    ledger: Ledger, planner: Planner, part: int, sku: str, found: Component, codes: Mapping[int, str]
) -> Iterator[TermExplanation]:
    told: dict[tuple[str, str], str | None] = {
        (source, warehouse): why for source, warehouse, _, _, _, why in ledger.levels.detail(part)
    }
    for term in found.terms:
        warehouse = codes[term.warehouse_id]
        why = told[term.source, warehouse]
        rule = planner.reckoner.rules[term.source]
        if why is None and not rule.trusted:
            why = "the source could not be read, or what it said is too old"
        elif why is None and not term.known:
            why = "it was not repeated by the source for too long"
        yield TermExplanation(
            term.source,
            warehouse,
            term.quantity,
            term.reserved,
            term.held,
            None if term.quantity is None else term.amount,
            rule.group,
            rule.rule,
            term.confirmed_at,
            why or "",
            sku,
            str(rule.share),
            None if term.confirmed_at is None else (planner.now - term.confirmed_at).total_seconds(),
        )


def _holds(
    planner: Planner, sku: str, found: Component, codes: Mapping[int, str]
) -> Iterator[HoldExplanation]:
    placed = [(hold, [warehouse]) for warehouse, holds in found.placed.items() for hold in holds]
    floating = [
        (hold, sorted(w for w in found.pools if hold.feeds is None or w in hold.feeds))
        for hold in found.floating
    ]
    for hold, warehouses in sorted([*placed, *floating], key=lambda one: (one[0].taken_at, one[0].key)):
        terms = [term for term in found.terms if term.warehouse_id in warehouses]
        rules = planner.reckoner.rules
        has = {t.source: booked(hold, rules[t.source].books, t.as_of, t.confirmed_at) for t in terms}
        stage, reached = _stage(hold)
        yield HoldExplanation(
            sku,
            hold.origin,
            hold.key,
            hold.quantity,
            [codes[warehouse] for warehouse in warehouses],
            hold.taken_at,
            stage,
            reached,
            hold.expires_at,
            [source for source, done in has.items() if not done],
            [source for source, done in has.items() if done],
        )


def _stage(hold: Held) -> tuple[str, datetime]:
    if hold.shipped_at is not None:
        return "shipped or ended", hold.shipped_at
    if hold.assembled_at is not None:
        return "assembled", hold.assembled_at
    return "taken", hold.taken_at


def _listing(
    planner: Planner, product_id: int, reckoning: Reckoning, row: StockRow, codes: Mapping[int, str],
    skus: Mapping[int, str], stop: Intervention | None,
) -> ListingExplanation:  # fmt: skip
    key = (reckoning.sink, reckoning.warehouse)
    left = planner.reckoner.left.get(key)
    fed = planner.reckoner.places[key].feeds if left is None else left.feeds
    feeds = sorted(codes.values()) if fed is None else sorted(codes[w] for w in fed)
    buffer = reckoning.buffer
    settings = (
        {}
        if buffer is None
        else {a.name: getattr(buffer.settings, a.name) for a in attrs.fields(type(buffer.settings))}
    )
    notes = [] if reckoning.ruling is None else [reckoning.ruling.told]
    if stop is not None:
        notes.append(f"nothing is sent: {stop.told()}")
    if left is not None:
        notes.append("its warehouse has left the settings: what it shows goes on being promised there")
    elif reckoning.wanted is None:
        notes.append("nothing is pushed: neither its stock nor what the listing shows is known")
    elif reckoning.waits:
        notes.append("its stock is not known for sure: it may fall, but it is not raised")
    notes += [
        f"{skus[part]} is divided: {mine} of {whole} are for this listing, the rest is for others"
        for part, whole, mine in reckoning.parts
        if whole < BOUNDLESS // 2
    ]
    bounded = reckoning.available.amount < BOUNDLESS // 2
    recipe = planner.reckoner.book.of(product_id, reckoning.sink)
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
        None if recipe == ((product_id, 1),) else {skus[part]: units for part, units in recipe},
        reckoning.floating,
        row.expected,
    )
