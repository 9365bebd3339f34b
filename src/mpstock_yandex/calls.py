"""The requests of one cabinet: where each goes, what it counts in, how its answer is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar

from mpstock.errors import RejectedError, TransientError, UnexpectedResponseError
from mpstock_yandex import limits, order_wire, wire
from mpstock_yandex.words import decode, describe, is_error, words_of

if TYPE_CHECKING:
    import httpx

    from mpstock import Context
    from mpstock_yandex.settings import YandexSettings

__all__ = ["LOCKED", "LOCKED_PAUSE", "SKEW_ALLOWED", "Calls"]

T = TypeVar("T")

LOCKED = 423
LOCKED_PAUSE = 600.0
"""Seconds before a store that is being moved to another cabinet is tried again. The documents say to wait."""

SKEW_ALLOWED = timedelta(seconds=60)
"""How far our clock and the Market's may be apart for `updatedAt` to be believed."""


class Calls:
    """Sends over the core's transport.

    Every reading method raises `RejectedError` for an answer below 500 that is not 200, `TransientError`
    for 423, `UnexpectedResponseError` for one that cannot be read, and lets the transport's errors through.
    """

    def __init__(self, settings: YandexSettings, context: Context) -> None:
        self._context = context
        self._settings = settings
        self._key = settings.api_key.reveal()
        self._stamped: datetime | None = None
        self.skew: timedelta | None = None
        """How far the Market's clock is ahead of ours, by its last answer; None before the first."""

    # ------------------------------------------------------------------ stocks

    async def put_stocks(self, store: str, rows: Sequence[tuple[str, int]]) -> httpx.Response:
        """Send PUT /v2/campaigns/{campaignId}/offers/stocks; what its answer means is for the caller."""
        return await self._send(
            "PUT",
            f"/v2/campaigns/{store}/offers/stocks",
            limits.STOCKS,
            push=True,
            json=wire.stocks_body(rows, self._stamp()),
            items=len(rows),
        )

    async def stocks_of(self, store: str, offer_ids: Sequence[str]) -> wire.StockPage:
        """Return the rows of at most 500 offers of one store."""
        return await self._read(
            "POST",
            f"/v2/campaigns/{store}/offers/stocks",
            limits.STOCKS_READ,
            f"the stocks of store {store}",
            wire.read_stocks,
            json={"offerIds": list(offer_ids)},
            items=len(offer_ids),
        )

    def stocks(self, store: str) -> AsyncIterator[wire.StockPage]:
        """Read all stocks of one store, page by page."""
        what = f"the stocks of store {store}"

        async def page(token: str | None) -> wire.StockPage:
            return await self._read(
                "POST",
                f"/v2/campaigns/{store}/offers/stocks",
                limits.STOCKS_READ,
                what,
                wire.read_stocks,
                json={},
                params=_page(limits.STOCKS_PAGE, token),
                items=limits.STOCKS_PAGE,
            )

        return self._pages(what, page, lambda one: one.following)

    # ----------------------------------------------------- offers and warehouses

    def offers(self, *, archived: bool) -> AsyncIterator[wire.OfferPage]:
        """Read the catalogue, either what is in the archive or what is not, page by page."""

        async def page(token: str | None) -> wire.OfferPage:
            return await self._read(
                "POST",
                f"/v2/businesses/{self._settings.business_id}/offer-mappings",
                limits.OFFERS,
                "the catalogue",
                wire.read_offers,
                json={"archived": archived},
                params=_page(limits.OFFERS_PAGE, token),
            )

        return self._pages("the catalogue", page, lambda one: one.following)

    async def warehouses(self) -> list[wire.WarehouseRow]:
        """Return the seller's own warehouses, of every store of the cabinet."""

        async def page(token: str | None) -> wire.WarehousePage:
            return await self._read(
                "POST",
                f"/v2/businesses/{self._settings.business_id}/warehouses",
                limits.WAREHOUSES,
                "the list of warehouses",
                wire.read_warehouses,
                json={"components": ["STATUS"]},
                params=_page(limits.WAREHOUSES_PAGE, token),
            )

        pages = self._pages("the list of warehouses", page, lambda one: one.following)
        return [row async for one in pages for row in one.rows]

    async def campaigns(self) -> list[wire.Campaign]:
        """Return the stores that the token's cabinet has."""
        found: list[wire.Campaign] = []
        number, pages = 1, 1
        while number <= pages:
            more, pages = await self._read(
                "GET",
                "/v2/campaigns",
                limits.CAMPAIGNS,
                "the list of stores",
                wire.read_campaigns,
                params={"page": str(number), "pageSize": str(limits.CAMPAIGNS_PAGE)},
            )
            found += more
            number += 1
        return found

    async def scopes(self) -> frozenset[str]:
        """Return what the token may do."""
        return await self._read(
            "POST", "/v2/auth/token", limits.TOKEN, "what the token may do", wire.read_scopes
        )

    # ------------------------------------------------------------------ orders

    def orders(self, asked: order_wire.Asked) -> AsyncIterator[tuple[datetime, order_wire.OrdersPage]]:
        """Read the orders that are asked for, page by page, each with the moment before its request."""

        async def page(token: str | None) -> tuple[datetime, order_wire.OrdersPage]:
            as_of = self._context.clock.now()
            found = await self._read(
                "POST",
                f"/v1/businesses/{self._settings.business_id}/orders",
                limits.ORDERS,
                "the orders",
                order_wire.read_orders,
                json=asked.body(),
                params=_page(limits.ORDERS_PAGE, token),
            )
            return as_of, found

        return self._pages("the orders", page, lambda one: one[1].following)

    # ------------------------------------------------------------------ sending

    def words(self, answer: httpx.Response) -> str:
        """Return the words of an answer, the key blanked where it stands in them."""
        return words_of(answer.content).replace(self._key, "***")

    def _stamp(self) -> datetime | None:
        """Return what a write says of when its numbers were true; None where the clocks disagree.

        Never earlier than before: the Market keeps the number with the later moment, so that a clock which is
        set back would have what is sent afterwards dropped in silence.
        """
        if not self._settings.updated_at:
            return None
        if self.skew is not None and abs(self.skew) > SKEW_ALLOWED:
            return None
        now = self._context.clock.now()
        if self._stamped is not None:
            now = max(now, self._stamped + timedelta(milliseconds=1))
        self._stamped = now
        return now

    async def _pages(
        self,
        what: str,
        page: Callable[[str | None], Any],
        following: Callable[[Any], str | None],
    ) -> AsyncIterator[Any]:
        token: str | None = None
        seen: set[str] = set()
        while True:
            found = await page(token)
            yield found
            token = following(found)
            if token is None:
                return
            if token in seen:
                raise UnexpectedResponseError(
                    f"{what}: the Market says that there is more and does not lead on from page {token!r}",
                    adapter=self._context.name,
                )
            seen.add(token)

    async def _read(
        self,
        method: str,
        path: str,
        scopes: Sequence[str],
        what: str,
        reader: Callable[[Any], T],
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        items: int = 1,
    ) -> T:
        answer = await self._send(method, path, scopes, json=json, params=params, items=items)
        if answer.status_code == LOCKED:
            raise TransientError(
                f"{what}: the store is locked (423): {self.words(answer)}",
                adapter=self._context.name,
                retry_after=LOCKED_PAUSE,
            )
        if answer.status_code != 200:
            raise RejectedError(
                f"Yandex Market refused {what} with {answer.status_code}: {self.words(answer)}",
                adapter=self._context.name,
                code=str(answer.status_code),
            )
        try:
            data = decode(answer.content)
            if is_error(data):
                raise RejectedError(
                    f"Yandex Market refused {what}: {self.words(answer)}", adapter=self._context.name
                )
            return reader(data)
        except ValueError as error:
            raise UnexpectedResponseError(
                f"{what} cannot be read: {error}; Yandex Market answered {self.words(answer)!r}",
                adapter=self._context.name,
            ) from None

    async def _send(
        self, method: str, path: str, scopes: Sequence[str], *, push: bool = False, **request: Any
    ) -> httpx.Response:
        answer = await self._context.transport.request(
            method,
            self._settings.base_url + path,
            scopes=scopes,
            push=push,
            headers={"Api-Key": self._key},
            describe=describe,
            **request,
        )
        told = _moment(answer.headers.get("date"))
        if told is not None:
            self.skew = told - self._context.clock.now()
        return answer


def _page(limit: int, token: str | None) -> dict[str, str]:
    return {"limit": str(limit)} if token is None else {"limit": str(limit), "page_token": token}


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime((text or "").strip())
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo is not None else None
