"""`[guards]`: when a change is suspicious, and is held until a person has looked at it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import attrs
from attrs import field, frozen

__all__ = ["GuardSettings", "RaisingGuard", "ShrunkenGuard", "ZeroingGuard"]


def _share(_: Any, attribute: attrs.Attribute[Any], value: Decimal) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{attribute.name} must be from 0 to 1 (0.1 is a tenth), not {value}")


def _count(_: Any, attribute: attrs.Attribute[Any], value: int) -> None:
    if value < 0:
        raise ValueError(f"{attribute.name} must be 0 or more, not {value}")


def _factor(_: Any, attribute: attrs.Attribute[Any], value: Decimal) -> None:
    if value <= 1:
        raise ValueError(f"{attribute.name} must be more than 1 (10 is ten times as much), not {value}")


@frozen
class ZeroingGuard:
    """Holds what would take too much to zero: more than `count` live listings, and more than `share` of them.

    `share` is of the listings that show stock now, or of the units that they show, whichever is passed. All
    is counted over a rolling `window`. With `repeated` the zeros go when a later complete reading of the
    source repeats them; what is missing from a reading never does.
    """

    share: Decimal = field(default=Decimal("0.1"), validator=_share)
    count: int = field(default=20, validator=_count)
    window: timedelta = timedelta(hours=1)
    repeated: bool = False


@frozen
class ShrunkenGuard:
    """Takes what a complete reading left out for unknown when the reading has shrunk.

    It has when more than `share` of the rows that were there the last time are missing, and more than
    `count` of them. Whatever this says, so many missing rows with stock as `zeroing` names are enough.
    """

    share: Decimal = field(default=Decimal("0.3"), validator=_share)
    count: int = field(default=5, validator=_count)


@frozen
class RaisingGuard:
    """Holds what would raise many listings suddenly to `factor` times what they show, or more.

    Many are more than `count`, and more than `share` of those that show stock. A listing at zero may rise to
    anything.
    """

    factor: Decimal = field(default=Decimal(10), validator=_factor)
    share: Decimal = field(default=Decimal("0.3"), validator=_share)
    count: int = field(default=20, validator=_count)


@frozen
class GuardSettings:
    """`[guards]`."""

    zeroing: ZeroingGuard = field(factory=ZeroingGuard)
    shrunken: ShrunkenGuard = field(factory=ShrunkenGuard)
    raising: RaisingGuard = field(factory=RaisingGuard)
