"""The source: levels of stock from a supplier's list."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from mpstock import Context, Finding, Level, Problem, Rate, Reading
from mpstock.errors import UnexpectedResponseError
from mpstock_files.fetching import Found, found_at_path, found_at_url
from mpstock_files.position import ListPosition, fingerprint
from mpstock_files.taking import Taken
from mpstock_files.unpacking import BrokenListError

if TYPE_CHECKING:
    from mpstock_files.settings import FilesSettings

__all__ = ["FilesSource"]

PAGE = 5_000
"""Most levels in one reading."""

_AT_A_TIME = 5_000


class FilesSource:
    """Reads one supplier's list, from files or from an address. It is taken whole or not at all."""

    def __init__(self, settings: FilesSettings, context: Context) -> None:
        self._settings = settings
        self._context = context

    @property
    def rates(self) -> Sequence[Rate]:
        return ()

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """Yield what the list says, always all of it; one empty reading where it is the list of last time."""
        before = ListPosition.from_text(cursor, fingerprint(self._settings))
        found, taken = await self.look(before)
        position = found.position
        if taken is None:
            yield Reading((), position.as_of, cursor=position.text())
            return
        doubtful = not len(taken.tally) or (
            taken.nameless > 0 and self._settings.rows_without_sku == "unknown"
        )
        full = self._settings.missing == "gone"
        if before is not None and position.as_of < before.as_of:
            taken.problems.append(_older(position, before))
        levels = _levels(taken)
        page, last = list(islice(levels, PAGE)), False
        while not last:
            await self._context.clock.sleep(0)
            following = list(islice(levels, PAGE))
            last = not following
            yield Reading(
                page,
                position.as_of,
                complete=full and last,
                cursor=position.text() if last else None,
                absent="unknown" if doubtful else "zero",
                problems=_problems(taken) if last else (),
            )
            page = following

    async def look(self, before: ListPosition | None) -> tuple[Found, Taken | None]:
        """Get the list and take it in; None where it is the one of `before`.

        Raises:
            UnexpectedResponseError: it cannot be used; what was taken in is thrown away.
        """
        settings, context = self._settings, self._context
        if settings.path is not None:
            found = found_at_path(settings, context, before)
        else:
            found = await found_at_url(settings, context, before)
        if not found.lists:
            return found, None
        taken = Taken(settings, context.name)
        for packed in found.lists:
            try:
                for number, _ in enumerate(taken.take_in(packed)):
                    if number % _AT_A_TIME == _AT_A_TIME - 1:
                        # What else runs in this loop gets its turn.
                        await context.clock.sleep(0)
            except BrokenListError as error:
                raise UnexpectedResponseError(
                    f"{packed.name}: {error}. Nothing of it is used", adapter=context.name
                ) from None
        taken.close()
        self._unchanged(found)
        return found, taken

    def check(self) -> AsyncIterator[Finding]:
        """Read the list once, and tell what there is to tell."""
        from mpstock_files.checks import check

        return check(self, self._settings, self._context)

    def _unchanged(self, found: Found) -> None:
        """Refuse files that somebody has written to while they were read."""
        if self._settings.path is None:
            return
        now = found_at_path(self._settings, self._context, found.position)
        if now.lists:
            raise UnexpectedResponseError(
                f"{found.lists[0].name} was written to while it was read. Nothing of it is used; the next "
                f"run reads it",
                adapter=self._context.name,
            )


def _older(position: ListPosition, before: ListPosition) -> Problem:
    return Problem(
        "list",
        "time",
        f"the list is of {position.as_of:%Y-%m-%d %H:%M}Z and older than the one that was read before, of "
        f"{before.as_of:%Y-%m-%d %H:%M}Z: where both tell of a product, the newer one counts. If it is "
        'the right one, save it anew, or set dated_by = "request"',
    )


def _levels(taken: Taken) -> Iterator[Level]:
    for sku, warehouse, quantity, reserved in taken.tally.rows():
        yield Level(sku, warehouse, quantity, reserved)


def _problems(taken: Taken) -> list[Problem]:
    problems = list(taken.problems)
    if not len(taken.tally):
        problems.append(
            Problem(
                "list",
                "rows",
                "the list has no goods, and an empty list zeroes nothing; is it the right one?",
            )
        )
    if taken.tally.rounded:
        problems.append(
            Problem(
                "list",
                "quantity",
                f"{taken.tally.rounded:,} numbers are not whole and were rounded down: marketplaces take "
                f"whole units",
            )
        )
    return problems
