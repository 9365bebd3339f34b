"""Lets go what is older than anybody wants to ask about, so that the ledger does not grow for ever.

In many small transactions: a run or a webhook that comes meanwhile waits for one of them at most. Of the log
whole sealed segments go, the oldest first, and never the newest; their seals stay, so the chain still holds.
An action says up to which seal: rows that are gone beyond it were let go by nobody.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from attrs import define, frozen

from mpstock.asked import Asked
from mpstock.ledger.chain import TIDIED
from mpstock.ledger.database import as_text, ids

if TYPE_CHECKING:
    from mpstock.ledger.actions import Actions
    from mpstock.ledger.database import Database
    from mpstock.ledger.runs import Runs
    from mpstock.ledger.shadows import Shadows

__all__ = ["Kept", "Retention", "Tidied"]

EVERY = timedelta(days=1)
"""How often a run looks for what is too old."""

STEP = 2_000
"""Rows of one transaction: some milliseconds."""

LAST_RUNS = 20
"""Runs that stay however old they are: what happened last is always told."""

UNNAMED = timedelta(days=1)
"""An explanation that no line of the log names this long after was for nothing that was sent."""

_AT = "tidied at"

BY = "retention"


class Kept(Protocol):
    """How long each thing is kept; the settings `[retention]`."""

    @property
    def log(self) -> timedelta:
        """Lines of the sync log."""
        ...

    @property
    def explanations(self) -> timedelta:
        """The inputs of the formula for each number that was sent."""
        ...

    @property
    def drifts(self) -> timedelta:
        """What was found out of step."""
        ...

    @property
    def runs(self) -> timedelta:
        """Runs that sent nothing, or whose log is gone."""
        ...


@frozen
class Tidied:
    """How many rows were let go."""

    log: int = 0
    explanations: int = 0
    drifts: int = 0
    runs: int = 0
    shadows: int = 0

    def __bool__(self) -> bool:
        return bool(self.log or self.explanations or self.drifts or self.runs or self.shadows)


@define
class Retention:
    """Removes what is too old, step by step."""

    db: Database
    runs: Runs
    actions: Actions
    shadows: Shadows

    def due(self, now: datetime) -> bool:
        """Say whether a run should look for what is too old; it costs one row."""
        last = self.runs.recall(_AT)
        # A moment in the future was written while the clock was ahead.
        return last is None or not as_text(now - EVERY) < last <= as_text(now)

    def done(self, now: datetime) -> None:
        """Record that everything that was too old has gone."""
        self.runs.remember(_AT, as_text(now))

    def steps(self, kept: Kept, now: datetime) -> Generator[Tidied, None, None]:
        """Let go what is too old; each step is one short transaction, and says what went with it."""
        self.db.tend(now, now - kept.log)
        yield from self._log(as_text(now - kept.log), now)
        yield from self._runs(as_text(now - kept.runs))
        yield from self._explanations(as_text(now - kept.explanations), as_text(now - UNNAMED))
        yield from self._drifts(as_text(now - kept.drifts))
        # What was found out of step beside another integration is of the same kind.
        while gone := self.shadows.forget(now - kept.drifts, STEP):
            yield Tidied(shadows=gone)

    def _log(self, before: str, now: datetime) -> Generator[Tidied, None, None]:
        through = int(
            self.db.scalar(
                "SELECT coalesce(max(id), 0) FROM log_seals WHERE subject = 'log' AND sealed_at < ? "
                "AND id < (SELECT max(id) FROM log_seals WHERE subject = 'log') AND id < coalesce("
                "(SELECT min(id) FROM log_seals WHERE subject = 'log' AND sealed_at >= ?), id + 1)",
                (before, before),
            )
        )
        waiting = "subject = 'log' AND pruned_at IS NULL AND id <= ?"
        rows = self.db.scalar(f"SELECT sum(rows) FROM log_seals WHERE {waiting}", (through,))
        if rows:
            # It says so before, and may be stopped between: what is gone is never more than it says.
            self.actions.record(Asked(BY), TIDIED, now, scope={"seal": through, "rows": rows})
        while segments := self.db.query(
            f"SELECT id, first_id, last_id, rows FROM log_seals WHERE {waiting} ORDER BY id LIMIT ?",
            (through, STEP),
        ):
            yield Tidied(log=self._segments(segments, as_text(now)))
        while gone := self.db.affected(
            "DELETE FROM stock_sync_log WHERE id IN (SELECT id FROM stock_sync_log WHERE id <= "
            "(SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'log.unsealed') AND synced_at < ? "
            "ORDER BY id LIMIT ?)",
            (before, STEP),
        ):
            yield Tidied(log=gone)

    def _segments(self, segments: list[tuple[int, int, int, int]], moment: str) -> int:
        """Let the first of these segments go, as many as make a step."""
        count = 0
        with self.db.transaction():
            for seal, first, last, rows in segments:
                self.db.execute("UPDATE log_seals SET pruned_at = ? WHERE id = ?", (moment, seal))
                count += self.db.affected(
                    "DELETE FROM stock_sync_log WHERE id BETWEEN ? AND ?", (first, last)
                )
                if count + rows > STEP:
                    break
        return count

    def _runs(self, before: str) -> Generator[Tidied, None, None]:
        after = 0
        while True:
            page = self.db.query(
                "SELECT id FROM runs AS r WHERE id > ? AND started_at < ? "
                "AND id <= (SELECT max(id) FROM runs) - ? "
                "AND NOT EXISTS (SELECT 1 FROM stock_sync_log WHERE run = r.id) ORDER BY id LIMIT ?",
                (after, before, LAST_RUNS, STEP),
            )
            if not page:
                break
            after = page[-1][0]
            chosen = ids(row[0] for row in page)
            with self.db.transaction():
                self.db.execute("DELETE FROM pushes WHERE run_id IN ids(?)", (chosen,))
                gone = self.db.affected("DELETE FROM runs WHERE id IN ids(?)", (chosen,))
            yield Tidied(runs=gone)
        self.db.execute(
            "DELETE FROM plans WHERE applied_at < ? "
            "AND id NOT IN (SELECT plan_id FROM runs WHERE plan_id IS NOT NULL)",
            (before,),
        )

    def _explanations(self, before: str, unnamed: str) -> Generator[Tidied, None, None]:
        # A number that still stands may have been explained long ago: what a young line of the log names
        # stays, and what the next one may name.
        after, gone = 0, 0
        while True:
            page = self.db.query(
                "SELECT id, at < ? AND NOT EXISTS (SELECT 1 FROM stock_sync_log AS g WHERE "
                "g.product_id = e.product_id AND g.explanation_id = e.id "
                "AND (e.at >= ? OR g.synced_at >= ?)) AND NOT EXISTS (SELECT 1 FROM marketplace_stocks AS s "
                "WHERE s.product_id = e.product_id AND s.explanation_id = e.id) "
                "FROM explanations AS e WHERE id > ? ORDER BY id LIMIT ?",
                (unnamed, before, before, after, STEP),
            )
            if not page:
                break
            after = page[-1][0]
            if chosen := [row[0] for row in page if row[1]]:
                count = self.db.affected("DELETE FROM explanations WHERE id IN ids(?)", (ids(chosen),))
                gone += count
                yield Tidied(explanations=count)
            else:
                # Others have their turn also where there is nothing to let go.
                yield Tidied()
        if gone:
            # The newest may be the ones that are in force, and about to be named.
            self.db.execute(
                "DELETE FROM explanation_settings WHERE id NOT IN (SELECT settings_id FROM explanations) "
                "AND id < (SELECT max(id) FROM explanation_settings)"
            )

    def _drifts(self, before: str) -> Generator[Tidied, None, None]:
        while gone := self.db.affected(
            "DELETE FROM drifts WHERE id IN (SELECT id FROM drifts WHERE at < ? ORDER BY id LIMIT ?)",
            (before, STEP),
        ):
            yield Tidied(drifts=gone)
        # So is what was sold that was not there.
        self.db.execute("DELETE FROM oversold_orders WHERE at < ?", (before,))
