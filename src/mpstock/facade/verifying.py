"""What a shop's sinks show, held against what is known."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from mpstock.facade.base import AsyncPart, Part

if TYPE_CHECKING:
    from mpstock.reconcile.engine import Progress
    from mpstock.reconcile.verification import Verification

__all__ = ["AsyncVerifying", "Verifying"]


class AsyncVerifying(AsyncPart):
    """The part of `AsyncShop` that verifies."""

    async def verify(
        self,
        sinks: Collection[str] | None = None,
        *,
        urgent: bool = False,
        cause: str = "manual",
        progress: Progress | None = None,
    ) -> Verification:
        """Read back everything that the sinks show, then their orders, and say what differs and why.

        Nothing is sent: what differs is reckoned anew by the next run, never simply put back.

        Args:
            sinks: the names of the sinks to verify; None = all.
            urgent: send beside it what is brought or sold meanwhile, which else waits for its end.
            cause: what made it.
            progress: told of long work: phase, adapter, done so far, total if known.

        Raises:
            ConfigurationError: there is no such sink.
            LedgerError: the ledger cannot be written.
        """
        from mpstock.reconcile.engine import silent
        from mpstock.reconcile.verification import verify

        async with self._run(sinks) as engine:
            return await verify(engine, sinks, cause=cause, urgent=urgent, progress=progress or silent)


class Verifying(Part):
    """The part of `Shop` that verifies."""

    def verify(
        self, sinks: Collection[str] | None = None, *, progress: Progress | None = None
    ) -> Verification:
        """Read back everything that the sinks show and say what differs; see `AsyncShop.verify`."""
        return self._call(self._shop.verify(sinks, progress=progress))
