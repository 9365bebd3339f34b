"""What the accounts answer while a shop is set up: warehouses, findings, and how the products match."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from mpstock.errors import AdapterError
from mpstock.facade.asynchronous import AsyncShop
from mpstock.interfaces import SinkSpec, WarehouseTelling
from mpstock.model import Finding
from mpstock.reconcile.adapters import BuiltSink
from mpstock.reconcile.report import as_data
from mpstock.setup.matching import NearMatch, near_matches
from mpstock.setup.questions import choices_of

if TYPE_CHECKING:
    from mpstock.clock import Clock
    from mpstock.ledger import Ledger
    from mpstock.ledger.listings import ListingGap
    from mpstock.model import AccountWarehouse
    from mpstock.reconcile.engine import Progress
    from mpstock.setup.drafting import Draft

__all__ = ["Look", "Prober", "SinkLook"]

_EVERY = 10**9


@frozen
class SinkLook:
    """How a sink's listings match the products.

    `showing` listings show stock already. `unmatched` are listings that nothing would be pushed for,
    `alternatives` how many would match with another choice of the setting `match_by`, `near` those that are
    nearly a product's. `changes` counts what a first run would send.
    """

    name: str
    listings: int = 0
    matched: int = 0
    without_listing: int = 0
    showing: int = 0
    changes: int = 0
    held: int = 0
    error: str = ""
    match_by: str = ""
    matched_by: str = ""
    alternatives: Mapping[str, int] = field(factory=dict[str, int])
    near: Sequence[NearMatch] = ()
    unmatched: Sequence[ListingGap] = ()

    def better(self) -> tuple[str, int] | None:
        """Return the choice of `match_by` by which more listings match, with how many; None if none is."""
        found = max(self.alternatives.items(), key=lambda item: item[1], default=None)
        return found if found is not None and found[1] > self.matched else None


@frozen
class Look:
    """What reading everything once has found out. `errors` are by adapter, in the vendors' words."""

    products: int = 0
    warehouses: Sequence[str] = ()
    sinks: Sequence[SinkLook] = ()
    errors: Mapping[str, str] = field(factory=dict[str, str])

    def as_dict(self) -> dict[str, Any]:
        """Return the look as plain data."""
        data: dict[str, Any] = as_data(self)
        return data


@frozen
class Prober:
    """Asks the accounts of a draft. It reads, and writes to a ledger of its own alone.

    `ledger` is that ledger's file: how much of an account's limits was used is kept in it from one question
    to the next.
    """

    draft: Draft
    ledger: Path
    clock: Clock | None = None

    @asynccontextmanager
    async def _open(self, *only: str) -> AsyncIterator[AsyncShop]:
        config = self.draft.configuration(self.ledger, only or None)
        shop = AsyncShop(config, plugins=self.draft.plugins, clock=self.clock)
        try:
            await shop.build()
            yield shop
        finally:
            await shop.aclose()

    async def warehouses(self, sink: str) -> Sequence[AccountWarehouse] | None:
        """Return the warehouses of an account; None where its plugin cannot tell.

        Raises:
            AdapterError: the account refuses us, or cannot be reached; in its words.
            ConfigurationError: the settings are wrong.
        """
        async with self._open(sink) as shop:
            (built,) = (await shop._assembly.start()).sinks
            if not isinstance(built.sink, WarehouseTelling):
                return None
            return await built.sink.account_warehouses()

    async def findings(self, name: str) -> list[Finding]:
        """Return what the adapter's own check finds, the errors first."""
        async with self._open(name) as shop:
            parts = await shop.check()
        mine = [
            finding
            for part in parts
            if part.subject in (f"sources.{name}", f"sinks.{name}")
            for finding in part.findings
            if finding.subject != "mapping"
        ]
        return sorted(mine, key=lambda finding: ("error", "warning", "ok").index(finding.level))

    async def look(self, progress: Progress | None = None) -> Look:
        """Read everything once, and say how listings and products match. Nothing is sent."""
        async with self._open() as shop:
            plan = await shop.plan(progress=progress)
            engine = await shop._assembly.start()
            products = await engine.worker.run(lambda: list(engine.ledger.levels.all_skus()))
            sinks = []
            for built in engine.sinks:
                found = await engine.worker.run(self._of_sink, engine.ledger, built, products)
                changes = [change for change in plan.changes if change.sink == built.name]
                report = plan.sinks[built.name]
                found = evolve(
                    found,
                    changes=len(changes),
                    held=sum(bool(change.held) for change in changes),
                    error=report.error,
                )
                sinks.append(found)
            errors = {
                **{f"sources.{name}": one.error for name, one in plan.sources.items() if one.error},
                **{f"sinks.{name}": one.error for name, one in plan.sinks.items() if one.error},
            }
            codes = await engine.worker.run(engine.ledger.levels.warehouse_codes)
        known = frozenset(products)
        sinks = [
            evolve(sink, alternatives=await self._alternatives(sink, known)) if sink.unmatched else sink
            for sink in sinks
        ]
        return Look(len(products), sorted(codes.values()), sinks, errors)

    def _of_sink(self, ledger: Ledger, built: BuiltSink, products: Sequence[str]) -> SinkLook:
        listings, without = ledger.listings.counts(built.name)
        gaps = ledger.listings.gaps(built.name, _EVERY) if without else []
        count, left = ledger.listings.unlisted(built.name, _EVERY)
        spec = built.config.spec
        assert isinstance(spec, SinkSpec)
        return SinkLook(
            built.name,
            listings,
            listings - without,
            count,
            sum(ledger.slices.showing(built.name, code).listings for code in built.config.codes),
            match_by=spec.match_by,
            matched_by=str(getattr(built.config.settings, spec.match_by, "")) if spec.match_by else "",
            near=near_matches(products, set(products) - set(left), gaps, spec.mapping_keys) if gaps else (),
            unmatched=gaps,
        )

    async def _alternatives(self, sink: SinkLook, known: frozenset[str]) -> dict[str, int]:
        if not sink.match_by:
            return {}
        found: dict[str, int] = {}
        spec = self.draft.spec(sink.name)
        for choice in choices_of(spec.settings, sink.match_by):
            if choice == sink.matched_by:
                continue
            before = self.draft.sinks[sink.name]
            self.draft.sinks[sink.name] = {**before, sink.match_by: choice}
            try:
                async with self._open(sink.name) as shop:
                    (built,) = (await shop._assembly.start()).sinks
                    found[choice] = await _count(built, known)
            finally:
                self.draft.sinks[sink.name] = before
        return found


async def _count(built: BuiltSink, known: frozenset[str]) -> int:
    """Return how many listings are a known product's, by what the sink suggests."""
    count = 0
    # That it could be better another way is worth a try, and no more.
    with suppress(AdapterError):
        async for page in built.sink.listings(None):
            count += sum(not one.problem and not known.isdisjoint(one.skus) for one in page.listings)
    return count
