"""What selling beyond the stock and hiding stock mean, in numbers: one definition for all who measure it.

Reports state both: who shows nothing oversells nothing, and hides everything.
"""

from __future__ import annotations

from attrs import define, field

__all__ = ["UnitHours", "hidden_units", "oversold_units"]


def oversold_units(units: int, free: int) -> int:
    """Return how many of an order's units were not there, of so many free ones when it was accepted."""
    return units - min(units, max(free, 0))


def hidden_units(free: int, best: int) -> int:
    """Return how many free units of an article nobody shows; `best` is what the outlet shows that shows most.

    All in the seller's units, the warehouses of an outlet together.
    """
    return max(max(free, 0) - best, 0)


@define(eq=False)
class UnitHours:
    """Units of many articles times the hours for which they stood. Times are seconds that never go back."""

    _units: dict[str, int] = field(factory=dict[str, int])
    _since: dict[str, float] = field(factory=dict[str, float])
    _seconds: float = 0.0

    def stand(self, key: str, units: int, now: float) -> None:
        """From now on it is so many units of this one."""
        before = self._units.get(key, 0)
        if before > 0:
            self._seconds += before * (now - self._since[key])
        self._units[key], self._since[key] = max(units, 0), now

    def until(self, now: float) -> float:
        """Return the unit-hours until now."""
        going_on = sum(units * (now - self._since[key]) for key, units in self._units.items() if units)
        return (self._seconds + going_on) / 3600
