"""What the headers of an answer say about the vendor's limits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from attrs import frozen

__all__ = ["LIMIT_STATUSES", "Hints", "read_hints"]

LIMIT_STATUSES = frozenset({420, 429})
"""Answers that mean "too many": 429, and Yandex Market's 420."""

EPOCH = 1_000_000_000


@frozen
class Hints:
    """`retry_after` and `reset` are in seconds from now, `remaining` in requests; None where unsaid."""

    retry_after: float | None = None
    reset: float | None = None
    remaining: int | None = None


def read_hints(headers: Mapping[str, str], now: datetime, status: int | None = None) -> Hints:
    """Read the rate-limit headers of an answer that arrived at `now`.

    `Retry-After` is in seconds or an HTTP date (RFC 9110 §10.2.3), `X-Ratelimit-Retry` and
    `X-Ratelimit-Reset` in seconds (WB API, rate limits), `X-Lognex-Retry-After`, `X-Lognex-Reset` and
    `X-Lognex-Retry-TimeInterval` in milliseconds (МойСклад JSON API 1.2, limits). The last is the length
    of the vendor's window and stands on every answer, so it counts only when nothing else says how long.
    `X-RateLimit-Resource-Until` is an HTTP date (Yandex Market Partner API, limits of requests).
    """
    low = {name.lower(): value for name, value in headers.items()}
    remaining = _number(low.get("x-ratelimit-remaining"))
    said = [
        seconds
        for seconds in (
            _number(low.get("x-ratelimit-retry")),
            _retry_after(low.get("retry-after"), now),
            _scaled(_number(low.get("x-lognex-retry-after")), 0.001),
        )
        if seconds is not None and seconds > 0
    ]
    resets = [
        seconds
        for seconds in (
            _reset(_number(low.get("x-ratelimit-reset")), now),
            _scaled(_number(low.get("x-lognex-reset")), 0.001),
            _resource_until(low, now),
        )
        if seconds is not None and seconds > 0
    ]
    limited = status in LIMIT_STATUSES or (remaining is not None and remaining <= 0)
    if limited and not said and not resets:
        interval = _scaled(_number(low.get("x-lognex-retry-timeinterval")), 0.001)
        if interval:
            resets.append(interval)
    retry_after = max(said) if said else None
    if retry_after is None and status in LIMIT_STATUSES and resets:
        retry_after = max(resets)
    return Hints(
        retry_after=retry_after,
        reset=max(resets) if resets else None,
        remaining=None if remaining is None else int(remaining),
    )


def _number(text: str | None) -> float | None:
    try:
        value = float((text or "").strip())
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _scaled(value: float | None, by: float) -> float | None:
    return None if value is None else value * by


def _retry_after(text: str | None, now: datetime) -> float | None:
    if text is None:
        return None
    seconds = _number(text)
    if seconds is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(text.strip())
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - now).total_seconds(), 0.0)


def _resource_until(low: Mapping[str, str], now: datetime) -> float | None:
    """Read until when a resource is used up; it is told always, and counts only if nothing is left."""
    left = _number(low.get("x-ratelimit-resource-remaining"))
    return None if left else _retry_after(low.get("x-ratelimit-resource-until"), now)


def _reset(value: float | None, now: datetime) -> float | None:
    if value is None or value < EPOCH:
        return value
    return max(value - now.timestamp(), 0.0)
