"""What is left over when settings move: listings that nobody speaks for, sinks that have gone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from mpstock.facade.base import AsyncPart, Part

if TYPE_CHECKING:
    from mpstock.ledger.interventions import Intervention
    from mpstock.ledger.orphans import Orphan
    from mpstock.reconcile.orphans import Forgotten

__all__ = ["AsyncLeaving", "Leaving"]


class AsyncLeaving(AsyncPart):
    """The part of `AsyncShop` that looks after what nobody looks after any more."""

    async def orphans(self) -> list[Orphan]:
        """Return the listings that still show stock, and whose product, warehouse or sink has left."""
        from mpstock.reconcile.orphans import find

        engine = await self._assembly.start()
        return await engine.worker.run(find, engine)

    async def adopt(
        self,
        *,
        skus: Collection[str] | None = None,
        sink: str | None = None,
        warehouse: str | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> list[Intervention]:
        """Let orphans go on showing what they show now, and never more, until a source speaks of them again.

        What is left out of the scope stands for all orphans.

        Raises:
            ConfigurationError: there are none in this scope that can be written to.
        """
        from mpstock.asked import Asked
        from mpstock.reconcile import orphans
        from mpstock.reconcile.interventions import Scope

        engine = await self._assembly.start()
        scope = Scope(None if skus is None else list(skus), sink, warehouse)
        return await engine.worker.run(orphans.adopt, engine, scope, Asked(actor, reason))

    async def zero_orphans(
        self,
        *,
        skus: Collection[str] | None = None,
        sink: str | None = None,
        warehouse: str | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> list[Intervention]:
        """Zero orphans, also in warehouses that have left the settings; the next run sends it.

        What is left out of the scope stands for all orphans.

        Raises:
            ConfigurationError: there are none in this scope that can be written to.
        """
        from mpstock.asked import Asked
        from mpstock.reconcile import orphans
        from mpstock.reconcile.interventions import Scope

        engine = await self._assembly.start()
        scope = Scope(None if skus is None else list(skus), sink, warehouse)
        return await engine.worker.run(orphans.zero_orphans, engine, scope, Asked(actor, reason))

    async def forget_sink(
        self,
        name: str,
        *,
        warehouse: str | None = None,
        orders: bool = False,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Forgotten:
        """Forget a sink that has left the settings, or one of the warehouses that have left it.

        Say so when nothing is sold there any more: what it showed last is then free for the other sinks. Its
        open orders go on holding their units unless `orders`: then they count as handed over now.

        Raises:
            ConfigurationError: it is in the settings, or was never there.
        """
        from functools import partial

        from mpstock.asked import Asked
        from mpstock.reconcile import orphans

        engine = await self._assembly.start()
        work = partial(
            orphans.forget_sink, engine, name, Asked(actor, reason), warehouse=warehouse, orders=orders
        )
        return await engine.worker.run(work)


class Leaving(Part):
    """The part of `Shop` that looks after what nobody looks after any more."""

    def orphans(self) -> Sequence[Orphan]:
        """Return the listings that still show stock and that nobody speaks for; see `AsyncShop.orphans`."""
        return self._call(self._shop.orphans())

    def adopt(
        self,
        *,
        skus: Collection[str] | None = None,
        sink: str | None = None,
        warehouse: str | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Sequence[Intervention]:
        """Let orphans go on showing what they show now; see `AsyncShop.adopt`."""
        return self._call(
            self._shop.adopt(skus=skus, sink=sink, warehouse=warehouse, actor=actor, reason=reason)
        )

    def zero_orphans(
        self,
        *,
        skus: Collection[str] | None = None,
        sink: str | None = None,
        warehouse: str | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Sequence[Intervention]:
        """Zero orphans; see `AsyncShop.zero_orphans`."""
        return self._call(
            self._shop.zero_orphans(skus=skus, sink=sink, warehouse=warehouse, actor=actor, reason=reason)
        )

    def forget_sink(
        self,
        name: str,
        *,
        warehouse: str | None = None,
        orders: bool = False,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Forgotten:
        """Forget a sink that has left the settings; see `AsyncShop.forget_sink`."""
        return self._call(
            self._shop.forget_sink(name, warehouse=warehouse, orders=orders, actor=actor, reason=reason)
        )
