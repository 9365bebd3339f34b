"""What comes of reckoning one listing: its number, and how it came about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from mpstock.buffers import ResolvedBuffer
    from mpstock.reconcile.availability import Pool
    from mpstock.reconcile.hands import Ruling

__all__ = ["Part", "Reckoning"]


@frozen
class Part:
    """What a listing may promise of a component that others draw on, in its units, before floating holds.

    `whole` is what there is of it, `mine` the part that is this product's in this group of sinks, `left` what
    the listings before it have left.
    """

    component: int
    whole: int
    mine: int
    left: int


@frozen
class Reckoning:
    """How one listing's wanted quantity came about.

    `wanted` is None when nothing can be said: the product is in no configured source any more, or
    neither its stock nor what the listing shows is known, and there may be some. `waits` says that an
    unknown quantity keeps it below what the formula would give at the last known values. `floating` are the
    units that holds take from it of which nobody knows where they come from, in base units. `parts` are
    what becomes of the components that others draw on as well.
    `least`: where the base is not known it shows that or more, so no number up to it is a raise.
    `unlimited` is what would be wanted if its neighbours did not still show what is its own, where they do.
    `ruling` is what a person has decided of it; `by_hand` says that the number is theirs.
    """

    sink: str
    warehouse: str
    available: Pool
    buffer: ResolvedBuffer | None
    advertised: int | None
    base: int | None
    wanted: int | None
    waits: bool
    floating: int = 0
    parts: tuple[Part, ...] = ()
    least: int | None = None
    unlimited: int | None = None
    ruling: Ruling | None = None
    by_hand: bool = False
