"""The methods of Ozon's Seller API that are used here: one request each, its answer decoded or refused."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from mpstock import Context
from mpstock.errors import (
    AdapterError,
    AuthenticationError,
    InDoubtError,
    NotSentError,
    RejectedError,
    TransientError,
    UnexpectedResponseError,
)
from mpstock_ozon import answers, codes, postings, wire
from mpstock_ozon.retelling import Retelling
from mpstock_ozon.settings import OzonSettings

if TYPE_CHECKING:
    import httpx

__all__ = ["ACCOUNT", "WRITES", "OzonApi", "RowsRejectedError"]

ACCOUNT = "account"
"""The scope of all methods of an account."""

WRITES = "stocks"
"""The scope of /v2/products/stocks, beside that of the account."""

# gRPC codes, as Ozon's rpcStatus carries them: https://grpc.io/docs/guides/status-codes/
_EXHAUSTED = 8
_UNIMPLEMENTED = 12
_REFUSED_KEY = frozenset({7, 16})
_UNKNOWN_FATE = frozenset({1, 2, 4, 10, 13, 14})

_NO_SUCH_METHOD = frozenset({404, 405, 410})
_REQUEST_TIMEOUT = 408

T = TypeVar("T")


class RowsRejectedError(RejectedError):
    """Ozon refused a request for what its rows say. `words` are Ozon's own."""

    def __init__(self, words: str, *, adapter: str, path: str, code: str) -> None:
        self.words = words
        super().__init__(f"{path} refused with HTTP {code}: {words}", adapter=adapter, code=code)


