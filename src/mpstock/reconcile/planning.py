"""What every listing should show now: pages of marked products → wanted quantities in the ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.ledger.stocks import BY_HAND
from mpstock.reconcile.backlog import Backlog
from mpstock.reconcile.components import Component, component
from mpstock.reconcile.evaluating import Evaluated, evaluate
from mpstock.reconcile.facts import FactsReader
from mpstock.reconcile.hands import NO_HANDS, Hands, read_hands
from mpstock.reconcile.neighbours import crowded
from mpstock.reconcile.reckoning import Reckoner
from mpstock.reconcile.stored_facts import StoredSettings

if TYPE_CHECKING:
    from mpstock.ledger import Ledger
    from mpstock.ledger.dirt import Mark
    from mpstock.reconcile.places import SinkRule
    from mpstock.tapes import Tape

__all__ = ["FRESH", "LAST", "PAGE", "Planner"]

PAGE = 250
"""Products planned in one step: enough to amortise the queries, few enough that a webhook does not wait."""

FRESH = 2_000
"""Products planned before a batch at most, when they were marked while changes are being sent."""

LAST = 2**62
"""Beyond every product's id."""


@define
class Planner:
    """Computes wanted quantities from the ledger's levels and holds, and records them there.

    `own` are the ids of the own warehouses by their codes, `hands` what people have decided. `writes` names
    the sinks that the run may write to (None = all). `limited` counts raises that wait until a neighbour has
    fallen. Every mark up to `seen` (revision, product id) was looked at.
    `broken` are invariants that numbers broke, in words. `tape` is the run's, if it has one. `crowded`:
    somewhere two listings draw on the same stock, and may have to wait for each other.
    """

    ledger: Ledger
    reckoner: Reckoner
    own: Mapping[str, int]
    now: datetime
    hands: Hands = NO_HANDS
    run: int = 0
    writes: frozenset[str] | None = None
    products: int = 0
    limited: int = 0
    seen: tuple[int, int] = (0, 0)
    broken: list[str] = field(factory=list[str])
    aside: int = 0
    backlog: Backlog = field(factory=Backlog, repr=False)
    tape: Tape | None = None
    _waiting: dict[int, int] = field(factory=dict[int, int])
    _reader: FactsReader = field(init=False)
    crowded: bool = field(init=False)
    _settings: StoredSettings | None = None

    def __attrs_post_init__(self) -> None:
        reckoner = self.reckoner
        self.crowded = crowded(reckoner)
        names = [sink.name for sink in reckoner.sinks]
        self._reader = FactsReader(
            self.ledger, reckoner.book, names, reckoner.places, self.own, reckoner.left
        )

    @property
    def sinks(self) -> Sequence[SinkRule]:
        """The sinks' rules, in the order in which they are served."""
        return self.reckoner.sinks

    def codes(self, sink: str) -> list[str]:
        """Return the warehouses of a sink, with those that have left the settings behind."""
        return [code for name, code in (*self.reckoner.places, *self.reckoner.left) if name == sink]

    @property
    def certain(self) -> bool:
        """Whether every source and every sink was heard, so that nothing is an upper bound only."""
        return all(
            rule.trusted and rule.fresh_since is None for rule in self.reckoner.rules.values()
        ) and all(sink.heard for sink in self.sinks)

    @property
    def waiting(self) -> int:
        """How many products wait for something that is not known, planned by this run or before it."""
        return len(self._waiting) + self.aside

    def plan_page(
        self, after: int, only: frozenset[int] | None = None, *, waiting: bool = True, urgent: bool = True
    ) -> int | None:
        """Plan the next page of marked products; returns the last product id, None at the end.

        `only` narrows the run to some products; the marks of the others stay. Without `waiting` those are
        left out that were planned already and wait for an unknown quantity; without `urgent` those that are
        sent beside the run: planned here, they would wait for its end.
        """
        marks = self.ledger.dirt.page(after, PAGE, waiting=waiting, urgent=urgent)
        if not marks:
            return None
        with self.ledger.transaction():
            self.plan_marked([mark for mark in marks if only is None or mark[0] in only])
        return marks[-1][0]

    def plan_urgent(self, seen: tuple[int, int]) -> tuple[int, int] | None:
        """Plan the next page of urgent marks after one (revision, product id); None at the end."""
        marks = self.ledger.dirt.urgent(*seen, PAGE)
        if not marks:
            return None
        with self.ledger.transaction():
            self.plan_marked(marks)
        return marks[-1][1], marks[-1][0]

    def plan_fresh(self, now: datetime) -> list[int]:
        """Plan what was marked since this was asked last, by whom ever; returns the products.

        While changes are being sent a webhook, an order or a cart may come in: what falls by it does not
        wait for the next run. At most `FRESH` are planned at once, so that it keeps nobody waiting.
        """
        newest = self.ledger.dirt.revision()
        if self.seen[0] >= newest:
            return []
        self.now = now
        marks = self.ledger.dirt.since(*self.seen, FRESH)
        self.seen = (marks[-1][1], marks[-1][0]) if len(marks) == FRESH else (newest, LAST)
        self.plan_marked(marks)
        return [mark[0] for mark in marks]

    def plan_cause(self, cause: str) -> int:
        """Plan what one cause has marked, and nothing else; returns how many products that were."""
        planned = 0
        while marks := [m for m in self.ledger.dirt.of_cause(cause, PAGE) if self._waiting.get(m[0]) != m[1]]:
            with self.ledger.transaction():
                planned += self.plan_marked(marks)
        return planned

    def plan_marked(self, marks: Sequence[Mark]) -> int:
        """Plan these marked products, and clear the marks of those that are done; in a transaction.

        A product that waits for an unknown quantity keeps its mark: it is planned again when
        its sources are read again, and not before. Returns how many products were planned.
        """
        self._read_hands()
        marks = [mark for mark in marks if self._waiting.get(mark[0]) != mark[1]]
        products = [mark[0] for mark in marks]
        self.products += len(products)
        causes = {mark[0]: mark[2] for mark in marks}
        marked = {mark[0]: mark[3] for mark in marks}
        waiting: set[int] = set()
        others: set[int] = set()
        evaluated = self.evaluate(products)
        self.keep_on_tape(evaluated, causes)
        explained = self.keep([found for found in evaluated if found.explains])
        rows: list[tuple[int | None, str, int]] = []
        moments: dict[int, str] = {}
        zeroed: list[int] = []
        states: dict[int, int] = {}
        for found in evaluated:
            product_id, own = found.facts.product_id, found.facts.found
            self.broken += [f"{found.facts.sku} on {told}" for told in found.broken]
            explanation = explained.get(product_id)
            for reckoning in found.reckonings:
                listed = own[reckoning.sink, reckoning.warehouse]
                foreign = self.writes is not None and reckoning.sink not in self.writes
                if reckoning.waits or (foreign and reckoning.wanted != reckoning.base):
                    # The one who writes to that sink finds the mark, and judges what it plans by it.
                    waiting.add(product_id)
                self.limited += reckoning.unlimited is not None
                if foreign or reckoning.unlimited is not None:
                    others.add(product_id)
                if reckoning.by_hand and reckoning.wanted == 0 and reckoning.base != 0:
                    zeroed.append(listed.state)
                cause = BY_HAND if reckoning.by_hand else causes[product_id]
                moved = reckoning.wanted != listed.wanted
                # A person has moved another listing of it: what had moved this one stays its cause.
                untouched = cause == BY_HAND and not reckoning.by_hand
                if reckoning.wanted != reckoning.base and listed.wanted in (None, listed.base):
                    self.backlog.add(reckoning.sink, listed.state, self.now)
                if moved or (reckoning.wanted != reckoning.base and not untouched):
                    rows.append((reckoning.wanted, cause, listed.state))
                    moments[listed.state] = marked[product_id]
                    if explanation is not None and found.stands(reckoning):
                        states[listed.state] = explanation
        self.ledger.stocks.record_wanted(rows, self.run, self.writes, states, moments)
        self.ledger.stocks.let_through(zeroed)
        self.ledger.dirt.clear((mark[0], mark[1]) for mark in marks if mark[0] not in waiting)
        # What waits for another writer or a neighbour is looked at by every run: it may be there by then.
        self.ledger.dirt.set_aside((m[0], m[1]) for m in marks if m[0] in waiting and m[0] not in others)
        self._waiting.update((mark[0], mark[1]) for mark in marks if mark[0] in waiting)
        return len(marks)

    def heed(self, now: datetime, revision: int) -> int:
        """Plan what people have decided or taken back since this was asked last; returns how many products.

        Here or in another process. `revision` is the interventions' as it is now: where it has not moved this
        costs nothing.
        """
        self.now = now
        hands = self.hands
        if revision == hands.revision and not self._over(hands.next_expiry):
            return 0
        planned = 0
        with self.ledger.transaction():
            self._read_hands()
            concerned = self.ledger.interventions.concerned(hands.revision)
        for start in range(0, len(concerned), PAGE):
            with self.ledger.transaction():
                planned += self.plan_marked(self.ledger.dirt.among(concerned[start : start + PAGE]))
        return planned

    def _over(self, moment: datetime | None) -> bool:
        return moment is not None and moment <= self.now

    def _read_hands(self) -> None:
        """Take in what people have decided by now, and end what has expired; in a transaction."""
        hands, interventions = self.hands, self.ledger.interventions
        if self._over(hands.next_expiry):
            interventions.settle(self.now)
        if interventions.revision != hands.revision:
            self.hands = read_hands(interventions, hands.pins, self.now)

    def evaluate(self, product_ids: Sequence[int]) -> list[Evaluated]:
        """Return what each of these products' listings should show now; those without a listing are left out.

        Nothing is recorded.
        """
        return evaluate(self.reckoner, self._reader.read(product_ids, self.now, self.hands))

    def look_at(self, product_id: int) -> Evaluated:
        """Return what a product's listings should show now, also where it has none. Nothing is recorded."""
        facts = self._reader.read([product_id], self.now, self.hands, listed_only=False)
        return evaluate(self.reckoner, facts)[0]

    def unsure(self, sink: str, product_ids: Collection[int]) -> set[int]:
        """Return those of the products whose raises in a sink a neighbour may keep back by now.

        It shows more than it should, or nobody knows what. Where no two listings draw on the same stock
        nothing is asked.
        """
        if not product_ids or not self.crowded:
            return set()
        kin = {product_id: self._reader.kin(product_id) for product_id in product_ids}
        sinks = [each.name for each in self.reckoner.beside(sink)]
        beyond = self.ledger.stocks.beyond(set().union(*kin.values()), sinks)
        return {product_id for product_id, each in kin.items() if not beyond.isdisjoint(each)}

    def keep(self, found: Collection[Evaluated], wanted: Mapping[int, int] | None = None) -> dict[int, int]:
        """Keep what these products' numbers were reckoned from; returns the explanation of each product.

        `wanted` are numbers by state, of which those that differ from what was reckoned are kept too. Inside
        a transaction.
        """
        if not found:
            return {}
        settings, texts = self._stored(found, wanted or {})
        facts = [(one.facts.product_id, text) for one, text in zip(found, texts, strict=True)]
        return self.ledger.explanations.keep(settings, facts, self.now)

    def keep_on_tape(self, found: Sequence[Evaluated], causes: Mapping[int, str] | None = None) -> None:
        """Put what these products' numbers were reckoned from on the run's tape, if it has one.

        `causes` say why, by product; None: nobody asked for them.
        """
        if self.tape is not None and found:
            settings, texts = self._stored(found, {})
            self.tape.reckoned(settings, zip(found, texts, strict=True), self.now, causes)

    def look_round(self, after: int) -> int | None:
        """Put the next page of all products that are not on the tape yet there as well; None at the end."""
        page = self.ledger.stocks.products(after, PAGE)
        if not page or self.tape is None:
            return None
        self.keep_on_tape(self.evaluate([product_id for product_id in page if not self.tape.has(product_id)]))
        return page[-1]

    def _stored(self, found: Collection[Evaluated], wanted: Mapping[int, int]) -> tuple[str, list[str]]:
        """Return the settings, and the facts of each product, as text."""
        if self._settings is None:
            self._settings = StoredSettings(self.reckoner, {own: code for code, own in self.own.items()})
        skus: Mapping[int, str] = {}
        if self.reckoner.book:
            skus = self.ledger.levels.skus({part for one in found for part in one.facts.levels})
        settings = self._settings
        return settings.text, [settings.facts(one, skus, one.otherwise(wanted)) for one in found]

    def pick(self) -> int:
        """Settle which own warehouses the new orders are picked from, by the levels that are known now.

        Before the sources are read: what they have booked by then is gone from their levels. In a
        transaction. Returns how many holds were settled.
        """
        for (sink, code), place in self.reckoner.places.items():
            self.ledger.holds.keep_reach(sink, code, place.feed_codes)
        open_ = self.ledger.holds.to_pick(
            [key for key, place in self.reckoner.places.items() if place.pick_order]
        )
        picks: dict[tuple[str, str, int], dict[int, int]] = {}
        for product_id, found in self.components(sorted({product_id for _, _, product_id in open_})).items():
            for warehouse, holds in found.placed.items():
                for hold in holds:
                    key = (hold.origin, hold.key, product_id)
                    if key in open_:
                        picks.setdefault(key, {})[warehouse] = hold.quantity
        return self.ledger.holds.keep_picks(picks)

    def components(self, product_ids: Collection[int]) -> dict[int, Component]:
        """Return what there is of each of these products."""
        levels = self._reader.levels(product_ids, self.now)
        holds = self._reader.holds(product_ids, self.now)
        rules, caps = self.reckoner.rules, self.reckoner.caps
        return {
            product_id: component(levels.get(product_id, ()), holds.get(product_id, ()), rules, caps)
            for product_id in product_ids
        }
