"""What people decide by hand: stop, zero, pin, and taking it back."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from mpstock.facade.base import AsyncPart, Part

if TYPE_CHECKING:
    from mpstock.ledger.interventions import Intervention, Kind
    from mpstock.reconcile.engine import Engine
    from mpstock.reconcile.interventions import Until

__all__ = ["AsyncByHand", "ByHand"]

T = TypeVar("T")


class AsyncByHand(AsyncPart):
    """The part of `AsyncShop` by which people overrule the formula. It waits for no run."""

    async def stop(
        self,
        *,
        skus: Collection[str] | None = None,
        sink: str | None = None,
        warehouse: str | None = None,
        brand: str | None = None,
        lasts: timedelta | None = None,
        until: Until | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> list[Intervention]:
        """Send nothing to these listings, falls neither; they go on selling what they show.

        It counts at once, in a run under way too: what is on the wire is recorded, nothing follows. What is
        left out of the scope stands for all; a second stop of the same scope replaces the first.

        Args:
            skus: these products; one intervention each.
            sink: one sink, by its name in the settings.
            warehouse: one of the sinks' warehouses, by its code.
            brand: the products of one brand, as the products file says.
            lasts: how long from now; None = until `resume`.
            until: until when, or until what time of day, instead of `lasts`; without a time zone it is in
                that of the schedule.
            actor: who decides it; by default the user of the operating system.
            reason: why, for the log and for `explain`.

        Returns:
            What is in force by it.

        Raises:
            ConfigurationError: a word of the scope that is not known, or an end that is over already.
        """
        return await self._intervene(
            "stop", skus=skus, sink=sink, warehouse=warehouse, brand=brand, lasts=lasts, until=until,
            actor=actor, reason=reason,
        )  # fmt: skip

    async def zero(
        self,
        *,
        skus: Collection[str] | None = None,
        sink: str | None = None,
        warehouse: str | None = None,
        brand: str | None = None,
        lasts: timedelta | None = None,
        until: Until | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> list[Intervention]:
        """Show 0 on these listings, whatever there is. No guard holds it: a person has decided.

        A run under way sends it at its next request, else the next run does. Arguments, result and errors are
        those of `stop`.
        """
        return await self._intervene(
            "zero", skus=skus, sink=sink, warehouse=warehouse, brand=brand, lasts=lasts, until=until,
            actor=actor, reason=reason,
        )  # fmt: skip

    async def pin(
        self,
        quantity: int,
        *,
        skus: Collection[str] | None = None,
        sink: str | None = None,
        warehouse: str | None = None,
        brand: str | None = None,
        lasts: timedelta | None = None,
        until: Until | None = None,
        actor: str | None = None,
        reason: str | None = None,
        origin: str = "",
    ) -> list[Intervention]:
        """Show exactly so many on these listings instead of what the buffer leaves.

        Never more than is available, and nothing is raised on stock that is not known. Of several pins the
        most specific counts. `origin` says what made it, if not a person's own thought. The other arguments,
        result and errors are those of `stop`.
        """
        return await self._intervene(
            "pin", skus=skus, sink=sink, warehouse=warehouse, brand=brand, lasts=lasts, until=until,
            actor=actor, reason=reason, quantity=quantity, origin=origin,
        )  # fmt: skip

    async def resume(
        self,
        *,
        skus: Collection[str] | None = None,
        sink: str | None = None,
        warehouse: str | None = None,
        brand: str | None = None,
        kinds: Collection[Kind] | None = None,
        numbers: Collection[int] | None = None,
        rollback: int | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> list[Intervention]:
        """Take back what was decided of exactly this scope, or the interventions of these numbers.

        Or, with `rollback`, what the rollback of that run keeps.

        Narrower and wider ones stay in force. `kinds` narrows it to stops, zeros or pins.

        Returns:
            What was taken back.

        Raises:
            ConfigurationError: nothing of the kind is in force; what is, is named.
        """
        from mpstock.asked import Asked
        from mpstock.reconcile import interventions

        asked = Asked(actor, reason)
        if rollback is not None:
            return await self._decide(lambda engine: interventions.resume_rollback(engine, rollback, asked))
        if numbers is not None:
            chosen = list(numbers)
            return await self._decide(lambda engine: interventions.resume_numbers(engine, chosen, asked))
        scope = interventions.Scope(None if skus is None else list(skus), sink, warehouse, brand)
        return await self._decide(lambda engine: interventions.resume_scope(engine, scope, asked, kinds))

    async def interventions(self) -> list[Intervention]:
        """Return what is stopped, zeroed and pinned by hand now, the oldest first."""
        from mpstock.reconcile import interventions

        return await self._decide(interventions.in_force)

    async def _intervene(
        self,
        kind: Kind,
        *,
        skus: Collection[str] | None,
        sink: str | None,
        warehouse: str | None,
        brand: str | None,
        lasts: timedelta | None,
        until: Until | None,
        actor: str | None,
        reason: str | None,
        quantity: int | None = None,
        origin: str = "",
    ) -> list[Intervention]:
        from mpstock.asked import Asked
        from mpstock.reconcile import interventions

        asked = Asked(actor, reason)
        scope = interventions.Scope(None if skus is None else list(skus), sink, warehouse, brand)
        return await self._decide(
            lambda engine: interventions.intervene(
                engine, kind, scope, asked, quantity=quantity,
                expires_at=interventions.expiry(engine, lasts, until), origin=origin,
            )
        )  # fmt: skip

    async def _decide(self, work: Callable[[Engine], T]) -> T:
        engine = await self._assembly.start()
        return await engine.worker.run(work, engine)


class ByHand(Part):
    """The part of `Shop` by which people overrule the formula."""

    def stop(
        self,
        *,
        skus: Collection[str] | None = None,
        sink: str | None = None,
        warehouse: str | None = None,
        brand: str | None = None,
        lasts: timedelta | None = None,
        until: Until | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Sequence[Intervention]:
        """Send nothing to these listings; see `AsyncShop.stop`."""
        return self._call(
            self._shop.stop(
                skus=skus, sink=sink, warehouse=warehouse, brand=brand, lasts=lasts, until=until,
                actor=actor, reason=reason,
            )
        )  # fmt: skip

    def zero(
        self,
        *,
        skus: Collection[str] | None = None,
        sink: str | None = None,
        warehouse: str | None = None,
        brand: str | None = None,
        lasts: timedelta | None = None,
        until: Until | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Sequence[Intervention]:
        """Show 0 on these listings; see `AsyncShop.zero`."""
        return self._call(
            self._shop.zero(
                skus=skus, sink=sink, warehouse=warehouse, brand=brand, lasts=lasts, until=until,
                actor=actor, reason=reason,
            )
        )  # fmt: skip

    def pin(
        self,
        quantity: int,
        *,
        skus: Collection[str] | None = None,
        sink: str | None = None,
        warehouse: str | None = None,
        brand: str | None = None,
        lasts: timedelta | None = None,
        until: Until | None = None,
        actor: str | None = None,
        reason: str | None = None,
        origin: str = "",
    ) -> Sequence[Intervention]:
        """Show exactly so many on these listings, as far as there are so many; see `AsyncShop.pin`."""
        return self._call(
            self._shop.pin(
                quantity, skus=skus, sink=sink, warehouse=warehouse, brand=brand, lasts=lasts, until=until,
                actor=actor, reason=reason, origin=origin,
            )
        )  # fmt: skip

    def resume(
        self,
        *,
        skus: Collection[str] | None = None,
        sink: str | None = None,
        warehouse: str | None = None,
        brand: str | None = None,
        kinds: Collection[Kind] | None = None,
        numbers: Collection[int] | None = None,
        rollback: int | None = None,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Sequence[Intervention]:
        """Take back what was decided by hand; see `AsyncShop.resume`."""
        return self._call(
            self._shop.resume(
                skus=skus, sink=sink, warehouse=warehouse, brand=brand, kinds=kinds, numbers=numbers,
                rollback=rollback, actor=actor, reason=reason,
            )
        )  # fmt: skip

    def interventions(self) -> Sequence[Intervention]:
        """Return what is stopped, zeroed and pinned by hand now; see `AsyncShop.interventions`."""
        return self._call(self._shop.interventions())
