"""Odoo's models over whichever protocol the server speaks, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from mpstock import Context
from mpstock.errors import AdapterError, UnexpectedResponseError
from mpstock_odoo import answers
from mpstock_odoo.connection import Connection
from mpstock_odoo.json2 import Json2
from mpstock_odoo.jsonrpc import JsonRpc
from mpstock_odoo.protocol import Caller, NoSuchRouteError

if TYPE_CHECKING:
    from mpstock_odoo.settings import OdooSettings

__all__ = ["OdooClient", "chunks"]


class OdooClient:
    """Calls models. With `protocol = "auto"` it asks JSON-2 first, and stays with what was answered."""

    def __init__(self, settings: OdooSettings, context: Context) -> None:
        self.settings = settings
        self.connection = Connection(settings, context)
        self._logger = context.logger
        self._caller: Caller | None = None

    async def connect(self) -> Caller:
        """Return the protocol that is spoken; chosen and greeted at the first call.

        Raises:
            AuthenticationError: the credentials were refused.
            AdapterError: the server speaks neither protocol, or did not answer.
        """
        if self._caller is None:
            self._caller = await self._chosen()
            self._logger.debug("speaks %s", self._caller.label)
        return self._caller

    async def call(
        self,
        model: str,
        method: str,
        named: Mapping[str, Any],
        *,
        ids: Sequence[int] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a method of a model; errors as in `mpstock_odoo.protocol.Caller`."""
        caller = await self.connect()
        try:
            return await caller.call(model, method, named, ids=ids, context=context)
        except NoSuchRouteError:
            if self.settings.protocol != "auto":
                raise
            # It did answer before: the server was upgraded, or the protocol switched off meanwhile.
            self._caller = None
            caller = await self.connect()
            return await caller.call(model, method, named, ids=ids, context=context)

    async def rows(
        self,
        model: str,
        domain: Sequence[Any],
        fields: Sequence[str],
        *,
        context: Mapping[str, Any] | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """`search_read` in the order of ids; each row has its `id`.

        Raises:
            UnexpectedResponseError: the answer is no list of records.
        """
        named: dict[str, Any] = {"domain": list(domain), "fields": list(fields), "order": "id"}
        if limit is not None:
            named["limit"] = limit
        found = await self.call(model, "search_read", named, context=context)
        if not isinstance(found, list) or not all(
            isinstance(row, dict) and type(row.get("id")) is int for row in found
        ):
            raise UnexpectedResponseError(
                f"{model}.search_read answered something that is no list of records",
                adapter=self.connection.name,
            )
        return found

    async def pages(
        self,
        model: str,
        domain: Sequence[Any],
        fields: Sequence[str],
        *,
        context: Mapping[str, Any] | None = None,
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Yield all that a domain finds, a page at a time.

        Each page begins after the last id of the one before: an offset would skip rows when others that
        stood before them are deleted meanwhile.
        """
        size, last = self.settings.page_size, 0
        while True:
            page = await self.rows(model, [["id", ">", last], *domain], fields, context=context, limit=size)
            if page:
                if page[0]["id"] <= last:
                    raise UnexpectedResponseError(
                        f"{model}.search_read answered records that were not asked for: id {page[0]['id']} "
                        f"after {last}",
                        adapter=self.connection.name,
                    )
                yield page
                last = page[-1]["id"]
            if len(page) < size:
                return

    async def version(self) -> str:
        """Return the server's version, such as `19.0`; empty where it does not tell."""
        try:
            answer = await self.connection.post(
                "/web/webclient/version_info", {"jsonrpc": "2.0", "method": "call", "id": 1, "params": {}}
            )
            told, said = answers.envelope(answers.json_of(answer.content))
        except (AdapterError, ValueError):
            return ""
        version = told.get("server_version") if said is None and isinstance(told, dict) else None
        return version if isinstance(version, str) else ""

    async def _chosen(self) -> Caller:
        protocol = self.settings.protocol
        if protocol == "jsonrpc":
            return await _started(JsonRpc(self.connection))
        try:
            return await _started(Json2(self.connection))
        except UnexpectedResponseError as error:
            # Before Odoo 19 the address is not known, or it sends to the login page.
            if protocol == "json2" or not self.settings.user:
                raise
            first = error
        try:
            return await _started(JsonRpc(self.connection))
        except NoSuchRouteError as error:
            both = NoSuchRouteError(f"{first}. Nor is there JSON-RPC: {error}")
            both.adapter = self.connection.name
            raise both from None


async def _started(caller: Caller) -> Caller:
    await caller.start()
    return caller


def chunks(ids: Collection[int], size: int) -> Iterator[list[int]]:
    """Yield the ids in rising order, so many at a time."""
    rest = iter(sorted(ids))
    while chunk := list(islice(rest, size)):
        yield chunk
