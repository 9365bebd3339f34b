"""What needs a person, in words: a refused fall, an order of an article that nobody knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from mpstock.events import Alert
from mpstock.reconcile.guards import GUARDS

if TYPE_CHECKING:
    from mpstock.ledger import Ledger
    from mpstock.model import Change, Outcome
    from mpstock.reconcile.report import HeldSlice

__all__ = [
    "alert_of_held",
    "alerts_of_broken",
    "alerts_of_unknown_orders",
    "refused_fall",
    "renamed_sink",
]

_MOST = 100


def alerts_of_unknown_orders(ledger: Ledger, run: int, now: datetime) -> list[Alert]:
    """Return an alert for each offer that was ordered and is no product here. Runs in the ledger's thread."""
    units: dict[tuple[str, str], int] = {}
    for order in ledger.orders.unknown():
        key = (order.sink, order.external_id)
        units[key] = units.get(key, 0) + order.quantity
    return [
        Alert(
            run=run,
            at=now,
            severity="warning",
            subject=f"unknown_order:{sink}:{external_id}",
            message=f"{count} units of {external_id} are on order at {sink}, and no product is known for it: "
            "nothing keeps them back where they are sold as well",
            mend="tie the listing to its product in the products file, or let a source list the article",
            sink=sink,
            data={"external_id": external_id, "units": count},
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
        Alert(
            run=run,
            at=now,
            severity="critical",
            subject=f"invariant:{text.partition(':')[0]}",
            message=f"a defect: {text}. What it shows was kept, or lowered",
            mend="please report it, with what mpstock explain says of the article",
        )
        for text in broken[:_MOST]
    ]


def refused_fall(run: int, now: datetime, sink: str, change: Change, outcome: Outcome) -> Alert:
    """Tell of a refused fall: until it goes through, things are sold that are not there."""
    listing = change.listing
    return Alert(
        run=run,
        at=now,
        severity="critical",
        subject=f"fall_refused:{sink}:{listing.warehouse}:{listing.external_id}",
        message=f"{sink} refused to lower {listing.external_id} on {listing.warehouse} "
        f"from {'unknown' if change.old is None else change.old} to {change.new}: "
        f"{': '.join(part for part in (outcome.code, outcome.message) if part)}",
        mend="the next run tries again; lower it in the cabinet meanwhile",
        sink=sink,
    )


def renamed_sink(run: int, now: datetime, old: str, new: str) -> Alert:
    """Tell that a sink has another name now: it is the account of one that has gone."""
    return Alert(
        run=run,
        at=now,
        severity="warning",
        subject=f"sink_renamed:{old}:{new}",
        message=f"the sink {old} is called {new} from now on: both are one account. What was known of its "
        "listings and orders goes on; the log before this run says the old name",
        mend="nothing, if it was renamed; look whether `absorbs` still names the old one",
        sink=new,
    )
