"""What a program puts in by hand: open carts, and rows of stock that a warehouse system has pushed to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from mpstock.errors import ConfigurationError
from mpstock.model import Level, Reading
from mpstock.reconcile.availability import BOUNDLESS, total

if TYPE_CHECKING:
    from mpstock.ledger import Ledger
    from mpstock.reconcile.planning import Planner

__all__ = ["Received", "hold", "receive", "release"]


@frozen
class Received:
    """What came of pushed rows: so many have changed something, so many wait for a reading of the source."""

    changed: int
    waiting: int


class _NotAvailableError(Exception):
    """There are not so many left: nothing of it is kept."""


def hold(
    ledger: Ledger,
    planner: Planner,
    *,
    origin: str,
    key: str,
    units: Mapping[str, int],
    warehouse: str | None,
    expires_in: timedelta | None,
    only_if_available: bool,
    replaces: str | None,
) -> bool:
    """Hold units of products, by sku (of a kit: of its components); returns whether they are held.

    They are held together or not at all. With `only_if_available` it looks and takes in one transaction: two
    who ask at once do not both get the last unit. Runs in the ledger's thread.

    Raises:
        ConfigurationError: a quantity is no number of units, or no source knows a product.
    """
    for quantity in units.values():
        if type(quantity) is not int or quantity < 1:
            raise ConfigurationError(
                f"a hold takes whole units, at least 1, not {quantity!r}", place="quantity"
            )
    if not key or not units or not all(units):
        raise ConfigurationError("a hold needs a key and a sku", place="key" if not key else "sku")
    now = planner.now
    known = ledger.levels.product_ids(units)
    unknown = ", ".join(repr(sku) for sku in units if sku not in known)
    if unknown:
        raise ConfigurationError(f"no source knows {unknown}; check the article, case counts", place="sku")
    parts: dict[int, int] = {}
    for sku, quantity in units.items():
        for part, each in planner.reckoner.book.of(known[sku], ""):
            parts[part] = parts.get(part, 0) + quantity * each
    try:
        with ledger.transaction():
            if replaces is not None:
                ledger.holds.release(origin, replaces, now)
            if only_if_available:
                _take_back(ledger, origin, key)
                _check(ledger, planner, parts, warehouse)
            ledger.holds.put(
                origin, key, parts, now,
                warehouse=warehouse, expires_at=None if expires_in is None else now + expires_in,
            )  # fmt: skip
    except _NotAvailableError:
        return False
    return True


def _take_back(ledger: Ledger, origin: str, key: str) -> None:
    """What the same hold takes already is not missing to it."""
    ledger.database.execute("UPDATE holds SET quantity = 0 WHERE origin = ? AND key = ?", (origin, key))


def _check(ledger: Ledger, planner: Planner, units: dict[int, int], warehouse: str | None) -> None:
    feeds = None if warehouse is None else frozenset([ledger.levels.ensure_warehouse(warehouse)])
    for part, stock in planner.components(sorted(units)).items():
        pool = total(stock.pools, feeds, planner.reckoner.rules)
        free = pool.amount - sum(held.quantity for held in stock.lost(feeds))
        if not stock.terms or free < units[part] or free > BOUNDLESS // 2:
            raise _NotAvailableError


def release(ledger: Ledger, now: datetime, *, origin: str, key: str) -> bool:
    """Let a hold go at once; returns whether there was one. Runs in the ledger's thread."""
    with ledger.transaction():
        return ledger.holds.release(origin, key, now) > 0


def receive(
    ledger: Ledger, source: str, levels: Sequence[Level], now: datetime, *, advisory: bool = False
) -> Received:
    """Take in rows that a warehouse system has pushed.

    Rows with a time of their own count as of then: not against a reading that began later. One without may
    lower at once, and raises nothing. `advisory`: only full reads of the source confirm what they leave out.
    Runs in the ledger's thread.
    """
    timed = [
        evolve(level, updated_at=min(level.updated_at.astimezone(UTC), now))
        for level in levels
        if level.updated_at is not None
    ]
    with ledger.transaction():
        heard = ledger.levels.hear(source, [level for level in levels if level.updated_at is None], now)
        changed = heard.lowered
        if timed:
            session = ledger.levels.begin_pushed(source, advisory=advisory)
            session.ingest(Reading(timed, now), now)
            changed += session.changed
    return Received(changed, heard.waiting)
