"""A snapshot of what the ledger knows that may need a person; the conditions look at nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import field, frozen

from mpstock.ledger.drifts import DriftKind
from mpstock.model import Credential
from mpstock.reconcile.drift import WINDOW, lost_in_a_row, writers_since

if TYPE_CHECKING:
    from mpstock.ledger import Ledger
    from mpstock.ledger.runs import CursorRow
    from mpstock.ledger.symptoms import (
        HeldFact,
        Oversold,
        RefusedFall,
        RefusedListings,
        SinkRun,
        UnknownArticle,
        ZeroShown,
    )
    from mpstock.reconcile.engine import Engine

__all__ = ["CREDENTIALS", "DriftFact", "Facts", "gather", "known_credentials"]

CREDENTIALS = "credentials:"
"""Under this and `sources.NAME` or `sinks.NAME` the ledger remembers what its keys say of themselves."""

ANOTHER_DAY = timedelta(days=1)
_MOST = 100


@frozen
class DriftFact:
    """How a sink's listings drifted: within an hour without a reason, and what is known to be wrong with it.

    `lost` are writes in a row that were accepted and not shown, `writer_since` is since when somebody else
    writes there.
    """

    sink: str
    unexplained: int = 0
    lost: int = 0
    writer_since: datetime | None = None
    first: Sequence[str] = ()


@frozen
class Facts:
    """What the conditions judge. Times are UTC; `sources` are those of the settings, by their `max_age`."""

    now: datetime
    sources: Mapping[str, timedelta | None] = field(factory=dict[str, "timedelta | None"])
    sinks: Sequence[str] = ()
    cursors: Mapping[str, CursorRow] = field(factory=dict[str, "CursorRow"])
    zeros: Sequence[ZeroShown] = ()
    refused: Sequence[RefusedListings] = ()
    falls: Sequence[RefusedFall] = ()
    held: Sequence[HeldFact] = ()
    unknown: Sequence[UnknownArticle] = ()
    oversold: Sequence[Oversold] = ()
    drifts: Sequence[DriftFact] = ()
    sink_runs: Sequence[SinkRun] = ()
    credentials: Sequence[tuple[str, Credential]] = ()
    failure: tuple[int, datetime, str] | None = None


def gather(engine: Engine) -> Facts:
    """Read the facts of a shop; runs in the ledger's thread.

    Each is a question to an index, so that their cost follows what is wrong and not the catalogue. What a
    sink in shadow mode shows, and what would not be sent there, is for those who write there.
    """
    ledger, settings, now = engine.ledger, engine.config.alerts, engine.clock.now()
    symptoms = ledger.symptoms
    sinks = [built.name for built in engine.sinks]
    with ledger.transaction(durable=False):
        symptoms.watch_zeros(now)
    others = ledger.shadows.shadowed({built.name: built.config.shadow for built in engine.sinks})
    ours = [name for name in sinks if name not in others]
    return Facts(
        now,
        {
            built.name: built.config.max_age
            for built in engine.sources
            if built.config.spec is None or built.config.spec.levels
        },
        sinks,
        {row.name: row for row in ledger.runs.cursors()},
        [row for row in symptoms.zeros(now - settings.zero_for) if row.sink in ours],
        symptoms.refused(ours, settings.errors_in_a_row),
        symptoms.refused_falls(ours, _MOST),
        [row for row in (*symptoms.held(), *symptoms.held_readings()) if row.sink not in others],
        symptoms.unknown_articles()[:_MOST],
        symptoms.oversold(now - ANOTHER_DAY),
        _drifts(ledger, ours, now),
        symptoms.sink_runs(),
        known_credentials(ledger),
        symptoms.last_failure(),
    )


def _drifts(ledger: Ledger, sinks: Sequence[str], now: datetime) -> list[DriftFact]:
    counts = ledger.drifts.counts_of(sinks, since=now - WINDOW)
    lost, writers = lost_in_a_row(ledger), writers_since(ledger)
    return [_drift(ledger, sink, now, counts[sink], lost.get(sink, 0), writers.get(sink)) for sink in sinks]


def _drift(
    ledger: Ledger, sink: str, now: datetime, counts: Mapping[str, int], lost: int, writer: datetime | None
) -> DriftFact:
    unexplained = sum(count for kind, count in counts.items() if not DriftKind(kind).explained)
    rows = (
        ledger.drifts.rows(
            sink, since=now - WINDOW, kinds=[kind for kind in DriftKind if not kind.explained], limit=5
        )
        if unexplained or writer or lost
        else ()
    )
    first = [
        f"{row.sku} ({row.warehouse}): {'?' if row.expected is None else row.expected} → {row.observed}"
        for row in rows
    ]
    return DriftFact(sink, unexplained, lost, writer, first)


def known_credentials(ledger: Ledger) -> list[tuple[str, Credential]]:
    """Return by adapter (`sinks.wb`) what its keys have said of themselves."""
    found = []
    for key, text in ledger.runs.recalled(CREDENTIALS):
        for name, expires in json.loads(text).get("credentials", ()):
            found.append(
                (key.removeprefix(CREDENTIALS), Credential(name, expires and datetime.fromisoformat(expires)))
            )
    return found
