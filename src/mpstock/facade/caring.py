"""The care of the ledger: whether its log is whole, and what people did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mpstock.facade.base import AsyncPart, Part

if TYPE_CHECKING:
    from mpstock.ledger.actions import Action
    from mpstock.ledger.chain import LogVerification
    from mpstock.ledger.retention import Tidied

__all__ = ["AsyncCaring", "Caring"]


class AsyncCaring(AsyncPart):
    """The part of `AsyncShop` that looks after the ledger itself."""

    async def verify_log(self, *, head: str | None = None) -> LogVerification:
        """Say whether the log is as it was written: nothing edited, removed, put in, moved or cut off.

        Args:
            head: the head of the chain as it was noted earlier, elsewhere; it must still be in it.

        Raises:
            ConfigurationError: `head` is no head.
        """
        from mpstock.ledger.chain import verify

        return await self._beside(lambda ledger: verify(ledger.database, ledger.seals, noted=head))

    async def actions(
        self, *, action: str | None = None, run: int | None = None, limit: int = 100
    ) -> list[Action]:
        """Return the newest things that people did (stops, releases, repairs), newest first."""
        engine = await self._assembly.start()
        return await engine.worker.run(engine.ledger.actions.last, action=action, run=run, limit=limit)

    async def tidy(self) -> Tidied:
        """Let go what is older than the settings `[retention]` say; a run does it once a day by itself.

        Returns:
            How many rows went.
        """
        from mpstock.reconcile.tidying import tidy

        async with self._run() as engine:
            return await tidy(engine)


class Caring(Part):
    """The part of `Shop` that looks after the ledger itself."""

    def verify_log(self, *, head: str | None = None) -> LogVerification:
        """Say whether the log is as it was written; see `AsyncShop.verify_log`."""
        return self._call(self._shop.verify_log(head=head))

    def actions(
        self, *, action: str | None = None, run: int | None = None, limit: int = 100
    ) -> Sequence[Action]:
        """Return the newest things that people did; see `AsyncShop.actions`."""
        return self._call(self._shop.actions(action=action, run=run, limit=limit))

    def tidy(self) -> Tidied:
        """Let go what is older than the settings say; see `AsyncShop.tidy`."""
        return self._call(self._shop.tidy())
