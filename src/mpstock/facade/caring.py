"""The care of the ledger: whether its log is whole, and what people did."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mpstock.facade.base import AsyncPart, Part

if TYPE_CHECKING:
    from mpstock.ledger.actions import Action
    from mpstock.ledger.backup import Backup
    from mpstock.ledger.chain import LogVerification
    from mpstock.ledger.inspecting import LedgerFinding
    from mpstock.ledger.retention import Tidied
    from mpstock.reconcile.doctoring import Repairs

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

    async def backup(
        self, path: str | Path, *, actor: str | None = None, reason: str | None = None
    ) -> Backup:
        """Copy the ledger to a new file, as of one moment, while runs and webhooks go on.

        The file appears under its name when it is whole and was read through. It is one file, and says that
        it is a copy: the first run on it reads everything anew.

        Raises:
            ConfigurationError: there is such a file already, or no such folder.
            LedgerError: it cannot be written, or the ledger is damaged.
            Interrupted: a stop was asked for meanwhile.
        """
        from mpstock.asked import Asked
        from mpstock.errors import Interrupted
        from mpstock.ledger.backup import BACKED_UP, back_up

        asked = Asked(actor, reason)
        engine = await self._assembly.start()
        now = engine.clock.now()
        with self._heeds_a_stop():
            made = await self._beside(
                lambda ledger: back_up(ledger.database, Path(path), now, stop=engine.stop.is_set)
            )
        if made is None:
            raise Interrupted
        await engine.worker.run(
            engine.ledger.actions.record,
            asked,
            BACKED_UP,
            now,
            scope={"path": str(made.path), "size": made.size},
        )
        return made

    async def doctor(self) -> list[LedgerFinding]:
        """Look after the ledger: what is damaged, out of step, stuck, or too large; the worst first.

        Nothing is changed, and runs go on meanwhile.
        """
        from mpstock.ledger.inspecting import inspect
        from mpstock.reconcile.doctoring import by_severity, unattended

        engine = await self._assembly.start()
        now = engine.clock.now()
        found = await self._beside(lambda ledger: inspect(ledger, now))
        return by_severity([*found, *await engine.worker.run(unattended, engine)])

    async def repair(
        self, *, apply: bool = False, actor: str | None = None, reason: str | None = None
    ) -> Repairs:
        """Return what in the ledger can be worked out anew; with `apply` do it, and say what is left.

        Each kind is mended in one transaction of its own, and recorded as an action. What is too old is let
        go as well. What a repair makes different is planned and judged by the next run like all else.
        """
        from mpstock.asked import Asked
        from mpstock.reconcile.doctoring import Repairs, mend, planned
        from mpstock.reconcile.tidying import tidy

        asked = Asked(actor, reason)
        # Before the leases are taken: that alone mends some of it.
        found = await self.doctor()
        if not apply:
            return Repairs(False, planned(found), found)
        async with self._run() as engine:
            repairs = await mend(engine, asked, found)
            await tidy(engine)
        return Repairs(True, repairs, await self.doctor())

    async def restored(self, *, actor: str | None = None, reason: str | None = None) -> int:
        """Say that this ledger is older than what the marketplaces show: it was put back from a copy.

        What the listings show and where the readings ended is forgotten; the next run reads all of it before
        it sends anything. A file that `backup` made says so itself.

        Returns:
            How many listings are to be read back.
        """
        from mpstock.asked import Asked
        from mpstock.reconcile.restoring import start_anew

        async with self._run() as engine:
            return await start_anew(engine, Asked(actor, reason))

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

    def backup(self, path: str | Path, *, actor: str | None = None, reason: str | None = None) -> Backup:
        """Copy the ledger to a new file while runs go on; see `AsyncShop.backup`."""
        return self._call(self._shop.backup(path, actor=actor, reason=reason))

    def doctor(self) -> list[LedgerFinding]:
        """Look after the ledger; see `AsyncShop.doctor`."""
        return self._call(self._shop.doctor())

    def repair(self, *, apply: bool = False, actor: str | None = None, reason: str | None = None) -> Repairs:
        """Mend what can be worked out anew; see `AsyncShop.repair`."""
        return self._call(self._shop.repair(apply=apply, actor=actor, reason=reason))

    def restored(self, *, actor: str | None = None, reason: str | None = None) -> int:
        """Say that this ledger was put back from a copy; see `AsyncShop.restored`."""
        return self._call(self._shop.restored(actor=actor, reason=reason))

    def tidy(self) -> Tidied:
        """Let go what is older than the settings say; see `AsyncShop.tidy`."""
        return self._call(self._shop.tidy())
