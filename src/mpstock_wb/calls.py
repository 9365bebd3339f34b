"""The requests of one Wildberries account: where each goes, what it counts in, how its answer is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from mpstock.errors import RejectedError, UnexpectedResponseError
from mpstock_wb import order_wire, rates, wire
from mpstock_wb.retelling import Retelling
from mpstock_wb.words import decode, describe

if TYPE_CHECKING:
    import httpx

    from mpstock import Context
    from mpstock_wb.order_flows import Flow
    from mpstock_wb.order_wire import OrderRow, Status
    from mpstock_wb.settings import WbSettings

__all__ = ["Calls"]

_T = TypeVar("_T")

_SPAN = timedelta(days=29)
"""Of one request for orders. At most 30 calendar days are allowed, and 30 times 24 hours touch 31 of them."""


class Calls:
    """Sends over the core's transport.

    Every reading method raises `RejectedError` for an answer below 500 that is not 200,
    `UnexpectedResponseError` for one that cannot be read, and lets the transport's errors through.
    """

    def __init__(self, settings: WbSettings, context: Context, table: rates.RateTable) -> None:
        self._context = context
        self._table = table
        self._retelling = Retelling()
        self._marketplace = settings.marketplace_url.rstrip("/")
        self._content = settings.content_url.rstrip("/")
        self._headers = {"Authorization": settings.token.reveal()}

    # -------------------------------------------------------- stocks and cards

    async def put_stocks(self, warehouse: str, amounts: Mapping[int, int]) -> httpx.Response:
        """Send PUT /api/v3/stocks/{warehouseId}; what its answer means is for the caller to say."""
        return await self._context.transport.request(
            "PUT",
            f"{self._marketplace}/api/v3/stocks/{warehouse}",
            scopes=self._table.stocks,
            push=True,
            headers=self._headers,
            json=wire.stocks_body(amounts),
            describe=describe,
        )

    async def delete_stocks(self, warehouse: str, ids: Sequence[int]) -> httpx.Response:
        """Send DELETE /api/v3/stocks/{warehouseId}; what its answer means is for the caller to say."""
        return await self._context.transport.request(
            "DELETE",
            f"{self._marketplace}/api/v3/stocks/{warehouse}",
            scopes=self._table.removals,
            push=True,
            headers=self._headers,
            json=wire.ids_body(ids),
            describe=describe,
        )

    async def stocks(self, warehouse: str, ids: Sequence[int]) -> dict[int, int | None]:
        """Return amounts by size, of POST /api/v3/stocks/{warehouseId}; as `wire.read_stocks`."""
        return await self._read(
            "POST",
            f"{self._marketplace}/api/v3/stocks/{warehouse}",
            self._table.stocks,
            f"the stocks of warehouse {warehouse}",
            wire.read_stocks,
            json=wire.ids_body(ids),
        )

    async def cards(self, updated_at: str | None, nm_id: int | None) -> wire.CardPage:
        """Return one page of POST /content/v2/get/cards/list, oldest change first."""
        return await self._cards(wire.cards_body(rates.CARDS_PAGE, updated_at, nm_id))

    async def cards_with(self, text: str) -> wire.CardPage:
        """Return the cards that Wildberries finds by a barcode, an article or an nmID."""
        return await self._cards(wire.cards_body(rates.CARDS_PAGE, None, None, text))

    async def _cards(self, body: Mapping[str, Any]) -> wire.CardPage:
        return await self._read(
            "POST",
            f"{self._content}/content/v2/get/cards/list",
            self._table.content,
            "the list of cards",
            wire.read_cards,
            json=body,
        )

    async def warehouses(self) -> list[wire.WarehouseRow]:
        """Return the seller's warehouses, of GET /api/v3/warehouses."""
        return await self._read(
            "GET",
            f"{self._marketplace}/api/v3/warehouses",
            self._table.warehouses,
            "the list of warehouses",
            wire.read_warehouses,
        )

    # ----------------------------------------------------------------- orders

    async def new_orders(self, flow: Flow) -> list[OrderRow]:
        """Return the orders that are new at the moment."""
        return await self._read(
            "GET",
            self._marketplace + flow.new,
            self._table.orders[flow.group],
            f"the new {flow.title} orders",
            order_wire.read_new,
            retold=True,
        )

    async def listed_orders(
        self, flow: Flow, start: datetime, end: datetime
    ) -> AsyncIterator[Sequence[OrderRow]]:
        """Yield the orders that were created between two moments, page by page.

        A page that is not full is not taken for the last one: the documents do not say so. The last one
        has no `next`, or is empty.
        """
        while start < end:
            until = min(start + _SPAN, end)
            after, seen = 0, {0}
            while True:
                rows, after = await self._read(
                    "GET",
                    self._marketplace + flow.listed,
                    self._table.orders[flow.group],
                    f"the {flow.title} orders",
                    order_wire.read_list,
                    params=order_wire.list_params(start, until, rates.ORDERS_PAGE, after),
                    retold=True,
                )
                if rows:
                    yield rows
                if not rows or not after:
                    break
                if after in seen:
                    raise UnexpectedResponseError(
                        f"the list of the {flow.title} orders stands still at `next` {after}",
                        adapter=self._context.name,
                    )
                seen.add(after)
            start = until

    async def statuses(self, flow: Flow, ids: Sequence[int]) -> dict[int, Status]:
        """Return the statuses of at most 1,000 orders; those that Wildberries does not tell are left out."""
        return await self._read(
            "POST",
            self._marketplace + flow.status,
            self._table.orders[flow.status_group],
            f"the statuses of {flow.title} orders",
            lambda data: order_wire.read_statuses(data, flow),
            json=order_wire.status_body(flow, ids),
            retold=True,
        )

    async def _read(
        self,
        method: str,
        url: str,
        scopes: Sequence[str],
        what: str,
        reader: Callable[[Any], _T],
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        retold: bool = False,
    ) -> _T:
        answer = await self._context.transport.request(
            method,
            url,
            scopes=scopes,
            headers=self._headers,
            json=json,
            params=params,
            describe=describe,
        )
        if answer.status_code != 200:
            raise RejectedError(
                f"Wildberries refused {what} with {answer.status_code}: {describe(answer)}",
                adapter=self._context.name,
            )
        try:
            if retold:
                return self._retelling.read(what, answer.content, lambda content: reader(decode(content)))
            return reader(decode(answer.content))
        except ValueError as error:
            raise UnexpectedResponseError(
                f"{what} cannot be read: {error}; Wildberries answered {describe(answer)!r}",
                adapter=self._context.name,
            ) from None
