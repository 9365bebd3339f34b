"""Why a number is what it is: the same formula as the plan's, with every term and setting named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from mpstock.errors import ConfigurationError
from mpstock.phrases import Phrase, phrase
from mpstock.reconcile.absorbing import Held, booked
from mpstock.reconcile.components import Component
from mpstock.reconcile.explanation import (
    Explanation,
    HoldExplanation,
    ListingExplanation,
    PoolExplanation,
    StageExplanation,
    StockExplanation,
    TermExplanation,
)
from mpstock.reconcile.hands import stops
from mpstock.reconcile.stages import Names, bounded, stages

if TYPE_CHECKING:
    from mpstock.ledger import Ledger
    from mpstock.ledger.explanations import SentRow
    from mpstock.ledger.interventions import Intervention
    from mpstock.ledger.stocks import StockRow
    from mpstock.reconcile.evaluating import Evaluated
    from mpstock.reconcile.planning import Planner
    from mpstock.reconcile.reckoned import Reckoning
    from mpstock.reconcile.reckoning import Reckoner

__all__ = ["Case", "explain", "product_of"]


def product_of(ledger: Ledger, sku: str) -> int:
    """Return the id of a product.

    Raises:
        ConfigurationError: no source knows it.
    """
    product_id = ledger.levels.product_ids([sku]).get(sku)
    if product_id is None:
        raise ConfigurationError(
            f"no source knows {sku!r}; check the article, case counts, and that a run has read it",
            place="explain",
        )
    return product_id


def explain(ledger: Ledger, planner: Planner, sku: str, sinks: Sequence[str]) -> Explanation:
    """Explain every listing of a product from what the ledger holds now. Runs in the ledger's thread.

    Raises:
        ConfigurationError: no source knows the product.
    """
    product_id = product_of(ledger, sku)
    found = planner.look_at(product_id)
    names = Names(ledger.levels.skus(found.facts.kin), ledger.levels.warehouse_codes())
    reasons = {
        (part, source, warehouse): why
        for part in found.facts.levels
        for source, warehouse, _, _, _, why in ledger.levels.detail(part)
        if why is not None
    }
    case = Case(found, planner.reckoner, names, planner.now, reasons)
    rows = {(row.sink, row.warehouse): row for row in ledger.stocks.rows(product_id=product_id)}
    last = {(row.sink, row.warehouse): row for row in ledger.explanations.sent(product_id)}
    stopped = stops(ledger.interventions, planner.now)
    listings = []
    for reckoning in found.reckonings:
        key = (reckoning.sink, reckoning.warehouse)
        row = rows[key]
        listings.append(_as_it_is(case.listing(reckoning), row, last.get(key), stopped.get(row.stopped or 0)))
    stock = case.stock()
    return Explanation(
        sku,
        stock.terms,
        listings,
        _notes(listings, sinks, planner.reckoner),
        stock.holds,
        stock.pools,
        planner.now,
    )


def _notes(listings: Sequence[ListingExplanation], sinks: Sequence[str], reckoner: Reckoner) -> list[Phrase]:
    without = [name for name in sinks if name not in {listing.sink for listing in listings}]
    return [phrase("{sink} has no listing of it: nothing is pushed there", sink=name) for name in without] + [
        phrase("what {sink} has sold lately is not known: nothing that it sells is raised", sink=sink.name)
        for sink in reckoner.sinks
        if not sink.heard
    ]


def _as_it_is(
    x: ListingExplanation, row: StockRow, last: SentRow | None, stop: Intervention | None
) -> ListingExplanation:
    """Add to a listing's number what came of it: what is shown, what was sent, and what keeps it back."""
    error = ": ".join(part for part in (row.error_code, row.error_message) if part)
    after = []
    if row.base != x.wanted:
        if stop is not None:
            after.append(StageExplanation("stop", row.base, stop.told()))
        elif row.held:
            after.append(StageExplanation("guard", row.base, row.held_reason or row.held))
        elif row.status == "error":
            after.append(StageExplanation("refused", row.base, error))
        elif x.wanted is not None:
            after.append(StageExplanation("waiting", row.base, phrase("it is sent by the next run")))
    notes = [*x.notes, *([] if stop is None else [phrase("nothing is sent: {stop}", stop=stop.told())])]
    x = evolve(
        x, external_id=row.external_id, base=row.base, confirmed=row.confirmed,
        confirmed_at=row.confirmed_at, observed=row.observed, observed_at=row.observed_at,
        status=row.status, error=error, held=row.held_reason or "", expected=row.expected,
        stages=[*x.stages, *after], notes=notes,
    )  # fmt: skip
    if last is None:
        return x
    return evolve(x, sent=last.new, sent_at=last.at, run=last.run, cause=last.cause)


