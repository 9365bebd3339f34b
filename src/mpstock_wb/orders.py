"""Reads the account's orders: what is new, what became of those that were open, and where to go on.

One reading asks, for each way of delivery that the configured warehouses have: for the new orders, for
those created since the last reading (an order that was taken to assembly at once is in no list of new
ones), and for the status of each that is open. What has ended is told once and forgotten.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from attrs import define, evolve, frozen

from mpstock import Order, OrderPage, OrderStage
from mpstock.errors import AdapterError
from mpstock_wb import rates
from mpstock_wb.order_cursor import FlowState, Known, OrderCursor
from mpstock_wb.order_flows import FLOWS, Flow, flows_of
from mpstock_wb.order_stages import is_known, stage_of

if TYPE_CHECKING:
    from mpstock import Context
    from mpstock_wb.calls import Calls
    from mpstock_wb.order_wire import OrderRow, Status
    from mpstock_wb.settings import WbSettings

__all__ = ["OrderReader"]

_OVERLAP = timedelta(hours=1)
"""How far each list reaches back behind the last one: an order may be listed later than it was created."""

_RECENT = timedelta(days=1)
"""A first reading tells of ended orders only if they were placed so lately: older ones are long booked."""

_SWEEP_EVERY = timedelta(hours=1)
"""How often a list of ended orders is read from far back: what was taken to assembly unseen ends in days."""

_WAREHOUSES_FOR = timedelta(hours=1)
"""How long it is believed which ways of delivery the warehouses have."""

_LISTED_FOR = timedelta(days=45)
"""How long an ended order may still come in a list of ended ones: a delivery by DBS takes up to 35 days."""

_FORGOTTEN = timedelta(days=90)
"""After three months Wildberries puts orders into the archive and tells their status no longer."""

_LOOKUPS = 10
"""Most barcodes that one reading looks up: each is a request of its own."""


@define
class _Found:
    """The orders of one flow in the course of a reading."""

    open: dict[int, Known]
    ended: dict[int, int]


@frozen
class _Told:
    """An order as it was told, and what it was made of."""

    known: Known
    status: Status
    order: Order


class OrderReader:
    """Implements `Sink.orders`."""

    def __init__(self, settings: WbSettings, context: Context, calls: Calls, account: str) -> None:
        self._context = context
        self._calls = calls
        self._account = account
        self._lookback = settings.orders_lookback
        self._sizes: dict[str, int | None] = {}
        self._left: tuple[str, OrderCursor | None] = "", None
        # What was told by the last reading, and by this one: most of it is told again as it was.
        self._before: dict[tuple[str, int], _Told] = {}
        self._told_now: dict[tuple[str, int], _Told] = {}

    async def read(self, cursor: str | None) -> AsyncIterator[OrderPage]:
        """Yield the open orders, and those that have ended since the cursor.

        `complete` for FBS alone: the other kinds list only new and ended orders, so one that was taken to
        assembly before a reading could see it is not told.
        """
        as_of = self._context.clock.now()
        kept = self._kept(cursor)
        if cursor and kept is None:
            self._context.logger.warning("the orders are read anew: what was kept of them cannot be used")
        place = await self._ways(kept or OrderCursor(self._account), as_of)
        complete = True
        waiting: OrderPage | None = None
        for flow in FLOWS:
            state = place.states.get(flow.name)
            active = flow.name in place.flows
            if not active and (state is None or not state.open):
                place = place.with_state(flow.name, None)
                continue
            complete = complete and active and flow.lists_open
            found = _Found(dict(state.open) if state else {}, dict(state.ended) if state else {})
            started = self._context.clock.now()
            start = self._start(flow, state, started)
            if active:
                await self._gather(flow, found, start, started)
            async for page in self._told(flow, found, first=state is None):
                if waiting is not None:
                    yield waiting
                waiting = page
            if active or state is None:
                swept = _seconds(started) if start <= started - self._lookback else 0
                state = FlowState(_seconds(started), max(swept, state.swept if state else 0))
            ended = self._still_listed(flow, found.ended, state.since)
            place = place.with_state(flow.name, evolve(state, open=found.open, ended=ended))
        last = waiting or OrderPage((), as_of)
        text = place.text()
        self._left = text, place
        self._before, self._told_now = self._told_now, {}
        yield evolve(last, cursor=text, complete=complete)

    def _kept(self, cursor: str | None) -> OrderCursor | None:
        """Return what a cursor says; the one that was given out last needs no unpacking."""
        text, place = self._left
        return place if text and text == cursor else OrderCursor.of(cursor, self._account)

    # ------------------------------------------------------- what there is to ask

    async def _ways(self, place: OrderCursor, now: datetime) -> OrderCursor:
        """Return the cursor with the ways of delivery of the configured warehouses."""
        configured = tuple(sorted(self._context.warehouses))
        age = _seconds(now) - place.asked_at
        if place.flows and place.warehouses == configured and 0 <= age < _WAREHOUSES_FOR.total_seconds():
            return place
        deliveries = {str(row.id): row.delivery for row in await self._calls.warehouses()}
        for code in configured:
            if code not in deliveries:
                self._context.logger.warning("the account has no warehouse %s: see `mpstock check`", code)
        flows = flows_of(deliveries[code] for code in configured if code in deliveries)
        return evolve(place, warehouses=configured, flows=flows, asked_at=_seconds(now))

    def _start(self, flow: Flow, state: FlowState | None, now: datetime) -> datetime:
        """Return from when on the list is read."""
        furthest = now - self._lookback
        if state is None:
            return furthest
        start = _moment(state.since) - _OVERLAP
        if not flow.lists_open and not 0 <= _seconds(now) - state.swept < _SWEEP_EVERY.total_seconds():
            start = min(start, furthest)
        # Wildberries keeps three months; a longer pause than that loses nothing that is still open.
        return max(start, now - _FORGOTTEN)

    async def _gather(self, flow: Flow, found: _Found, start: datetime, now: datetime) -> None:
        """Add what is new and what the list has to the open orders."""
        for row in await self._calls.new_orders(flow):
            found.ended.pop(row.id, None)
            self._add(flow, found, row, now)
        async for rows in self._calls.listed_orders(flow, start, now + timedelta(seconds=1)):
            for row in rows:
                if row.id not in found.ended:
                    self._add(flow, found, row, now)
        await self._look_up(found)

    def _add(self, flow: Flow, found: _Found, row: OrderRow, now: datetime) -> None:
        known = found.open.get(row.id)
        if known is not None:
            chrt_id = row.chrt_id
            if chrt_id is not None and known.item != chrt_id:
                found.open[row.id] = evolve(known, item=chrt_id)
            return
        created = row.created
        if created is None:
            self._context.logger.warning(
                "%s order %d: its `createdAt` cannot be read; taken as placed now", flow.title, row.id
            )
        found.open[row.id] = Known(
            id=row.id,
            item=_item(row),
            placed=_seconds(created or now),
            warehouse=row.warehouse or 0,
            mark=_mark(row),
        )

    async def _look_up(self, found: _Found) -> None:
        """Find the sizes of orders that came without a chrtId, by their barcode."""
        nameless = [one for one in found.open.values() if isinstance(one.item, str)]
        wanted = dict.fromkeys(
            str(one.item).removeprefix(_BARCODE) for one in nameless if str(one.item).startswith(_BARCODE)
        )
        try:
            for barcode in [one for one in wanted if one not in self._sizes][:_LOOKUPS]:
                self._sizes[barcode] = await self._size_of(barcode)
        except AdapterError as error:
            # The orders are told all the same: what they are of is then for a person to say.
            self._context.logger.warning(
                "orders without a chrtId: their barcodes are not looked up: %s", error
            )
        for one in nameless:
            chrt_id = self._sizes.get(str(one.item).removeprefix(_BARCODE))
            if chrt_id is not None:
                found.open[one.id] = evolve(one, item=chrt_id)

    async def _size_of(self, barcode: str) -> int | None:
        page = await self._calls.cards_with(barcode)
        found = {size.chrt_id for card in page.cards for size in card.sizes if barcode in size.barcodes}
        return found.pop() if len(found) == 1 else None

    # --------------------------------------------------------- what there is to tell

    async def _told(self, flow: Flow, found: _Found, *, first: bool) -> AsyncIterator[OrderPage]:
        ids = sorted(found.open)
        for start in range(0, len(ids), rates.STATUSES):
            batch = ids[start : start + rates.STATUSES]
            as_of = self._context.clock.now()
            statuses = await self._calls.statuses(flow, batch)
            orders = [self._order(flow, found, found.open[one], statuses.get(one), as_of) for one in batch]
            yield OrderPage(
                [order for order in orders if not first or self._matters_at_first(flow, order, as_of)],
                as_of,
            )

    def _matters_at_first(self, flow: Flow, order: Order, now: datetime) -> bool:
        """Whether a first reading tells it. A cancelled one frees what an earlier cursor may have told."""
        if order.stage is OrderStage.CANCELLED and not flow.lists_open:
            return True
        return order.stage in _OPEN_STAGES or order.placed_at > now - _RECENT

    def _still_listed(self, flow: Flow, ended: Mapping[int, int], since: int) -> dict[int, int]:
        """Return the ended orders that readings which go on from `since` may be told of again."""
        reach = _OVERLAP if flow.lists_open else max(_LISTED_FOR, self._lookback + _SWEEP_EVERY)
        oldest = since - reach.total_seconds()
        return {number: placed for number, placed in ended.items() if placed >= oldest}

    def _order(
        self, flow: Flow, found: _Found, known: Known, status: Status | None, as_of: datetime
    ) -> Order:
        key = flow.name, known.id
        before = self._before.get(key)
        if before is not None and before.known is known and before.status is status:
            self._told_now[key] = before
            return before.order
        order = self._made(flow, found, known, status, as_of)
        if status is not None and found.open.get(known.id) is known:
            self._told_now[key] = _Told(known, status, order)
        return order

    def _made(self, flow: Flow, found: _Found, known: Known, status: Status | None, as_of: datetime) -> Order:
        stage = OrderStage.ASSEMBLED if known.assembled else OrderStage.PLACED
        placed = _moment(known.placed)
        if status is not None:
            stage = stage_of(flow, status.supplier, status.wb, stage)
            words = f"{status.supplier} / {status.wb}"
            if not is_known(status.supplier, status.wb):
                words += ", a status that mpstock does not know"
        elif as_of - placed < _FORGOTTEN:
            words = "Wildberries does not tell its status"
        else:
            # It ended, nobody knows how: only a handed-over unit waits for the warehouse system's word.
            stage, words = OrderStage.SHIPPED, "Wildberries has not told its status for three months"
        if stage in _OPEN_STAGES:
            if known.assembled != (stage is OrderStage.ASSEMBLED):
                found.open[known.id] = evolve(known, assembled=not known.assembled)
        else:
            del found.open[known.id]
            found.ended[known.id] = known.placed
        return Order(
            key=str(known.id),
            external_id=str(known.item),
            quantity=1,
            placed_at=placed,
            warehouse=str(known.warehouse) if known.warehouse else None,
            stage=stage,
            note=f"{flow.title}: {words}" + (f" ({known.mark})" if known.mark else ""),
            oversold=_AT_ZERO in known.mark,
        )


_BARCODE = "barcode:"
_AT_ZERO = "ordered at a stock of 0"
_OPEN_STAGES = (OrderStage.PLACED, OrderStage.ASSEMBLED)


def _item(row: OrderRow) -> int | str:
    """Return the size, or where it is not told what else names the goods."""
    chrt_id, barcodes, article, nm_id = row.chrt_id, row.barcodes, row.article, row.nm_id
    if chrt_id is not None:
        return chrt_id
    if barcodes:
        return _BARCODE + barcodes[0]
    if article:
        return f"article:{article}"
    return f"nmID:{nm_id}" if nm_id is not None else "unknown"


def _mark(row: OrderRow) -> str:
    marks: Sequence[tuple[bool, str]] = (
        (row.b2b, "B2B"),
        (row.zero, _AT_ZERO),
        (row.delivery == "edbs", "express"),
    )
    return ", ".join(text for there, text in marks if there)


def _seconds(moment: datetime) -> int:
    return math.floor(moment.timestamp())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
