"""What people have decided of single listings: by hand, or in the products file; which of it applies.

A zero goes before every pin, whatever is more specific. Of pins by hand the most specific counts, and of
equals the newest; a pin of the products file counts where nobody has pinned by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from mpstock.ledger.interventions import ADOPTED
from mpstock.phrases import phrase

if TYPE_CHECKING:
    from mpstock.ledger.interventions import Intervention, InterventionRow, Interventions
    from mpstock.pins import Pins

__all__ = ["NO_HANDS", "Hands", "Ruling", "read_hands", "stop_of_sink", "stops"]


@frozen
class Ruling:
    """What a listing is to show by a person's word: `quantity`, but never more than there is.

    `adopted` is what it showed when it was adopted: it counts while no source speaks of it. `person` is False
    for a pin of the products file. `told` says who decided it, when and why.
    """

    kind: Literal["zero", "pin", "adopted"]
    quantity: int
    told: str
    person: bool = True

    def advertised(self, available: int | None) -> int:
        """Return what to advertise of so much that is available; None = nobody knows a bound."""
        return self.quantity if available is None else min(self.quantity, max(available, 0))

    def decides(self, available: int | None) -> bool:
        """Say whether the number is the person's, and not that of what there is."""
        return self.person and (available is None or self.quantity <= max(available, 0))


@frozen
class _Placed:
    """An intervention with the products that it is about; None = all."""

    row: InterventionRow
    products: frozenset[int] | None

    def covers(self, product_id: int, sink: str, warehouse: str) -> bool:
        shown = self.row.shown
        return (
            shown.sink in (None, sink)
            and shown.warehouse in (None, warehouse)
            and (self.products is None or product_id in self.products)
        )

    @property
    def rank(self) -> tuple[bool, bool, bool, bool, int]:
        shown = self.row.shown
        return (
            shown.sku is not None, shown.warehouse is not None, shown.sink is not None,
            shown.brand is not None, shown.id,
        )  # fmt: skip


@frozen
class Hands:
    """Zeros and pins as they were in force at one moment, and those of the products file.

    `revision` and `next_expiry` say when they have to be read anew.
    """

    revision: int = 0
    next_expiry: datetime | None = None
    pins: Pins | None = None
    _single: Mapping[int, tuple[_Placed, ...]] = field(factory=dict[int, tuple[_Placed, ...]], alias="single")
    _wide: tuple[_Placed, ...] = field(default=(), alias="wide")

    def of_product(
        self, product_id: int, sku: str, places: Iterable[tuple[str, str]]
    ) -> dict[tuple[str, str], Ruling]:
        """Return what applies to a product's listings, by (sink, sink warehouse); nothing for most."""
        if not self._wide and product_id not in self._single and self.pins is None:
            return {}
        found = ((place, self.of(product_id, sku, *place)) for place in places)
        return {place: ruling for place, ruling in found if ruling is not None}

    def of(self, product_id: int, sku: str, sink: str, warehouse: str) -> Ruling | None:
        """Return what applies to a listing."""
        if self._single or self._wide:
            found = [
                placed.row.shown
                for placed in sorted(
                    (*self._single.get(product_id, ()), *self._wide), key=lambda p: p.rank, reverse=True
                )
                if placed.covers(product_id, sink, warehouse)
            ]
            for shown in found:
                if shown.kind == "zero":
                    return Ruling("zero", 0, shown.told())
            if found:
                # Whoever pins what was adopted has thought of it anew.
                shown = min(found, key=lambda one: one.origin == ADOPTED)
                kind: Literal["pin", "adopted"] = "adopted" if shown.origin == ADOPTED else "pin"
                return Ruling(kind, shown.quantity or 0, shown.told())
        if self.pins is not None and (pinned := self.pins.of(sku, sink, warehouse)) is not None:
            quantity, place = pinned
            return Ruling(
                "pin",
                quantity,
                phrase("pin {quantity} by {place}", quantity=quantity, place=place),
                person=False,
            )
        return None


NO_HANDS = Hands()
"""Nobody has decided anything."""


def read_hands(
    interventions: Interventions, pins: Pins | None, now: datetime, revision: int | None = None
) -> Hands:
    """Return what is in force now; `revision` is that of the interventions, read before, where it was read.

    Runs in the ledger's thread.
    """
    single: dict[int, list[_Placed]] = {}
    wide: list[_Placed] = []
    for row in interventions.in_force(now, ("zero", "pin")):
        placed = _Placed(row, _products(interventions, row))
        if row.product_id is None:
            wide.append(placed)
        else:
            single.setdefault(row.product_id, []).append(placed)
    return Hands(
        interventions.revision if revision is None else revision,
        interventions.next_expiry(),
        pins if pins else None,
        {product_id: tuple(placed) for product_id, placed in single.items()},
        tuple(wide),
    )


def _products(interventions: Interventions, row: InterventionRow) -> frozenset[int] | None:
    if row.shown.brand is not None:
        of_brand = interventions.of_brand(row.shown.brand)
        return of_brand if row.product_id is None else of_brand & {row.product_id}
    return None if row.product_id is None else frozenset([row.product_id])


def stops(interventions: Interventions, now: datetime) -> dict[int, Intervention]:
    """Return the stops in force, by number. Runs in the ledger's thread."""
    return {row.shown.id: row.shown for row in interventions.in_force(now, ("stop",))}


def stop_of_sink(in_force: Iterable[Intervention], sink: str) -> Intervention | None:
    """Return the oldest of the stops in force by which nothing at all is sent to a sink."""
    whole = (None, None, None)
    return next(
        (
            stop
            for stop in in_force
            if stop.sink in (None, sink) and (stop.warehouse, stop.brand, stop.sku) == whole
        ),
        None,
    )
