"""How servers count requests: the three models that vendors are seen to use."""

from __future__ import annotations

import math
from collections import deque
from typing import Literal, get_args

__all__ = ["RateModel", "RateWindow"]

RateModel = Literal["fixed", "sliding", "leaky"]

_TOLERANCE = 1e-6
"""Seconds: who waits exactly as long as told is not refused for a rounding error."""


class RateWindow:
    """A vendor's limit of `requests` in `period` seconds, judged at the moment a request arrives.

    `fixed`     counts per window; windows begin at whole multiples of `period` on the clock.
    `sliding`   counts in the `period` seconds before each request.
    `leaky`     a bucket of `burst` places (default: a fifteenth of `requests`, at least 1) from which
                one leaks every `period / requests` seconds. The other models know no burst.

    With `count_refused` a refused request takes its place too, so that hammering prolongs the wait.
    """

    def __init__(
        self,
        model: RateModel,
        requests: int,
        period: float,
        burst: int | None = None,
        *,
        count_refused: bool = False,
    ) -> None:
        if model not in get_args(RateModel):
            raise ValueError(f"no rate model {model!r}; there are {', '.join(get_args(RateModel))}")
        if requests < 1 or period <= 0 or (burst is not None and burst < 1):
            raise ValueError(
                f"requests and burst are at least 1, period is above 0; got {requests}, {burst}, {period}"
            )
        self.model = model
        self.requests = requests
        self.period = period
        self.burst = burst or max(1, math.ceil(requests / 15))
        self.count_refused = count_refused
        self._used = 0.0
        self._since = -math.inf
        self._log: deque[tuple[float, int]] = deque()

    @property
    def capacity(self) -> int:
        """How much is admitted back to back after a rest."""
        return self.burst if self.model == "leaky" else self.requests

    def admit(self, now: float, cost: int = 1) -> float:
        """Admit a request that arrives `now`, or return how many seconds it has to wait.

        0.0 means admitted and counted. Infinity: `cost` is more than is ever admitted.
        """
        wait = self.wait(now, cost)
        if wait == 0.0 or self.count_refused:
            self._add(now, cost)
        return wait

    def wait(self, now: float, cost: int = 1) -> float:
        """Return what `admit` would, and count nothing."""
        self._settle(now)
        excess = self._used + cost - self.capacity
        if cost > self.capacity:
            return math.inf
        if self.model == "leaky":
            wait = excess * self.period / self.requests
            return wait if wait > _TOLERANCE else 0.0
        if excess <= 0:
            return 0.0
        if self.model == "fixed":
            return self._since + self.period - now
        for at, weight in self._log:
            excess -= weight
            if excess <= 0:
                return at + self.period - now
        raise AssertionError("the log holds everything that is used")

    def charge(self, now: float, cost: int) -> None:
        """Count `cost` more without asking, as for an error answer; what comes next waits for it."""
        if cost > 0:
            self._settle(now)
            self._add(now, cost)

    def remaining(self, now: float) -> int:
        """Return how much would be admitted back to back `now`."""
        self._settle(now)
        return max(0, math.floor(self.capacity - self._used + _TOLERANCE))

    def reset(self, now: float) -> float:
        """Return in how many seconds the whole capacity is there again, if nothing comes meanwhile."""
        self._settle(now)
        if self._used <= 0:
            return 0.0
        if self.model == "leaky":
            return self._used * self.period / self.requests
        if self.model == "sliding":
            return max(0.0, self._log[-1][0] + self.period - now)
        return max(0.0, self._since + self.period - now)

    def _settle(self, now: float) -> None:
        """Forget what no longer counts at `now`."""
        if self.model == "fixed":
            start = math.floor((now + _TOLERANCE) / self.period) * self.period
            if start != self._since:
                self._since, self._used = start, 0.0
        elif self.model == "sliding":
            while self._log and now - self._log[0][0] >= self.period - _TOLERANCE:
                self._used -= self._log.popleft()[1]
        else:
            leaked = max(0.0, now - self._since) * self.requests / self.period
            self._used = max(0.0, self._used - leaked)
            self._since = now

    def _add(self, now: float, cost: int) -> None:
        self._used += cost
        if self.model == "sliding":
            self._log.append((now, cost))
