"""What is left of one component's stock as the listings that take it draw on it, one after another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from mpstock.reconcile.absorbing import Held
from mpstock.reconcile.availability import Pool, SourceRule, fed_by, total
from mpstock.reconcile.places import Feeds

__all__ = ["Drawn", "Later"]


class Later:
    """How many of the listings still to be served each own warehouse feeds; true while there are any.

    Counted once, and counted down: to look through all that come later for each that is served is quadratic.
    """

    def __init__(self, feeds: Iterable[Feeds]) -> None:
        self._of_all = 0
        self._named: Counter[int] = Counter()
        self._left = 0
        for each in feeds:
            self._count(each, 1)

    def __bool__(self) -> bool:
        return self._left > 0

    def served(self, feeds: Feeds) -> None:
        """Count one of them, which has these feeds, no longer."""
        self._count(feeds, -1)

    def fed_by(self, warehouse: int, pool: Pool) -> int:
        """Return how many of them an own warehouse feeds, which has this pool."""
        return self._named[warehouse] + (0 if pool.to_fetch else self._of_all)

    def _count(self, feeds: Feeds, step: int) -> None:
        self._left += step
        if feeds is None:
            self._of_all += step
        else:
            for warehouse in feeds:
                self._named[warehouse] += step


class Drawn:
    """The pools of one component: what there is for the listings that take it, and what they leave of it.

    `left` is what is left, `least` the same without the floating holds that may have come out of what was
    drawn: those are `gone`. `shown`: something was drawn.
    """

    def __init__(self, own: Mapping[int, Pool]) -> None:
        self.own = own
        self.left = dict(own)
        self.least = dict(own)
        self.gone: list[Held] = []
        self.shown = False
        self._shown: dict[int, dict[frozenset[int], int]] = {}
        self._reach: dict[Feeds, frozenset[int]] = {}
        self._whole: dict[Feeds, Pool] = {}

    def whole(self, feeds: Feeds, rules: Mapping[str, SourceRule]) -> Pool:
        """Return what there is for a listing with these feeds, before any draws."""
        found = self._whole.get(feeds)
        if found is None:
            found = self._whole[feeds] = total(self.own, feeds, rules)
        return found

    def remaining(self, feeds: Feeds, rules: Mapping[str, SourceRule]) -> Pool:
        """Sum what is left of the pools for one sink warehouse, after others have drawn on them.

        What those show that are fed by nothing else comes off the signed sum: that a third one has covered a
        shortage frees nothing here.
        """
        pool = total(self.left, feeds, rules)
        if not self._shown:
            return pool
        reach = self._fed(feeds)
        within = sum(
            units
            for warehouse in (self._shown if len(self._shown) < len(reach) else reach)
            for fed, units in self._shown.get(warehouse, {}).items()
            if fed <= reach
        )
        return Pool(min(pool.amount, self.whole(feeds, rules).amount - within), pool.known)

    def draw(self, feeds: Feeds, taken: int, lost: Iterable[Held], later: Later) -> None:
        """Take what a sink warehouse advertises, and the floating holds that it has to do without."""
        held = [hold for hold in lost if hold not in self.gone]
        self.gone += held
        self.shown = True
        reach = self._fed(feeds)
        _take(self.left, reach, taken, later)
        _take(self.least, reach, taken + sum(hold.quantity for hold in held), later)
        if reach:
            # Found again by one of its warehouses. One that nothing feeds takes nothing from anyone.
            units = self._shown.setdefault(min(reach), {})
            units[reach] = units.get(reach, 0) + taken

    def _fed(self, feeds: Feeds) -> frozenset[int]:
        found = self._reach.get(feeds)
        if found is None:
            found = self._reach[feeds] = frozenset(fed_by(self.own, feeds))
        return found


def _take(pools: dict[int, Pool], reach: frozenset[int], units: int, later: Later) -> None:
    """Take units out of the pools that are reached.

    What a warehouse is short of is covered first. Units come from the pools that the fewest of the `later`
    listings share, so that no one is refused what nobody else could have.
    """
    if units <= 0:
        return
    for warehouse in reach:
        pool = pools[warehouse]
        if pool.amount < 0:
            units -= pool.amount
            pools[warehouse] = Pool(0, pool.known, pool.to_fetch)
    for warehouse in sorted(reach, key=lambda each: (later.fed_by(each, pools[each]), each)):
        pool = pools[warehouse]
        part = min(units, max(pool.amount, 0))
        if part:
            pools[warehouse] = Pool(pool.amount - part, pool.known, pool.to_fetch)
            units -= part
        if not units:
            break
