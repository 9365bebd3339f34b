"""What a run gathers on its way, and the plan and the report that are made of it."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from mpstock.asked import Asked
from mpstock.ledger.stocks import LANES
from mpstock.model import OutcomeStatus
from mpstock.reconcile.adapters import Failure
from mpstock.reconcile.hands import stop_of_sink, stops
from mpstock.reconcile.plans import Plan, PlannedChange
from mpstock.reconcile.pushed import PushResult
from mpstock.reconcile.report import (
    EXIT_PRECEDENCE,
    HeldSlice,
    Report,
    SinkReport,
    SourceReport,
    as_data,
)
from mpstock.reconcile.rules import settings_digest
from mpstock.reconcile.safety import TimeToSafe
from mpstock.reconcile.verifying import Observed
from mpstock.reconcile.watching import OrdersRead

if TYPE_CHECKING:
    from mpstock.ledger import Ledger
    from mpstock.ledger.interventions import Intervention
    from mpstock.ledger.stocks import StockRow
    from mpstock.products_file import ProductsFile
    from mpstock.reconcile.guards import Judge
    from mpstock.tapes import Tape

__all__ = ["RunRecord", "collect_plan", "counted", "finish_run"]


@define
class RunRecord:
    """One run as it goes. `failures` are by `sources.NAME`, `sinks.NAME` and `orders.NAME` (of a sink).

    `readings` are those that are suspicious by themselves, `let_go` the sources of which a person has said
    that what they left out is gone; `judge` knows all that is held, `unheld` are the sinks of which nothing
    is, `broken` are invariants that numbers broke. `states` are the only listings that the run is about;
    None = all. `notes` are for the person who asked. `shadowed` are the sinks in shadow mode,
    `looked` those of which everything was read back. `tape` is where it is recorded, if it is.
    """

    id: int
    started_at: datetime
    asked: Asked = field(factory=Asked)
    sources: dict[str, SourceReport] = field(factory=dict[str, SourceReport])
    failures: dict[str, Failure] = field(factory=dict[str, Failure])
    untrusted: set[str] = field(factory=set[str])
    observed: dict[str, Observed] = field(factory=dict[str, Observed])
    orders: dict[str, OrdersRead] = field(factory=dict[str, OrdersRead])
    readings: list[HeldSlice] = field(factory=list[HeldSlice])
    let_go: set[str] = field(factory=set[str])
    judge: Judge | None = None
    unheld: set[str] = field(factory=set[str])
    broken: list[str] = field(factory=list[str])
    results: dict[str, PushResult] = field(factory=dict[str, PushResult])
    states: set[int] | None = None
    notes: list[str] = field(factory=list[str])
    shadowed: frozenset[str] = frozenset()
    looked: set[str] = field(factory=set[str])
    tape: Tape | None = None

    @property
    def held(self) -> Sequence[HeldSlice]:
        """What is held as of the last judgement."""
        return self.readings if self.judge is None else self.judge.held

    @property
    def tape_troubles(self) -> list[str]:
        """What the person should know of the tape."""
        return [self.tape.trouble] if self.tape is not None and self.tape.trouble else []

    def sink_failure(self, name: str) -> Failure | None:
        """Why a sink could not do its part so far."""
        return self.failures.get(f"sinks.{name}")

    def leaves_out(self, name: str) -> bool:
        """Whether nothing more is asked of a sink or sent to it: it refuses us, or another process writes."""
        failure = self.sink_failure(name)
        return failure is not None and failure.kind in ("refused", "leased")


def counted(
    counts: Mapping[tuple[str, str], int], *, held: bool = False, stopped: bool = False
) -> dict[str, int]:
    """Return open changes by sink, held ones, stopped ones or the others, from `Stocks.open_counts`."""
    wanted = "held" if held else "stopped" if stopped else ""
    result: dict[str, int] = {}
    for (sink, lane), count in counts.items():
        if (lane if lane in ("held", "stopped") else "") == wanted:
            result[sink] = result.get(sink, 0) + count
    return result


def collect_plan(
    ledger: Ledger,
    record: RunRecord,
    sinks: Sequence[str],
    skus: Collection[str] | None,
    now: datetime,
    released: Sequence[str],
    products: ProductsFile,
) -> Plan:
    """Return what a push would send now, in its order. Runs in the ledger's thread."""
    changes: list[PlannedChange] = []
    stopped = stops(ledger.interventions, now)
    after = 0
    chosen = None if skus is None else list(skus)
    while page := ledger.stocks.rows(open_only=True, after=after, skus=chosen):
        after = page[-1].id
        changes += [
            PlannedChange(
                row.sku, row.sink, row.warehouse, row.external_id, row.base, row.wanted, row.lane,
                row.cause, *_held_by(row, stopped),
            )
            for row in page
            if row.wanted is not None and row.lane is not None and row.sink in sinks
        ]  # fmt: skip
    ranks = {name: rank for rank, name in enumerate(sinks)}
    # Stable: within a lane they stay in the order of their listings, as the queue has them.
    changes.sort(key=lambda change: (ranks[change.sink], LANES.index(change.lane)))
    return Plan(
        record.id,
        now,
        changes,
        record.held,
        released=released,
        id=uuid.uuid4().hex,
        ledger=ledger.plans.identity(),
        actor=record.asked.actor,
        settings=settings_digest(ledger, products),
        skus=sorted(skus or ()),
    )


