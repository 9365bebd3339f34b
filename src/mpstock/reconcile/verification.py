"""A verification: everything that the sinks show, held against what is known, and nothing sent.

First everything is read back, then the orders, and only then is it said why something differs. What differs
is reckoned anew by the next run: a number that was written once is never simply put back.
"""

from __future__ import annotations

import html
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from mpstock.events import RunFinished
from mpstock.ledger.drifts import Drift, DriftKind
from mpstock.reconcile.asking import named
from mpstock.reconcile.beside import beside
from mpstock.reconcile.drift import alerts_of_drift, drift_text
from mpstock.reconcile.engine import silent
from mpstock.reconcile.report import EXIT_PRECEDENCE, as_data, html_table, kinds_of
from mpstock.reconcile.tasks import unless_stopped
from mpstock.reconcile.verifying import Observed
from mpstock.reconcile.watching import Watcher
from mpstock.tracing import traced

if TYPE_CHECKING:
    from mpstock.reconcile.adapters import BuiltSink
    from mpstock.reconcile.engine import Engine, Progress
    from mpstock.reconcile.recording import RunRecord

__all__ = ["SinkVerification", "Verification", "verify"]

_NAMED = 50


@frozen
class SinkVerification:
    """What one sink showed. `drifts` counts what differed by kind, `first` are the newest of these.

    `error` says why not everything could be read back, `orders_error` why its orders could not be read: a
    difference that they would have explained counts as the platform's then.
    """

    name: str
    observed: int = 0
    drifts: Mapping[str, int] = field(factory=dict[str, int])
    first: Sequence[Drift] = ()
    error: str = ""
    orders_error: str = ""

    @property
    def unexplained(self) -> int:
        """Differences that neither a sale nor the sink's own delay explains."""
        return sum(count for kind, count in self.drifts.items() if not DriftKind(kind).explained)


@frozen(repr=False)
class Verification:
    """What came of a verification. `exit_code` is 1 when something differed that nothing explains."""

    run: int
    started_at: datetime
    finished_at: datetime
    status: str
    exit_code: int
    sinks: Mapping[str, SinkVerification] = field(factory=dict[str, SinkVerification])

    @property
    def unexplained(self) -> int:
        """Differences in all sinks that neither a sale nor the sink's own delay explains."""
        return sum(sink.unexplained for sink in self.sinks.values())

    def as_dict(self) -> dict[str, Any]:
        """Return the verification as plain data."""
        return {**as_data(self), "unexplained": self.unexplained}

    def lines(self) -> list[str]:
        """Return what there is to say, a line each."""
        told = []
        for sink in self.sinks.values():
            told.append(
                f"{sink.name}: {sink.observed} listings read back, "
                + (kinds_of(sink.drifts) if sink.drifts else "all show what was known")
                + (f"; its orders could not be read: {sink.orders_error}" if sink.orders_error else "")
                + (f"; {sink.error}" if sink.error else "")
            )
            told += [f"{sink.name}, {_word(drift)}: {drift_text(drift)}" for drift in sink.first]
        return told

    def __repr__(self) -> str:
        head = f"<Verification of run {self.run}: {self.status}, {self.unexplained} unexplained"
        return "\n".join([head, *(f"  {line}" for line in self.lines())]) + ">"

    def _repr_html_(self) -> str:
        sinks = html_table(
            ("sink", "read back", "drifted", "error"),
            [
                (s.name, s.observed, kinds_of(s.drifts), s.error or s.orders_error)
                for s in self.sinks.values()
            ],
        )
        rows = [
            (d.sku, d.sink, d.warehouse, d.expected, d.observed, _word(d), f"{d.at:%Y-%m-%d %H:%M:%S}")
            for sink in self.sinks.values()
            for d in sink.first
        ]
        listed = (
            html_table(("sku", "sink", "warehouse", "known", "showed", "why", "at"), rows) if rows else ""
        )
        head = f"<p><b>{html.escape(f'Verification of run {self.run}')}</b>: {html.escape(self.status)}</p>"
        return head + sinks + listed


def _word(drift: Drift) -> str:
    return "not judged" if drift.kind is None else drift.kind.value.replace("_", " ")


@traced("mpstock.verify")
async def verify(
    engine: Engine,
    sinks: Collection[str] | None = None,
    *,
    cause: str = "manual",
    urgent: bool = False,
    progress: Progress = silent,
) -> Verification:
    """Read back everything that these sinks show (None = all), then their orders. Nothing is sent.

    With `urgent` what cannot wait meanwhile is sent beside it, provided that all sinks are read back.

    What shows something else than was known is marked, for the next run to reckon anew. A sink that another
    process writes to just now is left out, and says so.

    Raises:
        ConfigurationError: there is no such sink.
    """
    chosen = named(engine.sinks, sinks, "sink")
    run = await engine._begin("verify", cause, None)
    try:
        watcher = Watcher(engine.ledger, engine.worker, engine.clock, chosen)
        sends = urgent and chosen == engine.mine
        async with beside(engine, run, watcher) if sends else nullcontext():
            await unless_stopped(watcher.observe(run, full=True, progress=progress), engine.stop)
        result = await engine.worker.run(_finish, engine, run, chosen)
        names = [built.name for built in chosen]
        for alert in await engine.worker.run(
            alerts_of_drift, engine.ledger, run.id, names, engine.config.verify, engine.clock.now()
        ):
            engine.tell("mpstock_alert", alert)
        engine.tell(
            "mpstock_run_finished",
            RunFinished(
                run=run.id, at=result.finished_at, status=result.status, exit_code=result.exit_code,
                report=result,
            ),
        )  # fmt: skip
    except BaseException as error:
        await engine._fail(run, error)
        raise
    return result


def _finish(engine: Engine, run: RunRecord, chosen: Sequence[BuiltSink]) -> Verification:
    """Close the run in the ledger. Runs in the ledger's thread."""
    ledger, now = engine.ledger, engine.clock.now()
    results: dict[str, SinkVerification] = {}
    for built in chosen:
        failure = run.sink_failure(built.name)
        unread = run.failures.get(f"orders.{built.name}")
        results[built.name] = SinkVerification(
            built.name,
            run.observed.get(built.name, Observed()).rows,
            ledger.drifts.counts(built.name, run=run.id),
            ledger.drifts.rows(built.name, run=run.id, limit=_NAMED),
            failure.message if failure else "",
            unread.message if unread else "",
        )
    codes = {failure.exit_code for failure in run.failures.values()}
    interrupted = engine.stop.is_set()
    if interrupted:
        codes.add(130)
    if any(sink.unexplained for sink in results.values()):
        codes.add(1)
    code = next(code for code in EXIT_PRECEDENCE if code in codes or code == 0)
    status = "interrupted" if interrupted else "done"
    result = Verification(run.id, run.started_at, now, status, code, results)
    if run.tape is not None:
        run.tape.end(now, result)
    ledger.runs.finish(run.id, status, code, result.as_dict(), now)
    return result
