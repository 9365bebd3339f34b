"""What every listing should show now: pages of marked products → wanted quantities in the ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.reconcile.absorbing import Held
from mpstock.reconcile.availability import Stated
from mpstock.reconcile.components import Component, component
from mpstock.reconcile.reckoning import Listed, Reckoner, Reckoning, after_neighbours

if TYPE_CHECKING:
    from mpstock.ledger import Ledger
    from mpstock.ledger.holds import HoldRow
    from mpstock.reconcile.reckoning import SinkRule, WarehouseRule

__all__ = ["PAGE", "Planner"]

PAGE = 1_000
"""Products planned in one step: enough to amortise the queries, little enough for memory and the writer."""

_NO_SHOPS: Mapping[tuple[str, str], Listed] = {}


@define
class Planner:
    """Computes wanted quantities from the ledger's levels and holds, and records them there.

    `caps` bound the units that the holds of one origin may take of a product; `own` are the ids of the own
    warehouses. `limited` counts raises that
    wait until a neighbour has fallen.
    """

    ledger: Ledger
    reckoner: Reckoner
    caps: Mapping[str, int]
    own: Mapping[str, int]
    now: datetime
    run: int = 0
    products: int = 0
    limited: int = 0
    _waiting: dict[int, int] = field(factory=dict[int, int])
    _places: dict[tuple[str, str | None], WarehouseRule] = field(
        factory=dict[tuple[str, str | None], "WarehouseRule"]
    )

    def __attrs_post_init__(self) -> None:
        self._places.update(
            ((sink.name, warehouse.code), warehouse)
            for sink in self.reckoner.sinks
            for warehouse in sink.warehouses
        )

    @property
    def sinks(self) -> Sequence[SinkRule]:
        """The sinks' rules, in the order in which they are served."""
        return self.reckoner.sinks

    @property
    def certain(self) -> bool:
        """Whether every source and every sink was heard, so that nothing is an upper bound only."""
        return all(
            rule.trusted and rule.fresh_since is None for rule in self.reckoner.rules.values()
        ) and all(sink.heard for sink in self.sinks)

    def plan_page(self, after: int, only: frozenset[int] | None = None) -> int | None:
        """Plan the next page of marked products; returns the last product id, None at the end.

        `only` narrows the run to some products; the marks of the others stay.
        """
        marks = self.ledger.dirt.page(after, PAGE)
        if not marks:
            return None
        with self.ledger.transaction():
            self.plan_marked([mark for mark in marks if only is None or mark[0] in only])
        return marks[-1][0]

    def plan_cause(self, cause: str) -> int:
        """Plan what one cause has marked, and nothing else; returns how many products that were."""
        planned = 0
        while marks := [m for m in self.ledger.dirt.of_cause(cause, PAGE) if self._waiting.get(m[0]) != m[1]]:
            with self.ledger.transaction():
                planned += self.plan_marked(marks)
        return planned

    def plan_marked(self, marks: Sequence[tuple[int, int, str]]) -> int:
        """Plan these marked products, and clear the marks of those that are done; in a transaction.

        A product that waits for an unknown quantity keeps its mark: it is planned again when
        its sources are read again, and not before. Returns how many products were planned.
        """
        marks = [mark for mark in marks if self._waiting.get(mark[0]) != mark[1]]
        products = [mark[0] for mark in marks]
        self.products += len(products)
        causes = {mark[0]: mark[2] for mark in marks}
        waiting: set[int] = set()
        rows: list[tuple[int | None, str, int]] = []
        for product_id, reckonings in self.reckon(products):
            for state_id, old, reckoning in reckonings:
                if reckoning.waits:
                    waiting.add(product_id)
                if reckoning.wanted != old or reckoning.wanted != reckoning.base:
                    rows.append((reckoning.wanted, causes[product_id], state_id))
        self.ledger.stocks.record_wanted(rows, self.run)
        self.ledger.dirt.clear((p, revision) for p, revision, _ in marks if p not in waiting)
        self._waiting.update((p, revision) for p, revision, _ in marks if p in waiting)
        return len(marks)

    def reckon(self, product_ids: Sequence[int]) -> list[tuple[int, list[tuple[int, int | None, Reckoning]]]]:
        """Return for each product its listings' (state id, wanted so far, reckoning)."""
        return _Page(self, product_ids).reckon()

    def _reach(self, row: HoldRow, place: WarehouseRule | None) -> frozenset[int] | None:
        """Return the own warehouses that a hold may come out of: as when it came, whatever feeds what now."""
        if row.reach is None:
            return None if place is None else place.feeds
        if row.reach == "*":
            return None
        return frozenset(self.own[code] for code in row.reach if code in self.own)

    def pick(self) -> int:
        """Settle which own warehouses the new orders are picked from, by the levels that are known now.

        Before the sources are read: what they have booked by then is gone from their levels. In a
        transaction. Returns how many holds were settled.
        """
        for (sink, code), place in self._places.items():
            if code is not None:
                self.ledger.holds.keep_reach(sink, code, place.feed_codes)
        open_ = self.ledger.holds.to_pick(
            [key for key, place in self._places.items() if place.pick_order and key[1] is not None]
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
        levels: dict[int, list[Stated]] = {}
        rules = self.reckoner.rules
        times = _Times()
        for (
            product_id,
            source,
            own,
            quantity,
            reserved,
            known,
            as_of,
            dated,
            heard,
            _,
        ) in self.ledger.levels.of_products(product_ids):
            # A time to come was recorded while the clock was ahead: as of when the number is, nobody knows.
            when = moment if (moment := times[as_of]) <= self.now else None
            levels.setdefault(product_id, []).append(
                Stated(source, own, quantity, reserved, bool(known), when, bool(dated), heard)
            )
        holds: dict[int, list[tuple[int | None, Held]]] = {}
        for row in self.ledger.holds.of_products(product_ids, self.now):
            place = self._places.get((row.origin, row.sink_warehouse))
            held = Held(
                row.origin, row.key, row.quantity, row.taken_at, row.assembled_at, row.shipped_at,
                row.expires_at,
                self._reach(row, place),
                () if place is None else place.pick_order,
                row.picked,
            )  # fmt: skip
            holds.setdefault(row.product_id, []).append((row.warehouse_id, held))
        return {
            product_id: component(levels.get(product_id, ()), holds.get(product_id, ()), rules, self.caps)
            for product_id in product_ids
        }


class _Times(dict[str, datetime]):
    """The few moments at which many rows were read, as datetimes."""

    def __missing__(self, text: str) -> datetime:
        from mpstock.ledger.database import as_datetime

        found = as_datetime(text)
        assert found is not None
        self[text] = found
        return found


class _Page:
    """Some products, with all that their numbers depend on: what they are made of, and who else is."""

    def __init__(self, planner: Planner, product_ids: Sequence[int]) -> None:
        self.planner = planner
        self.reckoner = planner.reckoner
        self.chosen = list(product_ids)
        book = self.reckoner.book
        made_of = self._made_of(product_ids)
        relatives = {*product_ids, *made_of}
        if book:
            relatives |= {user for part in made_of for user in book.users(part)}
        self.shops: dict[int, dict[tuple[str, str], Listed]] = {}
        for state, product_id, sink, code, base, wanted in planner.ledger.stocks.of_products(relatives):
            self.shops.setdefault(product_id, {})[sink, code] = Listed(state, base, wanted)
        self.stock = planner.components(sorted(made_of))
        self.skus = planner.ledger.levels.skus(product_ids)
        for product_id in made_of:
            users = (product_id, *book.users(product_id)) if book else (product_id,)
            if any(self.reckoner.unheard(self.others(user)) for user in users):
                self.stock[product_id] = self.stock[product_id].doubted()

    def _made_of(self, product_ids: Iterable[int]) -> set[int]:
        book = self.reckoner.book
        if not book:
            return set(product_ids)
        return {
            part
            for product_id in product_ids
            for sink in self.reckoner.sinks
            for part, _ in book.of(product_id, sink.name)
        } | set(product_ids)

    def others(self, product_id: int) -> Mapping[tuple[str, str], Listed]:
        return self.shops.get(product_id, _NO_SHOPS)

    def reckon(self) -> list[tuple[int, list[tuple[int, int | None, Reckoning]]]]:
        reckoned = {
            product_id: self.reckoner.of_product(
                product_id, self.skus[product_id], found, self.stock.__getitem__, self.others
            )
            for product_id in self.chosen
            if (found := self.shops.get(product_id))
        }
        now_wanted = {
            self.shops[product_id][r.sink, r.warehouse].state: r.wanted
            for product_id, reckonings in reckoned.items()
            for r in reckonings
        }
        result = []
        for product_id, reckonings in reckoned.items():
            found = self.shops[product_id]
            shares = self.reckoner.book or self._has_neighbours(reckonings)
            rows = []
            for reckoning in reckonings:
                listed = found[reckoning.sink, reckoning.warehouse]
                final = self._after_neighbours(product_id, reckoning, now_wanted) if shares else reckoning
                rows.append((listed.state, listed.wanted, final))
            result.append((product_id, rows))
        return result

    def _has_neighbours(self, reckonings: Sequence[Reckoning]) -> bool:
        """Say whether two listings of one product may not promise the same unit."""
        if self.reckoner.sharing == "exclusive":
            return len(reckonings) > 1
        return len({reckoning.sink for reckoning in reckonings}) < len(reckonings)

    def _after_neighbours(
        self, product_id: int, mine: Reckoning, now_wanted: Mapping[int, int | None]
    ) -> Reckoning:
        if mine.wanted is None or (mine.base is not None and mine.wanted <= mine.base):
            return mine
        final = mine
        book = self.reckoner.book
        group = next(g for g in self.reckoner.groups() if any(s.name == mine.sink for s in g))
        rule = self.planner._places[mine.sink, mine.warehouse]
        for part, units in book.of(product_id, mine.sink):
            users = (part, *book.users(part)) if book else (part,)
            neighbours = []
            for user in {product_id, *users}:
                for sink in group:
                    for warehouse in sink.warehouses:
                        key = (sink.name, warehouse.code)
                        other = self.others(user).get(key)
                        itself = user == product_id and key == (mine.sink, mine.warehouse)
                        if other is None or itself or not _share_stock(warehouse.feeds, rule.feeds):
                            continue
                        each = dict(book.of(user, sink.name)).get(part, 0)
                        wanted = now_wanted.get(other.state, other.wanted)
                        if each:
                            neighbours.append((other.base, wanted, each))
            if neighbours:
                final = after_neighbours(final, units, neighbours)
        if final is not mine:
            self.planner.limited += 1
        return final


def _share_stock(one: frozenset[int] | None, other: frozenset[int] | None) -> bool:
    return one is None or other is None or bool(one & other)
