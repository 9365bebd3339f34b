"""Places under the limits for a sink that sends by itself, and not over mpstock's transport."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from mpstock.errors import NotSentError
from mpstock.pacing.pacer import Pacer

__all__ = ["Slots"]


class Slots:
    """One account's places; what is done inside of one is the request that it was taken for."""

    def __init__(self, pacer: Pacer, account: str) -> None:
        self._pacer = pacer
        self._account = account

    def slot(
        self, scopes: Sequence[str], items: int = 1, *, may_go: Callable[[], bool] | None = None
    ) -> AbstractAsyncContextManager[None]:
        """Wait for a place, so that what is pushed can be computed when its turn has come.

        `may_go` is asked once it has; if it says no, nothing is to be sent.

        Raises:
            NotSentError: `may_go` said no.
        """
        return self._slot(tuple(scopes), items, may_go)

    @asynccontextmanager
    async def _slot(
        self, scopes: tuple[str, ...], items: int, may_go: Callable[[], bool] | None
    ) -> AsyncIterator[None]:
        place = await self._pacer.acquire(self._account, scopes, items=items)
        try:
            if may_go is not None and not may_go():
                raise NotSentError("not sent: another process has taken over")
            yield
        finally:
            await place.finish()
