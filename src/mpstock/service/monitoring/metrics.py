"""What is counted as it happens: pushes, requests, jobs, alerts, and what is answered at the doors.

One registry for each application, so that two shops in one process do not mix. Labels have values that are
few and ours: no article is one, and what a vendor may make up is cut off after the first so many.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from mpstock.model import OutcomeStatus
from mpstock.reconcile.safety import BOUNDS

if TYPE_CHECKING:
    from mpstock.events import Pushed, RunFinished
    from mpstock.service.news import Event
    from mpstock.transport import Exchange

__all__ = ["OTHER", "Metrics"]

OTHER = "other"
"""The value of a label for all that has come after the first so many."""

MOST_CODES, MOST_JOBS = 40, 20
"""Values that a label may have where we do not know them beforehand."""

LONGEST_CODE = 60

QUICK = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
REQUEST = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3, 6, 12, 30, 60)
LONG = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 1800, 3600, 7200)

_FINAL = {OutcomeStatus.OK, OutcomeStatus.ERROR}


class Metrics:
    """The registry of one application, and who adds to it."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"mpstock_{name}", text, labels, registry=registry)

        def histogram(name: str, text: str, bounds: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"mpstock_{name}", text, labels, buckets=bounds, registry=registry)

        self._pushes = counter("pushes", "Batches that a sink has answered.", "sink")
        self._outcomes = counter("outcomes", "Changes by their outcome.", "sink", "outcome", "code")
        self._work = histogram(
            "queue_work_duration_seconds", "How long a batch was under way.", REQUEST, "sink"
        )
        self._queued = histogram(
            "queue_duration_seconds", "How long a change waited until it was first sent.", BOUNDS, "sink"
        )
        self._retries = counter("queue_retries", "Changes that went back to the queue.", "sink")
        self._safe = histogram(
            "time_to_safe_seconds",
            "From when it was known that a listing has to fall to when the accepted fall was sent.",
            BOUNDS,
            "sink",
        )
        self._requests = counter(
            "requests", "Requests to warehouse systems and marketplaces.", "adapter", "status"
        )
        self._request_seconds = histogram(
            "request_duration_seconds", "How long those requests took.", REQUEST, "adapter"
        )
        self._limited = counter("rate_limited", "Answers of 429: one too many was sent.", "adapter")
        self._jobs = counter("jobs", "Jobs of the service that have ended.", "job", "result")
        self._job_seconds = histogram("job_duration_seconds", "How long those jobs took.", LONG, "job")
        self._runs = counter("runs", "Runs that have ended.", "kind", "status", "exit_code")
        self._alerts = counter("alerts_told", "Alerts that were told.", "severity")
        self._answers = counter("http_requests", "Requests to the service.", "door", "method", "status")
        self._answer_seconds = histogram(
            "http_request_duration_seconds", "How long the service took to answer.", QUICK, "door"
        )
        self._running = Gauge("mpstock_jobs_running", "Whether a job runs now.", ["job"], registry=registry)
        self._codes = _Few(MOST_CODES)
        self._names = _Few(MOST_JOBS)
        self._begun: dict[str, Event] = {}
        self._hears: dict[str, Callable[[Any], None]] = {
            "pushed": self._pushed,
            "run_finished": self._finished,
            "alert": lambda event: self._alerts.labels(event.severity).inc(),
        }

    # ------------------------------------------------------------------ who adds

    def hear(self, event: Event) -> None:
        """Count what the service tells of."""
        if (heard := self._hears.get(event.kind)) is not None:
            heard(event.data["event"])
        elif event.kind == "job_started":
            self._begun[event.data["name"]] = event
            self._running.labels(self._names(event.data["name"])).set(1)
        elif event.kind == "job_finished":
            self._ended(event)

    def exchanged(self, exchange: Exchange) -> None:
        """Count a request of an adapter."""
        status = "none" if exchange.status is None else str(exchange.status)
        self._requests.labels(exchange.adapter, status).inc()
        self._request_seconds.labels(exchange.adapter).observe(exchange.seconds)
        if exchange.status == 429:
            self._limited.labels(exchange.adapter).inc()

    def answered(self, door: str, method: str, status: int, seconds: float) -> None:
        """Count a request to the service."""
        self._answers.labels(door, method, str(status)).inc()
        self._answer_seconds.labels(door).observe(seconds)

    def _pushed(self, event: Pushed) -> None:
        sink = event.sink
        self._pushes.labels(sink).inc()
        self._work.labels(sink).observe(event.seconds)
        for seconds in event.queued:
            self._queued.labels(sink).observe(seconds)
        for outcome in event.outcomes:
            code = self._codes(outcome.code[:LONGEST_CODE], group=sink) if outcome.code else ""
            self._outcomes.labels(sink, outcome.status.value, code).inc()
            if outcome.status not in _FINAL:
                self._retries.labels(sink).inc()
        for outcome, waited in zip(event.outcomes, event.waited, strict=False):
            if waited is not None and outcome.status is OutcomeStatus.OK:
                self._safe.labels(sink).observe(waited)

    def _finished(self, event: RunFinished) -> None:
        kind = type(event.report).__name__
        kind = "verify" if kind == "Verification" else "sync" if kind == "Report" else OTHER
        if kind == "sync" and event.report.dry_run:
            kind = "plan"
        self._runs.labels(kind, event.status, str(event.exit_code)).inc()

    def _ended(self, event: Event) -> None:
        name = self._names(event.data["name"])
        begun = self._begun.pop(event.data["name"], None)
        self._running.labels(name).set(0)
        self._jobs.labels(name, "failed" if event.data["error"] else "done").inc()
        if begun is not None:
            self._job_seconds.labels(name).observe((event.at - begun.at).total_seconds())


class _Few:
    """Lets the first so many values of a label through, and calls all others by one name."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: dict[str, set[str]] = {}

    def __call__(self, value: str, group: str = "") -> str:
        seen = self._seen.setdefault(group, set())
        if value not in seen:
            if len(seen) >= self._most:
                return OTHER
            seen.add(value)
        return value
