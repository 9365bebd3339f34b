"""One order as the ledger keeps it, and how what is told changes what is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from mpstock.ledger.database import as_text
from mpstock.model import OrderStage

if TYPE_CHECKING:
    from mpstock.model import Order

__all__ = ["COLUMNS", "GOING", "LISTED", "OrderRow", "merged", "once", "rest"]

COLUMNS = (
    "key, external_id, warehouse_code, quantity, stage, placed_at, assembled_at, shipped_at, cancelled_at, "
    "note, product_id"
)
GOING = "stage IN ('placed', 'assembled')"
"""Where an order takes its units still."""

LISTED = (
    "coalesce((SELECT l.product_id FROM listings AS l WHERE l.marketplace = o.marketplace "
    "AND l.external_id = o.external_id AND l.warehouse_code = o.warehouse_code), "
    "(SELECT min(l.product_id) FROM listings AS l WHERE l.marketplace = o.marketplace "
    "AND l.external_id = o.external_id))"
)
"""The product of an order's listing: in its own sink warehouse or, for one that is not served, in another."""

_OPEN = (OrderStage.PLACED.value, OrderStage.ASSEMBLED.value)


@frozen
class OrderRow:
    """One order as the ledger keeps it; times are text, so that they compare as they stand."""

    key: str
    external_id: str
    warehouse_code: str | None
    quantity: int
    stage: str
    placed_at: str
    assembled_at: str | None = None
    shipped_at: str | None = None
    cancelled_at: str | None = None
    note: str = ""
    product_id: int | None = None

    @property
    def values(self) -> tuple[object, ...]:
        """Its values in the order of `COLUMNS`."""
        return (
            self.key, self.external_id, self.warehouse_code, self.quantity, self.stage, self.placed_at,
            self.assembled_at, self.shipped_at, self.cancelled_at, self.note, self.product_id,
        )  # fmt: skip

    @property
    def open(self) -> bool:
        """Whether its units are still in the seller's warehouse."""
        return self.stage in _OPEN

    @property
    def holds(self) -> bool:
        """Whether its units are still to be kept back until somebody has booked them."""
        return self.open or self.shipped_at is not None


_RANKS = {stage.value: rank for rank, stage in enumerate(OrderStage)}


def once(page: Sequence[Order], as_of: str) -> dict[str, OrderRow]:
    """Return one row of each key: of several the one that has come furthest."""
    told: dict[str, OrderRow] = {}
    for order in page:
        row = _row(order, as_of)
        other = told.get(row.key)
        told[row.key] = row if other is None else merged(other, row)
    return told


def _row(order: Order, as_of: str) -> OrderRow:
    # A moment that has not come yet is a clock that is ahead: it would hold the units for ever.
    placed_at = min(as_text(order.placed_at), as_of)
    reached = as_of if order.stage_at is None else min(as_text(order.stage_at), as_of)
    stage = order.stage
    return OrderRow(
        order.key,
        order.external_id,
        order.warehouse,
        order.quantity,
        stage.value,
        placed_at,
        reached if stage is OrderStage.ASSEMBLED else None,
        reached if stage is OrderStage.SHIPPED else None,
        reached if stage is OrderStage.CANCELLED else None,
        order.note,
    )


def merged(known: OrderRow, told: OrderRow) -> OrderRow:
    """Return what is known after another telling, whichever of the two came first.

    What was handed over stays so, and so does a cancel unless it was handed over; else the further stage
    holds. Told twice, late or out of order it ends the same.
    """
    if known.shipped_at is not None:
        return known
    if told.shipped_at is None and (
        known.cancelled_at is not None or _RANKS[told.stage] < _RANKS[known.stage]
    ):
        told = evolve(told, stage=known.stage)
    shipped = told.shipped_at is not None
    return evolve(
        known,
        quantity=told.quantity,
        stage=told.stage,
        assembled_at=known.assembled_at or told.assembled_at,
        shipped_at=told.shipped_at,
        cancelled_at=None if shipped else known.cancelled_at or told.cancelled_at,
        note=told.note or known.note,
    )


def rest(known: OrderRow, units: int, moment: str) -> OrderRow:
    """Return the part of an order that has ended before the rest of it."""
    return evolve(
        known,
        key=f"{known.key}#{moment}",
        quantity=units,
        stage=OrderStage.SHIPPED.value,
        shipped_at=moment,
        note="a part of it is no longer told",
    )
