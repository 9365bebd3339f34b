"""A plan that was made before, carried out: never more than it says, and never more than is wanted now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from attrs import define, evolve, field

from mpstock.errors import ConfigurationError, StalePlanError
from mpstock.ledger.interventions import Wish
from mpstock.reconcile.engine import silent
from mpstock.reconcile.guards import check_names, note_release
from mpstock.reconcile.plans import MovedListing, PlannedChange, lane
from mpstock.reconcile.rolling_back import pin
from mpstock.reconcile.rules import settings_digest
from mpstock.reconcile.sending import reopen, send

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.ledger import Ledger
    from mpstock.ledger.plans import Offer, Written
    from mpstock.reconcile.engine import Engine, Progress
    from mpstock.reconcile.plans import Plan
    from mpstock.reconcile.report import Report

__all__ = ["LONGEST_KEPT", "apply"]

LONGEST_KEPT = timedelta(hours=24)
"""A plan that is older was reviewed for another day's stock."""

_PAGE = 2_000
_OTHER_SETTINGS = "the settings are not those that the plan was made with; what is wanted now follows them"
_NAMED = 20
"""Listings that a message names; the exception has them all."""


async def apply(
    engine: Engine,
    plan: Plan,
    *,
    dry_run: bool = False,
    even_if_old: bool = False,
    cause: str = "manual",
    asked: Asked | None = None,
    progress: Progress = silent,
) -> Report:
    """Push what a plan says: of each change the smaller of what it planned and what is wanted now.

    What an earlier apply of the same plan has sent is not sent again, and may have moved since. With
    `dry_run` everything but the push is done, and the report has what would be sent as its plan.

    Raises:
        StalePlanError: what some listing shows has moved since, or the plan is too old; nothing is sent then.
        ConfigurationError: the plan was made from another ledger, or names a guard that there is not.
    """
    ledger, work = engine.ledger, engine.worker.run
    check_names(plan.released)
    number = await work(_admit, ledger, plan, engine.clock.now(), even_if_old, dry_run)
    run = await engine._begin("plan" if dry_run else "apply", cause, asked, number)
    try:
        if not engine.leases.mine and engine.leases.others:
            return await engine._finish(run, plan if dry_run else None)
        watcher = engine._watcher()
        await engine._read(
            run, watcher, "everything", engine.sources, full=False, released=(), progress=progress
        )
        aim = _Aim(ledger, plan, frozenset(engine._sink_names), await engine._writes(run), run.shadowed)
        if not engine.stop.is_set():
            await work(aim.take)
            run.notes += aim.notes()
            if plan.rollback is not None and not dry_run:
                await work(pin, engine, plan, aim.pins, run.asked)
        planner = await engine._plan(run, run.untrusted, None, progress)
        await reopen(engine, planner)
        if plan.settings != await work(settings_digest, ledger, engine.products):
            run.notes.append(_OTHER_SETTINGS)
        await engine._judge(run, planner, plan.released)
        if dry_run:
            would = plan if plan.rollback is not None else await engine._collect(run, None, plan.released)
            return await engine._finish(run, _narrowed(would, aim))
        if not engine.stop.is_set():
            if plan.released:
                await work(note_release, ledger, run, plan.released, run.started_at)
            for name in await engine._writes(run):
                await work(ledger.pushes.park_all_but, name, aim.at_most)
            await send(engine, run, planner, aim.at_most, progress, watcher)
        return await engine._finish(run, None)
    except BaseException as error:
        await engine._fail(run, error)
        raise


def _admit(ledger: Ledger, plan: Plan, now: datetime, even_if_old: bool, dry_run: bool) -> int | None:
    """Refuse a plan that must not be carried out here; else record that it is, and return its number."""
    if plan.ledger != ledger.plans.identity():
        raise ConfigurationError(
            f"it was made from another ledger than {ledger.place}; apply it with the settings that it was "
            "made with, or plan again",
            place="the plan",
        )
    age = now - plan.created_at
    if age > LONGEST_KEPT and not even_if_old:
        raise StalePlanError(
            f"the plan of run {plan.run} is {age // timedelta(hours=1)} hours old: what was right then need "
            "not be right now. Plan again or, if you have looked at it once more: "
            "mpstock apply FILE --even-if-old"
        )
    if dry_run:
        return None
    digest = hashlib.sha256()
    for c in plan.changes:
        digest.update(repr((c.sku, c.sink, c.warehouse, c.external_id, c.old, c.new, c.held)).encode())
    digest.update(repr(plan.released).encode())
    return ledger.plans.record(plan.id, plan.run, plan.created_at, digest.hexdigest(), now)


_Moved = tuple[PlannedChange, "Offer | None"]


