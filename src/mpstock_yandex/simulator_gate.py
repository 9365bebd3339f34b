"""The gate before all methods of the double: the token, requests at once, limits over time.

Four requests at once for one store, and for the cabinet; what each method takes in a period stands in its
description. Refused is with 420; every answer tells the limit of its method in `X-RateLimit-Resource-…`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Literal

from attrs import define

from mpstock import Clock
from mpstock.simulation import Answer, RateWindow, Request
from mpstock_yandex.simulator_wire import trouble

__all__ = ["ALL_SCOPES", "RESOURCES", "Gate", "RateModel"]

RateModel = Literal["leaky", "fixed", "sliding"]

ALL_SCOPES = ("ALL_METHODS",)

RESOURCES: Mapping[str, tuple[int, float, tuple[str, ...]]] = {
    "updateStocks": (100_000, 60.0, ("OFFERS_AND_CARDS_MANAGEMENT",)),
    "getStocks": (
        100_000,
        60.0,
        ("OFFERS_AND_CARDS_MANAGEMENT", "OFFERS_AND_CARDS_MANAGEMENT_READ_ONLY", "ALL_METHODS_READ_ONLY"),
    ),
    "getOfferMappings": (
        600,
        60.0,
        ("OFFERS_AND_CARDS_MANAGEMENT", "OFFERS_AND_CARDS_MANAGEMENT_READ_ONLY", "ALL_METHODS_READ_ONLY"),
    ),
    "getPagedWarehouses": (
        100,
        3600.0,
        (
            "INVENTORY_AND_ORDER_PROCESSING",
            "INVENTORY_AND_ORDER_PROCESSING_READ_ONLY",
            "ALL_METHODS_READ_ONLY",
        ),
    ),
    "getBusinessOrders": (
        10_000,
        3600.0,
        (
            "INVENTORY_AND_ORDER_PROCESSING",
            "INVENTORY_AND_ORDER_PROCESSING_READ_ONLY",
            "ALL_METHODS_READ_ONLY",
        ),
    ),
    "getCampaigns": (1000, 3600.0, ()),
    "getAuthTokenInfo": (100, 3600.0, ()),
}
"""Limit, its period in seconds, and the rights (beside ALL_METHODS) of each method; () = any token."""

PARALLEL = 4


@define
class _Under:
    """How many requests are under way."""

    count: int = 0


class Gate:
    """Lets requests of the cabinet in, or says why not.

    `api_key`   the one that is good.
    `scopes`    what it may do.
    `limits`    whether anything is counted at all.
    `refused`   how many requests were refused with 420.
    """

    def __init__(self, clock: Clock, api_key: str, model: RateModel) -> None:
        self._clock = clock
        self.api_key = api_key
        self.scopes: tuple[str, ...] = ALL_SCOPES
        self.limits = True
        self.refused = 0
        self.model: RateModel = model
        self._windows: dict[tuple[str, str], RateWindow] = {}
        self._under: dict[str, _Under] = {}

    def enter(self, request: Request, entity: str, resource: str) -> Answer | None:
        """Return the answer of a request that does not get in. One that does must `leave`."""
        barred = self._credentials(request, resource)
        if barred is not None:
            return barred
        under = self._under.setdefault(entity, _Under())
        if self.limits and under.count >= PARALLEL:
            self.refused += 1
            return trouble(
                420, "LIMIT_EXCEEDED", f"Hit rate limit of {PARALLEL} parallel requests for {entity}"
            )
        under.count += 1
        return None

    def leave(self, entity: str) -> None:
        """Say that a request is answered."""
        self._under[entity].count -= 1

    def count(self, entity: str, resource: str, amount: int) -> Answer | None:
        """Count what a request costs; return the answer where that is too much."""
        if not self.limits:
            return None
        limit, period, _ = RESOURCES[resource]
        if self._window(entity, resource).admit(self._clock.monotonic(), amount) == 0.0:
            return None
        self.refused += 1
        words = f"Hit rate limit of {limit} requests per {period:.0f} seconds for resource {resource}"
        return trouble(420, "LIMIT_EXCEEDED", words, headers=self.headers(entity, resource))

    def headers(self, entity: str, resource: str) -> dict[str, str]:
        """Return the headers that tell the state of a limit."""
        window, now = self._window(entity, resource), self._clock.monotonic()
        until = self._clock.now() + timedelta(seconds=window.reset(now) + 0.999)
        return {
            "X-RateLimit-Resource-Limit": str(RESOURCES[resource][0]),
            "X-RateLimit-Resource-Remaining": str(window.remaining(now)),
            "X-RateLimit-Resource-Until": _rfc822(until),
        }

    def _window(self, entity: str, resource: str) -> RateWindow:
        limit, period, _ = RESOURCES[resource]
        key = (entity, resource)
        if key not in self._windows:
            # The documents tell no burst: a bucket of a tenth holds more than one request of the largest.
            burst = max(limit // 10, 1) if self.model == "leaky" else None
            self._windows[key] = RateWindow(self.model, limit, period, burst=burst)
        return self._windows[key]

    def _credentials(self, request: Request, resource: str) -> Answer | None:
        given = request.headers.get("api-key", "")
        if not given:
            return trouble(401, "UNAUTHORIZED", "Credentials are not specified")
        if given.lower().startswith("bearer"):
            return trouble(401, "UNAUTHORIZED", "Api-Key token prefix invalid")
        if given != self.api_key:
            return trouble(401, "UNAUTHORIZED", "Api-Key token is invalid")
        needed = RESOURCES[resource][2]
        if needed and not {*needed, "ALL_METHODS"} & set(self.scopes):
            words = f"Token does not have any of the scopes to access the API method: {', '.join(needed)}"
            return trouble(403, "FORBIDDEN", words)
        return None


def _rfc822(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC).replace(microsecond=0), usegmt=True)
