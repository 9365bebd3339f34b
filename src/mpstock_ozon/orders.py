"""What `OzonSink.orders` reads: the account's postings one by one, or the sums that Ozon keeps in reserve."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from datetime import datetime

from mpstock import Context, Order, OrderPage
from mpstock.errors import AuthenticationError, UnexpectedResponseError
from mpstock_ozon import wire
from mpstock_ozon.api import OzonApi
from mpstock_ozon.postings import PostingPage
from mpstock_ozon.progress import AHEAD, Cursor, Walked

__all__ = ["POSTING_ROLE", "postings", "reserves"]

POSTING_ROLE = "Posting FBS"
"""The role of an API key that may read postings (Ozon Seller API, example of /v1/roles)."""

Ask = Callable[[str, datetime], Awaitable[PostingPage]]
"""Asks for the page at a cursor; the moment is that of asking."""


async def postings(api: OzonApi, context: Context, cursor: str | None) -> AsyncIterator[OrderPage]:
    """Yield the open postings, then those whose status has changed since `cursor`.

    In this order: what is handed over while the open ones are read is told by the changed ones, and what a
    later page says of an order is newer. Changes are read whatever the status, so that a posting which
    is split meanwhile is told with its parts.

    What a complete reading leaves out counts as handed over for good, so it must have left nothing out.
    Ozon's pages follow the deadline, and a posting whose deadline is moved while they are read may fall
    between two: a reading of several pages is complete only if it was made twice, at most once in
    `WHOLE_EVERY`. A posting that only the changes tell as open is remembered in the cursor, and no reading is
    complete until the open ones have it or it is told to have ended.

    Open postings that fill several pages are read every `OPEN_EVERY` only. In between the changes tell what
    is new, for as long as they are seen to: once they leave out a posting that the open ones have for longer
    than `LISTED_WITHIN`, the open ones are read every time again, for a day.

    Raises:
        AuthenticationError, TransientError, RejectedError, UnexpectedResponseError: as for any reading.
    """
    started = context.clock.now()
    state = Cursor.read(cursor, started)
    walked = state.walk(started)
    waiting: OrderPage | None = None

    def open_ones(at: str, as_of: datetime) -> Awaitable[PostingPage]:
        return api.unfulfilled(started, at, as_of)

    def changed_ones(at: str, as_of: datetime) -> Awaitable[PostingPage]:
        return api.changed(state.since(started), until, at, as_of)

    try:
        whole = False
        for reading in range(0 if state.leaves_open_out(started) else 2 if state.is_due(started) else 1):
            async for as_of, page in _walk(context, wire.UNFULFILLED, open_ones):
                walked.take_open(page)
                yield OrderPage(page.orders, as_of)
            whole = reading == 1 or walked.pages == 1
            if whole:
                break
        # What Ozon's clock dates later than ours is not left to the next reading.
        until = context.clock.now() + AHEAD
        async for as_of, page in _walk(context, wire.POSTINGS, changed_ones):
            walked.take_changed(page)
            if waiting is not None:
                yield waiting
            waiting = OrderPage(page.orders, as_of)
    except AuthenticationError as error:
        told = AuthenticationError(
            f"{error}. Reading postings needs a key with the role {POSTING_ROLE!r}; without it write "
            f'orders = "reserved" or "none" under [sinks.{context.name}]'
        )
        told.adapter = context.name
        raise told from None
    _report(context, walked, walked.untold if walked.pages > 1 and not state.doubts(started) else ())
    complete = whole and not (walked.unread_open or walked.apart)
    if waiting is not None:
        moved_on = state.after(started, walked, complete=complete)
        yield OrderPage(waiting.orders, waiting.as_of, moved_on.text(), complete=complete)


async def reserves(api: OzonApi, context: Context, warehouses: Sequence[int]) -> AsyncIterator[OrderPage]:
    """Yield one order for each offer that Ozon keeps units of in a warehouse of the account.

    `warehouses` are the configured ones; the account's others are read too.
    """
    account = [warehouse.warehouse_id for warehouse in await api.warehouses()]
    waiting: OrderPage | None = None
    complete = True
    for warehouse in dict.fromkeys([*warehouses, *account]):
        as_of = context.clock.now()
        async for rows in api.stocks_of_warehouse(warehouse):
            if waiting is not None:
                yield waiting
            unknown = [row.offer_id for row in rows if row.reserved is None]
            if unknown:
                complete = False
                context.logger.warning(
                    "%s: Ozon does not say what it keeps in reserve of %s in warehouse %s; what was known "
                    'of it stands. If it stays so, write orders = "postings"',
                    wire.STOCKS_OF_WAREHOUSE,
                    ", ".join(unknown[:5]) + (" …" if len(unknown) > 5 else ""),
                    warehouse,
                )
            waiting = OrderPage([_reserve(row, as_of) for row in rows if row.reserved], as_of)
            as_of = context.clock.now()
    if waiting is not None:
        yield OrderPage(waiting.orders, waiting.as_of, complete=complete)


def _reserve(row: wire.StockRow, as_of: datetime) -> Order:
    warehouse = str(row.warehouse_id)
    return Order(
        f"reserved/{row.offer_id}/{warehouse}",
        row.offer_id,
        row.reserved or 0,
        as_of,
        warehouse,
        note="the sum that Ozon keeps in reserve",
    )


async def _walk(context: Context, path: str, ask: Ask) -> AsyncIterator[tuple[datetime, PostingPage]]:
    """Yield the pages with the moment before each was asked for; a walk in circles is an error."""
    cursor: str = ""
    cursors: set[str] = {""}
    numbers: set[str] = set()
    while True:
        as_of = context.clock.now()
        page = await ask(cursor, as_of)
        yield as_of, page
        if page.following is None:
            return
        # An unreadable posting has no number, and is as new as any.
        repeated = not page.problems and numbers.issuperset(page.numbers)
        if page.following in cursors or repeated:
            raise UnexpectedResponseError(
                f"{path} says that there is more after cursor {cursor!r} and does not lead on: "
                + ("the page has nothing new" if repeated else f"it points back to {page.following!r}"),
                adapter=context.name,
            )
        numbers.update(page.numbers)
        cursors.add(page.following)
        cursor = page.following


def _report(context: Context, walked: Walked, untold: Collection[str]) -> None:
    for path, problems in (
        (wire.UNFULFILLED, walked.unread_open),
        (wire.POSTINGS, walked.unread_changes),
    ):
        for problem in problems:
            context.logger.warning("%s: %s", path, problem.message)
    if walked.pages and walked.apart:
        context.logger.warning(
            "%s leaves out %s, which %s has told as open; until that is settled no order ends for not "
            "being told. Look at them in the seller's cabinet",
            wire.UNFULFILLED,
            _named(walked.apart),
            wire.POSTINGS,
        )
    if untold:
        context.logger.warning(
            "%s leaves out %s, which %s has told as new; for a day all open postings are read each time",
            wire.POSTINGS,
            _named(untold),
            wire.UNFULFILLED,
        )


def _named(numbers: Collection[str]) -> str:
    return ", ".join(sorted(numbers)[:5]) + (" …" if len(numbers) > 5 else "")
