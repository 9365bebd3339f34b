"""Shadow mode beside another integration, and taking over from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from mpstock.facade.base import AsyncPart, Part, asked

if TYPE_CHECKING:
    from mpstock.asked import Asked
    from mpstock.ledger.shadows import ModeDecision
    from mpstock.reconcile.engine import Engine, Progress
    from mpstock.reconcile.plans import Plan
    from mpstock.reconcile.shadow_report import ShadowReport

__all__ = ["WEEK", "AsyncShadowing", "Shadowing"]

WEEK = timedelta(days=7)


class AsyncShadowing(AsyncPart):
    """The part of `AsyncShop` for sinks that another integration writes to."""

    async def shadow_report(self, sink: str | None = None, *, lasts: timedelta = WEEK) -> ShadowReport:
        """Say how what the sinks in shadow mode showed differs from what we would have shown.

        Reads the ledger alone, beside a run under way.

        Args:
            sink: one sink, in whatever mode it is now; None = those in shadow mode, or watched since then.
            lasts: how far back is looked.

        Raises:
            ConfigurationError: there is no such sink.
        """
        from mpstock.reconcile import shadowing

        engine = await self._assembly.start()
        since = engine.clock.now() - lasts
        if sink is not None:
            shadowing.sink_of(engine, sink)
        return await self._beside(lambda ledger: shadowing.report(engine, ledger, sink, since))

    async def plan_takeover(self, sink: str, *, progress: Progress | None = None) -> Plan:
        """Return what the first run would change on a sink once it is taken over; nothing is sent.

        Everything is read anew. What a guard would hold says so: mass zeros and sudden raises on an account
        that was not written to yet are held by `takeover`.

        Raises:
            ConfigurationError: there is no such sink.
        """
        from attrs import evolve

        from mpstock.reconcile import shadowing
        from mpstock.reconcile.engine import silent

        async with self._run() as engine:
            shadowing.sink_of(engine, sink)
            plan = await engine.plan(full=True, progress=progress or silent)
        return evolve(
            plan,
            changes=[change for change in plan.changes if change.sink == sink],
            held=[held for held in plan.held if held.sink in (sink, "*")],
            sinks={name: found for name, found in plan.sinks.items() if name == sink},
        )

    async def take_over(
        self, sink: str, *, actor: str | None = None, reason: str | None = None
    ) -> ModeDecision:
        """Let a sink be live from its next run on; look at `plan_takeover` before.

        It is kept in the ledger, with who has decided it and why, and goes before the settings.

        Raises:
            ConfigurationError: there is no such sink, or it is live already.
        """
        from mpstock.reconcile import shadowing

        return await self._decide_mode(shadowing.take_over, sink, asked(actor, reason))

    async def give_back(
        self, sink: str, *, actor: str | None = None, reason: str | None = None
    ) -> ModeDecision:
        """Let a sink be in shadow mode from now on, in a run under way too.

        What is on the wire is recorded, nothing follows.

        Raises:
            ConfigurationError: there is no such sink, or it is in shadow mode already.
        """
        from mpstock.reconcile import shadowing

        return await self._decide_mode(shadowing.give_back, sink, asked(actor, reason))

    async def _decide_mode(
        self, decide: Callable[[Engine, str, Asked], ModeDecision], sink: str, who: Asked
    ) -> ModeDecision:
        engine = await self._assembly.start()
        decision = await engine.worker.run(decide, engine, sink, who)
        engine.wake()
        return decision


class Shadowing(Part):
    """The part of `Shop` for sinks that another integration writes to."""

    def shadow_report(self, sink: str | None = None, *, lasts: timedelta = WEEK) -> ShadowReport:
        """Say how shown numbers differ from ours in shadow mode; see `AsyncShop.shadow_report`."""
        return self._call(self._shop.shadow_report(sink, lasts=lasts))

    def plan_takeover(self, sink: str, *, progress: Progress | None = None) -> Plan:
        """Return what taking a sink over would change; see `AsyncShop.plan_takeover`."""
        return self._call(self._shop.plan_takeover(sink, progress=progress))

    def take_over(self, sink: str, *, actor: str | None = None, reason: str | None = None) -> ModeDecision:
        """Let a sink be live from its next run on; see `AsyncShop.take_over`."""
        return self._call(self._shop.take_over(sink, actor=actor, reason=reason))

    def give_back(self, sink: str, *, actor: str | None = None, reason: str | None = None) -> ModeDecision:
        """Let a sink be in shadow mode from now on; see `AsyncShop.give_back`."""
        return self._call(self._shop.give_back(sink, actor=actor, reason=reason))
