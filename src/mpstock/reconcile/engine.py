"""One run: pull → plan → guards → push → record. Level-triggered: all is computed from the ledger's state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock.asked import Asked
from mpstock.errors import ConfigurationError, LedgerError
from mpstock.events import Planned, RunFinished
from mpstock.reconcile.adapters import BuiltSink, BuiltSource, Tell, causes_of
from mpstock.reconcile.alarms import alert_of_held, alerts_of_broken, alerts_of_unknown_orders, renamed_sink
from mpstock.reconcile.asking import check_read, named
from mpstock.reconcile.backlog import Backlog
from mpstock.reconcile.beside import beside
from mpstock.reconcile.drift import alerts_of_drift
from mpstock.reconcile.guards import Judge, check_names, note_release
from mpstock.reconcile.leasing import Leasing, held_by
from mpstock.reconcile.moving import keep_places
from mpstock.reconcile.planning import Planner
from mpstock.reconcile.pulling import Puller
from mpstock.reconcile.recording import RunRecord, collect_plan, counted, finish_run
from mpstock.reconcile.report import Report
from mpstock.reconcile.rules import BELIEVED, believed, make_planner, mark_booked, mark_moved_settings
from mpstock.reconcile.sending import reopen, send
from mpstock.reconcile.shadowing import note_shadows
from mpstock.reconcile.suspicion import judge_stale
from mpstock.reconcile.taping import begin, look_round
from mpstock.reconcile.tasks import unless_stopped
from mpstock.reconcile.watching import JUST_BEFORE, Watcher
from mpstock.tracing import traced

if TYPE_CHECKING:
    from pathlib import Path

    from mpstock.buffers import BufferResolver
    from mpstock.clock import Clock
    from mpstock.config import Configuration
    from mpstock.ledger import Ledger
    from mpstock.ledger.worker import Worker
    from mpstock.products_file import ProductsFile
    from mpstock.reconcile.asking import Read
    from mpstock.reconcile.plans import Plan

__all__ = ["Engine", "Progress", "silent"]

Progress = Callable[[str, str, int, "int | None"], None]
"""Told of long work: phase, adapter, done so far, total if known."""


def silent(_phase: str, _name: str, _done: int, _total: int | None) -> None:
    """Tell nobody of the progress."""


@define
class Engine:
    """Keeps the sinks of one shop equal to its sources, through the ledger."""

    config: Configuration
    ledger: Ledger
    worker: Worker
    clock: Clock
    sources: Sequence[BuiltSource]
    sinks: Sequence[BuiltSink]
    resolver: BufferResolver
    products: ProductsFile
    tell: Tell
    stop: asyncio.Event = field(factory=asyncio.Event)
    wakes: list[Callable[[], None]] = field(factory=list[Callable[[], None]])
    """Those who are sending at the moment; each is called when something has moved in the ledger."""
    backlog: Backlog = field(factory=Backlog)
    leases: Leasing = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.leases = Leasing(self.ledger, self.worker, self.clock, self.sinks, self.causes)

    # ------------------------------------------------------------------ the ways to run

    @traced("mpstock.run", "read", "full", "dry_run", "cause")
    async def sync(
        self,
        *,
        full: bool = False,
        dry_run: bool = False,
        skus: Collection[str] | None = None,
        sources: Collection[str] | None = None,
        sinks: Collection[str] | None = None,
        release: Collection[str] = (),
        read: Read = "everything",
        retry: bool = False,
        cause: str = "manual",
        asked: Asked | None = None,
        tape: Path | None = None,
        progress: Progress = silent,
    ) -> Report:
        """Read what `read` says, plan, and push what differs.

        With `dry_run` everything but the push is done, and the report has the plan. `sources` are those
        that are read, `sinks` those whose leases were taken for it; None = all.
        """
        check_names(release)
        check_read(read, full=full)
        chosen = named(self.sources, sources, "source")
        named(self.sinks, sinks, "sink")
        kind, part = "plan" if dry_run else "sync", skus is not None
        run = await self._begin(kind, cause, asked, tape=tape, read="part" if part else read, full=full)
        try:
            if not self.leases.mine and self.leases.others:
                return await self._finish(run, await self._collect(run, skus, release) if dry_run else None)
            if release and not dry_run:
                await self.worker.run(note_release, self.ledger, run, release, run.started_at)
            # What a reading left out is let go for good, and for all: not by a run that only looks.
            absent = () if dry_run or skus is not None else release
            # Sources take their time; without them the orders have just been read.
            watcher = self._watcher(timedelta() if read == "everything" else JUST_BEFORE)
            sample = self.config.verify.sample if read == "everything" and skus is None else 0
            again = read == "everything"
            apart = again and not dry_run and skus is None
            async with beside(self, run, watcher) if apart else nullcontext():
                await self._read(
                    run, watcher, read, chosen, full=full, sample=sample, released=absent, progress=progress
                )
                only = None if self.stop.is_set() else await self._only(skus)
                if retry:
                    await self.worker.run(self.ledger.quarantine.end_rests, only)
                planner = await self._plan(
                    run, run.untrusted, only, progress, waiting=again, urgent=not apart
                )
            left: tuple[int, int] | None = (0, 0)
            while apart and left is not None and not self.stop.is_set():
                left = await self.worker.run_page(planner.plan_urgent, left)
            await reopen(self, planner)
            await self._judge(run, planner, release)
            plan = await self._collect(run, skus, release) if dry_run else None
            await self._tell_planned(run, plan)
            if not dry_run and not self.stop.is_set():
                await self._narrow(run, only)
                await send(self, run, planner, None, progress, watcher)
                if planner.limited and not self.stop.is_set():
                    # Raises that waited for a neighbour's fall: it has landed by now, or was refused.
                    planner = await self._plan(run, run.untrusted, only, progress)
                    await self._judge(run, planner, release)
                    await send(self, run, planner, None, progress, watcher)
            await look_round(self, run, planner)
            return await self._finish(run, plan)
        except BaseException as error:
            await self._fail(run, error)
            raise

    async def plan(
        self,
        *,
        full: bool = False,
        skus: Collection[str] | None = None,
        release: Collection[str] = (),
        asked: Asked | None = None,
        progress: Progress = silent,
    ) -> Plan:
        """Return the changes that a run would make now. Levels are read and recorded, nothing is sent."""
        report = await self.sync(
            full=full, dry_run=True, skus=skus, release=release, asked=asked, progress=progress
        )
        assert report.plan is not None
        return report.plan

    def planner(self, untrusted: Collection[str]) -> Planner:
        """Return a planner for the settings as they are. Runs in the ledger's thread."""
        return make_planner(
            self.ledger, self.sources, self.sinks, self.resolver, self.config.sharing.between_sinks,
            untrusted, self.clock.now(), self.products.pins, self.backlog,
        )  # fmt: skip

    def _pick(self) -> None:
        with self.ledger.transaction():
            self.planner(()).pick()

    def _watcher(self, fresh_for: timedelta = timedelta()) -> Watcher:
        return Watcher(self.ledger, self.worker, self.clock, self.mine, fresh_for)

    def wake(self) -> None:
        """Tell those who are sending that something has moved in the ledger: a webhook, a cart."""
        for wake in self.wakes:
            wake()

    # ------------------------------------------------------------------ the steps of a run

    @property
    def _sink_names(self) -> list[str]:
        return [built.name for built in self.sinks]

    @property
    def _asked_sinks(self) -> list[str]:
        """The sinks that this run was asked to write to, also those that another process writes to."""
        asked = {*self.leases.mine, *self.leases.others}
        return [name for name in self._sink_names if name in asked]

    @property
    def mine(self) -> list[BuiltSink]:
        """The sinks that this run may write to, in their order."""
        return [built for built in self.sinks if built.name in self.leases.mine]

    async def _writes(self, run: RunRecord) -> frozenset[str]:
        """Make sure of the leases, and return the sinks that are still ours; the run tells of the others."""
        lost = await self.worker.run(self.leases.confirm)
        run.failures.update((f"sinks.{name}", failure) for name, failure in lost.items())
        return frozenset(self.leases.mine) - set(lost)

    @property
    def causes(self) -> dict[str, str]:
        """What the log calls the sources as causes of a change."""
        return causes_of(self.sources)

    async def _begin(
        self, kind: str, cause: str, asked: Asked | None, plan_id: int | None = None,
        *, tape: Path | None = None, **how: object,
    ) -> RunRecord:  # fmt: skip
        now, asked = self.clock.now(), asked or Asked()
        renamed = await self.worker.run(keep_places, self.ledger, self.sinks, now)
        run = RunRecord(
            await self.worker.run(self.ledger.runs.begin, kind, cause, now, asked, plan_id), now, asked,
            shadowed=frozenset(built.name for built in self.sinks if built.shadowed),
        )  # fmt: skip
        about = {"kind": kind, "cause": cause, **how}
        run.tape = await self.worker.run(begin, self, run.id, now, tape, about)
        run.failures.update((f"sinks.{name}", held_by(holder)) for name, holder in self.leases.others.items())
        for old, new in renamed:
            self.tell("mpstock_alert", renamed_sink(run.id, now, old, new))
        return run

    async def _collect(self, run: RunRecord, skus: Collection[str] | None, release: Collection[str]) -> Plan:
        names = [built.name for built in self.mine]
        return await self.worker.run(
            collect_plan,
            self.ledger, run, names, skus, self.clock.now(), tuple(release), self.products,
        )  # fmt: skip

    async def _read(
        self, run: RunRecord, watcher: Watcher, read: Read, sources: Sequence[BuiltSource], *, full: bool,
        sample: int = 0, released: Collection[str], progress: Progress,
    ) -> None:  # fmt: skip
        # Orders before sources: what has left the warehouse in between is in one of them at least.
        if read != "nothing":
            await unless_stopped(watcher.orders(run, progress), self.stop)
            await self.worker.run(self._pick)
        if read == "everything":
            puller = Puller(self.ledger, self.worker, self.clock, self.config.guards)
            pulling = puller.pull_all(
                run, sources, self.mine, self.products,
                full=full, released=released, progress=progress,
            )  # fmt: skip
            await unless_stopped(pulling, self.stop)
        # Of those that were not read it stands what came of their last reading.
        read_now = {built.name for built in sources} if read == "everything" else set[str]()
        run.untrusted |= await self.worker.run(self.ledger.runs.failing_sources) - read_now
        observing = watcher.observe(
            run, full=full, sample=sample, shadows=read == "everything", progress=progress
        )
        await unless_stopped(observing, self.stop)

    @traced("mpstock.plan")
    async def _plan(
        self,
        run: RunRecord,
        untrusted: Collection[str],
        only: frozenset[int] | None,
        progress: Progress,
        *,
        waiting: bool = True,
        urgent: bool = True,
    ) -> Planner:
        await self.worker.run(
            mark_moved_settings,
            self.ledger, self.sources, self.sinks, self.resolver, self.config.sharing.between_sinks,
            self.products, self.clock.now(),
        )  # fmt: skip
        planner = await self.worker.run(self.planner, untrusted)
        planner.run, planner.broken, planner.tape = run.id, run.broken, run.tape
        planner.writes = await self._writes(run)
        await self.worker.run(mark_booked, self.ledger, planner, self.clock.now())
        if not planner.certain:
            # What was planned when the source still could be trusted has not been sent yet.
            await self.worker.run(self.ledger.dirt.mark_raises, self.clock.now())
        # What waits for an unknown quantity hopes for a reading, or for somebody to be believed again.
        trust = believed(planner)
        waiting = waiting or trust != await self.worker.run(self.ledger.runs.recall, BELIEVED)
        if not waiting:
            planner.aside = await self.worker.run(self.ledger.dirt.count_set_aside)
        total = await self.worker.run(self.ledger.dirt.count) - planner.aside
        after: int | None = 0
        while after is not None and not self.stop.is_set():
            after = await self.worker.run_page(planner.plan_page, after, only, waiting=waiting, urgent=urgent)
            progress("plan", "", min(planner.products, total), total)
        if after is None and only is None:
            await self.worker.run(self.ledger.runs.remember, BELIEVED, trust)
        return planner

    async def _judge(self, run: RunRecord, planner: Planner, released: Collection[str]) -> None:
        now = self.clock.now()
        writes = await self._writes(run)
        mine = [built.name for built in self.sinks if built.name in writes]
        if run.judge is None:
            stale = judge_stale(self.sources, planner.reckoner.rules, planner.waiting, now)
            run.judge = Judge(
                self.ledger, self.config.guards, self._sink_names, self.causes, released,
                [*run.readings, *stale], run.let_go, run.unheld,
            )  # fmt: skip
        told = set(run.judge.held)
        steps = run.judge.steps(now, mine)
        while await self.worker.run_page(next, steps, None) is not None:
            pass
        for held in run.judge.held:
            if held not in told and held.sink not in run.shadowed:
                self.tell("mpstock_alert", alert_of_held(run.id, now, held))

    # ------------------------------------------------------------------ helpers of the steps

    async def _only(self, skus: Collection[str] | None) -> frozenset[int] | None:
        if skus is None:
            return None
        known = await self.worker.run(self.ledger.levels.product_ids, skus)
        unknown = sorted(set(skus) - set(known))
        if unknown:
            raise ConfigurationError(
                f"no source knows {', '.join(map(repr, unknown))}; check the article, case counts",
                place="sku",
            )
        return frozenset(known.values())

    async def _narrow(self, run: RunRecord, only: frozenset[int] | None) -> None:
        """Leave the changes of other products to another run."""
        if only is None:
            return
        run.states = {row[0] for row in await self.worker.run(self.ledger.stocks.of_products, only)}
        for name in await self._writes(run):
            await self.worker.run(self.ledger.pushes.park_all_but, name, run.states)

    async def _tell_planned(self, run: RunRecord, plan: Plan | None) -> None:
        counts = await self.worker.run(self.ledger.stocks.open_counts)
        self.tell(
            "mpstock_planned",
            Planned(
                run=run.id,
                at=self.clock.now(),
                changes=counted(counts, held=False),
                held=counted(counts, held=True),
                sends=plan is None,
                plan=plan,
            ),
        )

    async def _finish(self, run: RunRecord, plan: Plan | None) -> Report:
        await self.worker.run(note_shadows, self, run)
        report = await self.worker.run(
            finish_run,
            self.ledger, run, self._asked_sinks, self.clock.now(),
            interrupted=self.stop.is_set(), plan=plan,
        )  # fmt: skip
        now, work = self.clock.now(), self.worker.run
        alerts = [
            *await work(alerts_of_unknown_orders, self.ledger, run.id, now),
            *await work(alerts_of_drift, self.ledger, run.id, self._asked_sinks, self.config.verify, now),
            *alerts_of_broken(run.id, now, run.broken),
        ]
        for alert in alerts:
            self.tell("mpstock_alert", alert)
        counts = {
            name: {status.value: count for status, count in result.outcomes.items()}
            for name, result in run.results.items()
        }
        self.tell(
            "mpstock_run_finished",
            RunFinished(
                run=run.id,
                at=report.finished_at,
                status=report.status,
                exit_code=report.exit_code,
                counts=counts,
                report=report,
            ),
        )
        return report

    async def _fail(self, run: RunRecord, error: BaseException) -> None:
        summary = {"error": f"{type(error).__name__}: {error}"}
        if run.tape is not None:
            run.tape.break_off(self.clock.now(), error)
        try:
            await self.worker.run(self.ledger.runs.finish, run.id, "failed", 2, summary, self.clock.now())
        except LedgerError as second:
            # The ledger itself is what failed: the first error says it all.
            error.add_note(f"and the run could not be closed in the ledger: {second}")
