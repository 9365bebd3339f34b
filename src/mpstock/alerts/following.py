"""How a trouble goes on from look to look, and when people are told of it: pure, one step at a time.

Told once when it is there, again when it is worse, as a reminder, and when it is over. What comes and goes is
damped: with each return it has to be away twice as long before it counts as over, so that a trouble of any
rhythm is told a few times a day at most, and never not at all.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import evolve, frozen

from mpstock.alerts.found import MOMENTARY, Found
from mpstock.ledger.notices import NoticeState
from mpstock.ledger.troubles import Severity, Trouble

__all__ = ["Manner", "follow"]

MEMORY = timedelta(days=1)
"""For so long after its end a trouble that is there again has come back, and is no new one."""

SETTLES = timedelta(minutes=5)
"""What has come back once is over when it was away for so long; twice as long for each further return."""

LONGEST = timedelta(hours=4)
"""So long at most."""

_RANKS: dict[Severity | None, int] = {None: 0, "warning": 1, "critical": 2}


@frozen
class Manner:
    """What people want to be told: nothing below `severity`, and reminders after `remind`."""

    severity: Severity = "warning"
    remind: timedelta = timedelta(days=1)


def follow(
    kept: Trouble | None, found: Found | None, now: datetime, manner: Manner
) -> tuple[Trouble | None, NoticeState | None]:
    """Return a trouble after one look, and what people are told of it, if anything.

    `kept` is what was known of the subject, `found` what the look has found of it; None: nothing.
    """
    if found is None:
        return (kept, None) if kept is None or not kept.stands else _away(kept, now)
    trouble = _seen(kept, found, now)
    state = _state(trouble, now, manner)
    if state is None:
        return trouble, None
    told_size = max(trouble.size, trouble.told_size or 0)
    return evolve(trouble, told_at=now, told_severity=trouble.severity, told_size=told_size), state


def _seen(kept: Trouble | None, found: Found, now: datetime) -> Trouble:
    if kept is None or not kept.stands:
        returns = 0
        if kept is not None and kept.recovered_at is not None and now - kept.recovered_at <= MEMORY:
            returns = kept.returns + 1
        fresh = Trouble(found.subject, found.kind, found.severity, now, now, returns=returns)
        if kept is not None:
            # What nobody wants to hear of, they do not want to hear of when it comes back either.
            fresh = evolve(fresh, silenced_until=kept.silenced_until, silenced_by=kept.silenced_by)
        kept = fresh
    else:
        back = kept.gone_at is not None
        kept = evolve(kept, last_seen_at=now, times=kept.times + 1, gone_at=None, returns=kept.returns + back)
    return evolve(
        kept,
        severity=found.severity,
        source=found.source,
        sink=found.sink,
        sku=found.sku,
        size=found.size,
        data=found.data,
    )


def _state(trouble: Trouble, now: datetime, manner: Manner) -> NoticeState | None:
    if _RANKS[trouble.severity] < _RANKS[manner.severity]:
        return None
    worse = _RANKS[trouble.severity] > _RANKS[trouble.told_severity]
    if trouble.silenced_until is not None and now < trouble.silenced_until:
        # They silenced what they knew of; that it has become critical they do not know.
        return "worse" if worse and trouble.told_at is not None else None
    if trouble.told_at is None:
        return "new"
    if worse or trouble.size >= 2 * max(trouble.told_size or 0, 1):
        return "worse"
    return "reminder" if now - trouble.told_at >= manner.remind else None


def _away(kept: Trouble, now: datetime) -> tuple[Trouble, NoticeState | None]:
    if kept.kind in MOMENTARY:
        # It has happened; that it does not happen again is no news.
        return (kept if now - kept.last_seen_at < MEMORY else evolve(kept, recovered_at=now)), None
    gone_at = kept.gone_at or now
    if now - gone_at < _settles(kept.returns):
        return evolve(kept, gone_at=gone_at), None
    over = evolve(kept, gone_at=gone_at, recovered_at=now)
    silenced = kept.silenced_until is not None and now < kept.silenced_until
    return over, None if kept.told_at is None or silenced else "recovered"


def _settles(returns: int) -> timedelta:
    if returns == 0:
        return timedelta()
    return min(SETTLES * (1 << min(returns - 1, 10)), LONGEST)
