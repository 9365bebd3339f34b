"""JSON-2: `POST /json/2/<model>/<method>` (Odoo 19 and later, External JSON-2 API)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mpstock.errors import RejectedError, UnexpectedResponseError
from mpstock_odoo import answers
from mpstock_odoo.protocol import NoSuchRouteError

if TYPE_CHECKING:
    from mpstock_odoo.connection import Connection

__all__ = ["Json2"]


class Json2:
    """Calls with named arguments; each has a real status, and is a transaction of its own."""

    label = "JSON-2"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def start(self) -> None:
        """Ask who we are: it costs one request, and finds out whether JSON-2 is served at all."""
        await self.call("res.users", "context_get", {})

    async def call(
        self,
        model: str,
        method: str,
        named: Mapping[str, Any],
        *,
        ids: Sequence[int] | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a method; see `mpstock_odoo.protocol.Caller`."""
        body = dict(named)
        if ids is not None:
            body["ids"] = list(ids)
        if context:
            body["context"] = dict(context)
        answer = await self._connection.post(f"/json/2/{model}/{method}", body, self._headers())
        name, place = self._connection.name, f"{model}.{method}"
        if answer.status_code == 200:
            try:
                return answers.json_of(answer.content)
            except ValueError as error:
                raise UnexpectedResponseError(f"{place} answered {error}", adapter=name) from None
        said = answers.refusal_of(answer.content)
        if said is not None:
            text = self._connection.hidden(said.message)
            raise RejectedError(
                f"{place} was refused with {answer.status_code}: {text}", adapter=name, code=said.name
            )
        page = self._connection.hidden(answers.words_of_page(answer.content))
        raise NoSuchRouteError(
            f"answered {answer.status_code} to /json/2/{model}/{method}: {page!r}. JSON-2 is there from Odoo "
            '19 on, before that set protocol = "jsonrpc" and user; a server with several databases has to be '
            "told which one, by database; and is base_url right?",
            adapter=name,
        )

    def _headers(self) -> dict[str, str]:
        settings = self._connection.settings
        headers = {
            "Authorization": f"bearer {settings.api_key.reveal()}",
            "Content-Type": "application/json; charset=utf-8",
        }
        if settings.database:
            headers["X-Odoo-Database"] = settings.database
        return headers
