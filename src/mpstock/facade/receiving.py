"""What a program puts into a shop: open carts, and rows that a warehouse system has pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from mpstock.facade.base import AsyncPart, Part

if TYPE_CHECKING:
    from mpstock.model import Level

__all__ = ["AsyncReceiving", "Receiving"]


class AsyncReceiving(AsyncPart):
    """The part of `AsyncShop` that takes in holds and rows."""

    async def hold(
        self,
        key: str,
        sku: str,
        quantity: int,
        *,
        warehouse: str | None = None,
        expires_in: timedelta | None = timedelta(minutes=15),
        origin: str = "carts",
        only_if_available: bool = False,
        replaces: str | None = None,
    ) -> bool:
        """Keep units back for an open cart (or an order of the shop's own) until it expires or is released.

        The next run takes them off every listing. A hold with the same key is replaced.

        Args:
            key: names the cart; unique within its `origin`.
            sku: the product; of a kit each component is held.
            quantity: units, at least 1.
            warehouse: the own warehouse that they come from; None = not known.
            expires_in: until when it holds, from now; None = until it is released.
            origin: the name of the source of carts in the settings, whose `max_per_sku` then bounds it.
            only_if_available: hold only if so many are free, in one step with looking.
            replaces: the key of a hold that this one takes over: an order takes over its cart.

        Returns:
            Whether the units are held; False only with `only_if_available`.

        Raises:
            ConfigurationError: no source knows the product, or the quantity is no number of units.
        """
        return await self.hold_cart(
            key, {sku: quantity}, warehouse=warehouse, expires_in=expires_in, origin=origin,
            only_if_available=only_if_available, replaces=replaces,
        )  # fmt: skip

    async def hold_cart(
        self,
        key: str,
        units: Mapping[str, int],
        *,
        warehouse: str | None = None,
        expires_in: timedelta | None = timedelta(minutes=15),
        origin: str = "carts",
        only_if_available: bool = False,
        replaces: str | None = None,
    ) -> bool:
        """Keep units of several products back for one cart, `units` by sku: all of them, or none.

        A hold with the same key is replaced as a whole: what it held and `units` leaves out is free again.
        All else is as in `hold`.
        """
        from mpstock.reconcile import holding

        engine = await self._assembly.start()

        def work() -> bool:
            return holding.hold(
                engine.ledger, engine.planner(()),
                origin=origin, key=key, units=units, warehouse=warehouse,
                expires_in=expires_in, only_if_available=only_if_available, replaces=replaces,
            )  # fmt: skip

        held = await engine.worker.run(work)
        engine.wake()
        return held

    async def release(self, key: str, *, origin: str = "carts") -> bool:
        """Let a hold go at once; returns whether there was one."""
        from functools import partial

        from mpstock.reconcile import holding

        engine = await self._assembly.start()
        work = partial(holding.release, engine.ledger, engine.clock.now(), origin=origin, key=key)
        released = await engine.worker.run(work)
        engine.wake()
        return released

    async def receive(self, source: str, levels: Sequence[Level]) -> int:
        """Take in rows that a warehouse system has pushed; the next run acts on them.

        A row with `updated_at` counts as of then. One without may be late or doubled: it may lower at once,
        and what it would raise waits until the source is read.

        Returns:
            How many rows have changed something.

        Raises:
            ConfigurationError: there is no such source.
        """
        from functools import partial

        from mpstock.errors import ConfigurationError
        from mpstock.nearest import suggestion
        from mpstock.reconcile import holding

        engine = await self._assembly.start()
        if source not in self._assembly.config.sources:
            meant = suggestion(source, self._assembly.config.sources, what="the sources are")
            raise ConfigurationError(f"there is no source {source!r}; {meant}", place="source")
        now = engine.clock.now()
        advisory = self._assembly.config.sources[source].incremental == "advisory"
        work = partial(holding.receive, engine.ledger, source, list(levels), now, advisory=advisory)
        received = await engine.worker.run(work)
        engine.wake()
        return received.changed


class Receiving(Part):
    """The part of `Shop` that takes in holds and rows."""

    def hold(
        self,
        key: str,
        sku: str,
        quantity: int,
        *,
        warehouse: str | None = None,
        expires_in: timedelta | None = timedelta(minutes=15),
        origin: str = "carts",
        only_if_available: bool = False,
        replaces: str | None = None,
    ) -> bool:
        """Keep units back for an open cart; see `AsyncShop.hold`."""
        return self._call(
            self._shop.hold(
                key, sku, quantity, warehouse=warehouse, expires_in=expires_in, origin=origin,
                only_if_available=only_if_available, replaces=replaces,
            )
        )  # fmt: skip

    def hold_cart(
        self,
        key: str,
        units: Mapping[str, int],
        *,
        warehouse: str | None = None,
        expires_in: timedelta | None = timedelta(minutes=15),
        origin: str = "carts",
        only_if_available: bool = False,
        replaces: str | None = None,
    ) -> bool:
        """Keep units of several products back for one cart; see `AsyncShop.hold_cart`."""
        return self._call(
            self._shop.hold_cart(
                key, units, warehouse=warehouse, expires_in=expires_in, origin=origin,
                only_if_available=only_if_available, replaces=replaces,
            )
        )  # fmt: skip

    def release(self, key: str, *, origin: str = "carts") -> bool:
        """Let a hold go at once; see `AsyncShop.release`."""
        return self._call(self._shop.release(key, origin=origin))

    def receive(self, source: str, levels: Sequence[Level]) -> int:
        """Take in rows that a warehouse system has pushed; see `AsyncShop.receive`."""
        return self._call(self._shop.receive(source, levels))
