"""From what there is of a product, and of what it is made of, to what each of its listings should show."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, Protocol

from attrs import Factory, evolve, field, frozen

from mpstock.reconcile.availability import BOUNDLESS, Pool, SourceRule, lower, total
from mpstock.reconcile.components import Component
from mpstock.reconcile.drawing import Drawn, Later
from mpstock.reconcile.hands import Ruling
from mpstock.reconcile.places import Feeds, LeftPlace, SinkRule, WarehouseRule
from mpstock.reconcile.reckoned import Part, Reckoning
from mpstock.reconcile.sharing import divide, spend

if TYPE_CHECKING:
    from mpstock.buffers import ResolvedBuffer
    from mpstock.ledger.recipes import RecipeBook

__all__ = ["NO_RULINGS", "Buffers", "Listed", "Reckoner", "Rulings", "Sharing", "Shops"]

Sharing = Literal["shared", "split", "exclusive"]


@frozen
class Listed:
    """One listing's state: what it shows as far as is known (else at `least`), and what was wanted last."""

    state: int
    base: int | None
    wanted: int | None
    least: int | None = None


Shops = Mapping[tuple[str, str], Listed]
"""One product's listings by sink and sink warehouse."""

Rulings = Mapping[tuple[str, str], Ruling]
"""What people have decided of one product's listings, by sink and sink warehouse."""

NO_RULINGS: Rulings = {}

UNSAID = Pool(BOUNDLESS, known=False)
"""What there is where no source speaks: nobody knows, and nothing bounds it."""


class Buffers(Protocol):
    """Says which buffer each listing has, now or as it was."""

    def resolve(self, sku: str, sink: str, warehouse: str) -> ResolvedBuffer: ...


def _places(reckoner: Reckoner) -> Mapping[tuple[str, str], WarehouseRule]:
    return {
        (sink.name, warehouse.code): warehouse for sink in reckoner.sinks for warehouse in sink.warehouses
    }


@frozen
class Reckoner:
    """The rules by which products are reckoned, as the settings say them.

    `caps` bound the units that the holds of one origin may take of a product. `left` are the sink warehouses
    that have left the settings, `places` those that are in them, by (sink, code). `silent` are the own
    warehouses of which only sources have spoken that have left the settings. `plain` is for `evaluate`.
    """

    rules: Mapping[str, SourceRule]
    sinks: Sequence[SinkRule]
    resolver: Buffers
    sharing: Sharing
    book: RecipeBook
    caps: Mapping[str, int] = field(factory=dict[str, int])
    left: Mapping[tuple[str, str], LeftPlace] = field(factory=dict[tuple[str, str], LeftPlace])
    silent: frozenset[int] = frozenset()
    places: Mapping[tuple[str, str], WarehouseRule] = field(
        init=False, repr=False, eq=False, default=Factory(_places, takes_self=True)
    )
    plain: dict[Any, tuple[Mapping[int, Pool], Sequence[Reckoning], bool]] = field(
        init=False, repr=False, eq=False, factory=dict[Any, Any]
    )

    @property
    def ageless(self) -> bool:
        """Whether the age of a row counts with no source."""
        return all(rule.fresh_since is None for rule in self.rules.values())

    def of_product(
        self,
        product_id: int,
        sku: str,
        found: Shops,
        stock: Callable[[int], Component],
        others: Callable[[int], Shops],
        rulings: Rulings = NO_RULINGS,
    ) -> list[Reckoning]:
        """Reckon a product's listings. `stock` gives what there is of a product, `others` its listings.

        `rulings` are what people have decided of its listings.

        Raises that have to wait for a neighbour are not held back here: see `evaluate`.
        """
        result: list[Reckoning] = []
        for group in self.groups():
            served = [(s, w) for s in group for w in s.warehouses if (s.name, w.code) in found]
            if not served:
                continue
            of_group = _Group(self, product_id, sku, found, stock, others, rulings)
            if len(served) == 1 and self.sharing != "split" and not self.book and not self.left:
                # Nearly every product of nearly every shop: nobody to share with.
                result.append(of_group.alone(*served[0]))
            else:
                result += of_group.reckon(group)
        return self._with_left(found, rulings, result) if self.left else result

    def _with_left(self, found: Shops, rulings: Rulings, result: list[Reckoning]) -> list[Reckoning]:
        """Add the listings of places that have left the settings: what shows there only a person says."""
        lowered = False
        left: list[Reckoning] = []
        for (sink, code), listed in found.items():
            place = self.left.get((sink, code))
            if place is None or not place.reachable:
                continue
            ruling = rulings.get((sink, code))
            if ruling is not None and not ruling.person:
                ruling = None
            wanted = None if ruling is None else min(ruling.quantity, listed.base or 0)
            lowered = lowered or (wanted is not None and wanted < (listed.base or 0))
            left.append(
                Reckoning(
                    sink, code, UNSAID, None, wanted, listed.base, wanted, waits=False,
                    ruling=ruling, by_hand=ruling is not None,
                )
            )  # fmt: skip
        if lowered:
            # What is being taken from there is free for the others once it has landed.
            result = [
                evolve(r, waits=True, unlimited=r.wanted) if r.wanted is not None else r for r in result
            ]
        return [*result, *left]

    def groups(self) -> list[Sequence[SinkRule]]:
        """Return the sinks that may not promise the same unit, together: within a sink none ever may."""
        return [self.sinks] if self.sharing == "exclusive" else [[sink] for sink in self.sinks]

    def group_of(self, sink: str) -> Sequence[SinkRule]:
        """Return the sinks that may not promise the same unit as this one, itself among them."""
        return next(group for group in self.groups() if any(one.name == sink for one in group))

    def beside(self, sink: str) -> Sequence[SinkRule]:
        """Return the sinks that a raise in this one may have to wait for, itself among them.

        Where the stock is split a sink that has just been added waits for the others to give up its part.
        """
        return self.sinks if self.sharing == "split" else self.group_of(sink)

    def unheard(self, found: Shops) -> bool:
        """Say whether a sink that sells the product may have sold some of it without our knowing."""
        return any((s.name, w.code) in found for s in self.sinks if not s.heard for w in s.warehouses)


