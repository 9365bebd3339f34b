"""Plans: made, kept in files, carried out later, and taken back."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from mpstock.facade.base import AsyncPart, Part, asked, given

if TYPE_CHECKING:
    from mpstock.reconcile.engine import Progress
    from mpstock.reconcile.plans import Plan
    from mpstock.reconcile.report import Report

__all__ = ["AsyncPlanning", "Planning"]


class AsyncPlanning(AsyncPart):
    """The part of `AsyncShop` that makes plans and carries them out."""

    async def plan(
        self,
        *,
        full: bool = False,
        skus: Collection[str] | None = None,
        release: Collection[str] = (),
        actor: str | None = None,
        reason: str | None = None,
        progress: Progress | None = None,
    ) -> Plan:
        """Return the changes that a run would make now. Sources and sinks are read, nothing is sent.

        `release` names guards that are let through when this plan is applied: for its own changes, and
        for nothing else. `Plan.save` keeps it in a file.
        """
        async with self._run() as engine:
            return await engine.plan(
                full=full, skus=skus, release=release, asked=asked(actor, reason), **given(progress=progress)
            )

    async def apply(
        self,
        plan: Plan,
        *,
        dry_run: bool = False,
        even_if_old: bool = False,
        actor: str | None = None,
        reason: str | None = None,
        progress: Progress | None = None,
    ) -> Report:
        """Push a plan: of each change the smaller of what was planned and what is wanted now.

        Sources and sinks are read first. What the plan holds is not sent. A plan that was applied in part
        (killed, or failed for some) goes on: what it has sent before is not sent again.

        Args:
            plan: made by `plan` or `rollback`, or loaded by `Plan.load`.
            dry_run: read and look, but send nothing; the report's plan is what would be sent now.
            even_if_old: also if it was made more than 24 hours ago.
            actor: who asks for it; by default the user of the operating system.
            reason: why, for the log.
            progress: told of long work, as in `sync`.

        Raises:
            StalePlanError: what some listing shows has moved since (`moved` has all of them), or the plan is
                too old; nothing was sent.
            ConfigurationError: the plan was made from another ledger.
        """
        from mpstock.reconcile.applying import apply

        async with self._run() as engine:
            return await apply(
                engine, plan, dry_run=dry_run, even_if_old=even_if_old, asked=asked(actor, reason),
                **given(progress=progress),
            )  # fmt: skip

    async def rollback(
        self,
        run: int,
        *,
        lasts: timedelta | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Plan:
        """Return the plan that puts back what a run replaced; `apply` carries it out. Asks nobody.

        Each listing gets the number that it showed before the run, but never more than is available now, and
        keeps it by a pin. Listings that a later run has changed, or of which too little is known, are
        left as they are: `Plan.skipped` says which and why.

        Args:
            run: its number, as reports and the log have it.
            lasts: how long the numbers stay, from when they are applied; by default 24 hours. Then the
                formula decides again; `resume(rollback=run)` ends it before.
            actor: who asks for it; by default the user of the operating system.
            reason: why, for the log.

        Raises:
            ConfigurationError: there is no such run.
        """
        from mpstock.reconcile.rolling_back import rollback

        engine = await self._assembly.start()
        return await engine.worker.run(rollback, engine, run, asked(actor, reason), **given(lasts=lasts))


class Planning(Part):
    """The part of `Shop` that makes plans and carries them out."""

    def plan(
        self,
        *,
        full: bool = False,
        skus: Collection[str] | None = None,
        release: Collection[str] = (),
        actor: str | None = None,
        reason: str | None = None,
        progress: Progress | None = None,
    ) -> Plan:
        """Return the changes that a run would make now; see `AsyncShop.plan`."""
        return self._call(
            self._shop.plan(
                full=full, skus=skus, release=release, actor=actor, reason=reason, progress=progress
            )
        )

    def apply(
        self,
        plan: Plan,
        *,
        dry_run: bool = False,
        even_if_old: bool = False,
        actor: str | None = None,
        reason: str | None = None,
        progress: Progress | None = None,
    ) -> Report:
        """Push a plan; see `AsyncShop.apply`."""
        return self._call(
            self._shop.apply(
                plan, dry_run=dry_run, even_if_old=even_if_old, actor=actor, reason=reason, progress=progress
            )
        )

    def rollback(
        self,
        run: int,
        *,
        lasts: timedelta | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Plan:
        """Return the plan that puts back what a run replaced; see `AsyncShop.rollback`."""
        return self._call(self._shop.rollback(run, lasts=lasts, actor=actor, reason=reason))
