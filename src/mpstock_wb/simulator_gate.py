"""The gate before all methods of the double: token, category, payment, request limits.

Limits are counted per seller and group of methods by token bucket: so many requests in a period, a spacing,
a burst; a 4XX answer counts as ten requests. The figures stand in the descriptions of the methods in
Wildberries' items, orders and general specifications, the headers in its knowledge base.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Literal

from mpstock import Clock
from mpstock.simulation import Answer, RateWindow, Request
from mpstock_wb.simulator_answers import content_error, problem, refusal
from mpstock_wb.simulator_tokens import READ_ONLY, claims_of, has_scope

__all__ = ["GROUPS", "Gate", "RateModel"]

RateModel = Literal["leaky", "fixed", "sliding"]

GROUPS: Mapping[str, tuple[int, float, int]] = {
    "stocks": (300, 60.0, 20),
    "stocks_delete": (10, 60.0, 2),
    "warehouses": (300, 60.0, 20),
    "orders": (300, 60.0, 20),
    "orders_dbs": (300, 60.0, 20),
    "orders_dbw": (300, 60.0, 20),
    "orders_pickup": (300, 60.0, 20),
    "orders_pickup_status": (1, 1.0, 10),
    "content": (100, 60.0, 5),
    "ping": (3, 30.0, 3),
}
"""Requests, period in seconds and burst of each group of methods."""


class Gate:
    """Lets requests of the account in, or says why not.

    `token`            the one that is valid; one that is no JWT never expires and opens everything.
    `limits`           whether requests are counted at all.
    `error_cost`       how many requests a 4XX counts as.
    `charge_429`       whether a 429 counts so, too.
    `access_denied`    answer 403 `AccessDenied` to everything.
    `payment_required` answer 402 to everything.
    """

    def __init__(self, clock: Clock, token: str, model: RateModel) -> None:
        self._clock = clock
        self.token = token
        self.limits = True
        self.error_cost = 10
        self.charge_429 = True
        self.access_denied = False
        self.payment_required = False
        self._windows: dict[str, RateWindow] = {}
        self.use(model)

    def use(self, model: RateModel) -> None:
        """Count after another model from now on. `leaky` is the token bucket, seen from its other end."""
        self._windows = {
            group: RateWindow(model, requests, period, burst=burst if model == "leaky" else None)
            for group, (requests, period, burst) in GROUPS.items()
        }

    def enter(self, request: Request, group: str, scopes: Sequence[int], *, writes: bool) -> Answer | None:
        """Return the answer of a request that does not get in, None for one that does and is counted."""
        barred = self._credentials(request, group, scopes, writes)
        if barred is not None:
            self._charge(group, self.error_cost)
            return barred
        if not self.limits:
            return None
        window = self._windows[group]
        now = self._clock.monotonic()
        wait = window.admit(now)
        if not wait:
            return None
        if self.charge_429:
            window.charge(now, self.error_cost)
            wait = copy.deepcopy(window).admit(now)
        headers = {
            "X-Ratelimit-Retry": str(math.ceil(wait)),
            "X-Ratelimit-Limit": str(window.capacity),
            "X-Ratelimit-Reset": str(math.ceil(window.reset(now))),
        }
        return problem(429, "too many requests", f"limited by {group}", self._clock.now(), headers)

    def leave(self, group: str, answer: Answer) -> Answer:
        """Count what an admitted request's answer costs beyond it, and tell what remains."""
        if 400 <= answer.status < 500:
            self._charge(group, self.error_cost - 1)
        if not self.limits or answer.status >= 400:
            return answer
        remaining = str(self._windows[group].remaining(self._clock.monotonic()))
        return Answer(answer.status, answer.body, {**answer.headers, "X-Ratelimit-Remaining": remaining})

    def _charge(self, group: str, cost: int) -> None:
        if self.limits:
            self._windows[group].charge(self._clock.monotonic(), cost)

    def _credentials(
        self, request: Request, group: str, scopes: Sequence[int], writes: bool
    ) -> Answer | None:
        now = self._clock.now()
        given = request.headers.get("authorization", "").strip()
        kind, _, rest = given.partition(" ")
        token = rest.strip() if kind.lower() == "bearer" else given
        if not token:
            return problem(401, "unauthorized", "empty Authorization header", now)
        if token != self.token:
            return problem(401, "unauthorized", "token problem; token is not valid", now)
        claims = claims_of(token)
        if claims is not None and now.timestamp() >= float(claims.get("exp", 0)):
            return problem(401, "unauthorized", "token problem; token is expired", now)
        if not any(has_scope(claims, scope) for scope in scopes) or (writes and has_scope(claims, READ_ONLY)):
            return problem(403, "forbidden", "scope is not allowed for this resource", now, brief=True)
        if self.payment_required:
            return problem(402, "payment required", "the solution's balance is used up", now, brief=True)
        if self.access_denied:
            if group == "content":
                return content_error(403, "Access denied", "Access denied")
            return refusal(403, "AccessDenied")
        return None
