"""What needs a person, in words: a refused fall, an order of an article that nobody knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from mpstock.alerts.texts import Words, words_of
from mpstock.events import Alert
from mpstock.reconcile.guards import GUARDS

if TYPE_CHECKING:
    from mpstock.ledger import Ledger
    from mpstock.ledger.troubles import Severity
    from mpstock.model import Change, Outcome
    from mpstock.reconcile.report import HeldSlice

__all__ = [
    "alert",
    "alert_of_held",
    "alerts_of_broken",
    "alerts_of_unknown_orders",
    "refused_fall",
    "renamed_sink",
]

_MOST = 100
_ENGLISH = Words("en", ZoneInfo("UTC"))


def alert(
    subject: str,
    severity: Severity,
    data: Mapping[str, Any],
    *,
    run: int | None,
    now: datetime,
    sink: str = "",
) -> Alert:
    """Make an alert whose words are those that people are told of its kind, in English."""
    texts = words_of(subject.partition(":")[0], {**data, "sink": sink}, _ENGLISH)
    return Alert(run, now, severity, subject, texts.message, texts.mend, sink=sink, data=data)


def alerts_of_unknown_orders(ledger: Ledger, run: int, now: datetime) -> list[Alert]:
    """Return an alert for each offer that was ordered and is no product here. Runs in the ledger's thread."""
    units: dict[tuple[str, str], int] = {}
    for order in ledger.orders.unknown():
        key = (order.sink, order.external_id)
        units[key] = units.get(key, 0) + order.quantity
    return [
        alert(
            f"unknown_order:{sink}:{external_id}",
            "warning",
            {"external_id": external_id, "units": count},
            run=run,
            now=now,
            sink=sink,
        )
        for (sink, external_id), count in list(units.items())[:_MOST]
    ]


def alert_of_held(run: int, now: datetime, held: HeldSlice) -> Alert:
    """Tell of what a guard holds."""
    releasable = f"look at it, then: mpstock sync --release {held.guard}"
    return Alert(
        run=run,
        at=now,
        severity="warning" if held.kind == "stale" else "critical",
        subject=f"{held.guard}:{held.sink}:{held.warehouse}:{held.source}",
        message=held.reason,
        mend=releasable if held.guard in GUARDS else "mend what the source answers; nothing else releases it",
        source=held.source,
        sink=held.sink,
        data={"kind": held.kind, "count": held.count, "units": held.units},
    )


def alerts_of_broken(run: int, now: datetime, broken: Sequence[str]) -> list[Alert]:
    """Tell of invariants that numbers broke: a defect of mpstock or of a policy, which was not sent."""
    return [
        alert(f"invariant:{text.partition(':')[0]}", "critical", {"words": text}, run=run, now=now)
        for text in broken[:_MOST]
    ]


def refused_fall(run: int, now: datetime, sink: str, change: Change, outcome: Outcome) -> Alert:
    """Tell of a refused fall: until it goes through, things are sold that are not there."""
    listing = change.listing
    words = ": ".join(part for part in (outcome.code, outcome.message) if part)
    data = {
        "external_id": listing.external_id, "warehouse": listing.warehouse, "words": words,
        "old": "?" if change.old is None else str(change.old), "new": str(change.new),
    }  # fmt: skip
    subject = f"fall_refused:{sink}:{listing.warehouse}:{listing.external_id}"
    return alert(subject, "critical", data, run=run, now=now, sink=sink)


def renamed_sink(run: int, now: datetime, old: str, new: str) -> Alert:
    """Tell that a sink has another name now: it is the account of one that has gone."""
    return alert(f"sink_renamed:{old}:{new}", "warning", {"old": old, "new": new}, run=run, now=now, sink=new)
