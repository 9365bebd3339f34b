"""What recorded days come to in one of two worlds: what was sold, oversold, refused and hidden."""

from __future__ import annotations

from attrs import define, field

from mpstock.simulation.measures import UnitHours
from mpstock.tapes.report import ReplayedSums

__all__ = ["SinkSums", "Sums"]


@define(eq=False)
class SinkSums:
    """The sums of one sink, in the seller's units."""

    sold: int = 0
    oversold: int = 0
    surely: int = 0
    refused: int = 0
    changes: int = 0
    hidden: UnitHours = field(factory=UnitHours)
    beyond: UnitHours = field(factory=UnitHours)

    def until(self, now: float) -> ReplayedSums:
        """Return the sums as of now."""
        return ReplayedSums(
            self.sold, self.oversold, self.surely, self.refused, _hours(self.hidden, now),
            _hours(self.beyond, now), self.changes,
        )  # fmt: skip


@define(eq=False)
class Sums:
    """The sums of one world. `hidden` is what no sink shows."""

    sinks: dict[str, SinkSums] = field(factory=dict[str, SinkSums])
    hidden: UnitHours = field(factory=UnitHours)

    def of(self, sink: str) -> SinkSums:
        """Return the sums of one sink."""
        return self.sinks.setdefault(sink, SinkSums())

    def sell(self, sink: str, units: int, oversold: int, surely: int) -> None:
        """An order was accepted, of which so many units were not there: at the worst, and at the best."""
        sums = self.of(sink)
        sums.sold += units
        sums.oversold += oversold
        sums.surely += surely

    def refuse(self, sink: str, units: int) -> None:
        """A buyer found less than he wanted, and went."""
        self.of(sink).refused += units

    def change(self, sink: str) -> None:
        """A number was accepted."""
        self.of(sink).changes += 1

    def until(self, now: float) -> ReplayedSums:
        """Return the sums of all sinks as of now."""
        each = self.sinks.values()
        return ReplayedSums(
            sum(one.sold for one in each),
            sum(one.oversold for one in each),
            sum(one.surely for one in each),
            sum(one.refused for one in each),
            _hours(self.hidden, now),
            round(sum(one.beyond.until(now) for one in each), 3),
            sum(one.changes for one in each),
        )


def _hours(units: UnitHours, now: float) -> float:
    return round(units.until(now), 3)
