"""What `OzonSink.orders` reads: the account's postings one by one, or the sums that Ozon keeps in reserve."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from mpstock import Context, Order, OrderPage
from mpstock.errors import AuthenticationError, UnexpectedResponseError
from mpstock_ozon import wire
from mpstock_ozon.api import OzonApi
from mpstock_ozon.postings import PostingPage

__all__ = ["FIRST_LOOK_BACK", "LONGEST_LOOK_BACK", "OVERLAP", "POSTING_ROLE", "postings", "reserves"]

OVERLAP = timedelta(minutes=15)
"""How much of the last reading's time is read again: how late Ozon lists a change is not documented."""

FIRST_LOOK_BACK = timedelta(days=3)
"""How far back the first reading looks for what has changed."""

LONGEST_LOOK_BACK = timedelta(days=30)
"""How far back a reading looks after a long pause; what ended before that has just vanished."""

POSTING_ROLE = "Posting FBS"
"""The role of an API key that may read postings (Ozon Seller API, example of /v1/roles)."""

Ask = Callable[[str, datetime], Awaitable[PostingPage]]
"""Asks for the page at a cursor; the moment is that of asking."""


async def postings(api: OzonApi, context: Context, cursor: str | None) -> AsyncIterator[OrderPage]:
    """Yield the open postings, then those whose status has changed since `cursor`.

    In this order: what is handed over while the open ones are read is told by the changed ones, and what a
    later page says of an order is newer. Changes are read whatever the status, so that a posting which
    is split meanwhile is told with its parts. One whose deadline is moved back over the place of the reading
    is missed, and told by the next one: Ozon's pages follow the deadline.

    Raises:
        AuthenticationError, TransientError, RejectedError, UnexpectedResponseError: as for any reading.
    """
    started = context.clock.now()
    since = _since(cursor, started)

    def open_ones(at: str, as_of: datetime) -> Awaitable[PostingPage]:
        return api.unfulfilled(started, at, as_of)

    every_open, every_change = True, True
    waiting: OrderPage | None = None
    try:
        async for as_of, page in _walk(context, wire.UNFULFILLED, open_ones):
            every_open = _told(context, wire.UNFULFILLED, page) and every_open
            yield OrderPage(page.orders, as_of)
        # Ozon's clock may be ahead of ours: what it dates so is not left to the next reading.
        until = context.clock.now() + OVERLAP

        def changed_ones(at: str, as_of: datetime) -> Awaitable[PostingPage]:
            return api.changed(since, until, at, as_of)

        async for as_of, page in _walk(context, wire.POSTINGS, changed_ones):
            every_change = _told(context, wire.POSTINGS, page) and every_change
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
    if waiting is not None:
        # A change that could not be read is asked for again.
        moved_on = json.dumps({"changes_since": started.isoformat()}) if every_change else cursor
        yield OrderPage(waiting.orders, waiting.as_of, moved_on, complete=every_open)


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


def _told(context: Context, path: str, page: PostingPage) -> bool:
    """Log what could not be read; tell whether everything could."""
    for problem in page.problems:
        context.logger.warning("%s: %s", path, problem.message)
    return not page.problems


def _since(cursor: str | None, now: datetime) -> datetime:
    try:
        at = wire.moment(json.loads(cursor or "")["changes_since"])
    except (ValueError, TypeError, KeyError):
        at = None
    if at is None:
        return now - FIRST_LOOK_BACK
    return max(min(at, now) - OVERLAP, now - LONGEST_LOOK_BACK)
