"""What is measured when somebody asks: the queue, the readings, the limits, the schedule, the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from attrs import frozen
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

import mpstock

if TYPE_CHECKING:
    from prometheus_client import Metric

    from mpstock.ledger import Ledger
    from mpstock.ledger.runs import CursorRow
    from mpstock.ledger.vitals import InFlight
    from mpstock.pacing import Budget
    from mpstock.service.news import Event
    from mpstock.service.service import Service

__all__ = ["Gauges"]

_READINGS = {"source": "source", "orders": "orders", "listings": "listings", "sink": "listings"}


@frozen
class _Stand:
    """What was found in the ledger at one moment."""

    now: datetime
    wait: float
    size: int
    depth: dict[tuple[str, str], int]
    added: dict[str, int]
    in_flight: Sequence[InFlight]
    held: dict[tuple[str, str], int]
    failing: dict[str, int]
    dirty: int
    waiting: int
    cursors: Sequence[CursorRow]
    alerts: dict[str, int]


class Gauges(Collector):
    """Tells how things stood when `look` was last called."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._stand: _Stand | None = None
        self._budgets: Sequence[Budget] = ()
        self._held: dict[tuple[str, str], int] = {}
        self._judged = True
        service.news.follow(self._hear)

    async def look(self) -> None:
        """Look at the ledger and the limits.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        engine = self._service.engine
        asked = engine.clock.monotonic()
        self._stand = await engine.worker.run(self._look, asked)
        pacer = self._service.shop._assembly.pacer
        self._budgets = await pacer.budgets() if pacer is not None else ()

    def _look(self, asked: float) -> _Stand:
        engine = self._service.engine
        ledger = engine.ledger
        with ledger.database.snapshot():
            return _Stand(
                now=engine.clock.now(),
                wait=engine.clock.monotonic() - asked,
                size=ledger.vitals.size(),
                depth=ledger.vitals.depth(),
                added=dict(engine.backlog.added),
                in_flight=ledger.vitals.in_flight(),
                held=self._held_now(ledger),
                failing=ledger.vitals.failing(),
                dirty=ledger.dirt.count(),
                waiting=ledger.dirt.count_set_aside(),
                cursors=ledger.runs.cursors(),
                alerts=ledger.troubles.counts(),
            )

    def _held_now(self, ledger: Ledger) -> dict[tuple[str, str], int]:
        if self._judged:
            # Only a run holds or lets go; between two of them it is counted once.
            self._judged = False
            self._held = ledger.vitals.held()
        return self._held

    def _hear(self, event: Event) -> None:
        self._judged = self._judged or event.kind in ("planned", "run_finished")

    def collect(self) -> Iterator[Metric]:
        """Yield every metric, also those of which there is nothing to tell."""
        info = _gauge("info", "Which mpstock this is.", "version")
        info.add_metric([mpstock.__version__], 1)
        yield info
        stand = self._stand
        yield from self._queue(stand)
        yield from self._ledger(stand)
        yield from self._readings(stand)
        yield from self._limits()
        yield from self._work(stand)

    def _queue(self, stand: _Stand | None) -> Iterator[Metric]:
        depth = _gauge("queue_depth", "Changes that wait, by lane, or by what keeps them.", "sink", "lane")
        added = CounterMetricFamily("mpstock_queue_adds", "Changes that began to wait.", labels=["sink"])
        unfinished = _gauge(
            "queue_unfinished_work_seconds", "How long the batches under way have been so, in all.", "sink"
        )
        longest = _gauge(
            "queue_longest_running_seconds", "How long the oldest batch under way has been so.", "sink"
        )
        held = _gauge("held_changes", "Changes that a guard holds.", "sink", "guard")
        failing = _gauge("failing_listings", "Listings whose last change was refused.", "sink")
        if stand is not None:
            sinks = [built.name for built in self._service.engine.sinks]
            for (sink, lane), count in stand.depth.items():
                depth.add_metric([sink, lane], count)
            for sink in sinks:
                added.add_metric([sink], stand.added.get(sink, 0))
                since = next((one.since for one in stand.in_flight if one.sink == sink), ())
                ages = [max((stand.now - moment).total_seconds(), 0.0) for moment in since]
                unfinished.add_metric([sink], sum(ages))
                longest.add_metric([sink], max(ages, default=0.0))
                failing.add_metric([sink], stand.failing.get(sink, 0))
            for (sink, guard), count in stand.held.items():
                held.add_metric([sink, guard], count)
        yield from (depth, added, unfinished, longest, held, failing)

    def _ledger(self, stand: _Stand | None) -> Iterator[Metric]:
        dirty = _gauge("dirty_products", "Products to be looked at again.", "state")
        size = _gauge("ledger_bytes", "What the ledger takes on the disk.")
        wait = _gauge("ledger_wait_seconds", "How long this scrape waited for the ledger's thread.")
        if stand is not None:
            dirty.add_metric(["due"], stand.dirty - stand.waiting)
            dirty.add_metric(["waiting"], stand.waiting)
            size.add_metric([], stand.size)
            wait.add_metric([], stand.wait)
        yield from (dirty, size, wait)

    def _readings(self, stand: _Stand | None) -> Iterator[Metric]:
        age = _gauge("reading_age_seconds", "Since when nothing newer was read.", "kind", "name")
        failing = _gauge("reading_failing", "Whether the last reading failed.", "kind", "name")
        for row in stand.cursors if stand is not None else ():
            kind, _, name = row.name.partition(":")
            if kind not in _READINGS:
                continue
            labels = [_READINGS[kind], name]
            failing.add_metric(labels, row.failed_at is not None)
            if stand is not None and row.read_at is not None:
                age.add_metric(labels, max((stand.now - row.read_at).total_seconds(), 0.0))
        yield from (age, failing)

    def _limits(self) -> Iterator[Metric]:
        labels = ("account", "scope")
        free = _gauge("rate_budget", "Requests that may still be sent within the limit's period.", *labels)
        limit = _gauge("rate_limit", "Requests that the limit allows within its period.", *labels)
        blocked = _gauge("rate_blocked_seconds", "How long the vendor wants no request.", *labels)
        for budget in self._budgets:
            free.add_metric([budget.account, budget.scope], budget.free)
            limit.add_metric([budget.account, budget.scope], budget.limit)
            blocked.add_metric([budget.account, budget.scope], budget.blocked)
        yield from (free, limit, blocked)

    def _work(self, stand: _Stand | None) -> Iterator[Metric]:
        waiting = _gauge("jobs_waiting", "Jobs that wait for their turn.")
        overdue = _gauge("schedule_overdue_seconds", "How long a job of the schedule is due.", "job")
        failures = _gauge("schedule_failures", "How often in a row it has failed.", "job")
        service = self._service
        alerts = _gauge("alerts_open", "Alerts that stand.", "severity")
        for severity in ("warning", "critical"):
            if stand is not None:
                alerts.add_metric([severity], stand.alerts.get(severity, 0))
        waiting.add_metric([], len(service.runner.waiting) if service.up else 0)
        for job in service.scheduler.jobs.values() if service.scheduler is not None else ():
            late = (stand.now - job.due_at).total_seconds() if stand is not None else 0.0
            overdue.add_metric([job.job], 0.0 if job.status == "running" else max(late, 0.0))
            failures.add_metric([job.job], job.failures)
        yield from (waiting, overdue, failures, alerts)


def _gauge(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"mpstock_{name}", text, labels=labels)
