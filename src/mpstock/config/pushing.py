"""`[push]`: what becomes of changes that a sink refuses again and again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
from attrs import field, frozen

__all__ = ["PushSettings", "QuarantineSettings"]


def _positive(_: Any, attribute: attrs.Attribute[Any], value: timedelta) -> None:
    if value <= timedelta(0):
        raise ValueError(f'{attribute.name} must be a length of time above 0, such as "15m"')


def _at_least_one(_: Any, attribute: attrs.Attribute[Any], value: int) -> None:
    if value < 1:
        raise ValueError(f"{attribute.name} must be 1 or more, not {value}")


@frozen
class QuarantineSettings:
    """A raise that was refused `after` times in a row rests.

    First for `pause`, then for twice that, up to `longest`. It is tried again when its quantity changes,
    when its rest is over, and by hand. A fall never rests so.
    """

    after: int = field(default=3, validator=_at_least_one)
    pause: timedelta = field(default=timedelta(minutes=15), validator=_positive)
    longest: timedelta = field(default=timedelta(days=1), validator=_positive)

    def rest(self, failures: int) -> timedelta | None:
        """Return how long a change rests after so many refusals in a row; None: not at all."""
        if failures < self.after:
            return None
        # Beyond 2 ** 20 every pause is the longest.
        doublings: int = 2 ** min(failures - self.after, 20)
        return min(self.pause * doublings, self.longest)


@frozen
class PushSettings:
    """`[push]`."""

    quarantine: QuarantineSettings = field(factory=QuarantineSettings)