class OzonApi:
    """One account's methods, through the transport."""

    def __init__(self, settings: OzonSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self._retelling = Retelling()

    async def write(self, rows: Sequence[tuple[str, int, int]]) -> httpx.Response:
        """Send (offer_id, warehouse_id, stock) as one write and return Ozon's answer of 200.

        Raises:
            RowsRejectedError: the request was refused as a whole, and nothing of it was applied.
            RejectedError: Ozon does not know the method.
            AuthenticationError, NotSentError, InDoubtError: also those of the transport.
        """
        return await self._request(wire.STOCKS, wire.stocks_request(rows), push=True)

    async def products(self, last_id: str) -> tuple[list[wire.Product], int, str]:
        """Read one page of /v3/product/list: its products, how many rows it had, what leads on."""
        return await self._read(wire.PRODUCTS, wire.products_request(last_id), wire.products)

    async def stocks(self, offer_ids: Iterable[str]) -> dict[tuple[str, int], wire.StockRow]:
        """Read the rows of at most 1,000 offers in all warehouses, by offer_id and warehouse_id."""
        offers = list(dict.fromkeys(offer_ids))
        if not offers:
            return {}
        return {
            (row.offer_id, row.warehouse_id): row
            async for page in self._pages(
                wire.STOCKS_BY_OFFER,
                lambda cursor: wire.stocks_by_offer_request(offers, cursor),
                wire.stocks_by_offer,
            )
            for row in page
        }

    def stocks_of_warehouse(self, warehouse_id: int) -> AsyncIterator[Sequence[wire.StockRow]]:
        """Read everything that is stored in one warehouse, page by page."""
        return self._pages(
            wire.STOCKS_OF_WAREHOUSE,
            lambda cursor: wire.stocks_of_warehouse_request(warehouse_id, cursor),
            lambda data: wire.stocks_of_warehouse(data, warehouse_id),
        )

    async def unfulfilled(
        self, around: datetime, cursor: str, as_of: datetime, limit: int = postings.LIMIT
    ) -> postings.PostingPage:
        """Read one page of the open postings, whose deadlines lie in the months around a moment."""
        body = postings.unfulfilled_request(around, cursor, limit)
        return await self._postings(wire.UNFULFILLED, body, as_of, limit)

    async def changed(
        self,
        since: datetime,
        until: datetime,
        cursor: str,
        as_of: datetime,
        limit: int = postings.LIMIT,
    ) -> postings.PostingPage:
        """Read one page of the postings whose status last changed in this period."""
        body = postings.changed_request(since, until, cursor, limit)
        return await self._postings(wire.POSTINGS, body, as_of, limit)

    async def _postings(
        self, path: str, body: Mapping[str, Any], as_of: datetime, limit: int
    ) -> postings.PostingPage:
        return await self._read_content(
            path, body, lambda content: self._retelling.page_of(content, as_of, limit)
        )

    async def warehouses(self) -> list[wire.Warehouse]:
        """Read all warehouses of the account."""
        pages = self._pages(wire.WAREHOUSES, wire.warehouses_request, wire.warehouses)
        return [warehouse async for page in pages for warehouse in page]

    async def key(self) -> wire.Key:
        """Read what the API key may do, and until when."""
        return await self._read(wire.ROLES, {}, wire.roles)

    async def _pages(
        self,
        path: str,
        request: Callable[[str], Mapping[str, Any]],
        decode: Callable[[Mapping[str, Any]], tuple[list[T], str | None]],
    ) -> AsyncIterator[list[T]]:
        cursor = ""
        seen = {cursor}
        while True:
            page, following = await self._read(path, request(cursor), decode)
            yield page
            if following is None:
                return
            if following in seen:
                raise UnexpectedResponseError(
                    f"{path} says that there is more and does not lead on from cursor {cursor!r}",
                    adapter=self._context.name,
                )
            seen.add(following)
            cursor = following

    async def _read(self, path: str, body: Mapping[str, Any], decode: Callable[[Mapping[str, Any]], T]) -> T:
        return await self._read_content(path, body, lambda content: decode(wire.body_of(content)))

    async def _read_content(self, path: str, body: Mapping[str, Any], decode: Callable[[bytes], T]) -> T:
        response = await self._request(path, body)
        try:
            return decode(response.content)
        except UnexpectedResponseError as error:
            raise UnexpectedResponseError(f"{path}: {error}", adapter=self._context.name) from None

    async def _request(self, path: str, body: Mapping[str, Any], *, push: bool = False) -> httpx.Response:
        key = self._settings.api_key.reveal()
        response = await self._context.transport.request(
            "POST",
            self._settings.base_url + path,
            scopes=(ACCOUNT, WRITES) if push else (ACCOUNT,),
            push=push,
            headers={"Client-Id": self._settings.client_id, "Api-Key": key},
            json=body,
            describe=answers.describe,
        )
        if 200 <= response.status_code < 300:
            return response
        raise self._refusal(path, response, push=push)

    def _refusal(self, path: str, response: httpx.Response, *, push: bool) -> AdapterError:
        name, http = self._context.name, response.status_code
        status = answers.status(response.content)
        words = status.words.replace(self._settings.api_key.reveal(), "***") or "no words"
        told = f"{path} refused with HTTP {http}: {words}"
        if status.code in _REFUSED_KEY:
            return AuthenticationError(told, adapter=name)
        pause = codes.pause(words)
        if pause is not None or status.code == _EXHAUSTED:
            later = NotSentError if push else TransientError
            return later(told, adapter=name, retry_after=pause if pause is not None else 60.0)
        if http in _NO_SUCH_METHOD or status.code == _UNIMPLEMENTED or "obsolete method" in words.lower():
            return RejectedError(f"{told}. {wire.OBSOLETE_HINT}", adapter=name, code=str(http))
        if 300 <= http < 400:
            return RejectedError(f"{told}. {wire.REDIRECT_HINT}", adapter=name, code=str(http))
        if http == _REQUEST_TIMEOUT or status.code in _UNKNOWN_FATE:
            return (InDoubtError if push else TransientError)(told, adapter=name)
        return RowsRejectedError(words, adapter=name, path=path, code=str(http))
