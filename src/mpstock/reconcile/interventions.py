"""What people decide by hand, from their words to the ledger: stop, zero, pin, and taking it back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.errors import ConfigurationError
from mpstock.ledger.interventions import Wish
from mpstock.nearest import suggestion
from mpstock.reconcile.moving import kept_places
from mpstock.reconcile.rules import keep_products

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.ledger.interventions import Intervention, Kind
    from mpstock.reconcile.engine import Engine

__all__ = [
    "Scope",
    "expiry",
    "in_force",
    "intervene",
    "put_wishes",
    "resume",
    "resume_numbers",
    "resume_rollback",
    "resume_scope",
    "rollback_origin",
]

_NAMED = 5


@frozen
class Scope:
    """Of what something is decided. What is None, or empty, stands for all; `warehouse` is the sink's."""

    skus: Sequence[str] | None = None
    sink: str | None = None
    warehouse: str | None = None
    brand: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Return what is narrowed, as plain data."""
        parts = {"sink": self.sink, "warehouse": self.warehouse, "brand": self.brand}
        named: dict[str, object] = {name: part for name, part in parts.items() if part is not None}
        return named | ({} if self.skus is None else {"skus": list(self.skus)})


Until = datetime | time
"""A moment, or a time of day: the next time it is that late. Without a time zone it is in the schedule's."""


def expiry(engine: Engine, lasts: timedelta | None, until: Until | None) -> datetime | None:
    """Return when something ends that lasts so long, or until then; None = never by itself.

    Raises:
        ConfigurationError: both are given, or it would be over already.
    """
    if lasts is not None and until is not None:
        raise ConfigurationError("give either how long, or until when, not both", place="until")
    now, zone = engine.clock.now(), engine.config.schedule.timezone
    ends = now + lasts if lasts is not None else until
    if isinstance(ends, time):
        today = datetime.combine(now.astimezone(ends.tzinfo or zone).date(), ends, ends.tzinfo or zone)
        ends = today if today > now else today + timedelta(days=1)
    elif ends is not None and ends.tzinfo is None:
        ends = ends.replace(tzinfo=zone)
    if ends is not None and ends <= now:
        raise ConfigurationError(f"{ends:%Y-%m-%d %H:%M:%S%z} is over already", place="until")
    return ends


def intervene(
    engine: Engine, kind: Kind, scope: Scope, asked: Asked, *,
    quantity: int | None = None, expires_at: datetime | None = None, origin: str = "",
) -> list[Intervention]:  # fmt: skip
    """Put one kind of intervention in force for a scope; returns it, one for each sku.

    Runs in the ledger's thread.

    Raises:
        ConfigurationError: an unknown sink, sink warehouse, brand or sku, or no quantity.
    """
    if kind == "pin" and (type(quantity) is not int or quantity < 0):
        raise ConfigurationError(f"a pin is how many to show, 0 or more, not {quantity!r}", place="quantity")
    wishes = [
        Wish(kind, scope.sink, scope.warehouse, scope.brand, product_id, quantity)
        for product_id in _checked(engine, scope)
    ]
    what = {**scope.as_dict(), **({} if quantity is None else {"quantity": quantity})}
    return put_wishes(engine, wishes, asked, action=kind, what=what, expires_at=expires_at, origin=origin)


def put_wishes(
    engine: Engine, wishes: Sequence[Wish], asked: Asked, *,
    action: str, what: dict[str, object], expires_at: datetime | None = None, origin: str = "",
) -> list[Intervention]:  # fmt: skip
    """Put these in force at once, and record the action that did it. In the ledger's thread."""
    ledger, now = engine.ledger, engine.clock.now()
    with ledger.transaction():
        numbers = ledger.interventions.put(wishes, asked, now, expires_at=expires_at, origin=origin)
        until = {} if expires_at is None else {"until": expires_at.isoformat()}
        ledger.actions.record(asked, action, now, scope={**what, **until})
    return ledger.interventions.of_ids(numbers)


def resume_scope(
    engine: Engine, scope: Scope, asked: Asked, kinds: Collection[Kind] | None = None
) -> list[Intervention]:
    """Take back what was decided of exactly this scope; returns it. In the ledger's thread.

    A wider one stays in force, and so does a narrower one: whoever starts a marketplace again does not put a
    broken product back on sale.

    Raises:
        ConfigurationError: nothing of that scope is in force; what is, is named.
    """
    products = _checked(engine, scope)
    wanted = {(scope.sink, scope.warehouse, scope.brand, product_id) for product_id in products}
    rows = engine.ledger.interventions.in_force(engine.clock.now())
    chosen = [
        row.shown.id
        for row in rows
        if (row.shown.sink, row.shown.warehouse, row.shown.brand, row.product_id) in wanted
        and (kinds is None or row.shown.kind in kinds)
    ]
    if not chosen:
        near = [
            row.shown
            for row in rows
            if (row.product_id in products or scope.skus is None or row.product_id is None)
            and scope.sink in (None, row.shown.sink)
        ]
        raise ConfigurationError(
            f"nothing is in force for exactly this; {_listed(near or [row.shown for row in rows])}",
            place="resume",
        )
    return resume(engine, chosen, asked, scope.as_dict())


