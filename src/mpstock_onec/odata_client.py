"""Requests to 1C's OData, and what their answers come to."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mpstock import Context, Rate
from mpstock.errors import RejectedError, UnexpectedResponseError
from mpstock.rows import MalformedError
from mpstock_onec import odata_body
from mpstock_onec.odata_errors import is_too_long, read_error
from mpstock_onec.odata_metadata import Schema, SchemaReader
from mpstock_onec.odata_urls import Address

if TYPE_CHECKING:
    import httpx

    from mpstock_onec.odata_settings import OdataSettings

__all__ = ["AddressTooLongError", "OdataClient", "in_chunks"]

_SCOPE = "requests"
_ROWS_AT_A_TIME = 5_000
_REFS_AT_A_TIME = 100


class AddressTooLongError(RejectedError):
    """The web server takes no address as long as this."""


class OdataClient:
    """Asks one publication. Each answer is taken whole or not at all."""

    def __init__(self, settings: OdataSettings, context: Context) -> None:
        self._settings = settings
        self._context = context
        self.address = Address(settings.base_url, allowed_only=settings.allowed_only)
        per_minute = settings.requests_per_minute
        self.rates = () if per_minute is None else (Rate(_SCOPE, per_minute, 60.0, parallel=1),)

    async def schema(self) -> Schema:
        """Read `$metadata`."""
        # Asked for JSON, 1C refuses the document.
        answer = await self._get(self.address.metadata(), "application/xml")
        try:
            reader = SchemaReader(answer.content)
            for _ in reader.steps():
                await self._context.clock.sleep(0)
            return reader.schema()
        except MalformedError as error:
            raise self._unexpected(str(error)) from None

    async def rows(self, url: str, take: Callable[[Any], None]) -> datetime:
        """Give each row of a list to `take`; return when the request began.

        What was given before an error is part of nothing: the list is not whole.

        Raises:
            AuthenticationError: 401 or 403; 1C's own words tell a wrong password from missing rights.
            TransientError: no connection, no answer in time, or 5xx, until the transport gave up.
            AddressTooLongError: the address is longer than the web server takes.
            RejectedError: 1C refused the question; `code` is 1C's own.
            UnexpectedResponseError: something else than OData answered, or the answer is not whole.
        """
        as_of = self._context.clock.now()
        body = (await self._get(url, "application/json")).content
        try:
            for index, row in enumerate(odata_body.rows(body)):
                take(row)
                if index % _ROWS_AT_A_TIME == _ROWS_AT_A_TIME - 1:
                    # A million rows take seconds; what else runs in this loop gets its turn.
                    await self._context.clock.sleep(0)
        except odata_body.ErrorInBodyError as error:
            raise RejectedError(
                self._redacted(str(error.said)), adapter=self._context.name, code=error.said.code
            ) from None
        except MalformedError as error:
            raise self._unexpected(str(error)) from None
        return as_of

    async def pages(
        self, name: str, select: Sequence[str], take: Callable[[list[Any]], None], *,
        condition: str = "", order: str = "Ref_Key",
    ) -> None:  # fmt: skip
        """Read a whole catalogue, a page at a time."""
        size, skip = self._settings.page_size, 0
        while True:
            page: list[Any] = []
            url = self.address.entities(name, select, condition=condition, order=order, top=size, skip=skip)
            await self.rows(url, page.append)
            take(page)
            # A page that is not full is the last one, and so is one longer than was asked for: everything.
            if len(page) != size:
                return
            skip += size

    async def _get(self, url: str, accept: str) -> httpx.Response:
        headers = {"Accept": accept}
        user, password = self._settings.user, self._settings.password
        if user:
            # 1C reads names and passwords as UTF-8, Cyrillic ones too.
            pair = f"{user}:{password.reveal() if password else ''}"
            headers["Authorization"] = "Basic " + b64encode(pair.encode()).decode("ascii")
        answer = await self._context.transport.request(
            "GET",
            url,
            scopes=(_SCOPE,) if self.rates else (),
            headers=headers,
            timeout=self._settings.timeout.total_seconds(),
            describe=_describe,
        )
        if answer.status_code != 200:
            raise self._refused(answer)
        return answer

    def _refused(self, answer: httpx.Response) -> RejectedError | UnexpectedResponseError:
        status, name = answer.status_code, self._context.name
        said = read_error(answer.content, answer.headers.get("content-type", ""))
        if is_too_long(status, answer.content):
            message = f"answered {status}: the address is too long for the web server; {said.text}"
            return AddressTooLongError(self._redacted(message), adapter=name, code=str(status))
        if said.code:
            return RejectedError(self._redacted(f"answered {status}: {said}"), adapter=name, code=said.code)
        told = f": {said.text}" if said.text else ""
        if status in (404, 410):
            return self._unexpected(
                f"answered {status}, and not 1C but the web server{told}. Is the infobase published with the "
                f"standard OData interface, and is base_url right? Asked was {self.address.root}"
            )
        return self._unexpected(f"answered {status} instead of OData{told}")

    def _unexpected(self, message: str) -> UnexpectedResponseError:
        return UnexpectedResponseError(self._redacted(message), adapter=self._context.name)

    def _redacted(self, message: str) -> str:
        # It quotes what was answered, and a page may repeat what it was sent.
        password = self._settings.password
        return message.replace(password.reveal(), "***") if password else message


async def in_chunks(
    refs: Iterable[str], ask: Callable[[list[str]], Awaitable[None]], size: int = _REFS_AT_A_TIME
) -> None:
    """Ask about references in portions. A portion whose address is too long is asked for in halves.

    Raises:
        AddressTooLongError: the address is too long with one reference already.
    """
    waiting = list(refs)
    while waiting:
        portion = waiting[:size]
        try:
            await ask(portion)
        except AddressTooLongError:
            if len(portion) == 1:
                raise
            size = (len(portion) + 1) // 2
        else:
            waiting = waiting[len(portion) :]


def _describe(response: httpx.Response) -> str:
    """What an error answer says, in its own words: those of 1C, or of the web server before it."""
    if response.status_code == 200:
        return ""
    return str(read_error(response.content, response.headers.get("content-type", "")))