@frozen
class _Group:
    """One product in the sinks of one group."""

    reckoner: Reckoner
    product_id: int
    sku: str
    found: Shops
    stock: Callable[[int], Component]
    others: Callable[[int], Shops]
    rulings: Rulings

    def alone(self, sink: SinkRule, warehouse: WarehouseRule) -> Reckoning:
        """Reckon the only listing of a product that is its own one component."""
        stock = self.stock(self.product_id)
        if not stock.terms:
            return self._nothing(sink, warehouse)
        pool = self._total(stock.pools, warehouse.feeds)
        lost = 0
        if stock.floating:
            lost = sum(hold.quantity for hold in stock.lost(warehouse.feeds))
            pool = Pool(pool.amount - lost, pool.known)
        return self._listing(sink, warehouse, pool, lost)

    def _silent(self, feeds: Feeds) -> bool:
        """Say whether no source speaks of the warehouses that feed a listing any more."""
        return bool(feeds) and feeds is not None and feeds <= self.reckoner.silent

    def _total(self, own: Mapping[int, Pool], feeds: Feeds) -> Pool:
        return UNSAID if self._silent(feeds) else total(own, feeds, self.reckoner.rules)

    def _nothing(self, sink: SinkRule, warehouse: WarehouseRule) -> Reckoning:
        """No configured source speaks of the product: nothing can be said, but by a person."""
        code = warehouse.code
        base = self.found[sink.name, code].base
        ruling = self.rulings.get((sink.name, code))
        if ruling is None:
            return Reckoning(sink.name, code, Pool(0, known=False), None, None, base, None, waits=False)
        shown = min(ruling.quantity, sink.maximum)
        # Zero is safe whatever it shows; that more than zero is there, nobody says.
        wanted = min(base, shown) if base is not None else 0 if shown == 0 else None
        return Reckoning(
            sink.name, code, UNSAID, None, shown, base, wanted, waits=False,
            ruling=ruling, by_hand=ruling.person,
        )  # fmt: skip

    def reckon(self, group: Sequence[SinkRule]) -> list[Reckoning]:
        served = [(sink, [w for w in sink.warehouses if (sink.name, w.code) in self.found]) for sink in group]
        listings = [(sink, warehouse) for sink, warehouses in served for warehouse in warehouses]
        recipes = {sink.name: self.reckoner.book.of(self.product_id, sink.name) for sink, _ in listings}
        components = {c for recipe in recipes.values() for c, _ in recipe}
        if all(not self.stock(c).terms for c in components):
            return [self._nothing(sink, warehouse) for sink, warehouse in listings]
        rules = self.reckoner.rules
        # Where floating holds come from nobody knows: from what is shown elsewhere, or from what is left.
        drawn = {c: Drawn(self._part(c, group)) for c in components}
        later = Later(warehouse.feeds for _, warehouse in listings)
        result: list[Reckoning] = []
        for sink, warehouses in served:
            recipe = recipes.get(sink.name, ())
            parts = self._by_share(warehouses, {c: drawn[c].left for c, _ in recipe})
            least_parts = parts and self._by_share(warehouses, {c: drawn[c].least for c, _ in recipe})
            taken: list[tuple[WarehouseRule, int]] = []
            for index, warehouse in enumerate(warehouses):
                feeds = warehouse.feeds
                pools = {
                    c: UNSAID
                    if self._silent(feeds)
                    else total(parts[c][index], feeds, rules)
                    if parts is not None
                    else drawn[c].remaining(feeds, rules)
                    for c, _ in recipe
                }
                pool, floating = self._available(recipe, feeds, pools)
                if any(each.gone for each in drawn.values()):
                    after = {
                        c: total(least_parts[c][index] if least_parts else drawn[c].least, feeds, rules)
                        for c, _ in recipe
                    }
                    pool = lower(pool, self._available(recipe, feeds, after, drawn)[0])
                reckoning = self._listing(sink, warehouse, pool, floating)
                divided = tuple(
                    Part(
                        c,
                        total(self.stock(c).pools, feeds, rules).amount,
                        drawn[c].whole(feeds, rules).amount,
                        pools[c].amount,
                    )
                    for c, _ in recipe
                    if drawn[c].own is not self.stock(c).pools or drawn[c].shown or parts is not None
                )
                result.append(evolve(reckoning, parts=divided) if divided else reckoning)
                shown = reckoning.wanted if reckoning.wanted is not None else (reckoning.base or 0)
                taken.append((warehouse, shown))
                later.served(feeds)
                if parts is None:
                    self._draw(drawn, recipe, taken.pop(), later)
            for each in taken:
                self._draw(drawn, recipe, each, later)
        return result

    def _part(self, component_id: int, group: Sequence[SinkRule]) -> Mapping[int, Pool]:
        """Return the pools of a component that this product may promise in this group of sinks."""
        own: Mapping[int, Pool] = self.stock(component_id).pools
        reckoner = self.reckoner
        users = sorted({component_id, self.product_id, *reckoner.book.users(component_id)})
        names = {sink.name for sink in group}
        if reckoner.left and reckoner.sharing != "shared":
            # Of what has no heir nobody knows whose part it was; in split the rest comes off its heir's part.
            own = self._less(
                own, component_id, users, {"", *names} if reckoner.sharing == "exclusive" else {""}
            )
        if reckoner.sharing == "split":
            takers = [sink for sink in reckoner.sinks if self._reach(users, [sink])]
            if len(takers) > 1:
                parts = divide(
                    own,
                    [sink.share or Decimal() for sink in takers],
                    [self._reach(users, [sink]) for sink in takers],
                    whole=True,
                )
                own = parts[takers.index(group[0])]
        if reckoner.left and reckoner.sharing != "exclusive":
            own = self._less(own, component_id, users, names)
        if len(users) == 1:
            return own
        # A kit and what it is made of, in one account: each gets its part of what they have in common.
        sharers = [user for user in users if self._reach([user], group)]
        if len(sharers) < 2:
            return own
        equal = [Decimal(1)] * len(sharers)
        reaches = [self._reach([user], group) for user in sharers]
        return divide(own, equal, reaches, whole=True)[sharers.index(self.product_id)]

    def _less(
        self, own: Mapping[int, Pool], component_id: int, users: Sequence[int], heirs: Collection[str]
    ) -> Mapping[int, Pool]:
        """Take off what places that have left the settings still show, of those with such an heir."""
        book, served = self.reckoner.book, Later(self._reach(users, self.reckoner.sinks))
        for user in users:
            shops = self.found if user == self.product_id else self.others(user)
            for (sink, code), listed in shops.items():
                place = self.reckoner.left.get((sink, code))
                if place is None or place.heir not in heirs or not listed.base:
                    continue
                units = dict(book.of(user, sink)).get(component_id, 0) * listed.base
                own = spend(own, place.feeds, units, served)
        return own

    def _reach(self, users: Sequence[int], sinks: Sequence[SinkRule]) -> list[Feeds]:
        """Return the feeds of these products' listings in these sinks."""
        return [
            warehouse.feeds
            for user in users
            for sink in sinks
            for warehouse in sink.warehouses
            if (sink.name, warehouse.code) in (self.found if user == self.product_id else self.others(user))
        ]

    def _by_share(
        self, warehouses: Sequence[WarehouseRule], left: Mapping[int, Mapping[int, Pool]]
    ) -> dict[int, list[dict[int, Pool]]] | None:
        """Divide what several warehouses of one sink share, where every one of them names a share."""
        if len(warehouses) < 2 or any(w.share is None for w in warehouses):
            return None
        shares = [w.share or Decimal() for w in warehouses]
        reaches: list[Sequence[Feeds]] = [[w.feeds] for w in warehouses]
        return {c: divide(pools, shares, reaches, whole=False) for c, pools in left.items()}

    def _available(
        self,
        recipe: Sequence[tuple[int, int]],
        feeds: Feeds,
        pools: Mapping[int, Pool],
        drawn: Mapping[int, Drawn] | None = None,
    ) -> tuple[Pool, int]:
        """Net each component, no part above the whole, then take the scarcest: so many are there.

        With `drawn` the pools are without the floating holds that are gone already.
        """
        amount, known, floating = BOUNDLESS, True, 0
        for component_id, units in recipe:
            stock = self.stock(component_id)
            if not stock.terms:
                known = False
                continue
            pool = lower(pools[component_id], self._total(stock.pools, feeds))
            without = drawn[component_id].gone if drawn else ()
            lost = sum(hold.quantity for hold in stock.lost(feeds) if hold not in without)
            floating += lost
            known = known and pool.known
            whole = pool.amount - lost
            amount = min(amount, whole if units == 1 or whole >= BOUNDLESS // 2 else whole // units)
        return Pool(amount, known), floating

    def _draw(
        self,
        drawn: Mapping[int, Drawn],
        recipe: Sequence[tuple[int, int]],
        taken: tuple[WarehouseRule, int],
        later: Later,
    ) -> None:
        warehouse, shown = taken
        # What the last one takes is taken from nobody.
        for component_id, units in recipe if shown and later else ():
            lost = self.stock(component_id).lost(warehouse.feeds)
            drawn[component_id].draw(warehouse.feeds, shown * units, lost, later)

    def _listing(self, sink: SinkRule, warehouse: WarehouseRule, pool: Pool, floating: int) -> Reckoning:
        base, least = (listed := self.found[sink.name, warehouse.code]).base, listed.least
        buffer = self.reckoner.resolver.resolve(self.sku, sink.name, warehouse.code)
        bounded = pool.amount < BOUNDLESS // 2
        available = pool.amount if bounded else None
        ruling = self.rulings.get((sink.name, warehouse.code))
        if ruling is not None and ruling.kind == "adopted":
            # A source speaks of it again.
            ruling = None
        if ruling is not None:
            advertised: int | None = min(ruling.advertised(available), sink.maximum)
        else:
            advertised = min(buffer.advertise(pool.amount), sink.maximum) if bounded else None
        if pool.known or (ruling is not None and ruling.quantity == 0):
            # For what a person has zeroed nothing has to be known.
            wanted, waits = advertised, False
        elif base is None:
            # What is no more than it surely shows is safe to say, and a fall that is known: zero always is.
            wanted = advertised if advertised is not None and advertised <= (least or 0) else None
            waits = True
        else:
            wanted, waits = base if advertised is None else min(base, advertised), True
        return Reckoning(
            sink.name, warehouse.code, pool, buffer, advertised, base, wanted, waits, floating,
            ruling=ruling, by_hand=ruling is not None and ruling.decides(available), least=least,
        )  # fmt: skip
