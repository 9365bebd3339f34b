"""What people have decided by hand, as somebody who reads the manual remembers it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from attrs import define, field, frozen

from mpstock.testing import VirtualClock
from tests.machine.layout import Pair

__all__ = ["KINDS", "SCOPES", "Hands", "Kind", "Said", "Scope"]

Kind = Literal["stop", "zero", "pin"]
KINDS: tuple[Kind, ...] = ("stop", "zero", "pin")

Scope = tuple[str | None, str | None]
"""A sink and an article; None = all."""

SCOPES: tuple[Scope, ...] = (
    ("ozon", None), ("wb", None), (None, "A"), (None, "C"), (None, "K"), ("ozon", "C"), ("ozon", "D"),
    ("wb", "B"),
)  # fmt: skip


@frozen
class Said:
    """One decision: of which listings, how many a pin shows, and until when."""

    number: int
    kind: Kind
    scope: Scope
    quantity: int
    ends: datetime | None

    def covers(self, pair: Pair) -> bool:
        """Whether a listing is in its scope."""
        return self.scope[0] in (None, pair[0]) and self.scope[1] in (None, pair[1])

    @property
    def specific(self) -> tuple[bool, bool, int]:
        """Article before sink; of equals the newer."""
        return self.scope[1] is not None, self.scope[0] is not None, self.number


@define
class Hands:
    """All that is in force."""

    clock: VirtualClock
    said: list[Said] = field(factory=list[Said])
    _numbers: int = 0

    def put(self, kind: Kind, scope: Scope, quantity: int, lasts: timedelta | None) -> None:
        """One of the same kind and scope is replaced."""
        ends = None if lasts is None else self.clock.now() + lasts
        self._numbers += 1
        kept = [one for one in self.said if (one.kind, one.scope) != (kind, scope)]
        self.said = [*kept, Said(self._numbers, kind, scope, quantity, ends)]

    def take_back(self, one: Said) -> None:
        """It is in force no longer."""
        self.said.remove(one)

    def in_force(self) -> list[Said]:
        """What counts now."""
        now = self.clock.now()
        return [one for one in self.said if one.ends is None or one.ends > now]

    def _of(self, pair: Pair, kind: Kind) -> list[Said]:
        return [one for one in self.in_force() if one.kind == kind and one.covers(pair)]

    def stops(self, pair: Pair) -> bool:
        """Whether nothing may be sent to a listing."""
        return bool(self._of(pair, "stop"))

    def ended(self, pair: Pair, since: datetime) -> bool:
        """Whether something that was decided of a listing has ended by itself since then."""
        now = self.clock.now()
        return any(
            one.ends is not None and since <= one.ends <= now and one.covers(pair) for one in self.said
        )

    def shows(self, pair: Pair, available: int) -> int | None:
        """What a listing is to show of so much by a person's word; None: nobody has said anything."""
        if self._of(pair, "zero"):
            return 0
        pins = self._of(pair, "pin")
        if not pins:
            return None
        return min(max(pins, key=lambda one: one.specific).quantity, max(available, 0))
