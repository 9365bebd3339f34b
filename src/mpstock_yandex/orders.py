"""What `YandexSink.orders` reads: the orders that are open, and those that have changed since."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, field

from mpstock import Order, OrderPage, OrderStage
from mpstock_yandex import limits
from mpstock_yandex.order_cursor import OrderCursor
from mpstock_yandex.order_stages import OPEN, fell_short, stage_of, was_handed_over
from mpstock_yandex.order_wire import Asked

if TYPE_CHECKING:
    from mpstock import Context
    from mpstock_yandex.calls import Calls
    from mpstock_yandex.order_wire import OrderRow, OrdersPage
    from mpstock_yandex.stores import Stores

__all__ = ["read_orders"]

_CREATED_SPAN = timedelta(days=29)
"""Of one request: the Market takes periods of 30 days, whose last day is part of them."""

_WITHOUT_DATES = timedelta(days=28)
"""So far back, and a day or two more, the Market lists what was created, where no dates are named."""

_DAY = timedelta(days=1)


@define
class _Walk:
    """What one reading has come across."""

    cursor: OrderCursor
    stores: Stores
    open: set[int] = field(factory=set[int])
    freed: set[int] = field(factory=set[int])
    seen: set[int] = field(factory=set[int])
    unread: set[int] = field(factory=set[int])
    faults: list[str] = field(factory=list[str])

    def take(self, page: OrdersPage) -> list[Order]:
        """Take in a page: what is told later of an order is newer."""
        self.faults += page.faults
        self.unread |= page.unread
        return [order for row in page.orders for order in self._orders(row)]

    def missing(self) -> list[int]:
        """Return the orders that were open at the last reading and have not been told by this one."""
        return sorted(self.cursor.open - self.seen)

    def _orders(self, row: OrderRow) -> Iterator[Order]:
        self.seen.add(row.number)
        stage = self._stage(row)
        if stage in (OrderStage.PLACED, OrderStage.ASSEMBLED):
            self.open.add(row.number)
        else:
            self.open.discard(row.number)
        for item in row.items:
            yield Order(
                f"{row.number}-{item.id}",
                item.offer_id,
                item.count,
                row.created_at,
                self.stores.serving(row.campaign),
                stage,
                note=f"{row.status} {row.substatus}".strip(),
                oversold=fell_short(row.status, row.substatus),
            )

    def _stage(self, row: OrderRow) -> OrderStage:
        stage = stage_of(row.status, row.substatus)
        if stage is not None:
            return stage
        left = was_handed_over(row.substatus)
        if left is None:
            left = not self.cursor.was_in_the_warehouse(row.number, row.created_at)
            if not left:
                self.freed.add(row.number)
        return OrderStage.SHIPPED if left else OrderStage.CANCELLED


async def read_orders(
    calls: Calls, context: Context, stores: Stores, cursor: str | None, lookback: timedelta
) -> AsyncIterator[OrderPage]:
    """Yield the open orders, then those that have changed since `cursor`, then those that neither has told.

    In this order, for what changes while the open ones are read is told by the changed ones. The Market lists
    orders of 30 days at a time: the first reading goes back as far as `lookback`, one after a longer break as
    far as the last one, and each asks by number for the open orders that no list tells, whatever their age.
    So a reading is complete unless an open order cannot be read.
    """
    started = context.clock.now()
    state = OrderCursor.read(cursor, started)
    walk = _Walk(state, stores)
    waiting: OrderPage | None = None
    for asked in _asked(state, started, lookback):
        async for as_of, page in calls.orders(asked):
            if waiting is not None:
                yield waiting
            waiting = OrderPage(walk.take(page), as_of)
    missing = walk.missing()
    for start in range(0, len(missing), limits.ORDERS_ASKED):
        numbers = tuple(missing[start : start + limits.ORDERS_ASKED])
        async for as_of, page in calls.orders(Asked(numbers=numbers)):
            if waiting is not None:
                yield waiting
            waiting = OrderPage(walk.take(page), as_of)
    for fault in dict.fromkeys(walk.faults):
        context.logger.warning("%s", fault)
    if waiting is not None:
        # An order that cannot be read stays what it was: it is asked for again.
        unread = frozenset(walk.unread)
        after = OrderCursor(started, frozenset(walk.open) | (state.open & unread), frozenset(walk.freed))
        yield OrderPage(waiting.orders, waiting.as_of, after.text(), complete=not walk.faults)


def _asked(state: OrderCursor, now: datetime, lookback: timedelta) -> Iterator[Asked]:
    back = lookback if state.read_at is None else now - state.read_at
    if state.read_at is None or back >= _WITHOUT_DATES:
        # The Market's days are Moscow's: one day more at either end harms nothing.
        first, last = (now - back - _DAY).date(), (now + _DAY).date()
        while last >= first:
            begin = max(last - _CREATED_SPAN, first)
            yield Asked(OPEN, begin, last)
            last = begin - _DAY
    else:
        yield Asked(OPEN)
    yield Asked(changed_from=state.since(now))
