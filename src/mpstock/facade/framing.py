"""What a shop tells from its ledger as frames: what there is, what is shown, what was sent."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import TYPE_CHECKING

from mpstock.facade.base import AsyncPart, Part

if TYPE_CHECKING:
    from mpstock.frames import Frame
    from mpstock.ledger import Ledger

__all__ = ["AsyncFraming", "Framing"]


class AsyncFraming(AsyncPart):
    """The part of `AsyncShop` that tells frames. They are read beside a run, as of one moment."""

    async def levels(self, *, source: str | None = None, skus: Collection[str] | None = None) -> Frame:
        """Return what the sources said last, a row for each product and own warehouse.

        `available` is the row's quantity less its own reserve; holds are of a product, and in `explain`. What
        is not known any more has no quantity, and says since when and why.

        Raises:
            ConfigurationError: there is no such source, and there was none.
        """
        from mpstock.frames.reading import levels

        return await self._framed(lambda ledger: levels(ledger, self._assembly.config.sources, source, skus))

    async def listings(self, *, sink: str | None = None, skus: Collection[str] | None = None) -> Frame:
        """Return what each listing shows as far as is known (`base`), and what it should (`wanted`).

        `held` names the guard that holds its change, `stopped` the number of what stops it by hand.

        Raises:
            ConfigurationError: there is no such sink, and there was none.
        """
        from mpstock.frames.reading import listings

        return await self._framed(lambda ledger: listings(ledger, self._assembly.config.sinks, sink, skus))

    async def history(
        self,
        sku: str | None = None,
        *,
        sink: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Frame:
        """Return the sync log of a product, or of all, the oldest first: what was sent and what came of it.

        A time without a zone is one of `[schedule] timezone`.

        Raises:
            ConfigurationError: no source knows the product, or there is no such sink, and was none.
        """
        from mpstock.frames.reading import history
        from mpstock.ledger.log import LogSearch

        zone = self._assembly.config.schedule.timezone
        begin, end = (
            moment.replace(tzinfo=zone) if moment is not None and moment.tzinfo is None else moment
            for moment in (since, until)
        )
        search = LogSearch(skus=() if sku is None else (sku,), sink=sink or "", since=begin, until=end)
        return await self._framed(lambda ledger: history(ledger, self._assembly.config.sinks, search))

    async def _framed(self, work: Callable[[Ledger], Frame]) -> Frame:
        def as_of_one_moment(ledger: Ledger) -> Frame:
            with ledger.database.snapshot():
                return work(ledger)

        return await self._beside(as_of_one_moment)


class Framing(Part):
    """The part of `Shop` that tells frames."""

    def levels(self, *, source: str | None = None, skus: Collection[str] | None = None) -> Frame:
        """Return what the sources said last; see `AsyncShop.levels`."""
        return self._call(self._shop.levels(source=source, skus=skus))

    def listings(self, *, sink: str | None = None, skus: Collection[str] | None = None) -> Frame:
        """Return what each listing shows and should show; see `AsyncShop.listings`."""
        return self._call(self._shop.listings(sink=sink, skus=skus))

    def history(
        self,
        sku: str | None = None,
        *,
        sink: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Frame:
        """Return the sync log of a product, or of all, the oldest first; see `AsyncShop.history`."""
        return self._call(self._shop.history(sku, sink=sink, since=since, until=until))