@frozen
class Case:
    """The facts of one product, evaluated, and told in the words of people.

    `at` is the moment that they are of; `reasons` say why a row is not known, by part, source and warehouse.
    """

    found: Evaluated
    reckoner: Reckoner
    names: Names
    at: datetime
    reasons: Mapping[tuple[int, str, str], str]

    @property
    def _parts(self) -> list[int]:
        """What the product's listings take: itself, or what it is made of."""
        product_id = self.found.facts.product_id
        parts = {
            part for sink in self.reckoner.sinks for part, _ in self.reckoner.book.of(product_id, sink.name)
        }
        return sorted(parts or {product_id})

    def stock(self) -> StockExplanation:
        """Return what there is of the product or, of a kit, of its components."""
        terms: list[TermExplanation] = []
        pools: list[PoolExplanation] = []
        holds: list[HoldExplanation] = []
        for part in self._parts:
            stock, sku = self.found.stock[part], self.names.sku(part)
            terms += self._terms(part, stock)
            pools += [
                PoolExplanation(sku, self.names.own(own), bounded(pool.amount), pool.known)
                for own, pool in stock.pools.items()
            ]
            holds += self._holds(sku, stock)
        return StockExplanation(self.at, terms, pools, holds)

    def _terms(self, part: int, stock: Component) -> Iterator[TermExplanation]:
        for term in stock.terms:
            warehouse = self.names.own(term.warehouse_id)
            why = self.reasons.get((part, term.source, warehouse))
            rule = self.reckoner.rules[term.source]
            if why is None and not rule.trusted:
                why = phrase("the source could not be read, or what it said is too old")
            elif why is None and not term.known:
                why = phrase("it was not repeated by the source for too long")
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
                self.names.sku(part),
                str(rule.share),
                None if term.confirmed_at is None else (self.at - term.confirmed_at).total_seconds(),
            )

    def _holds(self, sku: str, stock: Component) -> Iterator[HoldExplanation]:
        rules = self.reckoner.rules
        of_warehouse: dict[int, list[tuple[str, datetime | None, datetime | None]]] = {}
        for term in stock.terms:
            of_warehouse.setdefault(term.warehouse_id, []).append(
                (term.source, term.as_of, term.confirmed_at)
            )
        placed = [(hold, [warehouse]) for warehouse, holds in stock.placed.items() for hold in holds]
        floating = [
            (hold, sorted(w for w in stock.pools if hold.feeds is None or w in hold.feeds))
            for hold in stock.floating
        ]
        for hold, warehouses in sorted([*placed, *floating], key=lambda one: (one[0].taken_at, one[0].key)):
            has = {
                source: booked(hold, rules[source].books, as_of, confirmed_at)
                for warehouse in warehouses
                for source, as_of, confirmed_at in of_warehouse.get(warehouse, ())
            }
            stage, reached = _stage(hold)
            yield HoldExplanation(
                sku,
                hold.origin,
                hold.key,
                hold.quantity,
                [self.names.own(warehouse) for warehouse in warehouses],
                hold.taken_at,
                stage,
                reached,
                hold.expires_at,
                [source for source, done in has.items() if not done],
                [source for source, done in has.items() if done],
            )

    def listing(self, r: Reckoning) -> ListingExplanation:
        """Return how a listing's number comes about, up to what is wanted."""
        key = (r.sink, r.warehouse)
        left = self.reckoner.left.get(key)
        fed = self.reckoner.places[key].feeds if left is None else left.feeds
        codes = self.names.codes
        feeds = sorted(codes.values()) if fed is None else sorted(codes[w] for w in fed)
        notes = [] if r.ruling is None else [r.ruling.told]
        if left is not None:
            notes.append(
                phrase("its warehouse has left the settings: what it shows goes on being promised there")
            )
        elif r.wanted is None:
            notes.append(phrase("nothing is pushed: neither its stock nor what the listing shows is known"))
        elif r.unlimited not in (None, r.wanted):
            notes.append(
                phrase("its neighbours still show what is to be its: it waits until they have fallen")
            )
        elif r.waits:
            notes.append(phrase("its stock is not known for sure: it may fall, but it is not raised"))
        notes += [
            phrase(
                "{sku} is divided: {mine} of {whole} are for this listing, the rest is for others",
                sku=self.names.sku(part.component),
                mine=part.mine,
                whole=part.whole,
            )
            for part in r.parts
            if part.mine != part.whole and bounded(part.whole) is not None
        ]
        product_id = self.found.facts.product_id
        recipe = self.reckoner.book.of(product_id, r.sink)
        buffer = r.buffer
        return ListingExplanation(
            r.sink,
            r.warehouse,
            "",
            feeds,
            bounded(r.available.amount),
            r.available.known,
            "" if buffer is None else buffer.name,
            {} if buffer is None else dict(buffer.values),
            {} if buffer is None else buffer.origin,
            r.advertised,
            r.wanted,
            r.base,
            None,
            None,
            None,
            None,
            "",
            "",
            "",
            notes,
            None if recipe == ((product_id, 1),) else {self.names.sku(p): units for p, units in recipe},
            r.floating,
            reckoned_at=self.at,
            stages=[
                *stages(self.found, self.reckoner, r, self.names),
                StageExplanation("wanted", r.wanted, phrase("that is what it should show")),
            ],
        )


def _stage(hold: Held) -> tuple[str, datetime]:
    if hold.shipped_at is not None:
        return phrase("shipped or ended"), hold.shipped_at
    if hold.assembled_at is not None:
        return phrase("assembled"), hold.assembled_at
    return phrase("taken"), hold.taken_at
