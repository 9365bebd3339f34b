"""The source: levels of stock from the files of 1C's exchange with a site."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from mpstock import Context, Finding, Level, Problem, Rate, Reading
from mpstock.errors import TransientError, UnexpectedResponseError
from mpstock_onec.commerceml_folder import ExchangeFile, find
from mpstock_onec.commerceml_position import FolderPosition, fingerprint
from mpstock_onec.commerceml_reading import FolderReading

if TYPE_CHECKING:
    from mpstock_onec.commerceml_settings import CommerceMLSettings

__all__ = ["CommerceMLSource"]

PAGE = 5_000
"""Most levels in one reading."""


class CommerceMLSource:
    """Reads `offers*.xml`, `rests*.xml` and zips of them from a folder, and `import*.xml` for the articles.

    Each file is taken whole or not at all. The newest statement counts: of a package of everything and of
    the changes after it.
    """

    def __init__(self, settings: CommerceMLSettings, context: Context) -> None:
        self._settings = settings
        self._context = context

    @property
    def rates(self) -> Sequence[Rate]:
        return ()

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """Yield what the new files say, or what all of them say: without a cursor, or after other settings.

        Where nothing is new, one empty reading says how old the newest file is.
        """
        position = FolderPosition.from_text(cursor, fingerprint(self._settings))
        reading = await self.look(position)
        if not reading.told:
            as_of = min(position.as_of, self._context.clock.now()) if position else self._context.clock.now()
            yield Reading((), as_of, cursor=reading.position.text(), problems=reading.problems)
            return
        as_of = reading.position.as_of
        levels = _levels(reading, as_of)
        page, last = list(islice(levels, PAGE)), False
        while not last:
            await self._context.clock.sleep(0)
            following = list(islice(levels, PAGE))
            last = not following
            yield Reading(
                page,
                as_of,
                complete=reading.complete and last,
                cursor=reading.position.text() if last else None,
                absent="unknown" if reading.doubtful else "zero",
                problems=reading.problems if last else (),
            )
            page = following

    async def look(self, position: FolderPosition | None) -> FolderReading:
        """Read what is new since `position`, or everything.

        Raises:
            TransientError: the folder is not there.
            UnexpectedResponseError: there is nothing to read in it, or a file in it is broken.
        """
        name = self._context.name
        reading = FolderReading(self._settings, self._context.clock, position, self._files())
        if position is None and not reading.there:
            raise UnexpectedResponseError(
                f"no offers*.xml, rests*.xml or zip of them is at {self._settings.path}; let 1C export "
                "there, or mend path",
                adapter=name,
            )
        await reading.take_in()
        if reading.broken:
            raise UnexpectedResponseError("; ".join(reading.broken), adapter=name)
        return reading

    def check(self) -> AsyncIterator[Finding]:
        """Read everything once, and tell what there is to tell."""
        from mpstock_onec.commerceml_checks import check

        return check(self, self._settings)

    def _files(self) -> list[ExchangeFile]:
        path = self._settings.path
        try:
            return find(path)
        except OSError as error:
            raise TransientError(
                f"{path} cannot be looked at ({error.strerror or error}); is path right, is the share "
                f"mounted, "
                "and may this user read it?",
                adapter=self._context.name,
            ) from None


def _levels(reading: FolderReading, as_of: datetime) -> Iterator[Level]:
    for sku, warehouse, quantity, said_at in reading.rows():
        yield Level(sku, warehouse, quantity, updated_at=None if said_at == as_of else said_at)
    rounded = reading.rounded
    if rounded:
        reading.problems.append(
            Problem(
                "files",
                "Количество",
                f"{rounded:,} numbers are not whole and were rounded down: marketplaces take whole units "
                f"only",
            )
        )
