"""The source: levels of stock from a register's balance, read over 1C's standard OData."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from mpstock import Context, Finding, Problem, Rate, Reading
from mpstock.errors import RejectedError
from mpstock_onec.odata_client import OdataClient, in_chunks
from mpstock_onec.odata_library import Library
from mpstock_onec.odata_tally import Tally
from mpstock_onec.odata_urls import both

if TYPE_CHECKING:
    from mpstock_onec.odata_settings import OdataSettings

__all__ = ["OdataSource", "read_balance"]

PAGE = 5_000
"""Most levels in one reading."""

MOST_LEARNED = 2_000
"""Unknown references that are asked for one by one; for more the whole catalogue is read anew."""


class OdataSource:
    """Reads a register's whole balance, every time: 1C has no time of change for one.

    What is missing from it is at zero, for a balance has no rows of zero. The catalogue is kept between
    readings, and asked at once about a product that is not in it.
    """

    def __init__(self, settings: OdataSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._client = OdataClient(settings, context)
        self._library: Library | None = None

    @property
    def rates(self) -> Sequence[Rate]:
        return self._client.rates

    async def read(self, cursor: str | None) -> AsyncIterator[Reading]:
        """Yield everything, whatever `cursor` is: this source gives none."""
        settings, context = self._settings, self._context
        fresh = self._library is None or self._library.is_stale()
        if self._library is None or fresh:
            self._library = await Library.load(self._client, settings, context)
        try:
            as_of, tally = await read_balance(self._client, settings, context, self._library)
        except RejectedError:
            # The publication may be another than it was: the next reading looks at what it has.
            self._library = None
            raise
        if tally.overflow and not fresh:
            self._library = None
        levels = tally.levels(settings.duplicates)
        page = list(islice(levels, PAGE))
        empty = not page
        doubtful = empty or tally.lost > 0 or (tally.stray > 0 and settings.unknown_products == "unknown")
        if settings.duplicates == "unknown":
            for sku in tally.duplicates():
                tally.notes.duplicate(sku)
        last = False
        while not last:
            following = list(islice(levels, PAGE))
            last = not following
            problems = [*([_empty(tally)] if empty else []), *tally.notes.problems()] if last else []
            yield Reading(
                page,
                as_of,
                complete=last,
                absent="unknown" if doubtful else "zero",
                problems=problems,
            )
            page = following

    def check(self) -> AsyncIterator[Finding]:
        """Hold the settings against the publication and read everything once; tell what there is to tell."""
        from mpstock_onec.odata_checks import check

        return check(self._client, self._settings, self._context)


async def read_balance(
    client: OdataClient, settings: OdataSettings, context: Context, library: Library
) -> tuple[datetime, Tally]:
    """Read the balance; return when the first request began, and the sums.

    Raises:
        AuthenticationError, TransientError, RejectedError, UnexpectedResponseError: as `OdataClient.rows`.
    """
    plan = library.plan
    tally = Tally(plan, library.catalogue, library.places)
    begun: list[datetime] = []
    now = context.clock.now().astimezone(settings.zone) if settings.balance_at == "now" else None

    async def ask(condition: str) -> None:
        url = client.address.balance(
            plan.register,
            plan.dimensions,
            plan.balance_fields,
            condition=both(settings.condition, condition),
            at=now,
        )
        begun.append(await client.rows(url, tally.add))

    async def ask_for(refs: list[str]) -> None:
        await ask(plan.warehouse.equals(refs))

    if settings.split == "warehouse":
        await in_chunks(library.warehouses.chosen, ask_for, size=1)
    elif settings.warehouses:
        await in_chunks(library.warehouses.chosen, ask_for)
    else:
        await ask("")
    await _learn(tally, library)
    context.logger.debug("%d rows, %d bad, %d stray", tally.rows, tally.bad, tally.stray)
    return min(begun, default=context.clock.now()), tally


async def _learn(tally: Tally, library: Library) -> None:
    """Ask for what is newer than the catalogue, and count its rows in."""
    if not tally.pending:
        return
    products, characteristics, warehouses = tally.unknown_refs()
    if warehouses:
        await library.read_warehouses()
        tally.warehouses = library.places
    unheard = len((products | characteristics) - library.strays)
    if unheard > MOST_LEARNED:
        await library.reread(products | characteristics)
    elif unheard:
        await library.learn(products, characteristics)
    tally.learn()


def _empty(tally: Tally) -> Problem:
    if tally.rows:
        message = (
            f"none of the {tally.rows:,} rows is about a product with a sku in a warehouse that is read, and "
            "that zeroes nothing; look at the settings sku, article_property and warehouses"
        )
    else:
        message = (
            "the balance is empty, and an empty answer zeroes nothing; does the 1C user see the goods, and "
            "do the register, the warehouses and the condition fit?"
        )
    return Problem("value", "balance", message)