def resume_numbers(engine: Engine, numbers: Collection[int], asked: Asked) -> list[Intervention]:
    """Take back interventions by their numbers; returns them. In the ledger's thread.

    Raises:
        ConfigurationError: one of them is not in force.
    """
    rows = {row.shown.id: row.shown for row in engine.ledger.interventions.in_force(engine.clock.now())}
    if unknown := sorted(set(numbers) - set(rows)):
        raise ConfigurationError(
            f"{', '.join(f'number {number}' for number in unknown)} is not in force; "
            f"{_listed(list(rows.values()))}",
            place="resume",
        )
    return resume(engine, numbers, asked, {})


def resume_rollback(engine: Engine, run: int, asked: Asked) -> list[Intervention]:
    """Take back what the rollback of a run keeps; returns it. In the ledger's thread.

    Raises:
        ConfigurationError: nothing of it is in force.
    """
    rows = engine.ledger.interventions.in_force(engine.clock.now())
    chosen = [row.shown.id for row in rows if row.shown.origin == rollback_origin(run)]
    if not chosen:
        raise ConfigurationError(
            f"no rollback of run {run} is in force; {_listed([row.shown for row in rows])}", place="resume"
        )
    return resume(engine, chosen, asked, {"rollback": run})


def rollback_origin(run: int) -> str:
    """Return what the pins of a rollback say that they come from."""
    return f"rollback {run}"


def resume(
    engine: Engine, numbers: Collection[int], asked: Asked, what: dict[str, object]
) -> list[Intervention]:
    """Take these back, and record the action that did it; returns them. In the ledger's thread."""
    ledger, now = engine.ledger, engine.clock.now()
    with ledger.transaction():
        ended = ledger.interventions.end(numbers, asked.actor, now)
        ledger.actions.record(asked, "resume", now, scope={**what, "interventions": sorted(ended)})
    return ledger.interventions.of_ids(ended)


def in_force(engine: Engine) -> list[Intervention]:
    """Return what is in force now, the oldest first. In the ledger's thread."""
    return [row.shown for row in engine.ledger.interventions.in_force(engine.clock.now())]


def _listed(found: Sequence[Intervention]) -> str:
    if not found:
        return "nothing at all is in force"
    named = "; ".join(f"number {one.id}: {one.kind} of {one.scope}" for one in found[:_NAMED])
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f"there are {named}{more}"


def _checked(engine: Engine, scope: Scope) -> list[int | None]:
    """Return the ids of the products that a scope names, [None] for all; every other word in it is known."""
    sinks = engine.config.sinks
    if scope.sink is not None and scope.sink not in sinks:
        _unknown("sink", scope.sink, sinks)
    if scope.warehouse is not None:
        chosen = [sinks[scope.sink]] if scope.sink is not None else list(sinks.values())
        codes = {code for sink in chosen for code in (*sink.codes, *_left(engine, sink.name))}
        if scope.warehouse not in codes:
            _unknown("warehouse", scope.warehouse, codes)
    if scope.brand is not None:
        keep_products(engine.ledger, engine.products, engine.clock.now())
        if scope.brand not in (brands := engine.ledger.interventions.brands()):
            _unknown("brand", scope.brand, brands)
    if scope.skus is None:
        return [None]
    skus = list(dict.fromkeys(scope.skus))
    if not skus:
        raise ConfigurationError("no sku is given; leave it out for all", place="sku")
    known = engine.ledger.levels.product_ids(skus)
    if missing := [sku for sku in skus if sku not in known]:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise ConfigurationError(
            f"no source knows {', '.join(map(repr, missing[:_NAMED]))}{more}; check the article, case counts",
            place="sku",
        )
    return [known[sku] for sku in skus]


def _left(engine: Engine, sink: str) -> Iterable[str]:
    kept = kept_places(engine.ledger).get(sink)
    return () if kept is None else kept.feeds


def _unknown(what: str, name: str, known: Iterable[str]) -> None:
    meant = suggestion(name, known, what="there are")
    raise ConfigurationError(f"there is no {what} {name!r}; {meant}", place=what)
