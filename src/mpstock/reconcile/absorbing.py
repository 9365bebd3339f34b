"""When a source has booked a hold: by the order's own clock and the source's, never by a flag.

Until then the hold's units are still in the quantity that the source tells, and are subtracted from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal

from attrs import frozen

__all__ = ["AT_THE_END", "Booking", "Held", "booked", "moment"]

Stage = Literal["order", "assembly", "shipment"]


@frozen
class Booking:
    """At which stage of a hold a source books it, and how long after it that may take."""

    at: Stage
    lag: timedelta


AT_THE_END = Booking("shipment", timedelta(minutes=15))
"""What holds for a source that says nothing: it books an order when its units leave the warehouse."""


@frozen
class Held:
    """Units of one product that somebody has taken, and how far that has come.

    `origin` is the sink or source that told it, `feeds` the own warehouses that it may come out of (None =
    any), `pick_order` those in the order in which they are picked from, where that is said, and `picked` what
    each of them has lost by it, as that was settled when it came.
    """

    origin: str
    key: str
    quantity: int
    taken_at: datetime
    assembled_at: datetime | None = None
    shipped_at: datetime | None = None
    expires_at: datetime | None = None
    feeds: frozenset[int] | None = None
    pick_order: tuple[int, ...] = ()
    picked: tuple[tuple[int, int], ...] = ()


def moment(hold: Held, stage: Stage) -> datetime | None:
    """Return when a hold has come to a stage; None: not yet."""
    if stage == "order":
        return hold.taken_at
    if stage == "assembly":
        # What was handed over has been packed, seen or not.
        return hold.assembled_at or hold.shipped_at
    return hold.shipped_at


def booked(
    hold: Held, books: Mapping[str, Booking], as_of: datetime | None, confirmed_at: datetime | None
) -> bool:
    """Say whether a number of a source counts a hold's units no longer.

    It is as of then, by its own word or as of the reading that told it; `confirmed_at` is when the source was
    read last and did not take it back. A number that has a time of its own has not moved since: what is
    booked before the goods leave would have moved it. That they have left, the later reading tells.
    """
    booking = books.get(hold.origin, AT_THE_END)
    reached = moment(hold, booking.at)
    told = confirmed_at if booking.at == "shipment" else as_of
    if reached is None or told is None:
        return False
    if booking.at == "order":
        return told >= reached + booking.lag
    # A reading that began at the very moment may have been made before it.
    return told > reached + booking.lag
