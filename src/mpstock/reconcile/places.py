"""The sink warehouses as the formula sees them: those of the settings, and those that have left these."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from attrs import frozen

__all__ = ["Feeds", "LeftPlace", "SinkRule", "WarehouseRule", "overlap", "share_stock"]

Feeds = frozenset[int] | None
"""The own warehouses that feed a sink warehouse, by their ids; None = all."""


@frozen
class WarehouseRule:
    """One sink warehouse: the own warehouses that feed it (None = all) and its share of a common pool.

    `pick_order` are own warehouses in the order in which orders are picked from them; empty = not known.
    `feed_codes` are the feeds as the settings name them, known already or not.
    """

    code: str
    feeds: Feeds
    share: Decimal | None = None
    pick_order: tuple[int, ...] = ()
    feed_codes: tuple[str, ...] | None = None


@frozen
class LeftPlace:
    """A sink warehouse that has left the settings, and goes on showing what it showed last.

    `feeds` are those that it had. `heir` is the sink of the settings to whose account it belongs; '' = none.
    `reachable`: its sink is still there, so that it can be written to.
    """

    feeds: Feeds
    heir: str
    reachable: bool


@frozen
class SinkRule:
    """One sink: its warehouses in the order of the settings, and the largest quantity that it takes.

    `share` is its part where sharing is split. `heard`: its orders are known as of now; if not, what it has
    sold meanwhile is not known.
    """

    name: str
    maximum: int
    warehouses: tuple[WarehouseRule, ...]
    share: Decimal | None = None
    heard: bool = True


def share_stock(one: Feeds, other: Feeds) -> bool:
    """Say whether two sink warehouses are fed by the same own warehouse."""
    return one is None or other is None or not one.isdisjoint(other)


def overlap(feeds: Iterable[Feeds]) -> bool:
    """Say whether any two of these sink warehouses are fed by the same own warehouse."""
    seen: set[int] = set()
    whole = False
    for number, each in enumerate(feeds):
        whole = whole or each is None
        if (whole and number) or (each is not None and not seen.isdisjoint(each)):
            return True
        seen |= each or frozenset()
    return False
