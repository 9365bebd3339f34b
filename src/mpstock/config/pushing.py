"""`[push]`: what becomes of changes that a sink refuses again and again."""

from __future__ import annotations

from datetime import timedelta

from attrs import field, frozen

from mpstock.validators import above_zero, one_or_more

__all__ = ["PushSettings", "QuarantineSettings"]


@frozen
class QuarantineSettings:
    """A raise that was refused `after` times in a row rests.

    First for `pause`, then for twice that, up to `longest`. It is tried again when its quantity changes,
    when its rest is over, and by hand. A fall never rests so.
    """

    after: int = field(default=3, validator=one_or_more())
    pause: timedelta = field(default=timedelta(minutes=15), validator=above_zero("15m"))
    longest: timedelta = field(default=timedelta(days=1), validator=above_zero("15m"))

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