def _held_by(row: StockRow, stopped: Mapping[int, Intervention]) -> tuple[str, str]:
    """Return what holds a change, a guard or a person, and why."""
    if row.stopped is not None:
        stop = stopped.get(row.stopped)
        return "stop", "the stop is over; the next run goes on" if stop is None else stop.told()
    return row.held or "", row.held_reason or ""


def finish_run(
    ledger: Ledger,
    record: RunRecord,
    sinks: Sequence[str],
    now: datetime,
    *,
    interrupted: bool,
    plan: Plan | None,
) -> Report:
    """Close a run in the ledger and return its report; with a plan it was a dry run.

    Runs in the ledger's thread.
    """
    reports = _sink_reports(ledger, record, sinks, now)
    code = _exit_code(record, reports, interrupted=interrupted, dry_run=plan is not None)
    if plan is not None:
        plan = evolve(plan, sources=record.sources, sinks=reports, exit_code=code)
    report = Report(
        record.id,
        record.started_at,
        now,
        "interrupted" if interrupted else "done",
        code,
        record.sources,
        reports,
        tuple(record.held),
        (*record.broken, *(text for result in record.results.values() for text in result.errors)),
        plan is not None,
        plan,
        record.notes + record.tape_troubles,
    )
    if record.tape is not None:
        record.tape.end(now, report)
    ledger.runs.finish(record.id, report.status, code, as_data(report), now)
    return report


@frozen
class _Left:
    """What the ledger has of all sinks at a run's end: asked once, however many there are."""

    counts: Mapping[tuple[str, str], int]
    drifts: Mapping[str, dict[str, int]]
    unknown: Mapping[str, int]
    stops: Sequence[Intervention]


def _sink_reports(
    ledger: Ledger, record: RunRecord, sinks: Sequence[str], now: datetime
) -> dict[str, SinkReport]:
    left = _Left(
        ledger.stocks.open_counts(record.states),
        ledger.drifts.counts_of(sinks, run=record.id),
        Counter(order.sink for order in ledger.orders.unknown()),
        list(stops(ledger.interventions, now).values()),
    )
    return {name: _sink_report(ledger, record, name, left) for name in sinks}


def _sink_report(ledger: Ledger, record: RunRecord, name: str, left: _Left) -> SinkReport:
    counts, drifts = left.counts, left.drifts[name]
    seen = record.observed.get(name, Observed())
    result = record.results.get(name, PushResult())
    orders = record.orders.get(name, OrdersRead())
    unread = record.failures.get(f"orders.{name}")
    failure = record.sink_failure(name)
    failed = len(result.refused)
    waiting = max(counted(counts, held=False).get(name, 0) - failed, 0)
    shadowed = name in record.shadowed
    stop = stop_of_sink(left.stops, name)
    return SinkReport(
        name,
        ledger.listings.count_unmatched(name),
        seen.rows,
        sum(drifts.values()),
        result.outcomes[OutcomeStatus.OK],
        failed,
        0 if shadowed else waiting,
        counted(counts, held=True).get(name, 0),
        result.requests,
        failure.message if failure else "",
        failure.kind if failure else "",
        orders.told,
        left.unknown.get(name, 0),
        unread.message if unread else "",
        counted(counts, stopped=True).get(name, 0),
        "" if stop is None else stop.told(),
        drifts,
        TimeToSafe.of(result.waited),
        "shadow" if shadowed else "live",
        waiting if shadowed else 0,
    )


def _exit_code(
    record: RunRecord, sinks: Mapping[str, SinkReport], *, interrupted: bool, dry_run: bool
) -> int:
    codes = {failure.exit_code for failure in record.failures.values()}
    if interrupted:
        codes.add(130)
    # What a guard would hold where nothing is sent needs nobody.
    held = [one for one in record.held if one.sink not in record.shadowed]
    live = [sink for sink in sinks.values() if sink.mode == "live"]
    if held or record.broken or any(sink.failed or sink.held for sink in live):
        codes.add(1)
    if any(source.problems and source.unknown for source in record.sources.values()):
        codes.add(1)
    if not dry_run and any(sink.pending for sink in sinks.values()):
        codes.add(1)
    return next(code for code in EXIT_PRECEDENCE if code in codes or code == 0)
