"""The limits of a double: requests and items by scope, requests at once, pairs that rest after a write."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from attrs import define, field, frozen

from mpstock.clock import Clock
from mpstock.interfaces import Rate
from mpstock.simulation.rates import RateModel, RateWindow

__all__ = ["Cooldown", "Limiter", "Refused"]

_TOLERANCE = 1e-6
"""Seconds: who waits exactly as long as told is not refused for a rounding error."""


@frozen
class Refused:
    """Why a request is over a limit.

    `scope` is the limit's, `wait` the seconds until there is room: infinity where there never will be. `by`
    says what was too much: `"requests"`, `"items"`, or requests `"parallel"` (then nobody can say how long).
    """

    scope: str
    by: Literal["requests", "items", "parallel"]
    wait: float


@define(eq=False)
class _Scope:
    rate: Rate
    requests: RateWindow
    items: RateWindow | None


class Limiter:
    """Counts what comes to a double after one of the vendors' models, scope by scope.

    `rates` are the limits as the vendor's documents state them. `model` is how the server counts; a plugin
    has to be right with all three. Of a rate, `spacing` is the adapter's own matter: servers count. `burst`
    is for the model `leaky`; `error_cost` is charged for answers of 4xx.

    `off`            True counts nothing.
    `count_refused`  a refused request takes its place too, so that hammering prolongs the wait.
    """

    def __init__(
        self,
        clock: Clock,
        rates: Iterable[Rate],
        model: RateModel = "sliding",
        *,
        count_refused: bool = False,
    ) -> None:
        self._clock = clock
        self._rates = tuple(rates)
        names = [rate.scope for rate in self._rates]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"a scope has one limit; there are several for {', '.join(twice)}")
        self.count_refused = count_refused
        self.off = False
        self._under_way: Counter[str] = Counter()
        self._scopes: dict[str, _Scope] = {}
        self.use(model)

    def use(self, model: RateModel) -> None:
        """Count after another model from now on, and forget what was counted."""
        self.model: RateModel = model
        self._scopes = {
            rate.scope: _Scope(
                rate,
                RateWindow(
                    model, rate.requests, rate.period, rate.burst if rate.burst > 1 else None,
                    count_refused=self.count_refused,
                ),
                # Items come by the batch: a bucket that takes no whole batch would never let one in.
                None if rate.items is None else RateWindow(model, rate.items, rate.period, rate.items),
            )
            for rate in self._rates
        }  # fmt: skip

    @contextmanager
    def under_way(self, scopes: Sequence[str]) -> Iterator[Refused | None]:
        """Be one of the requests that are under way; yields why it is one too many, if it is."""
        over = next(
            (
                Refused(name, "parallel", math.inf)
                for name in scopes
                if (most := self._of(name).rate.parallel) is not None
                and not self.off
                and self._under_way[name] >= most
            ),
            None,
        )
        self._under_way.update(scopes)
        try:
            yield over
        finally:
            self._under_way.subtract(scopes)

    def admit(self, scopes: Sequence[str], items: int = 0) -> Refused | None:
        """Count a request with so many items in all its scopes; or say where it is too much."""
        if self.off:
            return None
        now = self._clock.monotonic()
        for name in scopes:
            scope = self._of(name)
            if wait := scope.requests.wait(now):
                if self.count_refused:
                    scope.requests.charge(now, 1)
                return Refused(name, "requests", wait)
            if scope.items is not None and items and (wait := scope.items.wait(now, items)):
                return Refused(name, "items", wait)
        for name in scopes:
            scope = self._of(name)
            scope.requests.admit(now)
            if scope.items is not None and items:
                scope.items.admit(now, items)
        return None

    def answered(self, scopes: Sequence[str], status: int) -> None:
        """Charge an admitted request that was answered with 4xx what such an answer costs beyond itself."""
        if not self.off and 400 <= status < 500:
            for name in scopes:
                scope = self._of(name)
                scope.requests.charge(self._clock.monotonic(), scope.rate.error_cost - 1)

    def remaining(self, scope: str) -> int:
        """Return how many requests would be let in back to back now, for the headers that tell it."""
        return self._of(scope).requests.remaining(self._clock.monotonic())

    def _of(self, name: str) -> _Scope:
        if name not in self._scopes:
            raise ValueError(
                f"no limit has the scope {name!r}; there are {', '.join(self._scopes) or 'none'}"
            )
        return self._scopes[name]


@define(eq=False)
class Cooldown:
    """What rests for so many seconds after it was written, as a marketplace's pair of offer and warehouse.

    `counted_from`  `"accepted"`: a refused attempt does not count; `"attempt"`: it does, and prolongs the
    wait.
    """

    clock: Clock
    seconds: float
    counted_from: Literal["accepted", "attempt"] = "accepted"
    _written: dict[Hashable, float] = field(factory=dict[Hashable, float], init=False)

    def write(self, key: Hashable) -> float:
        """Write now, and return 0.0; or return how many seconds it still rests."""
        now = self.clock.monotonic()
        wait = self._written.get(key, -math.inf) + self.seconds - now
        resting = self.seconds > 0 and wait > _TOLERANCE
        if not resting or self.counted_from == "attempt":
            self._written[key] = now
        return wait if resting else 0.0
