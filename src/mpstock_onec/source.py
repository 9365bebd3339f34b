"""The source: levels of stock from an HTTP service of 1C, everything or what changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from mpstock import Context, Finding, Problem, Rate, Reading
from mpstock_onec.client import OnecClient
from mpstock_onec.position import Position, fingerprint

if TYPE_CHECKING:
    from mpstock_onec.settings import OnecSettings

__all__ = ["OnecSource"]

PAGE = 5_000
"""Most levels in one reading."""


class OnecSource:
    """Reads `{"stocks": [row, …]}` from an HTTP service of 1C.

    An answer is taken whole or not at all. A row that cannot be read becomes a problem with its
    place, and an unknown quantity where its product could be told; its neighbours are not touched.
    """

    def __init__(self, settings: OnecSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._client = OnecClient(settings, context)

    @property
    def rates(self) -> Sequence[Rate]:
        return self._client.rates

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """Yield what changed since `cursor`, or everything: without one, or when a full read is due.

        The answer to an incremental read is never `complete`, also if the service ignores
        `changedAfter` and tells everything: that cannot be told from a list of many changes.
        """
        settings, of = self._settings, fingerprint(self._settings)
        position = Position.from_text(cursor)
        if position and not position.usable(self._context.clock.now(), settings.full_every, of):
            position = None
        full = position is None
        as_of, tally = await self._client.ask(position.changed_after(settings.overlap) if position else None)
        unattributed = tally.unattributed(settings.rows_without_sku)
        doubtful = unattributed > 0
        if full and not tally.rows:
            tally.problems.append(_EMPTY)
            doubtful = True
        if position is None:
            position = Position(as_of, as_of, of)
        elif tally.bad == tally.unplaced and not unattributed:
            position = Position(as_of, position.full, of)
        # Else rows that were of no use are asked for again, and come as soon as they are mended.
        levels = tally.levels(as_of)
        page, told, last = list(islice(levels, PAGE)), 0, False
        while not last:
            following = list(islice(levels, PAGE))
            last = not following
            problems = tally.problems[told:] if last else tally.problems[told : told + PAGE]
            told += len(problems)
            yield Reading(
                page,
                as_of,
                complete=full and last,
                cursor=position.text() if last else None,
                absent="unknown" if doubtful else "zero",
                problems=problems,
            )
            page = following

    def check(self) -> AsyncIterator[Finding]:
        """Read everything once, and once what changed since a moment ago; tell what there is to tell."""
        from mpstock_onec.checks import check

        return check(self._client, self._settings)


_EMPTY = Problem(
    "body",
    "stocks",
    "the list of everything is empty, and an empty list zeroes nothing; if nothing is left indeed, let the "
    "service write its products with quantity 0",
)
