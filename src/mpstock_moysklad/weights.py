"""What МойСклад admits, as data (JSON API 1.2, restrictions, as of 2026-08).

A user, or a solution, has a basket of 45 units every 3 seconds, of which each request takes some, and may
have 5 requests under way. The vendor raises the price of a user's requests step by step.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from mpstock import Rate
from mpstock_moysklad.settings import BASKET, MoyskladSettings

__all__ = ["AS_OF", "UNITS", "next_step", "rate_of", "weight_of"]

AS_OF = datetime(2026, 8, 7, tzinfo=timezone(timedelta(hours=3)))
"""When the vendor's page said so; it changes without notice."""

UNITS = "units"
"""The scope of every request."""

_MOSCOW = timezone(timedelta(hours=3))


def _since(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=_MOSCOW)


_STEPS: dict[str, tuple[tuple[datetime, int], ...]] = {
    # Login and password, or a user's token.
    "user": ((_since(2026, 5, 12), 2), (_since(2026, 9, 1), 3), (_since(2026, 12, 1), 4)),
    # A published or private solution.
    "solution": (),
    # A solution that is a draft or being moderated.
    "draft": ((_since(2026, 4, 13), 4),),
}


def rate_of(settings: MoyskladSettings, now: datetime) -> Rate:
    """The limit as data. Units are the items of a request, for its weight may grow while a process lives."""
    return Rate(UNITS, requests=BASKET // weight_of(settings, now), period=3.0, parallel=5, items=BASKET)


def weight_of(settings: MoyskladSettings, now: datetime) -> int:
    """How many units of the basket one request takes now."""
    if settings.weight is not None:
        return settings.weight
    return next((weight for since, weight in reversed(_STEPS[settings.token_kind]) if since <= now), 1)


def next_step(settings: MoyskladSettings, now: datetime) -> tuple[datetime, int] | None:
    """When requests get dearer next, and what they cost then; None where nothing is announced."""
    if settings.weight is not None:
        return None
    return next(((since, weight) for since, weight in _STEPS[settings.token_kind] if since > now), None)
