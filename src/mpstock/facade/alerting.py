"""What a shop tells of its alerts: what stands, what was, and whom it tells nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from mpstock.facade.base import AsyncPart, Part, asked

if TYPE_CHECKING:
    from mpstock.alerts.desk import SentNotice
    from mpstock.alerts.told import ToldTrouble

__all__ = ["Alerting", "AsyncAlerting"]


class AsyncAlerting(AsyncPart):
    """The part of `AsyncShop` that knows what needs a person."""

    async def alerts(self, *, over: bool = False) -> list[ToldTrouble]:
        """Look at the ledger now and return what needs a person, the worst first, in the words of `[alerts]`.

        With `over` also what is over, of the last 30 days.
        """
        from mpstock.alerts.told import told

        engine = await self._assembly.start()
        await self._assembly.desk.look(engine)
        return await engine.worker.run(told, engine, over)

    async def silence(
        self, subject: str, *, lasts: timedelta | None = None, actor: str | None = None
    ) -> ToldTrouble:
        """Tell nobody of a subject for so long (by default a day), unless it becomes critical; 0 tells again.

        Raises:
            ConfigurationError: there is no such alert.
        """
        from mpstock.alerts.told import silence

        engine = await self._assembly.start()
        length = timedelta(days=1) if lasts is None else lasts
        return await engine.worker.run(silence, engine, subject, length, asked(actor, None).actor)

    async def send_alerts(self) -> int:
        """Tell what waits to be told, as far as it is due; returns how many notices have gone out."""
        engine = await self._assembly.start()
        return await self._assembly.desk.deliver(engine)

    async def test_alerts(self) -> list[SentNotice]:
        """Send a test to each URL of `[alerts]`; returns how each took it.

        Raises:
            ConfigurationError: there is none, or Apprise is not installed.
        """
        engine = await self._assembly.start()
        return await self._assembly.desk.test(engine)


class Alerting(Part):
    """The part of `Shop` that knows what needs a person."""

    def alerts(self, *, over: bool = False) -> Sequence[ToldTrouble]:
        """Return what needs a person; see `AsyncShop.alerts`."""
        return self._call(self._shop.alerts(over=over))

    def silence(
        self, subject: str, *, lasts: timedelta | None = None, actor: str | None = None
    ) -> ToldTrouble:
        """Tell nobody of a subject for so long; see `AsyncShop.silence`."""
        return self._call(self._shop.silence(subject, lasts=lasts, actor=actor))

    def send_alerts(self) -> int:
        """Tell what waits to be told; see `AsyncShop.send_alerts`."""
        return self._call(self._shop.send_alerts())

    def test_alerts(self) -> Sequence[SentNotice]:
        """Send a test to each URL; see `AsyncShop.test_alerts`."""
        return self._call(self._shop.test_alerts())
