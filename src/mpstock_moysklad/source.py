"""The source: levels of stock from the short report of МойСклад, everything or what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

from mpstock import Context, Finding, Level, Problem, Rate, Reading
from mpstock_moysklad.api import MoyskladApi
from mpstock_moysklad.position import Position
from mpstock_moysklad.snapshot import Snapshot, Taker

if TYPE_CHECKING:
    from mpstock_moysklad.settings import MoyskladSettings

__all__ = ["MoyskladSource"]

PAGE = 5_000
"""Most levels in one reading."""


class MoyskladSource:
    """Reads `/report/stock/{bystore,all}/current`, and the lists that say what its ids are.

    What the ids are is kept in memory. So an incremental read goes on only from the cursor that this very
    object gave last; from any other one, in a new process, everything is read.
    """

    def __init__(self, settings: MoyskladSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._api = MoyskladApi(settings, context)
        self._taker = Taker(settings, context, self._api)
        self._given: str | None = None

    @property
    def rates(self) -> Sequence[Rate]:
        return self._api.rates

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """Yield what changed since `cursor`, or everything.

        Everything: without a cursor, when a full read is due, and when articles, bundles or stores have
        changed their meaning since.
        """
        position = Position.from_text(cursor) if cursor == self._given else None
        # A read that breaks off, or whose end is not kept, leaves no cursor to go on from.
        self._given = None
        now = self._context.clock.now()
        since = position and position.since(now, self._settings.overlap, self._settings.full_every)
        snapshot = await self._taker.changes(since) if since else None
        full = snapshot is None
        if snapshot is None:
            snapshot = await self._taker.everything()
        # Numbers that were not known may be told at any time, and nobody says when.
        again = snapshot.unknown > 0 or snapshot.unplaced > 0
        began = snapshot.as_of if full or position is None else position.full
        for reading in _readings(snapshot, Position(snapshot.as_of, began, again), full=full):
            if reading.cursor is not None:
                self._given = reading.cursor
            yield reading

    def check(self) -> AsyncIterator[Finding]:
        """Read everything once and tell what there is to tell; nothing is changed."""
        from mpstock_moysklad.checks import check

        return check(self._settings, self._context, self._api)


def _readings(snapshot: Snapshot, position: Position, *, full: bool) -> Iterator[Reading]:
    levels: Iterator[Level] = snapshot.levels()
    page = list(islice(levels, PAGE))
    while True:
        following = list(islice(levels, PAGE))
        if not following:
            break
        yield Reading(page, snapshot.as_of)
        page = following
    # What was rounded is known only now.
    problems: list[Problem] = list(chain(snapshot.problems, snapshot.remarks.problems()))
    yield Reading(
        page,
        snapshot.as_of,
        complete=full,
        cursor=position.text(),
        holds=snapshot.holds,
        holds_complete=True,
        absent="unknown" if snapshot.doubtful else "zero",
        problems=problems,
    )
