"""The state of one limit, and when the next request may go. Pure: no clock, no store, no asyncio.

Two rules together keep a request under whatever window the vendor really counts in:

* a *slot log*: an answered request occupies one of `requests` slots until one period after its
  *answer*. The vendor admitted it somewhere between sending and answering, so the next request in the
  same slot is admitted at least a whole period later;
* *spacing*: sends are about `period / requests` apart, by an absolute schedule, for vendors
  that count in a leaky bucket.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Callable
from typing import Any

from attrs import define, field

from mpstock.interfaces import Rate
from mpstock.pacing.hints import LIMIT_STATUSES, Hints

__all__ = ["EVEN", "Ruling", "ScopeState"]

OWN_SPACING = 0.98
"""Where the vendor demands no spacing ours is a little under period / requests: what the jitter of
answers takes away can then be caught up. A leaky bucket sees 2 % of `requests` too many at the most."""

EVEN = 1.05
"""A spacing is stretched so far at the most to be even: about what a round trip of 2 s takes of a minute."""

LATE = 0.05
"""A send that was late by so many seconds does not move the schedule."""

ORPHAN = 10.0
"""A request of a process that is gone counts as under way for so many seconds from its start."""

SKEW = 2.0
"""Clocks of machines that share a ledger may differ by so many seconds; what is later was set back."""

LONGEST_BLOCK = 3600.0
MOST_ENTRIES = 1024


@define
class Ruling:
    """When a request may go: `at`; None = not before an answer arrives (one is given up at `again`)."""

    at: float | None
    again: float


@define
class Flight:
    """A request under way: since when, until when at most, how many items, whose."""

    start: float
    until: float
    items: int
    owner: str


@define
class ScopeState:
    """What is known of one limit. Times are wall-clock seconds since the epoch.

    `log` holds an entry for each answer that still counts, oldest first: when it came in whole milliseconds,
    how many requests and how many items it counts as. It is stored as it is: it is most of the state.
    """

    next: float = 0.0
    log: list[list[int]] = field(factory=list[list[int]])
    open: dict[str, Flight] = field(factory=dict[str, Flight])
    blocked_at: float = 0.0
    blocked_until: float = 0.0
    excess: float = 0.0
    excess_at: float = 0.0
    strikes: int = 0
    wary: bool = False
    wary_until: float = 0.0
    last: str = ""
    mended: bool = False

    @classmethod
    def load(cls, data: dict[str, Any] | None, rate: Rate, now: float) -> ScopeState:
        """Take up a stored state. One that cannot be read counts as a limit that was just used up."""
        if not data:
            return cls()
        try:
            return cls(
                next=float(data.get("next", 0.0)),
                log=_checked(data.get("log", [])),
                open={
                    str(key): Flight(float(start), float(until), int(items), str(owner))
                    for key, (start, until, items, owner) in data.get("open", {}).items()
                },
                blocked_at=float(data.get("blocked", (0.0, 0.0))[0]),
                blocked_until=float(data.get("blocked", (0.0, 0.0))[1]),
                excess=float(data.get("slow", (0.0, 0.0, 0))[0]),
                excess_at=float(data.get("slow", (0.0, 0.0, 0))[1]),
                strikes=int(data.get("slow", (0.0, 0.0, 0))[2]),
                wary=bool(data.get("wary", (0, 0.0))[0]),
                wary_until=float(data.get("wary", (0, 0.0))[1]),
                last=str(data.get("last", "")),
            )
        except (TypeError, ValueError, AttributeError, IndexError):
            return cls(blocked_at=now, blocked_until=now + rate.period, mended=True)

    def dump(self) -> dict[str, Any]:
        """The state as JSON; what is at its default is left out."""
        data: dict[str, Any] = {"next": round(self.next, 6)}
        if self.log:
            data["log"] = self.log
        if self.open:
            data["open"] = {
                key: [round(one.start, 3), round(one.until, 3), one.items, one.owner]
                for key, one in self.open.items()
            }
        if self.blocked_until:
            data["blocked"] = [round(self.blocked_at, 3), round(self.blocked_until, 3)]
        if self.excess or self.strikes:
            data["slow"] = [round(self.excess, 4), round(self.excess_at, 3), self.strikes]
        if self.wary or self.wary_until:
            data["wary"] = [int(self.wary), round(self.wary_until, 3)]
        if self.last:
            data["last"] = self.last
        return data

    def settle(self, rate: Rate, now: float, gone: Callable[[str], bool]) -> bool:
        """Bring the state to `now`: what lapsed is dropped, what lies in the future is clamped.

        Stamps from the future are left by a clock that was set back. They are moved to now, which may
        cost a period of waiting and never a request too many. True: this state must be written, for
        the next look at the old one would move them again.
        """
        moved = self.mended
        for key, one in list(self.open.items()):
            start = one.start
            if start > now + SKEW:
                moved, start = True, now
            until = min(one.until - one.start + start, one.until)
            if gone(one.owner):
                until = min(until, start + ORPHAN)
            if until <= now:
                del self.open[key]
                self._book(rate, until, 1, one.items)
            else:
                one.start, one.until = start, until
        latest = math.ceil(now * 1000)
        if self.log and self.log[-1][0] > latest + 1000 * SKEW:
            moved = True
            self.log = [[min(at, latest), units, items] for at, units, items in self.log]
        oldest = (now - _window(rate)) * 1000
        lapsed = 0
        while lapsed < len(self.log) and self.log[lapsed][0] <= oldest:
            lapsed += 1
        del self.log[:lapsed]
        furthest = now + rate.period + self._step(rate, now, 1)
        if self.next > furthest:
            moved = True
            self.next = furthest
        if self.blocked_at > now + SKEW:
            moved = True
            self.blocked_at, self.blocked_until = now, now + self.blocked_until - self.blocked_at
        if self.blocked_until <= now:
            self.blocked_at = self.blocked_until = 0.0
        if self.excess_at > now or self.wary_until > now + rate.period:
            moved = True
            self.excess_at = min(self.excess_at, now)
            self.wary_until = min(self.wary_until, now + rate.period)
        if self.wary_until <= now:
            self.wary, self.wary_until = False, 0.0
        return moved

    def rule(self, rate: Rate, now: float, items: int) -> Ruling:
        """Say when a request of so many items may go. The state must be settled."""
        at = max(self.next - _catch_up(rate) * self._spacing(rate, now), self.blocked_until)
        slots = self._slots(rate, now)
        if self._alone(rate):
            # One that does not come back must not keep all others waiting until it is given up.
            fresh = [one.start + ORPHAN for one in self.open.values() if one.start + ORPHAN > now]
            if fresh:
                return Ruling(None, max(fresh))
        parallel = self._parallel(rate, now)
        if parallel is not None and len(self.open) >= parallel:
            return Ruling(None, self._first_lapse(now))
        units_over = self._units() + 1 - slots
        items_over = 0 if rate.items is None else self._items() + items - rate.items
        for stamp, units, count in self.log:
            if units_over <= 0 and items_over <= 0:
                break
            units_over -= units
            items_over -= count
            at = max(at, stamp / 1000 + _window(rate))
        if units_over > 0 or items_over > 0:
            return Ruling(None, self._first_lapse(now))
        return Ruling(at, at)

    def free(self, rate: Rate, now: float) -> int:
        """Return how many requests may still be sent within the period. The state must be settled."""
        return max(self._slots(rate, now) - self._units(), 0)

    def grant(self, rate: Rate, now: float, at: float, key: str, flight: Flight) -> tuple[float, float]:
        """Take a place for a request planned for `at` that goes now; return `next` before and after."""
        spacing = self._spacing(rate, now)
        late = spacing / 2 if rate.spacing is None or rate.burst > 1 else min(spacing / 2, LATE)
        before = self.next
        self.open[key] = flight
        step = max(self._step(rate, now, flight.items), self._even(rate, now))
        self.next = max(self.next, at, now - late) + step
        self.last = flight.owner
        return before, self.next

    def release(self, key: str, before: float, after: float) -> None:
        """Give a place back that was not used."""
        if self.open.pop(key, None) is not None and abs(self.next - after) < 1e-5:
            self.next = before

    def answered(
        self,
        rate: Rate,
        now: float,
        key: str,
        start: float,
        items: int,
        status: int | None,
        hints: Hints,
    ) -> None:
        """Book an answer: its slot is free one period from now; what it says may slow us down."""
        flight = self.open.pop(key, None)
        if flight is not None and items < flight.items:
            self.next -= self._step(rate, now, flight.items) - self._step(rate, now, items)
        error = status is not None and 400 <= status < 500
        cost = max(rate.error_cost, 1) if error else 1
        spacing = self._spacing(rate, now)
        # One that comes after its flight was given up counts twice: it is in the log at an earlier time.
        self._book(rate, now, cost, items)
        if error and cost > 1:
            self.next = max(self.next, now) + (cost - 1) * spacing
            self.wary, self.wary_until = True, now + rate.period
        elif status is not None:
            self.wary = False
        if status in LIMIT_STATUSES:
            self._limited(rate, now, start, spacing, hints)
            return
        if status is not None and status < 400:
            self.strikes = 0
        wait = hints.retry_after
        if hints.remaining == 0 and wait is None and not self._nearly_full(rate, now):
            wait = min(hints.reset, rate.period) if hints.reset else spacing
        if wait is not None and (hints.remaining is None or hints.remaining == 0):
            self._block(now, wait)

    def _limited(self, rate: Rate, now: float, start: float, spacing: float, hints: Hints) -> None:
        wait = hints.retry_after
        if wait is None:
            wait = min(rate.period, max(spacing, rate.period / 8) * 2.0 ** min(self.strikes, 16))
        self._block(now, wait)
        # Several answers to requests that were under way together tell the same story once.
        if start > self.excess_at:
            self.excess = min(self._excess(rate, now) + 0.1, 1.0)
            self.excess_at = now
            self.strikes += 1

    def _block(self, now: float, seconds: float) -> None:
        until = now + min(seconds, LONGEST_BLOCK)
        if until > self.blocked_until:
            self.blocked_at, self.blocked_until = now, until

    def _book(self, rate: Rate, at: float, units: int, items: int) -> None:
        # Rounded up: a slot may be freed late, never early.
        stamp = math.ceil(at * 1000)
        if rate.requests > MOST_ENTRIES and self.log:
            last, more_units, more_items = self.log[-1]
            if 0 <= stamp - last < 1000 * _grain(rate):
                self.log[-1] = [last, more_units + units, more_items + items]
                return
        insort(self.log, [stamp, units, items])

    def _units(self) -> int:
        return len(self.open) + sum(units for _, units, _ in self.log)

    def _items(self) -> int:
        return sum(one.items for one in self.open.values()) + sum(items for _, _, items in self.log)

    def _excess(self, rate: Rate, now: float) -> float:
        half_life = max(10 * rate.period, 300.0)
        left = self.excess * 0.5 ** (max(now - self.excess_at, 0.0) / half_life)
        return left if left > 0.002 else 0.0

    def _slots(self, rate: Rate, now: float) -> int:
        slots = int(rate.requests / (1 + self._excess(rate, now)))
        if self.wary_until > now:
            slots -= min(rate.error_cost - 1, rate.requests // 4)
        return max(slots, 1)

    def _alone(self, rate: Rate) -> bool:
        """Where errors are dear: the last answer was one, or after a rest nobody knows what comes next."""
        return rate.error_cost > 1 and (self.wary or not self.log)

    def _parallel(self, rate: Rate, now: float) -> int | None:
        """How many may be under way. Where errors are dear, and one was seen, they may all be errors."""
        if rate.error_cost > 1 and self.wary_until > now:
            return min(rate.parallel or rate.burst, max(rate.burst // rate.error_cost, 1))
        return rate.parallel

    def _spacing(self, rate: Rate, now: float) -> float:
        own = rate.period / rate.requests * (OWN_SPACING if rate.requests >= 60 else 1.0)
        return (own if rate.spacing is None else rate.spacing) * (1 + self._excess(rate, now))

    def _step(self, rate: Rate, now: float, items: int) -> float:
        by_items = 0.0 if rate.items is None else rate.period * items / rate.items
        return max(self._spacing(rate, now), by_items * (1 + self._excess(rate, now)))

    def _even(self, rate: Rate, now: float) -> float:
        """Seconds to the next send if what is left is spread until the first slot is free again.

        A slot is taken for a period and a round trip. Sent without regard to that, the last of them is gone
        before the first comes back, each period again, and a zero waits for several sends instead of one.
        """
        left = self._slots(rate, now) - self._units()
        if left < 0 or not self.log:
            return 0.0
        first = self.log[0][0] / 1000 + _window(rate)
        return min((first - now) / (left + 1), EVEN * self._spacing(rate, now))

    def _nearly_full(self, rate: Rate, now: float) -> bool:
        return self._units() >= 0.9 * self._slots(rate, now)

    def _first_lapse(self, now: float) -> float:
        return min((one.until for one in self.open.values()), default=now)


def _checked(log: Any) -> list[list[int]]:
    """The stored log; an entry at either end that is none raises (those between were written by us)."""
    entries: list[list[int]] = list(log)
    for at, units, items in entries[:1] + entries[-1:]:
        if not all(isinstance(number, int) for number in (at, units, items)):
            raise ValueError(f"not an entry of the log: {[at, units, items]}")
    return entries


def _window(rate: Rate) -> float:
    # The vendor's clock and ours do not run quite alike.
    return rate.period + min(rate.period * 0.001, 0.05) + _grain(rate)


def _grain(rate: Rate) -> float:
    """Answers this close together share an entry of the log, so that it stays short for a large limit."""
    return rate.period / MOST_ENTRIES if rate.requests > MOST_ENTRIES else 0.0


def _catch_up(rate: Rate) -> float:
    """How many spacings a send may come before its time: part of the documented burst, less one.

    A quarter of the burst, and no more than could all come back as errors and still fit in it.
    """
    return max(min(rate.burst // 4, rate.burst // max(rate.error_cost, 1)), 1) - 1.0
