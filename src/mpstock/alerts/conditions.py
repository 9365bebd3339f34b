"""The conditions: each a pure function from the facts to what needs a person now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import frozen

from mpstock.alerts.found import Found
from mpstock.reconcile.suspicion import STALE

if TYPE_CHECKING:
    from mpstock.alerts.facts import Facts
    from mpstock.config import AlertSettings, VerifySettings
    from mpstock.ledger.runs import CursorRow
    from mpstock.ledger.troubles import Severity

__all__ = ["CONDITIONS", "Condition", "Rules", "look"]

LONG = timedelta(hours=1)
"""What has failed for so long does not come back by itself: it is critical."""

SOON = timedelta(days=3)
"""A key that ends so soon is critical."""


@frozen
class Rules:
    """The settings that the conditions go by."""

    alerts: AlertSettings
    verify: VerifySettings


Condition = Callable[["Facts", Rules], Iterator[Found]]


def look(facts: Facts, rules: Rules) -> list[Found]:
    """Return all that needs a person, by every condition; one of each subject, the worst."""
    found: dict[str, Found] = {}
    for condition in CONDITIONS:
        for one in condition(facts, rules):
            if one.subject not in found or one.severity == "critical":
                found[one.subject] = one
    return list(found.values())


# ---------------------------------------------------------------- listings


def shows_zero(facts: Facts, rules: Rules) -> Iterator[Found]:
    """The formula advertises more than zero, and the marketplace has shown zero for too long.

    What it shows is what was read back or accepted, never what was only sent. What a buffer keeps back is
    not advertised, and what somebody has stopped is as they want it.
    """
    for row in facts.zeros:
        yield Found(
            f"shows_zero:{row.sink}",
            "warning",
            {"count": row.count, "units": row.units, "since": row.since.isoformat(), "first": [*row.first]},
            sink=row.sink,
            size=row.count,
        )


def refused(facts: Facts, rules: Rules) -> Iterator[Found]:
    """Listings that the sink refused in so many attempts in a row."""
    for row in facts.refused:
        yield Found(
            f"refused:{row.sink}",
            "warning",
            {"count": row.count, "most": row.most, "first": [*row.first], "words": row.words},
            sink=row.sink,
            size=row.count,
        )


def fall_refused(facts: Facts, rules: Rules) -> Iterator[Found]:
    """A listing that is to show less and was refused: until it goes through, it oversells."""
    for row in facts.falls:
        yield Found(
            f"fall_refused:{row.sink}:{row.warehouse}:{row.external_id}",
            "critical",
            {
                "external_id": row.external_id, "warehouse": row.warehouse, "words": row.words,
                "old": "?" if row.base is None else str(row.base), "new": str(row.wanted),
            },
            sink=row.sink,
            sku=row.sku,
        )  # fmt: skip


def held(facts: Facts, rules: Rules) -> Iterator[Found]:
    """What a guard holds, or a reading that was not believed."""
    for row in facts.held:
        if row.guard == STALE:
            # Judged by the clock, not by the last run.
            continue
        yield Found(
            f"{row.guard}:{row.sink}:{row.warehouse}:{row.source}",
            "critical",
            {"count": row.count, "units": row.units, "warehouse": row.warehouse},
            source=row.source,
            sink="" if row.sink == "*" else row.sink,
            size=row.count,
        )


# ---------------------------------------------------------------- sources and sinks


def stale(facts: Facts, rules: Rules) -> Iterator[Found]:
    """A source whose last good reading is older than its `max_age`: it raises nothing any more."""
    for name, longest in facts.sources.items():
        row = facts.cursors.get(f"source:{name}")
        if longest is None or row is None or row.read_at is None:
            continue
        age = facts.now - row.read_at
        if age > longest:
            yield Found(
                f"{STALE}:*:*:{name}",
                "critical" if age > 4 * longest else "warning",
                {"since": row.read_at.isoformat(), "longest": longest.total_seconds()},
                source=name,
            )


def failing(facts: Facts, rules: Rules) -> Iterator[Found]:
    """A source or sink that has failed for too long, or the orders of one."""
    for name in facts.sources:
        yield from _failing(facts, rules, "source_failing", name, facts.cursors.get(f"source:{name}"))
    for name in facts.sinks:
        yield from _failing(facts, rules, "sink_failing", name, facts.cursors.get(f"listings:{name}"))
        yield from _failing(facts, rules, "orders_unread", name, facts.cursors.get(f"orders:{name}"))
        # What another process has written to, and what nothing was asked of, says nothing of the sink.
        tried = [r for r in facts.sink_runs if r.sink == name and r.tried and r.kind != "leased"]
        since, words, refuses = None, "", False
        for run in tried:
            if not run.error:
                break
            since, words, refuses = run.started_at, words or run.error, refuses or run.kind == "refused"
        if since is not None:
            yield from _failed(facts, rules, "sink_failing", name, since, words, at_once=refuses)


def _failing(facts: Facts, rules: Rules, kind: str, name: str, row: CursorRow | None) -> Iterator[Found]:
    if row is not None and row.failed_at is not None:
        yield from _failed(facts, rules, kind, name, row.failed_at, row.error or "")


def _failed(
    facts: Facts, rules: Rules, kind: str, name: str, since: datetime, words: str, *, at_once: bool = False
) -> Iterator[Found]:
    """Find what has failed for long enough; a refused key does not mend itself and is found `at_once`."""
    lasts = facts.now - since
    if lasts < rules.alerts.failing_for and not at_once:
        return
    severity: Severity = "critical" if at_once or lasts >= max(LONG, rules.alerts.failing_for) else "warning"
    yield Found(
        f"{kind}:{name}",
        severity,
        {"since": since.isoformat(), "words": words},
        source=name if kind == "source_failing" else "",
        sink="" if kind == "source_failing" else name,
    )


def run_failed(facts: Facts, rules: Rules) -> Iterator[Found]:
    """The last run has broken off: the ledger cannot be written, or a defect."""
    if facts.failure is not None:
        run, at, words = facts.failure
        yield Found("run_failed", "critical", {"run": str(run), "since": at.isoformat(), "words": words})


def credential(facts: Facts, rules: Rules) -> Iterator[Found]:
    """A key or token that is about to end, or has."""
    known = {f"sources.{name}" for name in facts.sources} | {f"sinks.{name}" for name in facts.sinks}
    for adapter, one in facts.credentials:
        if one.expires_at is None or adapter not in known:
            continue
        left = one.expires_at - facts.now
        if left > rules.alerts.expires_within:
            continue
        kind, _, name = adapter.partition(".")
        yield Found(
            f"{'credential_ended' if left <= timedelta() else 'credential_ends'}:{name}:{one.name}",
            "critical" if left <= SOON else "warning",
            {"name": one.name, "adapter": name, "at": one.expires_at.isoformat()},
            source=name if kind == "sources" else "",
            sink=name if kind == "sinks" else "",
        )


# ---------------------------------------------------------------- what the marketplace shows and sells


def another_writer(facts: Facts, rules: Rules) -> Iterator[Found]:
    """Somebody else writes to the account."""
    for row in facts.drifts:
        if row.writer_since is not None:
            yield Found(
                f"another_writer:{row.sink}",
                "critical",
                {"since": row.writer_since.isoformat(), "first": [*row.first]},
                sink=row.sink,
            )


def lost_writes(facts: Facts, rules: Rules) -> Iterator[Found]:
    """Writes that were accepted and never shown, so many in a row."""
    for row in facts.drifts:
        if row.lost >= rules.verify.lost_writes:
            yield Found(
                f"lost_writes:{row.sink}",
                "critical",
                {"count": row.lost, "first": [*row.first]},
                sink=row.sink,
                size=row.lost,
            )


def drift(facts: Facts, rules: Rules) -> Iterator[Found]:
    """Many listings showed something else than was known, and no order explains it."""
    for row in facts.drifts:
        known = row.writer_since is not None or row.lost >= rules.verify.lost_writes
        if row.unexplained >= rules.alerts.drifts and not known:
            yield Found(
                f"drift:{row.sink}",
                "warning",
                {"count": row.unexplained, "first": [*row.first]},
                sink=row.sink,
                size=row.unexplained,
            )


def unknown_order(facts: Facts, rules: Rules) -> Iterator[Found]:
    """Something was ordered that is no product here: nothing keeps its units back elsewhere."""
    for row in facts.unknown:
        yield Found(
            f"unknown_order:{row.sink}:{row.external_id}",
            "warning",
            {"external_id": row.external_id, "units": row.units},
            sink=row.sink,
            size=row.units,
        )


def oversold(facts: Facts, rules: Rules) -> Iterator[Found]:
    """The sink says that it sold, or had to cancel, what was not there: within a day."""
    for row in facts.oversold:
        yield Found(
            f"oversold:{row.sink}",
            "critical",
            {"orders": row.orders, "units": row.units, "first": [*row.first]},
            sink=row.sink,
            size=row.units,
        )


CONDITIONS: tuple[Condition, ...] = (
    shows_zero,
    refused,
    fall_refused,
    held,
    stale,
    failing,
    run_failed,
    credential,
    another_writer,
    lost_writes,
    drift,
    unknown_order,
    oversold,
)
"""All of them."""
