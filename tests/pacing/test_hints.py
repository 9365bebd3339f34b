"""What answers' headers say about limits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mpstock.pacing import read_hints

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"retry-after": "Mon, 02 Mar 2026 12:01:30 GMT"}, 90),
        ({"Retry-After": "Mon, 02 Mar 2026 11:00:00 GMT"}, None),
        ({"X-Ratelimit-Retry": "3"}, 3),
        ({"X-Lognex-Retry-After": "1500"}, 1.5),
        ({"X-Lognex-Retry-After": "0", "X-Lognex-Retry-TimeInterval": "3000"}, 3),
        ({"X-Ratelimit-Reset": "4"}, 4),
        ({"X-RateLimit-Reset": str(int(NOW.timestamp()) + 12)}, 12),
        ({"X-RateLimit-Resource-Until": "Mon, 02 Mar 2026 12:00:45 GMT"}, 45),
        (
            {
                "X-RateLimit-Resource-Until": "Mon, 02 Mar 2026 12:00:45 GMT",
                "X-RateLimit-Resource-Remaining": "3",
            },
            None,
        ),
        ({"X-Ratelimit-Retry": "2", "X-Ratelimit-Reset": "40"}, 2),
        ({"Retry-After": "5", "X-Ratelimit-Retry": "2"}, 5),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "inf"}, None),
        ({}, None),
    ],
)
def test_refusal_says_when_to_come_back(headers: dict[str, str], seconds: float | None):
    """Every vendor's header for "not before" is understood in its own unit; nonsense says nothing."""
    assert read_hints(headers, NOW, 429).retry_after == (None if seconds is None else pytest.approx(seconds))


def test_length_of_the_window_on_a_good_answer_is_no_wait():
    """МойСклад tells the length of its window on every answer; that is no reason to wait."""
    good = {"X-RateLimit-Remaining": "40", "X-Lognex-Retry-TimeInterval": "3000", "X-Lognex-Reset": "0"}
    hints = read_hints(good, NOW, 200)
    assert (hints.retry_after, hints.reset, hints.remaining) == (None, None, 40)
