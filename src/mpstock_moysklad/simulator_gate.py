"""The gate before all methods of the МойСклад double: headers, credentials, limits, bans.

JSON API 1.2, general part and restrictions: 45 units in 3 seconds for each user, of which a request takes
its weight; 5 requests at once; 200 refused requests in a minute end the user's access.
"""

from __future__ import annotations

import base64
import math
from collections import deque
from datetime import date, timedelta, timezone
from typing import Literal

from attrs import define, field

from mpstock import Clock
from mpstock.simulation import Answer, RateWindow, Request
from mpstock_moysklad.simulator_wire import error

__all__ = ["BASKET", "Gate", "RateModel"]

RateModel = Literal["leaky", "fixed", "sliding"]

BASKET = 45
_PERIOD = 3.0
_PARALLEL = 5
_MOST_REFUSED = 200
_HEAVY = ("/report/stock/all", "/report/stock/bystore")
_HEAVY_WEIGHT = 5
_MOSCOW = timezone(timedelta(hours=3))
_WEIGHTS = ((date(2026, 12, 1), 4), (date(2026, 9, 1), 3), (date(2026, 5, 12), 2))


@define(eq=False)
class _Refused:
    """The refused requests of the last minute, of one kind."""

    times: deque[float] = field(factory=deque[float])

    def add(self, now: float) -> int:
        self.times.append(now)
        while self.times and now - self.times[0] > 60.0:
            self.times.popleft()
        return len(self.times)


class Gate:
    """Lets requests of the user in, or says why not.

    `token`, `login`, `password`  the credentials that are valid.
    `limits`       whether requests are counted at all.
    `weight`       how many units a request takes, the two full reports apart; None = as announced for a
                   user's token on the day.
    `banned`       whether the user's access is off; `ban_after` refused requests in a minute do it.
    `stock_right`  whether the user has the permission «Остатки».
    `gzip_alone`   refuse also lists that have gzip in them among others.
    """

    def __init__(self, clock: Clock, token: str, login: str, password: str, model: RateModel) -> None:
        self._clock = clock
        self.token = token
        self.login = login
        self.password = password
        self.limits = True
        self.weight: int | None = None
        self.banned = False
        self.ban_after = _MOST_REFUSED
        self.stock_right = True
        self.gzip_alone = False
        self.under_way = 0
        self._refused: dict[str, _Refused] = {}
        self.use(model)

    def use(self, model: RateModel) -> None:
        """Count after another model from now on."""
        burst = BASKET if model == "leaky" else None
        self._window = RateWindow(model, BASKET, _PERIOD, burst=burst)

    def enter(self, request: Request, path: str) -> Answer | None:
        """Return the answer of a request that does not get in, None for one that does and is counted."""
        barred = self._headers(request) or self._credentials(request)
        if barred is not None or not self.limits:
            return barred
        if self.under_way > _PARALLEL:
            # The headers say nothing of this limit.
            return error(429, 1073)
        now = self._clock.monotonic()
        wait = self._window.admit(now, _HEAVY_WEIGHT if path in _HEAVY else self._weight())
        if not wait:
            return None
        milliseconds = str(math.ceil(wait * 1000))
        return error(429, 1049, X_Lognex_Retry_After=milliseconds, X_Lognex_Reset=milliseconds)

    def leave(self, request: Request, answer: Answer) -> Answer:
        """Count what went wrong, and add the limit headers."""
        now = self._clock.monotonic()
        if answer.status >= 400:
            kind = "429" if answer.status == 429 else f"{request.path}?{request.raw_query}"
            if self._refused.setdefault(kind, _Refused()).add(now) > self.ban_after:
                self.banned = True
        if not self.limits or answer.status == 415:
            return answer
        told = {
            "X-RateLimit-Limit": str(BASKET // self._weight()),
            "X-RateLimit-Remaining": str(self._window.remaining(now) // self._weight()),
            "X-Lognex-Retry-TimeInterval": str(int(_PERIOD * 1000)),
            "X-Lognex-Reset": "0",
            "X-Lognex-Retry-After": "0",
        }
        given = {name.lower() for name in answer.headers}
        more = {name: text for name, text in told.items() if name.lower() not in given}
        if answer.status == 429 and "x-lognex-retry-after" not in given:
            more = {}
        return Answer(answer.status, answer.body, {**answer.headers, **more})

    def _weight(self) -> int:
        if self.weight is not None:
            return self.weight
        today = self._clock.now().astimezone(_MOSCOW).date()
        return next((weight for day, weight in _WEIGHTS if today >= day), 1)

    def _headers(self, request: Request) -> Answer | None:
        codings = [
            one.partition(";")[0].strip() for one in request.headers.get("accept-encoding", "").split(",")
        ]
        if "gzip" not in codings or (self.gzip_alone and codings != ["gzip"]):
            return Answer(415)
        accept = request.headers.get("accept", "*/*").replace(" ", "").lower()
        # The documents want the charset; the vendor's own SDK leaves it out.
        if accept not in ("*/*", "application/json", "application/json;charset=utf-8"):
            return error(400, 1062)
        return None

    def _credentials(self, request: Request) -> Answer | None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        pair = base64.b64encode(f"{self.login}:{self.password}".encode()).decode()
        known = (kind.lower(), given.strip()) in (("bearer", self.token), ("basic", pair))
        if not known:
            return error(401, 1056, X_Lognex_Auth="1056")
        if self.banned:
            return error(403, 1061)
        return None
