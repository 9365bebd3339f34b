"""One look at the ledger: what needs a person now, against what was known to; what people are told of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mpstock.alerts.conditions import Rules, look
from mpstock.alerts.facts import gather
from mpstock.alerts.following import Manner, follow
from mpstock.alerts.found import MOMENTARY, Found
from mpstock.ledger.notices import QueuedNotice

if TYPE_CHECKING:
    from mpstock.events import Alert
    from mpstock.ledger import Ledger
    from mpstock.ledger.notices import NoticeState
    from mpstock.ledger.troubles import Trouble
    from mpstock.reconcile.engine import Engine

__all__ = ["judge", "keep"]


def judge(engine: Engine, heard: Sequence[Alert]) -> int:
    """Look at the ledger, keep what has changed, and queue what people are to be told; returns how much.

    `heard` is what the engine told since the last look: what the ledger cannot say again is taken from there.
    All of it is one transaction, so that of two processes one tells. Runs in the ledger's thread.
    """
    config, now = engine.config, engine.clock.now()
    facts = gather(engine)
    found = {one.subject: one for one in look(facts, Rules(config.alerts, config.verify))}
    found.update((one.subject, one) for one in _momentary(heard))
    manner = Manner(config.alerts.severity, config.alerts.remind)
    quiet = config.alerts.quiet_until(now, config.schedule.timezone)
    return keep(engine.ledger, found, now, manner, quiet)


def _momentary(heard: Iterable[Alert]) -> Iterable[Found]:
    for event in heard:
        one = Found(event.subject, event.severity, event.data, event.source, event.sink, event.sku)
        if one.kind in MOMENTARY:
            yield one


def keep(
    ledger: Ledger, found: Mapping[str, Found], now: datetime, manner: Manner, quiet: datetime | None
) -> int:
    """Keep what a look has found, by subject, and queue what people are told; returns how many notices.

    `quiet` is when the quiet hours end, None outside of them. Runs in the ledger's thread.
    """
    changed: list[Trouble] = []
    notices: list[tuple[QueuedNotice, datetime]] = []
    with ledger.transaction():
        known = ledger.troubles.concerned(found)
        for subject in dict.fromkeys((*found, *known)):
            trouble, state = follow(known.get(subject), found.get(subject), now, manner)
            if trouble is None or trouble == known.get(subject):
                continue
            changed.append(trouble)
            if state is not None:
                notices.append(_notice(trouble, state, now, quiet))
        ledger.troubles.save(changed)
        ledger.notices.add(notices)
        ledger.troubles.forget_old(now)
    return len(notices)


def _notice(
    trouble: Trouble, state: NoticeState, now: datetime, quiet: datetime | None
) -> tuple[QueuedNotice, datetime]:
    # Who was woken by it is told as well that it is over.
    severity = trouble.told_severity or trouble.severity
    due = quiet if quiet is not None and severity != "critical" else now
    body: dict[str, Any] = {
        "kind": trouble.kind,
        "source": trouble.source,
        "sink": trouble.sink,
        "sku": trouble.sku,
        "since": trouble.first_seen_at.isoformat(),
        "data": trouble.data,
    }
    return QueuedNotice(trouble.subject, state, severity, now, body), due