@define
class _Aim:
    """What is left to do of a plan: `at_most` has the quantities by listings' states, `left` by their names;
    `pins` would keep them so.

    `sinks` are those of the settings, `writes` those that this run may write to. `done` counts what earlier
    runs of this plan have sent, `held` what the plan itself holds, `elsewhere` what another process sends,
    `unsent` what is for sinks in shadow mode (`shadowed`).
    """

    ledger: Ledger
    plan: Plan
    sinks: frozenset[str]
    writes: frozenset[str]
    shadowed: frozenset[str] = frozenset()
    at_most: dict[int, int] = field(factory=dict[int, int])
    left: dict[tuple[str, str, str], int] = field(factory=dict[tuple[str, str, str], int])
    pins: list[Wish] = field(factory=list[Wish])
    done: int = 0
    held: int = 0
    elsewhere: int = 0
    unsent: int = 0
    moved: list[_Moved] = field(factory=list["_Moved"])

    def take(self) -> None:
        """Find the listings as they are now. Runs in the ledger's thread.

        Raises:
            StalePlanError: some show something else than the plan was made from.
        """
        earlier = self.ledger.plans.written(self.plan.id)
        for page in _pages(self.plan.changes):
            offers = {
                (sink, *key): offer
                for sink in {change.sink for change in page} & self.writes
                for key, offer in self.ledger.plans.offers(
                    sink, [change.external_id for change in page if change.sink == sink]
                ).items()
            }
            for change in page:
                offer = offers.get((change.sink, change.warehouse, change.external_id))
                if change.held:
                    self.held += 1
                elif change.sink in self.sinks - self.writes:
                    self.elsewhere += 1
                elif change.sink in self.shadowed:
                    self.unsent += 1
                elif offer is None or offer.sku != change.sku:
                    self.moved.append((change, None))
                else:
                    written = earlier.get((offer.product_id, change.sink, change.warehouse))
                    self._aim_at(change, offer, written)
        if self.moved:
            self._refuse()

    def _aim_at(self, change: PlannedChange, offer: Offer, written: Written | None) -> None:
        tried = written is not None and not written.sure
        if written is not None and (written.sure or (offer.base == written.new != change.old)):
            # What became of it since, a sale or another run, is not this plan's business any more.
            self.done += 1
        elif offer.base == change.old or (tried and offer.base is None):
            if change.new != change.old:
                self.at_most[offer.state] = change.new
                self.left[change.sink, change.warehouse, change.external_id] = change.new
                self.pins.append(
                    Wish("pin", change.sink, change.warehouse, None, offer.product_id, change.new)
                )
        else:
            self.moved.append((change, offer))

    def notes(self) -> list[str]:
        """Return what the person should know who applies the plan."""
        total = len(self.plan.changes)
        told = []
        if self.done:
            told.append(f"{self.done} of {total} changes were sent when this plan was applied before")
        if self.held:
            told.append(f"{self.held} of {total} changes are held in the plan and are not sent")
        if self.elsewhere:
            told.append(f"{self.elsewhere} of {total} changes are of sinks that another process writes to")
        if self.unsent:
            told.append(f"{self.unsent} of {total} changes are of sinks in shadow mode and are not sent")
        return told

    def _refuse(self) -> None:
        causes = _Causes(self.ledger, self.plan)
        moved = [moving for page in _pages(self.moved) for moving in causes.of(page)]
        shown = "".join(f"\n  {listing}" for listing in moved[:_NAMED])
        more = f"\n  … and {len(moved) - _NAMED} more" if len(moved) > _NAMED else ""
        raise StalePlanError(
            f"the plan of run {self.plan.run} is out of date: {len(moved)} of {len(self.plan.changes)} "
            f"listings have moved since. Nothing was sent; plan again.{shown}{more}",
            moved=moved,
        )


@define
class _Causes:
    """Says what moved a listing since a plan was made, as far as the ledger can tell."""

    ledger: Ledger
    plan: Plan

    def of(self, page: Sequence[_Moved]) -> list[MovedListing]:
        plans = self.ledger.plans
        later = plans.written_after(self.plan.run, {offer.product_id for _, offer in page if offer})
        ordered = {
            (sink, external_id)
            for sink in {change.sink for change, _ in page}
            for external_id in plans.ordered_since(
                sink, [c.external_id for c, _ in page if c.sink == sink], self.plan.created_at
            )
        }
        return [
            MovedListing(
                change.sku, change.sink, change.warehouse, change.external_id, change.old, change.new,
                offer.base if offer else None,
                self._cause(change, offer, later, (change.sink, change.external_id) in ordered),
            )
            for change, offer in page
        ]  # fmt: skip

    def _cause(
        self,
        change: PlannedChange,
        offer: Offer | None,
        later: Mapping[tuple[int, str, str], Written],
        ordered: bool,
    ) -> str:
        if offer is None:
            return "it is not offered any more, or is another product's by now"
        if written := later.get((offer.product_id, change.sink, change.warehouse)):
            sure = "sent" if written.sure else "may have sent"
            return f"run {written.run} {sure} {written.new}: {written.cause}"
        if ordered:
            return "an order"
        if offer.base is None:
            return "what it shows is not known at the moment"
        return "read back so: another writer, the marketplace itself, or a sale"


def _narrowed(now: Plan, aim: _Aim) -> Plan:
    """Return what would be sent now of a plan: of all that a run would send, what the plan speaks of."""
    changes = []
    for change in now.changes:
        limit = aim.left.get((change.sink, change.warehouse, change.external_id))
        if limit is not None:
            new = min(limit, change.new)
            changes.append(evolve(change, new=new, lane=lane(change.old, new)))
    return evolve(now, changes=changes, skus=aim.plan.skus)


T = TypeVar("T")


def _pages(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while page := list(islice(rest, _PAGE)):
        yield page
